package publish

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestR17_Outage: the platform is gone for two hours while 500 posts fall due. It is probed every 30 s at most, no attempt
// is spent, and afterwards every post has the end that its late window gives it.
func TestR17_Outage(t *testing.T) {
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		inBubbleOn(t, fresh, func(b *bubble) {
			const posts, accounts = 500, 50
			ids := map[shippost.PostID]time.Duration{}
			for i := range accounts {
				a := b.account()
				for j := range posts / accounts {
					window := []time.Duration{time.Hour, 6 * time.Hour}[i%2]
					ids[b.schedule(a, fmt.Sprint(i, "/", j), 5*time.Minute+time.Duration(j)*time.Second, window)] = window
				}
			}
			b.pass(time.Minute)
			gone := time.Now()
			b.platform.failWith(func(op string, _ shippost.AccountID) error { return down(op) })
			b.pass(2 * time.Hour)
			back := time.Now()
			if n := b.notices(); len(n) != 1 || n[0].Code != "platform_unavailable" {
				t.Errorf("the notices are %v, want that the platform does not answer", n)
			}
			asked := b.platform.requests()
			b.platform.failWith(nil)
			b.pass(5 * time.Minute)
			if n := b.notices(); len(n) != 0 {
				t.Errorf("the notices are %v after the platform came back", n)
			}
			if alarms, ends := b.ownEntries(shippost.EntryPublisherAlarm), b.ownEntries(shippost.EntryPublisherResumed); alarms != 1 || ends != 1 {
				t.Errorf("the journal has %d alarms and %d ends, want one of each", alarms, ends)
			}
			// Ten posts of one account go out a minute apart.
			b.pass(25 * time.Minute)

			checkProbes(t, asked, gone, back)
			live, burnt := b.live(), 0
			for id, window := range ids {
				p := b.post(id)
				want, published := shippost.PostMissed, 0
				if window > 2*time.Hour {
					want, published = shippost.PostPosted, 1
				}
				if p.Status != want || live[p.Caption] != published {
					t.Errorf("post %s with a window of %s is %s and %d times out (%+v), want %s", p.Caption, window, p.Status, live[p.Caption], p.Failure, want)
				}
				if want == shippost.PostMissed {
					if n := b.count(id, shippost.EntryPostMissed); n != 1 {
						t.Errorf("%d notices say that post %s was missed, want 1", n, p.Caption)
					}
					// The last of it may have been a probe, which knows only that nobody answered.
					if p.Failure.Code != "platform_unavailable" && p.Failure.Code != platform.CodeNetwork || p.Failure.Remedy != shippost.RemedyReschedule {
						t.Errorf("post %s was missed for %+v, want that the platform did not answer", p.Caption, p.Failure)
					}
				}
				clean := 0
				for _, a := range b.attempts(id) {
					if a.Failure != nil {
						burnt++
					} else {
						clean++ // it got out, or waited for the platform until the window was over
					}
				}
				if clean > 1 {
					t.Errorf("%d attempts of post %s did not fail, want one that got out or waited", clean, p.Caption)
				}
			}
			// What met the outage: its first failures, and the probes.
			spent := 0
			for _, r := range asked {
				if r.failed {
					spent++
				}
			}
			if burnt > spent {
				t.Errorf("%d attempts failed by %d requests", burnt, spent)
			}
		})
	})
}

// After an outage the platform's limits hold, too: what an account saved up while nothing could be sent does not leave at once.
func TestOutage_BudgetAfterwards(t *testing.T) {
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		inBubbleOn(t, fresh, func(b *bubble) {
			account := b.account()
			b.schedule(b.account(), "another", time.Hour, time.Hour)
			var ids []shippost.PostID
			for i := range 14 {
				ids = append(ids, b.schedule(account, fmt.Sprint(i), 0, time.Hour))
			}
			b.pass(time.Second) // four are open, the others wait for the budget
			for i := range breakerFailures {
				b.breakers[shippost.TikTok].note(shippost.AccountID(fmt.Sprint("acc_", i%breakerAccounts)), true)
			}
			b.platform.failWith(func(op string, _ shippost.AccountID) error { return down(op) })
			b.pass(4 * time.Minute)
			b.platform.failWith(nil)
			b.pass(time.Hour)
			for _, id := range ids {
				if p := b.post(id); p.Status != shippost.PostPosted {
					t.Errorf("post %s is %s (%+v)", p.Caption, p.Status, p.Failure)
				}
			}
			checkBudget(t, b.platform.requests(), "init", 6)
		})
	})
}

// Whoever waits for a platform with an attempt under way does not wait beyond the late window: the post is missed, and said to be.
func TestOutage_WindowEndsMeanwhile(t *testing.T) {
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		inBubbleOn(t, fresh, func(b *bubble) {
			var ids []shippost.PostID
			for i := range 10 {
				account := b.account()
				for j := range 10 {
					ids = append(ids, b.schedule(account, fmt.Sprint(i, "/", j), 0, 15*time.Minute))
				}
			}
			b.pass(time.Second)
			for i := range breakerFailures {
				b.breakers[shippost.TikTok].note(shippost.AccountID(fmt.Sprint("acc_", i%breakerAccounts)), true)
			}
			b.platform.failWith(func(op string, _ shippost.AccountID) error { return down(op) })
			b.pass(17 * time.Minute)
			missed := 0
			for _, id := range ids {
				switch p := b.post(id); {
				case p.Status == shippost.PostMissed:
					missed++
				case p.Status != shippost.PostPublishing || p.CommittedAt.IsZero() && b.attempts(id)[0].GuardedAt.IsZero():
					t.Errorf("post %s is %s (%s) after its window", p.Caption, p.Status, p.Phase)
				}
			}
			if missed < 50 {
				t.Errorf("%d posts were missed, want those that were not open yet", missed)
			}
		})
	})
}

