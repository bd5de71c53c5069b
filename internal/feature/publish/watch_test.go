package publish

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestI06_Watchdog: a post that nothing looks after is flagged five minutes after its window, once, and no longer once
// it has its end. One that waits in its window, and one that the platform works on, are not.
func TestI06_Watchdog(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.platform.process = -1 // never done
		processing := b.schedule(b.account(), "processing", time.Minute, 0)
		b.pass(2 * time.Minute)
		b.platform.failWith(func(op string, _ shippost.AccountID) error {
			if op == "creator" {
				return says(op, "cap")
			}
			return nil
		})
		lost, waiting := b.schedule(b.account(), "lost", time.Minute, 15*time.Minute), b.schedule(b.account(), "waiting", time.Minute, 6*time.Hour)
		b.pass(time.Second) // until they were looked at
		storetest.Update(b.t, b.db, func(tx *store.Tx) error { return tx.SetWake(b.t.Context(), lost, time.Time{}) })

		b.pass(20 * time.Minute) // a minute to the due time, fifteen of window, four
		if p := b.post(lost); !p.OverdueAt.IsZero() {
			t.Errorf("the post was overdue at %s, before five minutes were over", p.OverdueAt)
		}
		b.pass(90 * time.Second)
		at := b.post(lost).OverdueAt
		if at.IsZero() || b.metric("shippost_posts_overdue") != 1 {
			t.Errorf("overdue at %v, the metric is %v; want it flagged and counted", at, b.metric("shippost_posts_overdue"))
		}
		b.pass(time.Hour)
		if n := b.count(lost, shippost.EntryPostOverdue); n != 1 || !b.post(lost).OverdueAt.Equal(at) {
			t.Errorf("%d entries say that the post is overdue, want 1", n)
		}
		for _, id := range []shippost.PostID{processing, waiting} {
			if p := b.post(id); !p.OverdueAt.IsZero() || p.Status.Ended() {
				t.Errorf("post %s is %s (%s), overdue %v; want it waiting and not flagged", p.Caption, p.Status, p.Phase, p.OverdueAt)
			}
		}
		storetest.Update(b.t, b.db, func(tx *store.Tx) error { return tx.SetWake(b.t.Context(), lost, b.now()) })
		b.pass(time.Minute)
		if p := b.post(lost); p.Status != shippost.PostMissed || !p.OverdueAt.IsZero() || b.metric("shippost_posts_overdue") != 0 {
			t.Errorf("in the end the post is %s, overdue %v, the metric %v", p.Status, p.OverdueAt, b.metric("shippost_posts_overdue"))
		}
	})
}

// metric returns one of the publisher's figures.
func (b *bubble) metric(name string) float64 {
	b.t.Helper()
	reg := prometheus.NewPedanticRegistry()
	for _, m := range b.Metrics() {
		if err := reg.Register(m); err != nil {
			b.t.Fatal(err)
		}
	}
	families, err := reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	b.t.Fatalf("there is no metric %s", name)
	return 0
}

// A publisher whose lanes stand still is not ready, whatever still answers requests.
func TestReady(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		if fresh := New(Options{Now: time.Now}); !shippost.IsCode(fresh.Ready(), "publisher_starting") {
			t.Errorf("before it runs: %v", fresh.Ready())
		}
		b.pass(time.Second)
		if err := b.Ready(); err != nil || b.metric("shippost_publisher_ready") != 1 {
			t.Errorf("while it runs: %v", err)
		}
		stop := errors.New("let go")
		// Whoever keeps the database from everybody else stops the lanes.
		err := b.db.Update(b.t.Context(), func(*store.Tx) error {
			b.pass(lease + 5*time.Second)
			if err := b.Ready(); !shippost.IsCode(err, "publisher_stuck") {
				t.Errorf("while it stands still: %v", err)
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		b.pass(5 * time.Second)
		if err := b.Ready(); err != nil {
			t.Errorf("when it goes on: %v", err)
		}
	})
}

// K3: a cap of the platform parks the post, says whose limit it is, and is asked for every hour until the window ends.
func TestQuotaParks(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.platform.failWith(func(op string, _ shippost.AccountID) error {
			if op == "init" {
				return says(op, "cap")
			}
			return nil
		})
		id := b.schedule(b.account(), "capped", 5*time.Minute, 6*time.Hour)
		b.pass(30 * time.Minute)
		p := b.post(id)
		if p.Status != shippost.PostQueued || p.Hold == nil || p.Hold.Code != "cap" || p.Hold.Message == "" {
			t.Fatalf("the post is %s, held by %+v", p.Status, p.Hold)
		}
		since := p.Hold.Since
		b.pass(5 * time.Hour)
		if p := b.post(id); p.Hold == nil || !p.Hold.Since.Equal(since) || b.count(id, shippost.EntryPostHeld) != 1 {
			t.Errorf("the hold is %+v with %d entries, want the same one", p.Hold, b.count(id, shippost.EntryPostHeld))
		}
		if n := len(b.attempts(id)); n < 5 || n > 7 {
			t.Errorf("%d attempts in five and a half hours, want one an hour", n)
		}
		b.pass(time.Hour)
		if p := b.post(id); p.Status != shippost.PostMissed || p.Failure.Code != "cap" || p.Failure.Remedy != shippost.RemedyReschedule || b.count(id, shippost.EntryPostMissed) != 1 {
			t.Errorf("after the window the post is %s for %+v", p.Status, p.Failure)
		}
	})
}

// K7: a code that nobody knows is tried three times and then counts as a refusal, with an alarm.
func TestUnknownCode(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.platform.failWith(func(op string, _ shippost.AccountID) error {
			if op == "init" {
				return says(op, "odd")
			}
			return nil
		})
		id := b.schedule(b.account(), "odd", 5*time.Minute, 6*time.Hour)
		b.pass(2 * time.Hour)
		if p := b.post(id); p.Status != shippost.PostFailed || p.Failure.Code != "odd" || len(b.attempts(id)) != maxUnknown || b.count(id, shippost.EntryPublisherAlarm) != 1 {
			t.Errorf("the post is %s for %+v after %d attempts with %d alarms", p.Status, p.Failure, len(b.attempts(id)), b.count(id, shippost.EntryPublisherAlarm))
		}
	})
}
