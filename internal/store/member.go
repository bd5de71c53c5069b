package store

import (
	"context"

	"ship-post.com/shippost"
)

var members = newTable("members",
	column[shippost.Member]{"workspace_id", func(m *shippost.Member) any { return &m.Workspace }},
	column[shippost.Member]{"user_id", func(m *shippost.Member) any { return &m.User }},
	column[shippost.Member]{"role", func(m *shippost.Member) any { return &m.Role }},
	column[shippost.Member]{"created_at", func(m *shippost.Member) any { return at(&m.CreatedAt) }},
)

// InsertMember gives a user a place in a workspace; Conflict already_member when they have one.
func (t *Tx) InsertMember(ctx context.Context, m *shippost.Member) error {
	err := members.insert(ctx, t, m)
	if duplicate(err) {
		return shippost.Errorf(shippost.Conflict, "already_member", "This person is already a member.").Because(err)
	}
	return err
}

// Member returns the user's place in the workspace; NotFound for anybody else.
func (t *Tx) Member(ctx context.Context, ws shippost.WorkspaceID, user shippost.UserID) (shippost.Member, error) {
	return members.get(ctx, t, missing("member"), "WHERE workspace_id = $1 AND user_id = $2", ws, user)
}

// Members returns everybody in the workspace, first come first.
func (t *Tx) Members(ctx context.Context, ws shippost.WorkspaceID) ([]shippost.Member, error) {
	return members.list(ctx, t, "WHERE workspace_id = $1 ORDER BY created_at, user_id", ws)
}

// Memberships returns the user's places, oldest first.
func (t *Tx) Memberships(ctx context.Context, user shippost.UserID) ([]shippost.Member, error) {
	return members.list(ctx, t, "WHERE user_id = $1 ORDER BY created_at, workspace_id", user)
}

// SetRole changes the member's role if it still is from.
func (t *Tx) SetRole(ctx context.Context, ws shippost.WorkspaceID, user shippost.UserID, from, to shippost.Role) (changed bool, err error) {
	return t.swap(ctx, "UPDATE members SET role = $4 WHERE workspace_id = $1 AND user_id = $2 AND role = $3", ws, user, from, to)
}

// DeleteMember ends the user's place in the workspace.
func (t *Tx) DeleteMember(ctx context.Context, ws shippost.WorkspaceID, user shippost.UserID) (changed bool, err error) {
	return t.swap(ctx, "DELETE FROM members WHERE workspace_id = $1 AND user_id = $2", ws, user)
}
