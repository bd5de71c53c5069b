package store

import (
	"context"

	"ship-post.com/shippost"
)

// HasUsers reports whether anybody has or had a place here.
func (t *Tx) HasUsers(ctx context.Context) (used bool, err error) {
	n := 0
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1) AS found")
	return n > 0, err
}

// ClaimFirstUser makes the user the first of this server. It reports false when there is or was another one; of any
// number of people who try at once, one gets true. Call it before the user is inserted.
func (t *Tx) ClaimFirstUser(ctx context.Context, id shippost.UserID) (bool, error) {
	return t.swap(ctx, "INSERT INTO meta (key, value) SELECT 'first_user', CAST($1 AS TEXT) WHERE NOT EXISTS (SELECT 1 FROM users) "+
		"ON CONFLICT (key) DO NOTHING", id)
}
