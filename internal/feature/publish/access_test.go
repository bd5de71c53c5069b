package publish

import (
	"fmt"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// reconnect connects an account anew.
func (b *bubble) reconnect(account shippost.Account) {
	b.t.Helper()
	storetest.Update(b.t, b.db, func(tx *store.Tx) error {
		now, err := tx.AccountOfAny(b.t.Context(), account.ID)
		if err != nil {
			return err
		}
		epoch := now.Epoch
		now.Status, now.StatusReason, now.Epoch = shippost.AccountActive, "", epoch+1
		if _, err := tx.SetAccountStatus(b.t.Context(), now, epoch); err != nil {
			return err
		}
		return b.Desk().AccountReady(b.t.Context(), tx, now)
	})
}

// broken returns the entries that say that an account must be connected anew.
func (b *bubble) broken(account shippost.Account) (list []shippost.Entry) {
	b.t.Helper()
	storetest.View(b.t, b.db, func(tx *store.Tx) error {
		all, err := tx.Journal(b.t.Context(), store.JournalQuery{Workspace: b.actor.Workspace, Limit: 1000})
		for _, e := range all {
			if e.Kind == shippost.EntryAccountBroken && e.Account == account.ID {
				list = append(list, e)
			}
		}
		return err
	})
	return list
}

// TestAccessRefused_HeldAndTold: when the platform says that a permission is missing, the account must be connected anew
// at once, its people are told which posts wait, nothing more is asked, and the posts go out after that.
func TestAccessRefused_HeldAndTold(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"creator", "init"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				account := b.account()
				first, second := b.schedule(account, "first", 10*time.Minute, 6*time.Hour), b.schedule(account, "second", time.Hour, 6*time.Hour)
				other := b.schedule(b.account(), "other", 20*time.Minute, time.Hour)
				b.platform.failWith(func(op string, of shippost.AccountID) error {
					if op == at && of == account.ID {
						return says(op, "scope")
					}
					return nil
				})
				b.pass(10 * time.Minute)
				told := b.broken(account)
				if len(told) != 1 || told[0].Data["code"] != "scope" || fmt.Sprint(told[0].Data["waiting"]) != "2" || len(told[0].Data["posts"].([]any)) != 2 {
					t.Fatalf("the people of the account were told %+v, want once, with both posts", told)
				}
				if soonest := told[0].Data["posts"].([]any)[0].(map[string]any); soonest["post_id"] != string(first) {
					t.Errorf("the most urgent post is %v, want the first", soonest)
				}
				b.pass(2 * time.Hour)
				for _, id := range []shippost.PostID{first, second} {
					p := b.post(id)
					if p.Status != shippost.PostQueued || p.Hold == nil || p.Hold.Remedy != shippost.RemedyReconnect || b.count(id, shippost.EntryPostHeld) != 1 {
						t.Errorf("post %s is %s, held by %+v with %d entries; want one hold until the account is connected anew",
							p.Caption, p.Status, p.Hold, b.count(id, shippost.EntryPostHeld))
					}
				}
				if p := b.post(first); p.Hold.Code != "scope" {
					t.Errorf("the hold says %q, want what exactly is missing", p.Hold.Code)
				}
				if p := b.post(other); p.Status != shippost.PostPosted {
					t.Errorf("the post of another account is %s", p.Status)
				}
				refused := 0
				for _, r := range b.platform.requests() {
					if r.failed && r.account == account.ID {
						refused++
					}
				}
				if refused != 1 {
					t.Errorf("the platform refused %d requests, want that it is not asked again", refused)
				}
				b.platform.failWith(nil)
				b.reconnect(account)
				b.pass(5 * time.Minute)
				for _, id := range []shippost.PostID{first, second} {
					if p := b.post(id); p.Status != shippost.PostPosted || p.Hold != nil || b.live()[p.Caption] != 1 {
						t.Errorf("after that post %s is %s (%+v), %d times out", p.Caption, p.Status, p.Hold, b.live()[p.Caption])
					}
				}
			})
		})
	}
}

