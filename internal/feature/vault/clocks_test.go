package vault_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// off starts a node on the database at url, known to the others, whose wall clock is wrong by off.
func (b *bench) off(url string, off time.Duration, change func(*vault.Options)) *vault.Vault {
	b.t.Helper()
	now := func() time.Time { return b.clock.Now().Add(off) }
	db, err := store.Open(b.t.Context(), store.Options{URL: url, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.closeDB(db) })
	o := vault.Options{DB: db, Sealer: b.sealer, Platforms: b.platforms, Node: shippost.NewNodeID(b.clock.Now()), Now: now,
		After: b.after, Elapsed: b.elapsed, Log: slog.New(slog.DiscardHandler)}
	change(&o)
	if err := db.Update(b.t.Context(), func(tx *store.Tx) error { return tx.InsertNode(b.t.Context(), o.Node) }); err != nil {
		b.t.Fatal(err)
	}
	v := vault.New(o)
	b.nodes = append(b.nodes, v)
	return v
}

// R18: a node that waits for the refresh of another one does not take it away, whatever their clocks say.
func TestR18_ClocksApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sends, waits time.Duration // how wrong their clocks are
		frozen       bool          // the one that waits is stopped for a minute while the other one tries again
	}{
		{sends: 100 * time.Second},
		{waits: 100 * time.Second},
		{waits: -100 * time.Second},
		{sends: 400 * 24 * time.Hour},
		{waits: 400 * 24 * time.Hour},
		{waits: -400 * 24 * time.Hour},
		{frozen: true},
	} {
		t.Run(fmt.Sprintf("%s and %s, frozen %v", c.sends, c.waits, c.frozen), func(t *testing.T) {
			t.Parallel()
			url := storetest.PostgresURL(t)
			b := newBench(t, url)
			slow := &pausing{Platform: b.platforms[shippost.TikTok], answered: make(chan struct{}), goOn: make(chan struct{})}
			sends := b.off(url, c.sends, func(o *vault.Options) {
				o.Platforms = map[shippost.PlatformName]platform.Platform{shippost.TikTok: slow}
			})
			looks := 0
			waits := b.off(url, c.waits, func(o *vault.Options) {
				o.After = func(d time.Duration) <-chan time.Time {
					switch looks++; {
					case looks == 1 && c.frozen:
						b.clock.Advance(time.Minute)
						storetest.Update(t, b.db, func(tx *store.Tx) error {
							still, err := tx.HoldRefresh(t.Context(), b.account.ID, 1, sends.Node)
							if !still {
								t.Error("the node that sends lost its refresh")
							}
							return err
						})
					case looks == 100: // ten seconds
						close(slow.goOn)
					}
					return b.after(d)
				}
			})
			var first shippost.Secret
			done := make(chan error)
			go func() {
				var err error
				first, err = sends.For(b.account.ID).Renew(t.Context(), b.first)
				done <- err
			}()
			<-slow.answered
			second, err := waits.For(b.account.ID).Renew(t.Context(), b.first)
			if err != nil {
				t.Errorf("the node that waits: %v", err)
			}
			if looks < 100 {
				close(slow.goOn)
			}
			if err := <-done; err != nil {
				t.Errorf("the node that sends: %v", err)
			}
			if n := b.refreshes(); n != 1 {
				t.Errorf("%d refreshes of one token, want 1", n)
			}
			if first != second || !b.works(second) || !b.broken().IsZero() {
				t.Error("they do not have the same token, or not one that works")
			}
		})
	}
}

// R19: a refresh that a node left is gone on with after the same wait whatever the clock showed by which it was noted: five seconds
// when that node is known to be gone, half a minute otherwise. Many are waited for at the same time.
func TestR19_LeftByAnyClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{0, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
		for _, gone := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, gone %v", off, gone), func(t *testing.T) {
				t.Parallel()
				engines(t, func(t *testing.T, b *bench) {
					accounts := []shippost.AccountID{b.account.ID}
					for range 24 {
						accounts = append(accounts, b.another())
					}
					dead := shippost.NewNodeID(start)
					b.clock.Advance(off)
					storetest.Update(t, b.db, func(tx *store.Tx) error {
						for _, id := range accounts {
							if ok, err := tx.ClaimRefresh(t.Context(), id, 1, "sent", dead, store.Patience{}); err != nil || !ok {
								return fmt.Errorf("claimed %v: %w", ok, err)
							}
						}
						if gone {
							return nil
						}
						return tx.InsertNode(t.Context(), dead)
					})
					b.clock.Advance(-off)
					began := b.elapsed()
					if err := b.nodes[0].Keep(t.Context()); err != nil {
						t.Error(err)
					}
					want := 5 * time.Second
					if !gone && b.db.Engine() == store.Postgres {
						want = vault.IntentLife
					}
					// Eight side by side move the clock.
					if took := b.elapsed() - began; took < want || took > want+2*time.Second {
						t.Errorf("it took %s, want %s", took, want)
					}
					if n := b.refreshes(); n != len(accounts) {
						t.Errorf("%d refreshes of %d accounts", n, len(accounts))
					}
					if a, _ := b.stored(); a.Status != shippost.AccountActive || !b.works(b.token(b.nodes[0])) {
						t.Errorf("the account whose token TikTok takes is %s, or its token does not work", a.Status)
					}
				})
			})
		}
	}
}

// another adds an account of the same workspace, whose tokens TikTok does not know.
func (b *bench) another() shippost.AccountID {
	b.t.Helper()
	a := b.account
	a.ID = shippost.NewAccountID(start)
	a.Subject, a.Handle = string(a.ID), string(a.ID)
	err := b.db.Update(b.t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertAccount(b.t.Context(), &a); err != nil {
			return err
		}
		return b.nodes[0].Store(b.t.Context(), tx, a.ID, grantOf(tiktoksim.Tokens{OpenID: a.Subject, AccessToken: "old", RefreshToken: "unknown",
			ExpiresIn: 86400, RefreshExpiresIn: 31536000}))
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return a.ID
}
