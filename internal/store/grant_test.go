package store_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// A refresh on its way is taken over only by whoever watched this very one, and, where that matters, only when the process
// that began it is gone. What the clocks say of it never counts.
func TestClaimRefresh(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		account := storetest.Account(t, db, storetest.Workspace(t, db))
		storetest.Update(t, db, func(tx *store.Tx) error {
			return tx.InsertGrant(ctx, &store.Grant{Account: account.ID, Version: 1, AccessIssuedAt: clock.Now(), AccessExpiresAt: clock.Now().AddDate(1, 0, 0)})
		})
		other, mine := shippost.NewNodeID(clock.Now()), shippost.NewNodeID(clock.Now())
		claim := func(by shippost.NodeID, p store.Patience) (got bool) {
			t.Helper()
			storetest.Update(t, db, func(tx *store.Tx) (err error) {
				got, err = tx.ClaimRefresh(ctx, account.ID, 1, "hash", by, p)
				return err
			})
			return got
		}
		// intent returns the refresh on its way, having checked that those who look for all find it.
		intent := func() (found store.Intent) {
			t.Helper()
			storetest.View(t, db, func(tx *store.Tx) error {
				g, err := tx.Grant(ctx, account.ID)
				if err != nil {
					return err
				}
				found = g.Intent()
				all, err := tx.Intents(ctx)
				if err != nil {
					return err
				}
				aging, err := tx.AgingGrants(ctx, clock.Now(), 10)
				if there := found.Hash != ""; all[account.ID] != found || len(all) == 1 != there || len(aging) == 1 != there {
					t.Errorf("%+v is on its way; all are %+v, and to be looked after are %v", found, all, aging)
				}
				return err
			})
			return found
		}
		end := func(by shippost.NodeID) {
			t.Helper()
			storetest.Update(t, db, func(tx *store.Tx) error { return tx.EndRefresh(ctx, account.ID, 1, by) })
			if left := intent(); left != (store.Intent{}) {
				t.Fatalf("%+v is on its way after its end", left)
			}
		}
		sqlite := db.Engine() == store.SQLite

		intent()
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertNode(ctx, other) })
		for _, off := range []time.Duration{0, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
			clock.Advance(off)
			if !claim(other, store.Patience{}) {
				t.Fatal("the first claim was refused")
			}
			clock.Advance(-off)
			watched := intent()
			if claim(mine, store.Patience{}) || claim(other, store.Patience{}) {
				t.Error("claimed by somebody who did not wait")
			}
			if claim(other, store.Patience{Intent: watched, Gone: true}) {
				t.Error("a process takes itself for gone")
			}
			// On SQLite there is one process, so another one is gone.
			got := claim(mine, store.Patience{Intent: watched, Gone: true})
			if got != sqlite {
				t.Errorf("claimed from a registered process as if it were gone: %v, want %v", got, sqlite)
			}
			if got {
				end(mine)
				claim(other, store.Patience{})
				watched = intent()
			}
			// It tries once more: that is another one than was watched.
			clock.Advance(time.Second)
			storetest.Update(t, db, func(tx *store.Tx) error {
				still, err := tx.HoldRefresh(ctx, account.ID, 1, other)
				if !still {
					t.Error("it does not have its refresh any more")
				}
				return err
			})
			if claim(mine, store.Patience{Intent: watched}) {
				t.Error("claimed by somebody who watched the one before")
			}
			watched = intent()
			if !claim(mine, store.Patience{Intent: watched}) {
				t.Error("refused to somebody who watched it for long enough")
			}
			if claim(other, store.Patience{Intent: watched}) {
				t.Error("what was taken over already was taken over by another one")
			}
			end(mine)
		}

		claim(other, store.Patience{})
		storetest.Update(t, db, func(tx *store.Tx) error {
			_, err := tx.DeleteNode(ctx, other)
			return err
		})
		if !claim(mine, store.Patience{Intent: intent(), Gone: true}) {
			t.Error("a process that is not registered does not count as gone")
		}
		end(mine)
	})
}
