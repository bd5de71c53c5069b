package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// album adds a queued post with a planned attempt and an address for its file.
func album(t *testing.T, db *store.DB, hash string) (shippost.Attempt, store.Pull) {
	t.Helper()
	actor := storetest.Workspace(t, db)
	p := queued(t, db, actor, storetest.Account(t, db, actor))
	a := planned(p)
	a.ID = shippost.NewAttemptID(db.Now())
	pull := store.Pull{Hash: hash, Attempt: a.ID, Media: p.Media[0]}
	storetest.Update(t, db, func(tx *store.Tx) error {
		if err := tx.InsertAttempt(t.Context(), &a); err != nil {
			return err
		}
		if ok, err := tx.IssuePulls(t.Context(), a, []store.Pull{pull}); err != nil || !ok {
			t.Fatalf("issue: %v, %v", ok, err)
		}
		return nil
	})
	return a, pull
}

func TestPulls_AreIssuedToTheOwnerOfAPlannedAttempt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, first := album(t, db, "first")
		stranger, older := a, a
		stranger.Owner, older.Fence = "node_2", a.Fence-1
		second := first
		second.Hash = "second"
		storetest.Update(t, db, func(tx *store.Tx) error {
			for name, whose := range map[string]shippost.Attempt{"another node": stranger, "an older fence": older} {
				if ok, err := tx.IssuePulls(ctx, whose, []store.Pull{second}); ok || err != nil {
					t.Errorf("%s: %v, %v; want nothing issued", name, ok, err)
				}
			}
			ok, err := tx.IssuePulls(ctx, a, []store.Pull{second})
			if !ok {
				t.Error("the owner of a planned attempt was refused")
			}
			return err
		})
		storetest.View(t, db, func(tx *store.Tx) error {
			if _, err := tx.PulledPhoto(ctx, "first"); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("the replaced address: %v, want NotFound", err)
			}
			list, err := tx.Pulls(ctx, a.ID)
			if diff := cmp.Diff([]store.Pull{second}, list); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			return err
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			next := a
			next.State = shippost.AttemptInitSent
			if ok, err := tx.SaveAttempt(ctx, &next, shippost.AttemptPlanned); err != nil || !ok {
				t.Fatalf("init_sent: %v, %v", ok, err)
			}
			if ok, err := tx.IssuePulls(ctx, a, []store.Pull{first}); ok || err != nil {
				t.Errorf("after the init: %v, %v; the addresses are told and must stay", ok, err)
			}
			return nil
		})
	})
}

func TestPulls_LastByteIsNotedOnlyBetweenCommitAndEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, pull := album(t, db, "h")
		note := func(hash string) (ok bool) {
			storetest.Update(t, db, func(tx *store.Tx) (err error) {
				ok, err = tx.NoteLastByte(ctx, hash)
				return err
			})
			return ok
		}
		for _, c := range []struct {
			state shippost.AttemptState
			want  bool
		}{
			{shippost.AttemptPlanned, false}, {shippost.AttemptInitSent, false}, {shippost.AttemptOpen, false},
			{shippost.AttemptCommitting, true}, {shippost.AttemptHandedOver, true},
			{shippost.AttemptLive, false}, {shippost.AttemptUnknown, false},
		} {
			setState(ctx, t, db, &a, c.state)
			if got := note(pull.Hash); got != c.want {
				t.Errorf("%s: noted %v, want %v", c.state, got, c.want)
			}
		}
		if note("unknown") {
			t.Error("a token that nobody issued was noted")
		}
		setState(ctx, t, db, &a, shippost.AttemptCommitting)
		var first time.Time
		storetest.View(t, db, func(tx *store.Tx) error {
			list, err := tx.Pulls(ctx, a.ID)
			if first = list[0].LastByteAt; first.IsZero() {
				t.Error("the last byte left no trace")
			}
			return err
		})
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.ClosePulls(ctx, a.ID) })
		if note(pull.Hash) {
			t.Error("a last byte was noted after the address was closed")
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			photo, err := tx.PulledPhoto(ctx, pull.Hash)
			if !photo.Closed || photo.State != shippost.AttemptCommitting || photo.Attempt != a.ID || photo.Media != pull.Media {
				t.Errorf("got %+v", photo)
			}
			list, _ := tx.Pulls(ctx, a.ID)
			if !list[0].LastByteAt.Equal(first) || list[0].ClosedAt.IsZero() {
				t.Errorf("the ledger changed: %+v, first last byte at %s", list[0], first)
			}
			return err
		})
	})
}

// TestPulls_ClosingAndTheLastByteExcludeEachOther lets the two race: whoever closes sees each last byte that may have left.
func TestPulls_ClosingAndTheLastByteExcludeEachOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for range 20 {
			a, pull := album(t, db, string(shippost.NewAttemptID(db.Now())))
			setState(ctx, t, db, &a, shippost.AttemptCommitting)
			left := make(chan bool)
			go func() {
				var ok bool
				err := db.Update(ctx, func(tx *store.Tx) (err error) {
					ok, err = tx.NoteLastByte(ctx, pull.Hash)
					return err
				})
				left <- ok && err == nil
			}()
			var seen bool
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.ClosePulls(ctx, a.ID); err != nil {
					return err
				}
				list, err := tx.Pulls(ctx, a.ID)
				seen = !list[0].LastByteAt.IsZero()
				return err
			})
			if got := <-left; got != seen {
				t.Fatalf("the last byte left: %v, but who closed the address saw %v", got, seen)
			}
		}
	})
}

func setState(ctx context.Context, t *testing.T, db *store.DB, a *shippost.Attempt, state shippost.AttemptState) {
	t.Helper()
	next := *a
	next.State = state
	storetest.Update(t, db, func(tx *store.Tx) error {
		ok, err := tx.SaveAttempt(ctx, &next, a.State)
		if !ok {
			t.Fatalf("%s did not become %s", a.State, state)
		}
		return err
	})
	*a = next
}
