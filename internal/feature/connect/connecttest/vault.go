package connecttest

import (
	"context"
	"sync"
	"sync/atomic"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Vault is the real vault, which also counts what it was given.
type Vault struct {
	*vault.Vault
	stored atomic.Int64
}

// Store stores a grant and counts it once tx is durable.
func (v *Vault) Store(ctx context.Context, tx *store.Tx, account shippost.AccountID, grant platform.Grant) error {
	tx.OnCommit(func() { v.stored.Add(1) })
	return v.Vault.Store(ctx, tx, account, grant)
}

// Stored returns how often a grant was stored.
func (v *Vault) Stored() int { return int(v.stored.Load()) }

// Access returns the access token that is kept for an account, zero for none.
func (v *Vault) Access(ctx context.Context, id shippost.AccountID) (shippost.Secret, error) {
	token, err := v.For(id).Token(ctx)
	if shippost.IsKind(err, shippost.Reconnect) {
		return shippost.Secret{}, nil
	}
	return token, err
}

// Posts remembers which accounts it was told about.
type Posts struct {
	mu           sync.Mutex
	ended, ready []shippost.Account
}

// AccountEnded remembers the account once tx is durable.
func (p *Posts) AccountEnded(_ context.Context, tx *store.Tx, account shippost.Account) error {
	p.note(tx, &p.ended, account)
	return nil
}

// Quiet has nothing to wait for: this publisher sends nothing.
func (p *Posts) Quiet(context.Context, shippost.AccountID) error { return nil }

// AccountReady remembers the account once tx is durable.
func (p *Posts) AccountReady(_ context.Context, tx *store.Tx, account shippost.Account) error {
	p.note(tx, &p.ready, account)
	return nil
}

func (p *Posts) note(tx *store.Tx, list *[]shippost.Account, account shippost.Account) {
	tx.OnCommit(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		*list = append(*list, account)
	})
}

// Ended returns the accounts in the order they ended.
func (p *Posts) Ended() []shippost.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]shippost.Account(nil), p.ended...)
}

// Ready returns the accounts whose posts were let go on, in order.
func (p *Posts) Ready() []shippost.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]shippost.Account(nil), p.ready...)
}
