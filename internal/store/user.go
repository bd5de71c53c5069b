package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

var users = newTable("users",
	column[shippost.User]{"id", func(u *shippost.User) any { return &u.ID }},
	column[shippost.User]{"name", func(u *shippost.User) any { return &u.Name }},
	column[shippost.User]{"created_at", func(u *shippost.User) any { return at(&u.CreatedAt) }},
	column[shippost.User]{"disabled_at", func(u *shippost.User) any { return at(&u.DisabledAt) }},
)

// InsertUser writes a new user.
func (t *Tx) InsertUser(ctx context.Context, u *shippost.User) error { return users.insert(ctx, t, u) }

// User returns the user; NotFound without one. A disabled user is returned too.
func (t *Tx) User(ctx context.Context, id shippost.UserID) (shippost.User, error) {
	return users.get(ctx, t, missing("user"), "WHERE id = $1", id)
}

// RenameUser sets the display name.
func (t *Tx) RenameUser(ctx context.Context, id shippost.UserID, name string) (changed bool, err error) {
	return t.swap(ctx, "UPDATE users SET name = $2 WHERE id = $1 AND name <> $2", id, name)
}

// DisableUser stops the user from signing in; the zero time allows it again.
func (t *Tx) DisableUser(ctx context.Context, id shippost.UserID, when time.Time) (changed bool, err error) {
	return t.swap(ctx, "UPDATE users SET disabled_at = $2 WHERE id = $1 AND (disabled_at IS NULL) <> (CAST($2 AS BIGINT) IS NULL)", id, moment(when))
}
