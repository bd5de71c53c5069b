package store_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// A refresh of a process that was killed must not hold everybody up for longer than its request may still be on its way:
// five seconds once it is known to be dead, a minute here while it may only be slow.
func TestRefreshOfADeadProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		account := storetest.Account(t, db, storetest.Workspace(t, db))
		storetest.Update(t, db, func(tx *store.Tx) error {
			return tx.InsertGrant(ctx, &store.Grant{Account: account.ID, Version: 1, AccessIssuedAt: clock.Now(), AccessExpiresAt: clock.Now().AddDate(1, 0, 0)})
		})
		other, mine := shippost.NewNodeID(clock.Now()), shippost.NewNodeID(clock.Now())
		patience := func() store.Patience {
			now := clock.Now()
			return store.Patience{Stale: now.Add(-time.Minute), Lost: now.Add(-5 * time.Second), Silent: now.Add(-15 * time.Second), Ahead: now.Add(5 * time.Minute)}
		}
		claim := func(by shippost.NodeID) (got bool) {
			storetest.Update(t, db, func(tx *store.Tx) (err error) {
				got, err = tx.ClaimRefresh(ctx, account.ID, 1, "hash", by, patience())
				return err
			})
			return got
		}
		// listed reports whether the job that goes on with what was left finds the refresh.
		listed := func() (got bool) {
			storetest.View(t, db, func(tx *store.Tx) error {
				ids, err := tx.AgingGrants(ctx, clock.Now(), patience(), 10)
				got = len(ids) == 1
				return err
			})
			return got
		}
		beat := func() {
			storetest.Update(t, db, func(tx *store.Tx) error {
				if ok, err := tx.BeatNode(ctx, other); ok || err != nil {
					return err
				}
				return tx.InsertNode(ctx, other)
			})
		}
		end := func() {
			storetest.Update(t, db, func(tx *store.Tx) error { return tx.EndRefresh(ctx, account.ID, 1, mine) })
		}
		sqlite := db.Engine() == store.SQLite

		// What was begun by a clock that was put right since is waited for by nobody, whoever began it.
		for _, by := range []shippost.NodeID{other, mine} {
			clock.Advance(400 * 24 * time.Hour)
			if beat(); !claim(by) {
				t.Fatal("the claim by a clock that is ahead was refused")
			}
			clock.Advance(-400 * 24 * time.Hour)
			if !listed() || !claim(mine) {
				t.Error("a refresh that began in the future was waited for")
			}
			end()
		}

		beat()
		if !claim(other) {
			t.Fatal("the first claim was refused")
		}
		clock.Advance(4 * time.Second)
		if claim(mine) || listed() {
			t.Error("claimed while the other request may still be on its way")
		}
		clock.Advance(time.Second)
		if claim(other) {
			t.Error("a process took its own refresh for lost after 5 s")
		}
		// On SQLite there is one process, so another one is dead. On PostgreSQL it lives, as its beat says.
		if got, found := claim(mine), listed(); got != sqlite || found {
			t.Errorf("after 5 s another process claimed: %v, and it is listed afterwards: %v; want %v and not", got, found, sqlite)
		}
		if end(); sqlite {
			return
		}
		clock.Advance(9 * time.Second)
		if claim(mine) || listed() {
			t.Error("claimed within 15 s of the other's beat")
		}
		clock.Advance(time.Second)
		if !listed() || !claim(mine) {
			t.Error("a process that has not beaten for 15 s was waited for")
		}
		end()

		if beat(); !claim(other) {
			t.Fatal("the second claim was refused")
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			_, err := tx.DeleteNode(ctx, other)
			return err
		})
		clock.Advance(5 * time.Second)
		if !listed() || !claim(mine) {
			t.Error("a process that has left was waited for longer than 5 s")
		}
		end()

		if beat(); !claim(other) {
			t.Fatal("the third claim was refused")
		}
		for range 5 {
			clock.Advance(11 * time.Second)
			beat()
			if claim(mine) {
				t.Error("a process that lives was not waited for")
			}
		}
		clock.Advance(5 * time.Second)
		if !listed() || !claim(mine) {
			t.Error("a refresh that nobody heard of for a minute was not taken over")
		}
	})
}
