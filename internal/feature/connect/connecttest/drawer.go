package connecttest

import (
	"context"
	"sync"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Drawer keeps grants in memory, from the commit of their transaction on.
type Drawer struct {
	mu     sync.Mutex
	grants map[shippost.AccountID]platform.Grant
	stored int
}

// Store keeps a grant once tx is durable.
func (d *Drawer) Store(_ context.Context, tx *store.Tx, account shippost.AccountID, grant platform.Grant) error {
	tx.OnCommit(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.grants[account] = grant
		d.stored++
	})
	return nil
}

// Forget removes a grant once tx is durable.
func (d *Drawer) Forget(_ context.Context, tx *store.Tx, account shippost.AccountID) error {
	tx.OnCommit(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.grants, account)
	})
	return nil
}

// For returns the tokens of an account.
func (d *Drawer) For(id shippost.AccountID) platform.Tokens { return tokens{d, id} }

// Grant returns the grant that is kept for an account, and whether there is one.
func (d *Drawer) Grant(id shippost.AccountID) (platform.Grant, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, ok := d.grants[id]
	return g, ok
}

// Stored returns how often a grant was stored.
func (d *Drawer) Stored() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stored
}

type tokens struct {
	drawer *Drawer
	id     shippost.AccountID
}

func (t tokens) Token(context.Context) (shippost.Secret, error) {
	g, ok := t.drawer.Grant(t.id)
	if !ok {
		return shippost.Secret{}, shippost.Errorf(shippost.Reconnect, "no_grant", "Connect the account again.")
	}
	return g.Access, nil
}

func (t tokens) Renew(ctx context.Context, _ shippost.Secret) (shippost.Secret, error) {
	return t.Token(ctx)
}

// Posts remembers which accounts it was told to end.
type Posts struct {
	mu    sync.Mutex
	ended []shippost.Account
}

// AccountEnded remembers the account once tx is durable.
func (p *Posts) AccountEnded(_ context.Context, tx *store.Tx, account shippost.Account) error {
	tx.OnCommit(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended = append(p.ended, account)
	})
	return nil
}

// Ended returns the accounts in the order they ended.
func (p *Posts) Ended() []shippost.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]shippost.Account(nil), p.ended...)
}
