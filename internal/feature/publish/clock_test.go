package publish

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestJudgeClock(t *testing.T) {
	for _, c := range []struct {
		name string
		r    reading
		want string
	}{
		{"first reading", reading{Wall: due}, ""},
		{"as expected", reading{Wall: due, Expected: due, Seen: due, Platform: due}, ""},
		{"a minute back", reading{Wall: due, Expected: due.Add(time.Minute)}, ""},
		{"more than a minute back", reading{Wall: due, Expected: due.Add(time.Minute + time.Second)}, "clock_went_back"},
		{"two minutes forward", reading{Wall: due, Expected: due.Add(-2 * time.Minute)}, ""},
		{"more than two minutes forward", reading{Wall: due, Expected: due.Add(-2*time.Minute - time.Second)}, "clock_jumped"},
		{"back since the last start", reading{Wall: due, Seen: due.Add(time.Hour)}, "clock_went_back"},
		{"another node wrote nonsense", reading{Wall: due, Seen: due.Add(time.Hour), Platform: due.Add(time.Minute)}, ""},
		{"forward since the last start", reading{Wall: due, Seen: due.Add(-time.Hour)}, ""},
		{"ahead of the platform", reading{Wall: due, Platform: due.Add(-2*time.Minute - time.Second)}, "clock_wrong"},
		{"behind the platform", reading{Wall: due, Platform: due.Add(2*time.Minute + time.Second)}, "clock_wrong"},
	} {
		if got := judgeClock(c.r); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestClockHold: a clock that jumps holds publishing, tells, and lets it go on after two good readings.
func TestClockHold(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{400 * 24 * time.Hour, -400 * 24 * time.Hour, 3 * time.Minute, -3 * time.Minute} {
		t.Run(step.String(), func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				a := b.account()
				soon, during := b.schedule(a, "soon", 5*time.Minute, time.Hour), b.schedule(a, "during", 20*time.Minute, time.Hour)
				b.pass(10 * time.Minute)
				b.clock.step(step)
				b.pass(30 * time.Minute)
				if p := b.post(soon); p.Status != shippost.PostPosted {
					t.Errorf("the post before the jump is %s", p.Status)
				}
				if p := b.post(during); p.Status != shippost.PostQueued || b.live()["during"] != 0 {
					t.Errorf("while the clock is wrong the post is %s and %d times out, want it to wait", p.Status, b.live()["during"])
				}
				if n := b.notices(); len(n) != 1 || n[0].Remedy != shippost.RemedyOperator {
					t.Errorf("the notices are %v, want one for the operator", n)
				}
				b.clock.step(-step)
				b.pass(4 * time.Minute)
				if p := b.post(during); p.Status != shippost.PostPosted || b.live()["during"] != 1 {
					t.Errorf("after the clock was put right the post is %s and %d times out, want posted", p.Status, b.live()["during"])
				}
				if n := b.notices(); len(n) != 0 {
					t.Errorf("the notices are %v", n)
				}
				if alarms, ends := b.ownEntries(shippost.EntryPublisherAlarm), b.ownEntries(shippost.EntryPublisherResumed); alarms != 1 || ends != 1 {
					t.Errorf("the journal has %d alarms and %d ends, want one of each", alarms, ends)
				}
			})
		})
	}
}

// ownEntries counts the entries of a kind that belong to no workspace.
func (b *bubble) ownEntries(kind shippost.EntryKind) (n int) {
	b.t.Helper()
	storetest.View(b.t, b.db, func(tx *store.Tx) error {
		return tx.SQL().QueryRowContext(b.t.Context(), "SELECT count(*) FROM journal WHERE workspace_id = '' AND kind = $1", string(kind)).Scan(&n)
	})
	return n
}

// A clock that was set back while the publisher did not run is found by what the database has seen; one that was far
// ahead once does not hold publishing for ever.
func TestClockHold_AtStart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.pass(2 * time.Minute)
		b.halt()
		b.platform.deaf = true // nobody says what time it is
		b.clock.step(-time.Hour)
		b.start()
		b.pass(time.Second)
		if n := b.notices(); len(n) != 1 || n[0].Code != "clock_went_back" {
			t.Errorf("the notices are %v, want that the clock went back", n)
		}
		b.pass(3 * time.Minute)
		if n := b.notices(); len(n) != 0 {
			t.Errorf("after two good readings the notices are %v", n)
		}
		id := b.schedule(b.account(), "later", 5*time.Minute, time.Hour)
		b.pass(10 * time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted || p.Lateness() != 0 {
			t.Errorf("the post is %s, %s late", p.Status, p.Lateness())
		}
	})
}

// forget makes the publisher know as little of the time as a new process.
func (b *bubble) forget() {
	b.platform.forget()
	b.Publisher.clock = newClock(b.clock.Now, b.elapsed, b.toldTime)
}

