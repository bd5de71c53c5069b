package store

import (
	"context"

	"ship-post.com/shippost"
)

// ClaimFirstUser makes the user the first of this server. It reports false when there is or was another one; of any
// number of people who try at once, one gets true. Call it before the user is inserted.
func (t *Tx) ClaimFirstUser(ctx context.Context, id shippost.UserID) (bool, error) {
	return t.swap(ctx, "INSERT INTO meta (key, value) SELECT 'first_user', CAST($1 AS TEXT) WHERE NOT EXISTS (SELECT 1 FROM users) "+
		"ON CONFLICT (key) DO NOTHING", id)
}