// checkProbes holds the requests of an outage against the breaker's rule.
func checkProbes(t *testing.T, asked []request, from, to time.Time) {
	t.Helper()
	failed := map[shippost.AccountID]bool{}
	var probes []time.Time
	n := 0
	for _, r := range asked {
		if r.at.truly.Before(from) || r.at.truly.After(to) {
			continue
		}
		n++
		if n <= breakerFailures || len(failed) < breakerAccounts {
			failed[r.account] = true
			continue
		}
		probes = append(probes, r.at.truly)
	}
	for i := 1; i < len(probes); i++ {
		if apart := probes[i].Sub(probes[i-1]); apart < probeEvery {
			t.Errorf("two probes were %s apart, want at least %s", apart, probeEvery)
		}
	}
	if most := int(to.Sub(from)/probeEvery) + 1; len(probes) > most || len(probes) < most/4 {
		t.Errorf("%d probes in %s, want up to %d and some", len(probes), to.Sub(from), most)
	}
}

// attempts returns the attempts of a post, oldest first.
func (b *bubble) attempts(id shippost.PostID) (list []shippost.Attempt) {
	b.t.Helper()
	storetest.View(b.t, b.db, func(tx *store.Tx) (err error) {
		list, err = tx.Attempts(b.t.Context(), id)
		return err
	})
	return list
}

// A few failures, or the failures of a few accounts, are theirs and not the platform's.
func TestBreaker(t *testing.T) {
	accounts := []shippost.AccountID{"a", "b", "c"}
	var elapsed time.Duration
	fresh := func() *breaker {
		return &breaker{elapsed: func() time.Duration { return elapsed }, now: func() time.Time { return due }, accounts: map[shippost.AccountID]bool{}}
	}
	fail := func(b *breaker, n int, of ...shippost.AccountID) (opened bool) {
		for i := range n {
			opened = b.note(of[i%len(of)], true) || opened
		}
		return opened
	}
	if b := fresh(); fail(b, breakerFailures-1, accounts...) || b.enter() != 0 {
		t.Error("it opened one failure too early")
	}
	if b := fresh(); fail(b, 10*breakerFailures, accounts[:2]...) || b.enter() != 0 {
		t.Error("it opened for the failures of two accounts")
	}
	b := fresh()
	fail(b, breakerFailures-1, accounts...)
	b.note("a", false)
	if fail(b, breakerFailures-1, accounts...) {
		t.Error("it opened although a request got through in between")
	}
	if b = fresh(); !fail(b, breakerFailures, accounts...) {
		t.Fatal("it did not open")
	}
	if b.enter() != probeEvery || b.opened() != due {
		t.Errorf("the first probe comes after %s, open since %s", b.enter(), b.opened())
	}
	elapsed += probeEvery
	if b.ahead() != 0 || b.enter() != 0 || b.enter() != probeEvery {
		t.Error("after 30 s exactly one request may pass")
	}
	if b.note("a", true) || b.enter() != probeEvery {
		t.Error("a probe that failed changed something")
	}
	if !b.note("a", false) || b.enter() != 0 || !b.opened().IsZero() {
		t.Error("a probe that got through did not close it")
	}
}

// After downtime the posts of an account go out oldest first and a minute apart, those of others beside them.
func TestBacklog(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.pass(time.Second)
		b.halt()
		one, other := b.account(), b.account()
		var ids []shippost.PostID
		for i := range 6 {
			// The later ones were written first, so that nothing but the due time tells the order.
			ids = append(ids, b.schedule(one, fmt.Sprint("one/", 5-i), time.Duration(6-i)*time.Minute, 6*time.Hour))
		}
		ids = append(ids, b.schedule(other, "other", 5*time.Minute, 6*time.Hour))
		b.pass(2 * time.Hour)
		back := time.Now()
		b.start()
		b.pass(30 * time.Minute)

		type out struct {
			caption string
			at      time.Time
		}
		var list []out
		for _, id := range ids {
			p := b.post(id)
			if p.Status != shippost.PostPosted {
				t.Errorf("post %s is %s, want posted", p.Caption, p.Status)
			}
			if p.Caption == "other" {
				if late := p.CommittedAt.Sub(back); late > time.Minute {
					t.Errorf("the post of another account waited %s", late)
				}
				continue
			}
			list = append(list, out{p.Caption, p.CommittedAt})
		}
		slices.SortFunc(list, func(a, b out) int { return a.at.Compare(b.at) })
		for i, o := range list {
			if want := fmt.Sprint("one/", i); o.caption != want {
				t.Errorf("place %d has %s, want the oldest first", i, o.caption)
			}
			if i == 0 {
				continue
			}
			if apart := o.at.Sub(list[i-1].at); apart < backlogApart || apart > 3*backlogApart {
				t.Errorf("%s came %s after the one before, want about a minute", o.caption, apart)
			}
		}
	})
}
