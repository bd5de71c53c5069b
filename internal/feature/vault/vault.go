// Package vault keeps the tokens of accounts: sealed at rest, refreshed in time, one refresh at a time on any number of
// nodes. A refresh may kill the refresh token it was made with, so its protocol is written down before each request and
// no answer is ever asked for twice without need (reliability §8).
package vault

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// Options is what a Vault needs. All fields but After, Elapsed and Trusted are required.
type Options struct {
	DB        *store.DB
	Sealer    *seal.Sealer
	Platforms map[shippost.PlatformName]platform.Platform
	Node      shippost.NodeID
	Now       func() time.Time
	After     func(time.Duration) <-chan time.Time // nil means time.After
	Elapsed   func() time.Duration                 // since some moment, by the monotonic clock; nil means since New
	Log       *slog.Logger

	Trusted func(context.Context) bool // whether the clock may be gone by; it may wait for somebody to know. nil: always
}

// Vault keeps tokens. All methods may be called from many goroutines at once.
type Vault struct {
	Options
	mu    sync.Mutex
	calls map[shippost.AccountID]*call // refreshes under way in this process
	seen  map[shippost.AccountID]sight // refreshes on their way in all processes, as of the latest look
}

// New returns a Vault.
func New(o Options) *Vault {
	if o.After == nil {
		o.After = time.After
	}
	if o.Elapsed == nil {
		began := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(began) }
	}
	return &Vault{Options: o, calls: map[shippost.AccountID]*call{}}
}

// Store keeps the grant as the account's only one, in the transaction that connects it.
func (v *Vault) Store(ctx context.Context, tx *store.Tx, account shippost.AccountID, g platform.Grant) error {
	old, err := tx.Grant(ctx, account)
	switch {
	case shippost.IsKind(err, shippost.NotFound):
		row, err := v.row(store.Grant{Account: account}, g)
		if err != nil {
			return err
		}
		return tx.InsertGrant(ctx, &row)
	case err != nil:
		return err
	}
	row, err := v.row(old, g)
	if err != nil {
		return err
	}
	kept, err := tx.ReplaceGrant(ctx, row, old.Version)
	if err == nil && !kept {
		err = shippost.Errorf(shippost.Conflict, "grant_changed", "The access to this account was renewed at the same moment. Try again.").With(shippost.RemedyRetry)
	}
	return err
}

// Forget removes the account's grant for good. Without one it does nothing.
func (v *Vault) Forget(ctx context.Context, tx *store.Tx, account shippost.AccountID) error {
	return tx.DeleteGrant(ctx, account)
}

// For returns the tokens of an account. Of one that is disconnected there are none, even while its grant is still kept to be
// revoked.
func (v *Vault) For(id shippost.AccountID) platform.Tokens { return tokens{vault: v, account: id} }

// ForRevoking returns the tokens of an account that may be disconnected, for the one call that ends them.
func (v *Vault) ForRevoking(id shippost.AccountID) platform.Tokens {
	return tokens{vault: v, account: id, revoking: true}
}

// row returns old with the tokens of a grant in it, sealed, and the next version.
func (v *Vault) row(old store.Grant, g platform.Grant) (store.Grant, error) {
	now := v.Now()
	row := old
	var err error
	if row.AccessToken, err = v.Sealer.Seal(g.Access, place(old.Account, "access_token")); err != nil {
		return row, fmt.Errorf("seal a token: %w", err)
	}
	// A platform that sends no refresh token means that the old one goes on working.
	if !g.Refresh.IsZero() {
		if row.RefreshToken, err = v.Sealer.Seal(g.Refresh, place(old.Account, "refresh_token")); err != nil {
			return row, fmt.Errorf("seal a token: %w", err)
		}
		row.RefreshExpiresAt = time.Time{}
	}
	if g.RefreshExpiresIn > 0 {
		row.RefreshExpiresAt = now.Add(g.RefreshExpiresIn)
	}
	// Lifetimes are the platform's to say. One that says none gets an hour: too short costs a refresh, too long a post.
	row.AccessIssuedAt, row.AccessExpiresAt = now, now.Add(cmp.Or(g.AccessExpiresIn, time.Hour))
	if g.Scopes != nil {
		row.Scopes = g.Scopes
	}
	row.Version++
	return row, nil
}

