package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Upload is a file on its way in. Everything up to Received survives a power cut.
type Upload struct {
	ID         shippost.UploadID
	Workspace  shippost.WorkspaceID
	User       shippost.UserID
	Media      shippost.MediaID
	Size       int64             // bytes, declared at the beginning and never changed
	Received   int64             // bytes that are stored
	HashState  string            // base64 of the SHA-256 state after Hashed bytes
	Hashed     int64             // bytes
	FileName   string            // for display
	Metadata   map[string]string // as the client gave it
	CreatedAt  time.Time
	TouchedAt  time.Time // when bytes last arrived
	FinishedAt time.Time
}

var uploads = newTable("uploads",
	column[Upload]{"id", func(u *Upload) any { return &u.ID }},
	column[Upload]{"workspace_id", func(u *Upload) any { return &u.Workspace }},
	column[Upload]{"user_id", func(u *Upload) any { return &u.User }},
	column[Upload]{"media_id", func(u *Upload) any { return &u.Media }},
	column[Upload]{"size", func(u *Upload) any { return &u.Size }},
	column[Upload]{"received", func(u *Upload) any { return &u.Received }},
	column[Upload]{"hash_state", func(u *Upload) any { return &u.HashState }},
	column[Upload]{"hashed", func(u *Upload) any { return &u.Hashed }},
	column[Upload]{"file_name", func(u *Upload) any { return &u.FileName }},
	column[Upload]{"metadata", func(u *Upload) any { return doc(&u.Metadata) }},
	column[Upload]{"created_at", func(u *Upload) any { return at(&u.CreatedAt) }},
	column[Upload]{"touched_at", func(u *Upload) any { return at(&u.TouchedAt) }},
	column[Upload]{"finished_at", func(u *Upload) any { return at(&u.FinishedAt) }},
)

// InsertUpload adds an upload. Its media must exist.
func (t *Tx) InsertUpload(ctx context.Context, u *Upload) error { return uploads.insert(ctx, t, u) }

// Upload returns an upload of the workspace, finished ones too while their rows last.
func (t *Tx) Upload(ctx context.Context, ws shippost.WorkspaceID, id shippost.UploadID) (Upload, error) {
	return uploads.get(ctx, t, missing("upload"), "WHERE workspace_id = $1 AND id = $2", ws, id)
}

// UploadOf returns the upload that brings a file; NotFound once its row is gone.
func (t *Tx) UploadOf(ctx context.Context, ws shippost.WorkspaceID, media shippost.MediaID) (Upload, error) {
	return uploads.get(ctx, t, missing("upload"), "WHERE workspace_id = $1 AND media_id = $2", ws, media)
}

// OpenUploads counts the unfinished uploads of a workspace and keeps others from beginning one until the transaction ends.
func (t *Tx) OpenUploads(ctx context.Context, ws shippost.WorkspaceID) (int, error) {
	// The row of the workspace serves as a lock: two beginners must not both count the last free place.
	if _, err := t.exec(ctx, "UPDATE workspaces SET name = name WHERE id = $1", ws); err != nil {
		return 0, err
	}
	var n int
	err := t.value(ctx, []any{&n}, "SELECT count(*) FROM uploads WHERE workspace_id = $1 AND finished_at IS NULL", ws)
	return n, err
}

// UnfinishedUploads lists the unfinished uploads of a user in a workspace, the latest touched first.
func (t *Tx) UnfinishedUploads(ctx context.Context, ws shippost.WorkspaceID, user shippost.UserID) ([]Upload, error) {
	return uploads.list(ctx, t, "WHERE workspace_id = $1 AND user_id = $2 AND finished_at IS NULL ORDER BY touched_at DESC, id", ws, user)
}

// AdvanceUpload notes that the bytes up to u.Received are stored, with u.HashState after u.Hashed bytes, if the row still says
// from and the upload is not finished. It reports whether it did.
func (t *Tx) AdvanceUpload(ctx context.Context, u *Upload, from int64) (bool, error) {
	return t.swap(ctx, `UPDATE uploads SET received = $1, hash_state = $2, hashed = $3, touched_at = $4
		WHERE id = $5 AND workspace_id = $6 AND received = $7 AND finished_at IS NULL`,
		u.Received, u.HashState, u.Hashed, at(&u.TouchedAt), u.ID, u.Workspace, from)
}

// FinishUpload closes an upload that has all its bytes. It reports false when it was closed before, or is not complete.
func (t *Tx) FinishUpload(ctx context.Context, u *Upload) (bool, error) {
	return t.swap(ctx, "UPDATE uploads SET finished_at = $1 WHERE id = $2 AND workspace_id = $3 AND received = size AND finished_at IS NULL",
		at(&u.FinishedAt), u.ID, u.Workspace)
}

// DeleteUpload removes the row of an upload if it is still unfinished, or still finished, as the caller saw it.
func (t *Tx) DeleteUpload(ctx context.Context, u Upload) (bool, error) {
	if u.FinishedAt.IsZero() {
		return t.swap(ctx, "DELETE FROM uploads WHERE id = $1 AND received = $2 AND finished_at IS NULL", u.ID, u.Received)
	}
	return t.swap(ctx, "DELETE FROM uploads WHERE id = $1 AND finished_at IS NOT NULL", u.ID)
}

// IdleUploads lists unfinished uploads of all workspaces that got no byte since before.
func (t *Tx) IdleUploads(ctx context.Context, before time.Time, limit int) ([]Upload, error) {
	return uploads.list(ctx, t, "WHERE finished_at IS NULL AND touched_at < $1 ORDER BY touched_at LIMIT $2", moment(before), limit)
}

// FinishedUploads lists uploads of all workspaces that were finished before a moment.
func (t *Tx) FinishedUploads(ctx context.Context, before time.Time, limit int) ([]Upload, error) {
	return uploads.list(ctx, t, "WHERE finished_at < $1 ORDER BY finished_at LIMIT $2", moment(before), limit)
}

// UploadsAmong returns those of the uploads that exist, whatever their workspace, by id; for sweeps of half-received files.
func (t *Tx) UploadsAmong(ctx context.Context, ids []shippost.UploadID) (map[shippost.UploadID]Upload, error) {
	found := make(map[shippost.UploadID]Upload, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	q := conditions{}
	isOneOf(&q, "id", ids)
	list, err := uploads.list(ctx, t, q.where(), q.args...)
	for _, u := range list {
		found[u.ID] = u
	}
	return found, err
}
