package store

import (
	"context"

	"ship-post.com/shippost"
)

var consentTable = newTable("consents",
	column[shippost.Consent]{"id", func(c *shippost.Consent) any { return &c.ID }},
	column[shippost.Consent]{"post_id", func(c *shippost.Consent) any { return &c.Post }},
	column[shippost.Consent]{"post_version", func(c *shippost.Consent) any { return &c.PostVersion }},
	column[shippost.Consent]{"user_id", func(c *shippost.Consent) any { return &c.User }},
	column[shippost.Consent]{"account_id", func(c *shippost.Consent) any { return &c.Account }},
	column[shippost.Consent]{"nickname", func(c *shippost.Consent) any { return &c.Nickname }},
	column[shippost.Consent]{"wording", func(c *shippost.Consent) any { return &c.Wording }},
	column[shippost.Consent]{"media", func(c *shippost.Consent) any { return doc(&c.Media) }},
	column[shippost.Consent]{"caption", func(c *shippost.Consent) any { return &c.Caption }},
	column[shippost.Consent]{"options", func(c *shippost.Consent) any { return doc(&c.Options) }},
	column[shippost.Consent]{"at", func(c *shippost.Consent) any { return at(&c.At) }},
)

// InsertConsent adds a record to the ledger. Nothing ever changes one.
func (t *Tx) InsertConsent(ctx context.Context, c *shippost.Consent) error {
	return consentTable.insert(ctx, t, c)
}

// Consents returns what was agreed to for a post, oldest first. The last one covers what is sent: a change of time
// alone needs no new one, so its version may be older than the post's.
func (t *Tx) Consents(ctx context.Context, post shippost.PostID) ([]shippost.Consent, error) {
	return consentTable.list(ctx, t, "WHERE post_id = $1 ORDER BY post_version, id", post)
}