// A post is held well before its time when its account must be connected anew, and no longer once it was, however far its time is.
func TestAccessRefused_HoldEndsWithIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		account := b.account()
		storetest.Update(b.t, b.db, func(tx *store.Tx) error { return b.vault.Withdrawn(b.t.Context(), tx, account, "scope") })
		id := b.schedule(account, "tide", 35*time.Minute, time.Hour)
		b.pass(time.Minute)
		if p := b.post(id); p.Hold == nil || p.Hold.Remedy != shippost.RemedyReconnect {
			t.Fatalf("34 minutes before its time the post is %s, held by %+v", p.Status, p.Hold)
		}
		b.reconnect(account)
		b.pass(5 * time.Second)
		if p := b.post(id); p.Status != shippost.PostQueued || p.Hold != nil || b.count(id, shippost.EntryPostReleased) != 1 {
			t.Errorf("after that the post is %s, held by %+v, released %d times", p.Status, p.Hold, b.count(id, shippost.EntryPostReleased))
		}
		b.pass(time.Hour)
		if p := b.post(id); p.Status != shippost.PostPosted || p.Lateness() != 0 || b.count(id, shippost.EntryPostReleased) != 1 {
			t.Errorf("in the end the post is %s, %s late", p.Status, p.Lateness())
		}
	})
}

// TestAccessLost_AfterTheHandOver: the platform has a post when the access to its account ends. That is said, and how to
// mend it; afterwards the truth comes out.
func TestAccessLost_AfterTheHandOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		code string // of the refusal
		mend func(b *bubble, account shippost.Account, a shippost.Attempt)
		want shippost.PostStatus
		says string // the code of the failure
	}{
		{"connected anew", "token", func(b *bubble, account shippost.Account, _ shippost.Attempt) {
			b.platform.failWith(nil)
			b.reconnect(account)
		}, shippost.PostPosted, ""},
		{"connected anew after a permission was missing", "scope", func(b *bubble, account shippost.Account, _ shippost.Attempt) {
			b.platform.failWith(nil)
			b.reconnect(account)
		}, shippost.PostPosted, ""},
		{"the platform tells that it is out", "token", func(b *bubble, _ shippost.Account, a shippost.Attempt) {
			b.told(a, platform.Event{Name: "post.publish.complete", State: platform.Published})
		}, shippost.PostPosted, ""},
		{"the platform tells that it was refused", "token", func(b *bubble, _ shippost.Account, a shippost.Attempt) {
			b.told(a, platform.Event{Name: "post.publish.failed", State: platform.Refused, Reason: platform.Failure{Class: platform.Declined,
				After: platform.Declined, Code: "spam_risk", Message: "TikTok did not publish it.", Remedy: shippost.RemedyOpenTikTok}})
		}, shippost.PostFailed, "spam_risk"},
		{"the platform tells only that there is news", "token", func(b *bubble, _ shippost.Account, a shippost.Attempt) {
			b.told(a, platform.Event{Name: "post.publish.no_longer_publicaly_available"})
		}, shippost.PostPublishing, ""},
		{"nothing for three days", "token", func(b *bubble, _ shippost.Account, _ shippost.Attempt) {
			b.clock.step(73 * time.Hour)
			b.pass(15 * time.Minute)
		}, shippost.PostUnconfirmed, codeAccessLost},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.halt()
				b.LetTimePass()
				b.start()
				account := b.account()
				id := b.schedule(account, "tide", 2*time.Minute, time.Hour)
				b.platform.refuse("status", c.code)
				b.pass(10 * time.Minute)
				p, a := b.post(id), b.attempts(id)[0]
				if p.Status != shippost.PostPublishing || p.Phase != shippost.PhaseProcessing || p.Hold == nil || p.Hold.Code != codeAccessLost ||
					p.Hold.Remedy != shippost.RemedyReconnect || b.count(id, shippost.EntryPostBlind) != 1 {
					t.Fatalf("without access the post is %s (%s), held by %+v, told %d times", p.Status, p.Phase, p.Hold, b.count(id, shippost.EntryPostBlind))
				}
				if n := len(b.broken(account)); n != map[string]int{"scope": 1}[c.code] {
					t.Errorf("%d entries say that the account must be connected anew", n)
				}
				c.mend(b, account, a)
				b.pass(time.Minute)
				p = b.post(id)
				if p.Status != c.want || (p.Hold != nil) != (c.want == shippost.PostPublishing) || p.Failure != nil && p.Failure.Code != c.says || len(b.attempts(id)) != 1 {
					t.Errorf("in the end the post is %s (hold %+v, failure %+v) after %d attempts, want %s", p.Status, p.Hold, p.Failure, len(b.attempts(id)), c.want)
				}
			})
		})
	}
}

