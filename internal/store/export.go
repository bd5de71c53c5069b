package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// The states of an Export.
const (
	ExportWaiting = "waiting"
	ExportReady   = "ready"
	ExportFailed  = "failed"
	ExportGone    = "gone" // the archive was removed
)

// Export is an archive that somebody asked for.
type Export struct {
	ID          string
	Workspace   shippost.WorkspaceID
	User        shippost.UserID // who asked, and alone may fetch it
	What        string          // workspace, person
	Status      string
	Done, Total int64 // bytes of files copied, and to copy
	Size        int64 // of the archive
	CreatedAt   time.Time
	ReadyAt     time.Time
	ExpiresAt   time.Time
}

var exports = newTable("exports",
	column[Export]{"id", func(e *Export) any { return &e.ID }},
	column[Export]{"workspace_id", func(e *Export) any { return &e.Workspace }},
	column[Export]{"user_id", func(e *Export) any { return &e.User }},
	column[Export]{"what", func(e *Export) any { return &e.What }},
	column[Export]{"status", func(e *Export) any { return &e.Status }},
	column[Export]{"done", func(e *Export) any { return &e.Done }},
	column[Export]{"total", func(e *Export) any { return &e.Total }},
	column[Export]{"size", func(e *Export) any { return &e.Size }},
	column[Export]{"created_at", func(e *Export) any { return at(&e.CreatedAt) }},
	column[Export]{"ready_at", func(e *Export) any { return at(&e.ReadyAt) }},
	column[Export]{"expires_at", func(e *Export) any { return at(&e.ExpiresAt) }},
)

// InsertExport writes a new export.
func (t *Tx) InsertExport(ctx context.Context, e *Export) error { return exports.insert(ctx, t, e) }

// Export returns an export; NotFound without one.
func (t *Tx) Export(ctx context.Context, id string) (Export, error) {
	return exports.get(ctx, t, missing("export"), "WHERE id = $1", id)
}

// Exports returns what a user asked for in a workspace, the newest first.
func (t *Tx) Exports(ctx context.Context, ws shippost.WorkspaceID, user shippost.UserID) ([]Export, error) {
	return exports.list(ctx, t, "WHERE workspace_id = $1 AND user_id = $2 ORDER BY created_at DESC LIMIT 20", ws, user)
}

// ExportsOf returns all exports of a workspace, or of a user.
func (t *Tx) ExportsOf(ctx context.Context, ws shippost.WorkspaceID, user shippost.UserID) ([]Export, error) {
	return exports.list(ctx, t, "WHERE workspace_id = $1 OR user_id = $2", ws, user)
}

// StaleExports returns exports that expired before a moment and still have an archive, or may have.
func (t *Tx) StaleExports(ctx context.Context, before time.Time) ([]Export, error) {
	return exports.list(ctx, t, "WHERE status <> 'gone' AND expires_at <= $1 ORDER BY expires_at LIMIT 100", moment(before))
}

// SaveExport writes state and progress of an export that is still in the state was. It reports whether it was.
func (t *Tx) SaveExport(ctx context.Context, e Export, was string) (bool, error) {
	return t.swap(ctx, "UPDATE exports SET status = $2, done = $3, total = $4, size = $5, ready_at = $6, expires_at = $7 WHERE id = $1 AND status = $8",
		e.ID, e.Status, e.Done, e.Total, e.Size, at(&e.ReadyAt), at(&e.ExpiresAt), was)
}

// ForgetExports deletes exports without an archive that were made before a moment.
func (t *Tx) ForgetExports(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM exports WHERE status = 'gone' AND created_at < $1", moment(before))
}
