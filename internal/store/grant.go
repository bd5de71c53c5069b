package store

import (
	"context"
	"database/sql"
	"errors"
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

// Intent is a refresh on its way, as it was written down. Two that are equal are the same one, not renewed in between.
type Intent struct {
	Version int64
	Hash    string
	At      int64 // in microseconds, by the clock of whoever wrote it; good for telling two apart, not for how old one is
	By      shippost.NodeID
}

// Intent returns the refresh on its way; its Hash is empty when there is none.
func (g Grant) Intent() Intent {
	if g.IntentHash == "" {
		return Intent{}
	}
	return Intent{g.Version, g.IntentHash, g.IntentAt.UnixMicro(), g.IntentBy}
}

// Intents returns all refreshes on their way.
func (t *Tx) Intents(ctx context.Context) (map[shippost.AccountID]Intent, error) {
	list, err := grants.list(ctx, t, "WHERE intent_hash <> ''")
	intents := make(map[shippost.AccountID]Intent, len(list))
	for _, g := range list {
		intents[g.Account] = g.Intent()
	}
	return intents, err
}

// Patience says which refresh on its way was waited for long enough to be taken over; the zero value is none.
type Patience struct {
	Intent Intent
	Gone   bool // only if the process that began it is another one and gone: not registered, or on SQLite any other
}

// ClaimRefresh notes that a refresh of the given version is about to be sent by node, unless another one is on its way than
// the one that may be taken over. It reports whether this node may send it.
func (t *Tx) ClaimRefresh(ctx context.Context, account shippost.AccountID, version int64, hash string, node shippost.NodeID, p Patience) (bool, error) {
	gone := ""
	if p.Gone {
		gone = " AND intent_by <> $3"
		if t.db.engine == Postgres {
			gone += " AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = grants.intent_by)"
		}
	}
	return t.swap(ctx, `UPDATE grants SET intent_hash = $1, intent_at = $2, intent_by = $3 WHERE account_id = $4 AND version = $5
		AND (intent_hash = '' OR intent_hash = $6 AND intent_at = $7 AND intent_by = $8`+gone+")",
		hash, moment(t.Now()), node, account, version, p.Intent.Hash, p.Intent.At, p.Intent.By)
}

// HoldRefresh makes the intent of a refresh that node has under way recent again. It reports whether it still is the node's.
func (t *Tx) HoldRefresh(ctx context.Context, account shippost.AccountID, version int64, node shippost.NodeID) (bool, error) {
	return t.swap(ctx, "UPDATE grants SET intent_at = $1 WHERE account_id = $2 AND version = $3 AND intent_by = $4 AND intent_hash <> ''",
		moment(t.Now()), account, version, node)
}

// EndRefresh notes that nothing is on its way any more, because the request had no effect.
func (t *Tx) EndRefresh(ctx context.Context, account shippost.AccountID, version int64, node shippost.NodeID) error {
	_, err := t.exec(ctx, "UPDATE grants SET intent_hash = '', intent_at = NULL, intent_by = '' WHERE account_id = $1 AND version = $2 AND intent_by = $3",
		account, version, node)
	return err
}

// EndingAccess returns the accounts in use of a workspace whose access ends for good before an instant, and when.
func (t *Tx) EndingAccess(ctx context.Context, ws shippost.WorkspaceID, before time.Time) (map[shippost.AccountID]time.Time, error) {
	list, err := grants.list(ctx, t, `WHERE refresh_expires_at IS NOT NULL AND refresh_expires_at < $2
		AND account_id IN (SELECT a.id FROM accounts a WHERE a.workspace_id = $1 AND a.status = 'active')`, ws, moment(before))
	ends := make(map[shippost.AccountID]time.Time, len(list))
	for _, g := range list {
		ends[g.Account] = g.RefreshExpiresAt
	}
	return ends, err
}

// AccessEnd returns when the access to an account in use ends for good; false when that is not before an instant.
func (t *Tx) AccessEnd(ctx context.Context, account shippost.AccountID, before time.Time) (end time.Time, ends bool, err error) {
	err = t.value(ctx, []any{at(&end)}, `SELECT g.refresh_expires_at FROM grants g JOIN accounts a ON a.id = g.account_id
		WHERE g.account_id = $1 AND g.refresh_expires_at < $2 AND a.status = 'active'`, account, moment(before))
	if errors.Is(err, sql.ErrNoRows) {
		return end, false, nil
	}
	return end, err == nil, err
}

// DeleteGrant removes the token pair of an account.
func (t *Tx) DeleteGrant(ctx context.Context, account shippost.AccountID) error {
	_, err := t.exec(ctx, "DELETE FROM grants WHERE account_id = $1", account)
	return err
}

// AgingGrants returns accounts in use whose access token has less than a quarter of its life left, or that have a refresh on
// its way, which may be lost, most urgent first.
func (t *Tx) AgingGrants(ctx context.Context, now time.Time, limit int) ([]shippost.AccountID, error) {
	list, err := grants.list(ctx, t, `WHERE ((access_expires_at - $1) * 4 < access_expires_at - access_issued_at OR intent_hash <> '')
		AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = grants.account_id AND a.status = 'active') ORDER BY access_expires_at LIMIT $2`,
		moment(now), limit)
	ids := make([]shippost.AccountID, len(list))
	for i, g := range list {
		ids[i] = g.Account
	}
	return ids, err
}
