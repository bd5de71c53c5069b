package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// Patience says when a refresh that somebody else began counts as lost.
type Patience struct {
	Stale  time.Time // begun before this, by whomever
	Lost   time.Time // begun before this, by a process that is not alive any more
	Silent time.Time // a process that has not beaten since is not alive; on SQLite no other one is
	Ahead  time.Time // begun after this, by whomever: by a clock that was wrong
}

// lost is the condition for that, with the patience's times as four parameters from number n on.
func (t *Tx) lost(p Patience, n int) (condition string, args []any) {
	if t.db.engine == SQLite {
		p.Silent = t.Now().AddDate(1, 0, 0)
	}
	return fmt.Sprintf(`(intent_at <= $%d OR intent_at <= $%d
		AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = grants.intent_by AND n.beat_at > $%d) OR intent_at > $%d)`, n, n+1, n+2, n+3),
		[]any{moment(p.Stale), moment(p.Lost), moment(p.Silent), moment(p.Ahead)}
}

// ClaimRefresh notes that a refresh of the given version is about to be sent by node, unless another one is on its way
// that does not count as lost. It reports whether this node may send it.
func (t *Tx) ClaimRefresh(ctx context.Context, account shippost.AccountID, version int64, hash string, node shippost.NodeID, p Patience) (bool, error) {
	lost, args := t.lost(p, 7)
	return t.swap(ctx, `UPDATE grants SET intent_hash = $1, intent_at = $2, intent_by = $3
		WHERE account_id = $4 AND version = $5 AND (intent_hash = '' OR intent_at <= $6 OR intent_at > $10 OR intent_by <> $3 AND `+lost+`)`,
		append([]any{hash, moment(t.Now()), node, account, version, moment(p.Stale)}, args...)...)
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

// AgingGrants returns accounts in use whose access token has less than a quarter of its life left, or whose refresh counts
// as lost, most urgent first.
func (t *Tx) AgingGrants(ctx context.Context, now time.Time, p Patience, limit int) ([]shippost.AccountID, error) {
	lost, args := t.lost(p, 3)
	list, err := grants.list(ctx, t, `WHERE ((access_expires_at - $1) * 4 < access_expires_at - access_issued_at
		OR intent_hash <> '' AND `+lost+`)
		AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = grants.account_id AND a.status = 'active') ORDER BY access_expires_at LIMIT $2`,
		append([]any{moment(now), limit}, args...)...)
	ids := make([]shippost.AccountID, len(list))
	for i, g := range list {
		ids[i] = g.Account
	}
	return ids, err
}
