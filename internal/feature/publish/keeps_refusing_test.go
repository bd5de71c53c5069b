package publish_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestAccessRefused_EvenWhenRenewed: TikTok refuses every token, also the one that it has just given. One refresh is made for
// it and no more; the account must be connected anew at once, wherever it was refused, and then all goes on.
func TestAccessRefused_EvenWhenRenewed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at        string // the endpoint that refuses
		inits     int    // until it was clear
		refreshes int
		committed bool
	}{
		{"creator_info", 0, 1, false},
		{"video_init", 2, 2, false}, // there is one init for each attempt, so that a second one has to find it out
		{"status", 1, 1, true},
	} {
		t.Run(c.at, func(t *testing.T) {
			t.Parallel()
			eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
				account := l.account(t, "refused")
				post := l.queue(t, account, "after all", l.now().Add(time.Hour))
				refreshes, inits := l.requests("token"), l.inits("refused")
				must(t, l.sim.SetKnobs(func(k *tiktoksim.Knobs) {
					k.Faults = []tiktoksim.Fault{{Endpoint: c.at, At: "before_effect", Do: "refuse", Code: "access_token_invalid", Times: -1}}
				}))
				l.move(time.Hour)
				held, attempts := l.until(t, post.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Hold != nil })
				of := l.accountOf(t, account.ID)
				if held.Hold.Remedy != shippost.RemedyReconnect || of.Status != shippost.AccountReconnect || of.StatusReason != shippost.ReasonRefused {
					t.Errorf("the post is held by %+v, the account is %s (%s)", held.Hold, of.Status, of.StatusReason)
				}
				if committed := !attempts[len(attempts)-1].GuardedAt.IsZero(); committed != c.committed || !committed && (held.Status != shippost.PostQueued || held.Hold.Code != platform.CodeTokenRefused) {
					t.Errorf("the post is %s, held by %s, committed %t", held.Status, held.Hold.Code, committed)
				}
				if late := l.now().Sub(post.Due.At); late > time.Minute {
					t.Errorf("it was found out %s after the due time", late)
				}
				l.move(30 * time.Minute)
				l.until(t, post.ID, func(p shippost.Post, _ []shippost.Attempt) bool {
					return p.Hold != nil && p.Hold.Remedy == shippost.RemedyReconnect
				})
				if n, m := l.requests("token")-refreshes, l.inits("refused")-inits; n != c.refreshes || m != c.inits {
					t.Errorf("%d refreshes and %d inits, want %d and %d", n, m, c.refreshes, c.inits)
				}
				must(t, l.sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Faults = nil }))
				l.reconnect(t, account.ID, "refused")
				if p, _ := l.until(t, post.ID, ended); p.Status != shippost.PostPosted || len(l.live("after all")) != 1 {
					t.Errorf("after that the post is %s, live %d times", p.Status, len(l.live("after all")))
				}
			})
		})
	}
}

// accountOf returns an account as it is kept.
func (l *lane) accountOf(t *testing.T, id shippost.AccountID) (a shippost.Account) {
	t.Helper()
	storetest.View(t, l.db, func(tx *store.Tx) (err error) {
		a, err = tx.AccountOfAny(t.Context(), id)
		return err
	})
	return a
}

// reconnect has the creator of an account connect it anew, with all that is asked for.
func (l *lane) reconnect(t *testing.T, id shippost.AccountID, handle string) {
	t.Helper()
	account := l.accountOf(t, id)
	l.grant(t, account, handle)
	storetest.Update(t, l.db, func(tx *store.Tx) error {
		epoch := account.Epoch
		account.Status, account.StatusReason, account.Epoch = shippost.AccountActive, "", epoch+1
		if _, err := tx.SetAccountStatus(t.Context(), account, epoch); err != nil {
			return err
		}
		return l.publisher.Desk().AccountReady(t.Context(), tx, account)
	})
}
