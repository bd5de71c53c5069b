package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// OAuthFlow is a sign-in or a connection on its way through a platform's consent page.
type OAuthFlow struct {
	StateHash   string // hex SHA-256 of the state parameter
	BrowserHash string // hex SHA-256 of the cookie that ties the flow to one browser
	Purpose     string // see package connect
	Platform    shippost.PlatformName
	User        shippost.UserID      // who started it; "" for a sign-in
	Workspace   shippost.WorkspaceID // where it connects an account; "" for a sign-in
	Account     shippost.AccountID   // the one account it may reconnect; "" when any will do
	Verifier    string               // sealed; "" without PKCE
	RedirectURI string
	ReturnTo    string // path on this server
	CreatedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      time.Time
}

var oauthFlows = newTable("oauth_flows",
	column[OAuthFlow]{"state_hash", func(f *OAuthFlow) any { return &f.StateHash }},
	column[OAuthFlow]{"browser_hash", func(f *OAuthFlow) any { return &f.BrowserHash }},
	column[OAuthFlow]{"purpose", func(f *OAuthFlow) any { return &f.Purpose }},
	column[OAuthFlow]{"platform", func(f *OAuthFlow) any { return &f.Platform }},
	column[OAuthFlow]{"user_id", func(f *OAuthFlow) any { return optional(&f.User) }},
	column[OAuthFlow]{"workspace_id", func(f *OAuthFlow) any { return optional(&f.Workspace) }},
	column[OAuthFlow]{"account_id", func(f *OAuthFlow) any { return optional(&f.Account) }},
	column[OAuthFlow]{"verifier", func(f *OAuthFlow) any { return &f.Verifier }},
	column[OAuthFlow]{"redirect_uri", func(f *OAuthFlow) any { return &f.RedirectURI }},
	column[OAuthFlow]{"return_to", func(f *OAuthFlow) any { return &f.ReturnTo }},
	column[OAuthFlow]{"created_at", func(f *OAuthFlow) any { return at(&f.CreatedAt) }},
	column[OAuthFlow]{"expires_at", func(f *OAuthFlow) any { return at(&f.ExpiresAt) }},
	column[OAuthFlow]{"used_at", func(f *OAuthFlow) any { return at(&f.UsedAt) }},
)

// InsertOAuthFlow writes a new flow.
func (t *Tx) InsertOAuthFlow(ctx context.Context, f *OAuthFlow) error {
	return oauthFlows.insert(ctx, t, f)
}

// UseOAuthFlow returns the flow with the state and marks it as used. Of any number of callers one gets used = true;
// the flow is returned to all of them.
func (t *Tx) UseOAuthFlow(ctx context.Context, stateHash string, now time.Time) (flow OAuthFlow, used bool, err error) {
	used, err = t.swap(ctx, "UPDATE oauth_flows SET used_at = $1 WHERE state_hash = $2 AND used_at IS NULL", moment(now), stateHash)
	if err != nil {
		return OAuthFlow{}, false, err
	}
	flow, err = oauthFlows.get(ctx, t, missing("sign-in"), "WHERE state_hash = $1", stateHash)
	return flow, used, err
}

// SweepOAuthFlows removes the flows that expired before the given time and returns how many there were.
func (t *Tx) SweepOAuthFlows(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM oauth_flows WHERE expires_at < $1", moment(before))
}
