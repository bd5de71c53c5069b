package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

var mediaTable = newTable("media",
	column[shippost.Media]{"id", func(m *shippost.Media) any { return &m.ID }},
	column[shippost.Media]{"workspace_id", func(m *shippost.Media) any { return &m.Workspace }},
	column[shippost.Media]{"uploaded_by", func(m *shippost.Media) any { return &m.UploadedBy }},
	column[shippost.Media]{"status", func(m *shippost.Media) any { return &m.Status }},
	column[shippost.Media]{"kind", func(m *shippost.Media) any { return &m.Kind }},
	column[shippost.Media]{"file_name", func(m *shippost.Media) any { return &m.FileName }},
	column[shippost.Media]{"name_key", func(m *shippost.Media) any { return folded(&m.FileName) }},
	column[shippost.Media]{"type", func(m *shippost.Media) any { return &m.Type }},
	column[shippost.Media]{"size", func(m *shippost.Media) any { return &m.Size }},
	column[shippost.Media]{"received_size", func(m *shippost.Media) any { return &m.ReceivedSize }},
	column[shippost.Media]{"fingerprint", func(m *shippost.Media) any { return &m.Fingerprint }},
	column[shippost.Media]{"received_sha256", func(m *shippost.Media) any { return &m.ReceivedSHA256 }},
	column[shippost.Media]{"sha256", func(m *shippost.Media) any { return &m.SHA256 }},
	column[shippost.Media]{"blob_key", func(m *shippost.Media) any { return &m.BlobKey }},
	column[shippost.Media]{"poster_key", func(m *shippost.Media) any { return &m.PosterKey }},
	column[shippost.Media]{"facts", func(m *shippost.Media) any { return doc(&m.Facts) }},
	column[shippost.Media]{"problems", func(m *shippost.Media) any { return doc(&m.Problems) }},
	column[shippost.Media]{"removed", func(m *shippost.Media) any { return doc(&m.Removed) }},
	column[shippost.Media]{"original_id", func(m *shippost.Media) any { return &m.Original }},
	column[shippost.Media]{"created_at", func(m *shippost.Media) any { return at(&m.CreatedAt) }},
	column[shippost.Media]{"deleted_at", func(m *shippost.Media) any { return at(&m.DeletedAt) }},
)

// InsertMedia adds a file.
func (t *Tx) InsertMedia(ctx context.Context, m *shippost.Media) error {
	return mediaTable.insert(ctx, t, m)
}

// Media returns a file of the workspace, deleted ones too.
func (t *Tx) Media(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID) (shippost.Media, error) {
	return mediaTable.get(ctx, t, missing("media"), "WHERE workspace_id = $1 AND id = $2", ws, id)
}

// LockMedia is Media for a transaction that changes the file: until it ends nobody else can, nor put it into a post.
func (t *Tx) LockMedia(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID) (shippost.Media, error) {
	return mediaTable.get(ctx, t, missing("media"), "WHERE workspace_id = $1 AND id = $2"+t.forUpdate(), ws, id)
}

// MediaFilter chooses files of a workspace. Its zero value lists all that are not deleted.
type MediaFilter struct {
	Kind   shippost.MediaKind   // "" for any
	Status shippost.MediaStatus // "" for all but deleted
	Unused bool                 // only those that no post has
	Words  []string             // each of them is in the name or in a tag
	Tags   []string             // the file has all of them
	After  shippost.MediaID     // where the page before ended; "" for the first page
	Limit  int                  // how many at most; required
}

// MediaList lists files of the workspace, newest first. The cost depends on how many are looked at, not on how many there are.
func (t *Tx) MediaList(ctx context.Context, ws shippost.WorkspaceID, f MediaFilter) ([]shippost.Media, error) {
	q := conditions{}
	q.add("workspace_id = ", ws)
	if f.Kind != "" {
		q.add("kind = ", f.Kind)
	}
	if f.Status != "" {
		q.add("status = ", f.Status)
	} else {
		q.add("status <> ", shippost.MediaDeleted)
	}
	if f.Unused {
		q.parts = append(q.parts, "NOT EXISTS (SELECT 1 FROM post_media WHERE media_id = media.id)")
	}
	for _, word := range f.Words {
		pattern := q.mark(containing(Fold(word)))
		q.parts = append(q.parts, `(name_key LIKE `+pattern+` ESCAPE '\' OR EXISTS (SELECT 1 FROM media_tags mt WHERE mt.media_id = media.id AND mt.tag_key LIKE `+pattern+` ESCAPE '\'))`)
	}
	for _, tag := range f.Tags {
		q.parts = append(q.parts, "id IN (SELECT media_id FROM media_tags WHERE workspace_id = "+q.mark(ws)+" AND tag_key = "+q.mark(Fold(tag))+")")
	}
	if f.After != "" {
		q.add("id < ", f.After)
	}
	return mediaTable.list(ctx, t, q.where()+" ORDER BY id DESC LIMIT "+q.mark(f.Limit), q.args...)
}