// place names where a token is stored, for its seal.
func place(account shippost.AccountID, column string) seal.Row {
	return seal.Row{Table: "grants", Column: column, ID: string(account)}
}

// fresh reports whether a token of the grant is good for some more minutes.
func fresh(g store.Grant, now time.Time) bool {
	left, life := g.AccessExpiresAt.Sub(now), g.AccessExpiresAt.Sub(g.AccessIssuedAt)
	return left >= min(10*time.Minute, life/4)
}

// state is what is known of an account's tokens at one moment.
type state struct {
	grant   store.Grant
	account shippost.Account
}

// read returns the grant and the account.
func (v *Vault) read(ctx context.Context, id shippost.AccountID) (s state, err error) {
	err = v.DB.View(ctx, func(tx *store.Tx) error {
		if s.account, err = tx.AccountOfAny(ctx, id); err != nil {
			return err
		}
		s.grant, err = tx.Grant(ctx, id)
		return err
	})
	if shippost.IsCode(err, "grant_not_found") {
		return s, disconnected()
	}
	return s, err
}

func (v *Vault) access(g store.Grant) (shippost.Secret, error) {
	return v.Sealer.Open(g.AccessToken, place(g.Account, "access_token"))
}

func disconnected() error {
	return shippost.Errorf(shippost.Reconnect, "disconnected", "This account is not connected. Connect it again.").With(shippost.RemedyReconnect)
}

func broken(reason string) error {
	why := shippost.Account{Status: shippost.AccountReconnect, StatusReason: reason}.Why()
	return shippost.Errorf(shippost.Reconnect, "needs_reconnect", "%s Connect it again.", why).With(shippost.RemedyReconnect)
}

// tokens are the tokens of one account.
type tokens struct {
	vault    *Vault
	account  shippost.AccountID
	revoking bool
}

var _ platform.Tokens = tokens{}

// read refuses a disconnected account to everybody who does not revoke it.
func (t tokens) read(ctx context.Context) (state, error) {
	s, err := t.vault.read(ctx, t.account)
	switch {
	case err != nil || t.revoking:
	case s.account.Status == shippost.AccountDisconnected:
		err = disconnected()
	case s.account.StatusReason == shippost.ReasonBreach:
		err = broken(s.account.StatusReason)
	}
	return s, err
}

// Token implements platform.Tokens. When a refresh cannot be made now, the present token is returned as long as it lives.
func (t tokens) Token(ctx context.Context) (shippost.Secret, error) {
	s, err := t.read(ctx)
	if err != nil {
		return shippost.Secret{}, err
	}
	now := t.vault.Now()
	if fresh(s.grant, now) {
		return t.vault.access(s.grant)
	}
	alive := s.grant.AccessExpiresAt.After(now)
	if s.account.Status == shippost.AccountReconnect && s.account.StatusReason != shippost.ReasonBreach {
		if alive {
			return t.vault.access(s.grant)
		}
		return shippost.Secret{}, broken(s.account.StatusReason)
	}
	renewed, err := t.vault.refresh(ctx, s)
	if err != nil && alive && ctx.Err() == nil {
		t.vault.Log.Warn("cannot refresh an access token yet; the present one still works", "account", t.account, "err", err)
		return t.vault.access(s.grant)
	}
	return renewed, err
}

// Renew implements platform.Tokens.
func (t tokens) Renew(ctx context.Context, refused shippost.Secret) (shippost.Secret, error) {
	s, err := t.read(ctx)
	if err != nil {
		return shippost.Secret{}, err
	}
	current, err := t.vault.access(s.grant)
	if err != nil {
		return shippost.Secret{}, err
	}
	if current.Reveal() != refused.Reveal() {
		return current, nil // somebody renewed it meanwhile
	}
	if s.account.Status == shippost.AccountReconnect {
		return shippost.Secret{}, broken(s.account.StatusReason)
	}
	return t.vault.refresh(ctx, s)
}
