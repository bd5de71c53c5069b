package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Grant is the token pair of an account. Both tokens are sealed.
type Grant struct {
	Account          shippost.AccountID
	AccessToken      string // sealed
	RefreshToken     string // sealed
	AccessIssuedAt   time.Time
	AccessExpiresAt  time.Time
	RefreshExpiresAt time.Time // zero when the platform did not say
	Scopes           []string
	Version          int64  // grows with each stored pair
	IntentHash       string // sha256 of the refresh token that was sent; "" without a refresh on its way
	IntentAt         time.Time
	IntentBy         shippost.NodeID
}

var grants = newTable("grants",
	column[Grant]{"account_id", func(g *Grant) any { return &g.Account }},
	column[Grant]{"access_token", func(g *Grant) any { return &g.AccessToken }},
	column[Grant]{"refresh_token", func(g *Grant) any { return &g.RefreshToken }},
	column[Grant]{"access_issued_at", func(g *Grant) any { return at(&g.AccessIssuedAt) }},
	column[Grant]{"access_expires_at", func(g *Grant) any { return at(&g.AccessExpiresAt) }},
	column[Grant]{"refresh_expires_at", func(g *Grant) any { return at(&g.RefreshExpiresAt) }},
	column[Grant]{"scopes", func(g *Grant) any { return doc(&g.Scopes) }},
	column[Grant]{"version", func(g *Grant) any { return &g.Version }},
	column[Grant]{"intent_hash", func(g *Grant) any { return &g.IntentHash }},
	column[Grant]{"intent_at", func(g *Grant) any { return at(&g.IntentAt) }},
	column[Grant]{"intent_by", func(g *Grant) any { return &g.IntentBy }},
)

// Grant returns the token pair of an account.
func (t *Tx) Grant(ctx context.Context, account shippost.AccountID) (Grant, error) {
	return grants.get(ctx, t, missing("grant"), "WHERE account_id = $1", account)
}

// InsertGrant adds the token pair of an account that has none.
func (t *Tx) InsertGrant(ctx context.Context, g *Grant) error { return grants.insert(ctx, t, g) }

// ReplaceGrant stores a pair over the one of the given version and ends any refresh on its way. It reports whether the
// version was still that.
func (t *Tx) ReplaceGrant(ctx context.Context, g Grant, version int64) (bool, error) {
	return t.swap(ctx, `UPDATE grants SET access_token = $1, refresh_token = $2, access_issued_at = $3, access_expires_at = $4,
		refresh_expires_at = $5, scopes = $6, version = $7, intent_hash = '', intent_at = NULL, intent_by = ''
		WHERE account_id = $8 AND version = $9`, g.AccessToken, g.RefreshToken, at(&g.AccessIssuedAt), at(&g.AccessExpiresAt),
		at(&g.RefreshExpiresAt), doc(&g.Scopes), g.Version, g.Account, version)
}

// ClaimRefresh notes that a refresh of the given version is about to be sent by node, unless another one is on its way
// since after stale. It reports whether this node may send it.
func (t *Tx) ClaimRefresh(ctx context.Context, account shippost.AccountID, version int64, hash string, node shippost.NodeID, stale time.Time) (bool, error) {
	return t.swap(ctx, `UPDATE grants SET intent_hash = $1, intent_at = $2, intent_by = $3
		WHERE account_id = $4 AND version = $5 AND (intent_hash = '' OR intent_at <= $6)`,
		hash, moment(t.Now()), node, account, version, moment(stale))
}

// EndRefresh notes that nothing is on its way any more, because the request had no effect.
func (t *Tx) EndRefresh(ctx context.Context, account shippost.AccountID, version int64, node shippost.NodeID) error {
	_, err := t.exec(ctx, "UPDATE grants SET intent_hash = '', intent_at = NULL, intent_by = '' WHERE account_id = $1 AND version = $2 AND intent_by = $3",
		account, version, node)
	return err
}

// DeleteGrant removes the token pair of an account.
func (t *Tx) DeleteGrant(ctx context.Context, account shippost.AccountID) error {
	_, err := t.exec(ctx, "DELETE FROM grants WHERE account_id = $1", account)
	return err
}

// AgingGrants returns accounts in use whose access token has less than a quarter of its life left, most urgent first.
func (t *Tx) AgingGrants(ctx context.Context, now time.Time, limit int) ([]shippost.AccountID, error) {
	list, err := grants.list(ctx, t, `WHERE (access_expires_at - $1) * 4 < access_expires_at - access_issued_at
		AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = grants.account_id AND a.status = 'active') ORDER BY access_expires_at LIMIT $2`,
		moment(now), limit)
	ids := make([]shippost.AccountID, len(list))
	for i, g := range list {
		ids[i] = g.Account
	}
	return ids, err
}