// An account that is disconnected while its post is being asked about is not one that lost its access: nobody will connect it to find out,
// so a person is asked at once.
func TestAccessLost_DisconnectedMeanwhile(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		account := b.account()
		id := b.schedule(account, "tide", 2*time.Minute, time.Hour)
		b.platform.failWith(func(op string, _ shippost.AccountID) error {
			if op != "status" {
				return nil
			}
			storetest.Update(b.t, b.db, func(tx *store.Tx) error {
				now, err := tx.AccountOfAny(b.t.Context(), account.ID)
				if err != nil || now.Status == shippost.AccountDisconnected {
					return err
				}
				epoch := now.Epoch
				now.Status, now.Epoch = shippost.AccountDisconnected, epoch+1
				if _, err := tx.SetAccountStatus(b.t.Context(), now, epoch); err != nil {
					return err
				}
				return b.Desk().AccountEnded(b.t.Context(), tx, now)
			})
			return says("status", "token")
		})
		b.pass(4 * time.Minute)
		if p := b.post(id); p.Status != shippost.PostUnconfirmed || p.Failure == nil || p.Failure.Code != "disconnected" || b.count(id, shippost.EntryPostBlind) != 0 {
			t.Errorf("the post is %s (%s, hold %+v, failure %+v)", p.Status, p.Phase, p.Hold, p.Failure)
		}
	})
}

// A message about a post that can be asked about is a hint and no more.
func TestTold_IsAHintWhileThereIsAccess(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.platform.process = time.Hour
		id := b.schedule(b.account(), "tide", 2*time.Minute, time.Hour)
		b.pass(10 * time.Minute)
		asked := len(b.platform.requests())
		b.told(b.attempts(id)[0], platform.Event{State: platform.Published, Name: "post.publish.complete"})
		b.pass(time.Second)
		if p := b.post(id); p.Status != shippost.PostPublishing || len(b.platform.requests()) != asked+1 {
			t.Errorf("the post is %s after %d questions, want it asked about once", p.Status, len(b.platform.requests())-asked)
		}
	})
}

// Five posts of an account that are due now: the budget lets four go, and the fifth waits for it and no longer.
func TestOwnBudget_ExactWait(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		account := b.account()
		var ids []shippost.PostID
		for i := range initsPerMinute + 1 {
			ids = append(ids, b.schedule(account, fmt.Sprint(i), 0, time.Hour))
		}
		b.pass(5 * time.Minute)
		var latest time.Duration
		for _, id := range ids {
			p := b.post(id)
			if p.Status != shippost.PostPosted {
				t.Errorf("post %s is %s", p.Caption, p.Status)
			}
			latest = max(latest, p.Lateness())
		}
		if latest < time.Minute || latest > time.Minute+3*time.Second {
			t.Errorf("the last of them was %s late, want a minute and what it takes to send it", latest)
		}
	})
}
