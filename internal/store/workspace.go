package store

import (
	"context"

	"ship-post.com/shippost"
)

var workspaces = newTable("workspaces",
	column[shippost.Workspace]{"id", func(w *shippost.Workspace) any { return &w.ID }},
	column[shippost.Workspace]{"name", func(w *shippost.Workspace) any { return &w.Name }},
	column[shippost.Workspace]{"late_window", func(w *shippost.Workspace) any { return span(&w.LateWindow) }},
	column[shippost.Workspace]{"created_at", func(w *shippost.Workspace) any { return at(&w.CreatedAt) }},
)

// InsertWorkspace writes a new workspace.
func (t *Tx) InsertWorkspace(ctx context.Context, w *shippost.Workspace) error {
	return workspaces.insert(ctx, t, w)
}

// Workspace returns the workspace; NotFound without one.
func (t *Tx) Workspace(ctx context.Context, id shippost.WorkspaceID) (shippost.Workspace, error) {
	return workspaces.get(ctx, t, missing("workspace"), "WHERE id = $1", id)
}

// WorkspacesOf returns the workspaces the user is a member of, oldest first.
func (t *Tx) WorkspacesOf(ctx context.Context, user shippost.UserID) ([]shippost.Workspace, error) {
	return workspaces.list(ctx, t, "WHERE id IN (SELECT workspace_id FROM members WHERE user_id = $1) ORDER BY id", user)
}

// UpdateWorkspace writes name and default late window.
func (t *Tx) UpdateWorkspace(ctx context.Context, w shippost.Workspace) (changed bool, err error) {
	return t.swap(ctx, "UPDATE workspaces SET name = $2, late_window = $3 WHERE id = $1", w.ID, w.Name, span(&w.LateWindow))
}
