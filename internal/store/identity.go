package store

import (
	"context"

	"ship-post.com/shippost"
)

var identities = newTable("identities",
	column[shippost.Identity]{"id", func(i *shippost.Identity) any { return &i.ID }},
	column[shippost.Identity]{"user_id", func(i *shippost.Identity) any { return &i.User }},
	column[shippost.Identity]{"platform", func(i *shippost.Identity) any { return &i.Platform }},
	column[shippost.Identity]{"subject", func(i *shippost.Identity) any { return &i.Subject }},
	column[shippost.Identity]{"created_at", func(i *shippost.Identity) any { return at(&i.CreatedAt) }},
)

// InsertIdentity writes a new identity; Conflict identity_taken when the pair of platform and subject has a user.
func (t *Tx) InsertIdentity(ctx context.Context, i *shippost.Identity) error {
	err := identities.insert(ctx, t, i)
	if duplicate(err) {
		return shippost.Errorf(shippost.Conflict, "identity_taken", "This sign-in already belongs to a user.").Because(err)
	}
	return err
}

// IdentityBySubject returns who a platform's user is here; NotFound for a stranger.
func (t *Tx) IdentityBySubject(ctx context.Context, p shippost.PlatformName, subject string) (shippost.Identity, error) {
	return identities.get(ctx, t, missing("identity"), "WHERE platform = $1 AND subject = $2", p, subject)
}

// Identities returns all ways the user signs in with, oldest first.
func (t *Tx) Identities(ctx context.Context, user shippost.UserID) ([]shippost.Identity, error) {
	return identities.list(ctx, t, "WHERE user_id = $1 ORDER BY id", user)
}