// MediaByHash returns the newest usable or still unchecked file of the workspace that arrived with these bytes.
func (t *Tx) MediaByHash(ctx context.Context, ws shippost.WorkspaceID, sha256 string) (shippost.Media, error) {
	return mediaTable.get(ctx, t, missing("media"),
		"WHERE workspace_id = $1 AND received_sha256 = $2 AND deleted_at IS NULL AND status IN ('checking', 'ready') ORDER BY id DESC LIMIT 1", ws, sha256)
}

// MediaByFingerprint lists the usable or still unchecked files of the workspace that arrived with this size and fingerprint,
// newest first.
func (t *Tx) MediaByFingerprint(ctx context.Context, ws shippost.WorkspaceID, size int64, fingerprint string, limit int) ([]shippost.Media, error) {
	return mediaTable.list(ctx, t, `WHERE workspace_id = $1 AND fingerprint = $2 AND fingerprint <> '' AND received_size = $3 AND deleted_at IS NULL
		AND status IN ('checking', 'ready') ORDER BY id DESC LIMIT $4`, ws, fingerprint, size, limit)
}

// SaveMedia writes everything that checking, a poster or deleting changes in a file, if it still has the status was. It
// reports whether it had.
func (t *Tx) SaveMedia(ctx context.Context, m *shippost.Media, was shippost.MediaStatus) (bool, error) {
	return t.swap(ctx, `UPDATE media SET status = $1, kind = $2, type = $3, size = $4, received_sha256 = $5, sha256 = $6, blob_key = $7,
		poster_key = $8, facts = $9, problems = $10, removed = $11, deleted_at = $12, fingerprint = $13 WHERE id = $14 AND workspace_id = $15 AND status = $16`,
		m.Status, m.Kind, m.Type, m.Size, m.ReceivedSHA256, m.SHA256, m.BlobKey,
		m.PosterKey, doc(&m.Facts), doc(&m.Problems), doc(&m.Removed), at(&m.DeletedAt), m.Fingerprint, m.ID, m.Workspace, was)
}

// MediaUsage is how many bytes a workspace takes.
type MediaUsage struct {
	Files  int64 // whose bytes are kept, with those that still arrive
	Stored int64 // of these files, with the declared size of those that still arrive
	Recent int64 // of all files that were begun since a moment, deleted ones too
}

// MediaUsage adds up the files of a workspace.
func (t *Tx) MediaUsage(ctx context.Context, ws shippost.WorkspaceID, since time.Time) (MediaUsage, error) {
	var u MediaUsage
	err := t.value(ctx, []any{&u.Files, &u.Stored, &u.Recent}, `SELECT count(CASE WHEN deleted_at IS NULL AND status <> 'rejected' THEN 1 END), CAST(COALESCE(SUM(CASE WHEN deleted_at IS NULL AND status <> 'rejected' THEN size ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN created_at >= $2 THEN size ELSE 0 END), 0) AS BIGINT) FROM media WHERE workspace_id = $1`, ws, moment(since))
	return u, err
}

// UncheckedMedia lists files whose check has not ended although they were begun before a moment.
func (t *Tx) UncheckedMedia(ctx context.Context, before time.Time, limit int) ([]shippost.Media, error) {
	return mediaTable.list(ctx, t, "WHERE status = 'checking' AND created_at < $1 ORDER BY created_at LIMIT $2", moment(before), limit)
}

// MediaAmong returns those of the files that exist, whatever their workspace, by id; for sweeps of stored bytes.
func (t *Tx) MediaAmong(ctx context.Context, ids []shippost.MediaID) (map[shippost.MediaID]shippost.Media, error) {
	found := make(map[shippost.MediaID]shippost.Media, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	q := conditions{}
	isOneOf(&q, "id", ids)
	list, err := mediaTable.list(ctx, t, q.where(), q.args...)
	for _, m := range list {
		found[m.ID] = m
	}
	return found, err
}