// A start asks a platform for the time before it goes by the clock: what is due by a clock that is ahead is not missed.
func TestClockHold_AheadAtStart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		id := b.schedule(b.account(), "waiting", 10*time.Minute, time.Hour)
		b.pass(2 * time.Minute)
		b.halt()
		b.forget()
		b.clock.step(400 * 24 * time.Hour)
		b.start()
		b.pass(time.Minute)
		if p := b.post(id); p.Status != shippost.PostQueued {
			t.Errorf("by a clock that is ahead the post is %s (%+v), want it to wait", p.Status, p.Failure)
		}
		b.clock.step(-400 * 24 * time.Hour)
		b.pass(15 * time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted || p.Lateness() != 0 {
			t.Errorf("after the clock was put right the post is %s, %s late", p.Status, p.Lateness())
		}
	})
}

// An attempt that a process left is not given up by a wrong clock: the window may be far from over.
func TestClockHold_KeepsAttempts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		id := b.schedule(b.account(), "under way", 5*time.Minute, time.Hour)
		b.pass(5*time.Minute - 10*time.Second)
		if p := b.post(id); p.Status != shippost.PostPublishing {
			t.Fatalf("ten seconds before its time the post is %s", p.Status)
		}
		b.halt()
		b.clock.step(2 * time.Hour)
		b.start()
		b.pass(time.Minute)
		if p := b.post(id); p.Status != shippost.PostPublishing {
			t.Errorf("by a wrong clock the post is %s (%+v), want it under way", p.Status, p.Failure)
		}
		b.clock.step(-2 * time.Hour)
		b.pass(4 * time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted || b.live()["under way"] != 1 {
			t.Errorf("after the clock was put right the post is %s and %d times out", p.Status, b.live()["under way"])
		}
	})
}

// What was put off by a clock that was ahead for seconds is done when it is right: the questions about what was handed
// over, and the next look at a post. So it is when the process was killed meanwhile.
func TestClockHold_PutsNothingOff(t *testing.T) {
	t.Parallel()
	const ahead = 400 * 24 * time.Hour
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %t", killed), func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				b.platform.process = time.Minute
				handed, waiting := b.schedule(b.account(), "handed over", 5*time.Minute, time.Hour), b.schedule(b.account(), "waiting", 7*time.Minute, time.Hour)
				b.pass(5*time.Minute + time.Second)
				b.clock.step(ahead)
				b.pass(10 * time.Second)
				if killed {
					b.halt()
				}
				storetest.Update(b.t, b.db, func(tx *store.Tx) error { return tx.SetWake(b.t.Context(), waiting, b.clock.Now()) })
				b.clock.step(-ahead)
				if killed {
					b.start()
				}
				b.pass(10 * time.Minute)
				for _, id := range []shippost.PostID{handed, waiting} {
					if p := b.post(id); p.Status != shippost.PostPosted {
						t.Errorf("%q is %s %s, want posted", p.Caption, p.Status, p.Phase)
					}
				}
			})
		})
	}
}

// A clock that is set in the very moment in which the guard is asked lets nothing go early.
func TestClockHold_SetAtTheGuard(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		id := b.schedule(b.account(), "early", 5*time.Minute, time.Hour)
		b.pass(5*time.Minute - 1500*time.Millisecond)
		// The row waits for its turn to be written while the clock is set.
		storetest.Update(b.t, b.db, func(*store.Tx) error {
			b.pass(700 * time.Millisecond)
			b.clock.step(10 * time.Minute)
			return nil
		})
		b.pass(5 * time.Second)
		if n := b.live()["early"]; n != 0 {
			t.Errorf("by a clock that is ten minutes ahead the post went out, at %v", b.committed("early"))
		}
		b.clock.step(-10 * time.Minute)
		b.pass(4 * time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted || b.live()["early"] != 1 {
			t.Errorf("after the clock was put right the post is %s %s and %d times out", p.Status, p.Phase, b.live()["early"])
		}
	})
}

// The gate of photos does not open a second before their time, as the row of a video may be written, when the clock is put right in
// the very moment in which the guard is asked.
func TestClockHold_PhotosAtTheGuard(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		const ahead = 110 * time.Second // which nobody can tell
		d := b.pulls()
		b.video = b.file(shippost.Photo)
		id := b.schedule(b.account(), "photos", 10*time.Minute+48*time.Second, time.Hour) // so that the hold ends before it
		var once sync.Once
		d.again = func() { once.Do(func() { b.clock.step(-ahead) }) }
		b.pass(time.Minute)
		b.clock.step(ahead)
		b.pass(30 * time.Minute)
		p := b.post(id)
		if p.Status != shippost.PostPosted || b.live()["photos"] != 1 {
			t.Errorf("the post is %s %s and %d times out", p.Status, p.Phase, b.live()["photos"])
		}
		for _, a := range b.attempts(id) {
			if a.GuardedAt.Before(p.Due.At) {
				t.Errorf("the gate opened %s early", p.Due.At.Sub(a.GuardedAt))
			}
		}
	})
}

