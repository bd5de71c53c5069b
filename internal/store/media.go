package store

import (
	"context"
	"database/sql"
	"errors"
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
	column[shippost.Media]{"type", func(m *shippost.Media) any { return &m.Type }},
	column[shippost.Media]{"size", func(m *shippost.Media) any { return &m.Size }},
	column[shippost.Media]{"received_sha256", func(m *shippost.Media) any { return &m.ReceivedSHA256 }},
	column[shippost.Media]{"sha256", func(m *shippost.Media) any { return &m.SHA256 }},
	column[shippost.Media]{"blob_key", func(m *shippost.Media) any { return &m.BlobKey }},
	column[shippost.Media]{"poster_key", func(m *shippost.Media) any { return &m.PosterKey }},
	column[shippost.Media]{"facts", func(m *shippost.Media) any { return doc(&m.Facts) }},
	column[shippost.Media]{"problems", func(m *shippost.Media) any { return doc(&m.Problems) }},
	column[shippost.Media]{"removed", func(m *shippost.Media) any { return doc(&m.Removed) }},
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

// SaveMedia writes everything that checking, a poster or deleting changes in a file, if it still has the status was. It
// reports whether it had.
func (t *Tx) SaveMedia(ctx context.Context, m *shippost.Media, was shippost.MediaStatus) (bool, error) {
	return t.swap(ctx, `UPDATE media SET status = $1, kind = $2, type = $3, size = $4, received_sha256 = $5, sha256 = $6, blob_key = $7,
		poster_key = $8, facts = $9, problems = $10, removed = $11, deleted_at = $12 WHERE id = $13 AND workspace_id = $14 AND status = $15`,
		m.Status, m.Kind, m.Type, m.Size, m.ReceivedSHA256, m.SHA256, m.BlobKey,
		m.PosterKey, doc(&m.Facts), doc(&m.Problems), doc(&m.Removed), at(&m.DeletedAt), m.ID, m.Workspace, was)
}

// MediaUsage is how many bytes a workspace takes.
type MediaUsage struct {
	Stored int64 // of files whose bytes are kept, with the declared size of those that still arrive
	Recent int64 // of all files that were begun since a moment, deleted ones too
}

// MediaUsage adds up the files of a workspace.
func (t *Tx) MediaUsage(ctx context.Context, ws shippost.WorkspaceID, since time.Time) (MediaUsage, error) {
	var u MediaUsage
	err := t.value(ctx, []any{&u.Stored, &u.Recent}, `SELECT CAST(COALESCE(SUM(CASE WHEN deleted_at IS NULL AND status <> 'rejected' THEN size ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN created_at >= $2 THEN size ELSE 0 END), 0) AS BIGINT) FROM media WHERE workspace_id = $1`, ws, moment(since))
	return u, err
}

// MediaInUse returns a post that is queued or publishing and contains the file; "" when there is none.
func (t *Tx) MediaInUse(ctx context.Context, id shippost.MediaID) (shippost.PostID, error) {
	var post shippost.PostID
	err := t.value(ctx, []any{&post}, `SELECT p.id FROM post_media pm JOIN posts p ON p.id = pm.post_id
		WHERE pm.media_id = $1 AND p.status IN ('queued', 'publishing') ORDER BY p.due_at LIMIT 1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return post, err
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