// An upload that a killed process had committed within the last second is not ended early by one that starts by a wrong clock.
func TestClockHold_ResumedAhead(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		id := b.schedule(b.account(), "resumed", 5*time.Minute, time.Hour)
		due := b.post(id).Due.At
		b.pass(5*time.Minute - 10*time.Second)
		b.halt()
		b.platform.settle, b.platform.transfer = 0, 0
		b.pass(9100 * time.Millisecond)
		storetest.Update(b.t, b.db, func(tx *store.Tx) error {
			attempts, err := tx.Attempts(b.t.Context(), id)
			if err != nil {
				return err
			}
			return tx.SaveCommitting(b.t.Context(), b.clock.Now(), []store.Commit{{Attempt: attempts[0].ID, Post: id, NextPollAt: b.clock.Now()}})
		})
		b.forget()
		b.clock.step(10 * time.Minute)
		b.start()
		b.pass(10 * time.Second)
		if at := b.committed("resumed"); len(at) != 1 || at[0].Before(due) || at[0].After(due.Add(guardAhead)) {
			t.Errorf("the last byte left at %v, want it within a second after %v", at, due)
		}
	})
}

// The last beat of a node that was killed while its clock was ahead does not keep its attempts from the others.
func TestClockHold_DeadNodeAhead(t *testing.T) {
	t.Parallel()
	const ahead = 400 * 24 * time.Hour
	inBubble(t, func(b *bubble) {
		id := b.schedule(b.account(), "left", 5*time.Minute, time.Hour)
		b.pass(5*time.Minute - 10*time.Second)
		b.clock.step(ahead)
		storetest.Update(b.t, b.db, func(tx *store.Tx) error { return tx.InsertNode(b.t.Context(), "node_two") })
		b.clock.step(-ahead)
		storetest.Update(b.t, b.db, func(tx *store.Tx) error {
			attempts, err := tx.Attempts(b.t.Context(), id)
			if err != nil {
				return err
			}
			if ok, err := tx.TakeAttempt(b.t.Context(), attempts[0], "node_two"); err != nil || !ok {
				t.Errorf("the other node took the attempt: %t, %v", ok, err)
			}
			return nil
		})
		b.pass(time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted || b.live()["left"] != 1 {
			t.Errorf("the post is %s %s and %d times out, want posted", p.Status, p.Phase, b.live()["left"])
		}
	})
}

// TestR13_ClockSteps: wherever the clock is set by a second to 400 days, nothing goes out before its time and nothing
// twice, and when the clock is right again every post has its end.
func TestR13_ClockSteps(t *testing.T) {
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		rapid.Check(t, func(r *rapid.T) {
			type step struct {
				after, by time.Duration
			}
			size := rapid.OneOf(rapid.Int64Range(1, 120), rapid.Int64Range(121, 3600), rapid.Int64Range(3601, 400*24*3600))
			steps := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) step {
				s := step{time.Duration(rapid.IntRange(0, 600_000).Draw(r, "after")) * time.Millisecond, time.Duration(size.Draw(r, "by")) * time.Second}
				if rapid.Bool().Draw(r, "back") {
					s.by = -s.by
				}
				return s
			}), 1, 5).Draw(r, "steps")
			dues := rapid.SliceOfN(rapid.IntRange(0, 1500), 1, 6).Draw(r, "dues")
			var faults []string
			inBubbleOn(t, fresh, func(b *bubble) {
				accuse := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
				var ids []shippost.PostID
				for i, in := range dues {
					ids = append(ids, b.schedule(b.account(), fmt.Sprint(i), time.Duration(in)*time.Second, time.Hour))
				}
				off := time.Duration(0)
				for _, s := range steps {
					b.pass(s.after)
					b.clock.step(s.by)
					off += s.by
				}
				b.pass(5 * time.Minute)
				b.clock.step(-off)
				b.pass(100 * time.Minute)

				b.platform.mu.Lock()
				for _, t := range b.platform.taken {
					if t.committed.truly.IsZero() {
						continue
					}
					if t.committed.product.Before(t.due) {
						accuse("post %s went out %s early by our own clock", t.post, t.due.Sub(t.committed.product))
					}
					// A clock that is not further off than this may be as right as any.
					if early := t.due.Sub(t.committed.truly); early > clockSkew {
						accuse("post %s went out %s early", t.post, early)
					}
				}
				b.platform.mu.Unlock()
				live := b.live()
				for i, id := range ids {
					p := b.post(id)
					if n := live[fmt.Sprint(i)]; n > 1 || (p.Status == shippost.PostPosted) != (n == 1) || !p.Status.Ended() {
						accuse("post %d is %s (%s) and %d times out", i, p.Status, p.Phase, n)
					}
				}
			})
			for _, f := range faults {
				r.Error(f)
			}
		})
	})
}
