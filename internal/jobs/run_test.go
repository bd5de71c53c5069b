package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestInsertedJobsRunOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, jobs.Options{}, done)
		completed := b.ofNotes(t, river.EventKindJobCompleted)
		b.start(t)
		const many = 50
		storetest.Update(t, db, func(tx *store.Tx) error {
			var list []river.InsertManyParams
			for i := range many {
				list = append(list, river.InsertManyParams{Args: note{fmt.Sprint(i)}, InsertOpts: &river.InsertOpts{Queue: "notes"}})
			}
			return b.InsertMany(t.Context(), tx, list)
		})
		seen := map[string]int{}
		for range many {
			r := <-b.runs
			seen[r.text]++
			<-completed
		}
		for text, n := range seen {
			if n != 1 {
				t.Errorf("job %s ran %d times, want once", text, n)
			}
		}
		b.none(t)
	})
}

func TestInsertIsAnnounced(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		// With an hour between polls only an announcement can start jobs inserted after the first look.
		b := newBench(t, db, jobs.Options{Poll: time.Hour}, done)
		b.insert(t, "before the start", nil)
		b.start(t)
		b.next(t, run{"before the start", 1})
		// The client may not listen yet, and inserts close together are announced once: insert until one is heard.
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				b.insert(t, "after the start", nil)
			case r := <-b.runs:
				if r.text != "after the start" {
					t.Errorf("ran %+v, want the announced job", r)
				}
				return
			case <-time.After(30 * time.Second):
				t.Fatal("no announcement started a job")
			}
		}
	})
}

func TestUniqueJobsAreInsertedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, jobs.Options{}, done)
		unique := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
		b.insert(t, "a", unique)
		b.insert(t, "a", unique)
		b.insert(t, "b", unique)
		b.start(t)
		seen := map[string]int{(<-b.runs).text: 1}
		seen[(<-b.runs).text]++
		b.insert(t, "last", nil)
		b.next(t, run{"last", 1})
		if seen["a"] != 1 || seen["b"] != 1 {
			t.Errorf("ran %v, want a and b once each", seen)
		}
	})
}

func TestScheduledJobsWaitForTheirTime(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Now(), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := newBench(t, db, jobs.Options{Now: clock.Now}, done)
		b.insert(t, "at due", &river.InsertOpts{ScheduledAt: clock.Now().Add(3 * time.Second)})
		b.start(t)
		b.insert(t, "now", nil)
		b.next(t, run{"now", 1})
		b.none(t)
		clock.Advance(3 * time.Second)
		b.next(t, run{"at due", 1})
	})
}

// What removes things by their age does nothing by a clock that may be wrong, ends all the same, and is done the next time.
func TestTimedJobsWaitForARightClock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var right atomic.Bool
		b := newBench(t, db, jobs.Options{Timed: []string{note{}.Kind()}, Sure: func(context.Context) bool { return right.Load() }}, done)
		completed := b.ofNotes(t, river.EventKindJobCompleted)
		b.start(t)
		b.insert(t, "by a wrong clock", nil)
		<-completed
		b.none(t)
		right.Store(true)
		b.insert(t, "by a right one", nil)
		<-completed
		b.next(t, run{"by a right one", 1})
	})
}

func TestFailedJobsRunAgain(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Now(), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := newBench(t, db, jobs.Options{Now: clock.Now}, func(_ context.Context, r run) error {
			switch r.attempt {
			case 1:
				return errors.New("not yet")
			case 2:
				panic("worse")
			default:
				return nil
			}
		})
		failed := b.ofNotes(t, river.EventKindJobFailed, river.EventKindJobCompleted)
		b.insert(t, "stubborn", nil)
		b.start(t)
		for attempt, wait := range []time.Duration{1, 2, 0} {
			b.next(t, run{"stubborn", attempt + 1})
			event := <-failed
			if wait == 0 {
				if event.Kind != river.EventKindJobCompleted {
					t.Errorf("after attempt %d: %s, want completed", attempt+1, event.Kind)
				}
				break
			}
			due := event.Job.ScheduledAt.Sub(clock.Now())
			if low, high := wait*time.Second, wait*time.Second*11/10+time.Millisecond; due < low-time.Millisecond || due > high {
				t.Errorf("attempt %d is tried again after %v, want %v to %v", attempt+1, due, low, high)
			}
			clock.Advance(due + time.Second)
		}
	})
}

func TestSnoozedJobsRunLater(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Now(), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		first := true
		b := newBench(t, db, jobs.Options{Now: clock.Now}, func(context.Context, run) error {
			if first {
				first = false
				return river.JobSnooze(4 * time.Second)
			}
			return nil
		})
		snoozed := b.ofNotes(t, river.EventKindJobSnoozed)
		b.insert(t, "sleepy", nil)
		b.start(t)
		b.next(t, run{"sleepy", 1})
		<-snoozed
		b.insert(t, "awake", nil)
		b.next(t, run{"awake", 1})
		b.none(t)
		clock.Advance(4 * time.Second)
		b.next(t, run{"sleepy", 1}) // snoozing uses up no attempt
	})
}

func TestStopWaitsForRunningJobs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		release := make(chan struct{})
		b := newBench(t, db, jobs.Options{}, func(ctx context.Context, r run) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		completed := b.ofNotes(t, river.EventKindJobCompleted)
		b.insert(t, "slow", nil)
		if err := b.Start(t.Context()); err != nil {
			t.Fatalf("Start: %v", err)
		}
		b.next(t, run{"slow", 1})
		stopped := make(chan error, 1)
		go func() { stopped <- b.Stop(context.WithoutCancel(t.Context())) }()
		b.insert(t, "too late", nil)
		select {
		case err := <-stopped:
			t.Fatalf("Stop returned %v while a job was running", err)
		default:
		}
		close(release)
		if err := <-stopped; err != nil {
			t.Errorf("Stop: %v", err)
		}
		if event := <-completed; event == nil || event.Job.Attempt != 1 {
			t.Errorf("the running job ended as %+v, want completed at its first attempt", event)
		}
	})
}

func TestStopCancelsJobsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, jobs.Options{}, func(ctx context.Context, _ run) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b.insert(t, "endless", nil)
		if err := b.Start(t.Context()); err != nil {
			t.Fatalf("Start: %v", err)
		}
		b.next(t, run{"endless", 1})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Stop(over); err != nil {
			t.Errorf("Stop: %v", err)
		}
		// The next process finds it, with no attempt used up.
		next := newBench(t, db, jobs.Options{}, done)
		next.start(t)
		next.next(t, run{"endless", 1})
	})
}

func TestJobsOfADeadProcessRunAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, jobs.Options{}, done)
		b.insert(t, "orphan", nil)
		b.insert(t, "killer", nil)
		// What a process killed five minutes ago leaves behind: jobs marked as running that nobody runs, one of them
		// at its last attempt.
		for _, query := range []string{
			"UPDATE river_job SET state = 'running', attempt = 1, attempted_by = " + nobody[db.Engine()] + ", attempted_at = " + past[db.Engine()],
			"UPDATE river_job SET attempt = max_attempts WHERE id = (SELECT max(id) FROM river_job)",
		} {
			if _, err := db.SQL().ExecContext(t.Context(), query); err != nil {
				t.Fatalf("leave a job behind: %v", err)
			}
		}
		next := newBench(t, db, jobs.Options{}, done)
		next.start(t)
		next.next(t, run{"orphan", 2})
		next.insert(t, "after", nil)
		next.next(t, run{"after", 1})
		next.none(t)
	})
}

// What was to run at once, or again, by a clock that was far ahead does not wait for that time to come, once the clock is right. What
// was put off on purpose does.
func TestJobsOfAWrongClockRunSoon(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Now(), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		var right atomic.Bool
		b := newBench(t, db, jobs.Options{Now: clock.Now, Trusted: func(context.Context) bool { return right.Load() }}, done)
		b.insert(t, "at once", nil)
		b.insert(t, "again", nil)
		b.insert(t, "mail", nil)
		b.insert(t, "next year", &river.InsertOpts{ScheduledAt: clock.Now().AddDate(1, 0, 0)})
		for _, query := range []string{
			"UPDATE river_job SET scheduled_at = " + ahead[db.Engine()] + " WHERE state = 'available'",
			"UPDATE river_job SET state = 'retryable', attempt = 1 WHERE id = (SELECT min(id) + 1 FROM river_job)",
			"UPDATE river_job SET state = 'retryable', attempt = 8, scheduled_at = " + hours[db.Engine()] + " WHERE id = (SELECT min(id) + 2 FROM river_job)",
		} {
			if _, err := db.SQL().ExecContext(t.Context(), query); err != nil {
				t.Fatalf("put a job off: %v", err)
			}
		}
		if n, err := b.BringForward(t.Context()); err != nil || n != 0 {
			t.Errorf("by a wrong clock %d jobs were brought forward, %v", n, err)
		}
		right.Store(true)
		next := newBench(t, db, jobs.Options{Now: clock.Now, Trusted: func(context.Context) bool { return right.Load() }}, done)
		next.start(t)
		attempts := map[string]int{}
		for range 2 {
			select {
			case r := <-next.runs:
				attempts[r.text] = r.attempt
			case <-time.After(30 * time.Second):
				t.Fatalf("only %v ran", attempts)
			}
		}
		if attempts["at once"] != 1 || attempts["again"] != 2 {
			t.Errorf("ran %v", attempts)
		}
		if n, err := next.BringForward(t.Context()); err != nil || n != 0 {
			t.Errorf("%d jobs were brought forward that wait on purpose, %v", n, err)
		}
		next.none(t)
	})
}

// ahead and hours are when a wrong clock and a patient job have a job run again, in each engine's words.
var (
	ahead = map[store.Engine]string{store.SQLite: "datetime('now', '+400 days', 'subsec')", store.Postgres: "now() + interval '400 days'"}
	hours = map[store.Engine]string{store.SQLite: "datetime('now', '+8 hours', 'subsec')", store.Postgres: "now() + interval '8 hours'"}
)

// past and nobody are in each engine's words: River's columns differ between them.
var (
	past   = map[store.Engine]string{store.SQLite: "datetime('now', '-5 minutes', 'subsec')", store.Postgres: "now() - interval '5 minutes'"}
	nobody = map[store.Engine]string{store.SQLite: `jsonb('["gone"]')`, store.Postgres: "ARRAY['gone']"}
)

func TestOpenRefusesATimeoutThatOutlivesTheRescue(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	if _, err := jobs.Open(t.Context(), db, jobs.Options{Timeout: jobs.MaxTimeout + 1}); err == nil {
		t.Error("Open took a time-out after which a job is taken for stuck while it runs")
	}
}

func TestOpenRefusesANewerQueue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if _, err := db.SQL().ExecContext(t.Context(), "INSERT INTO river_migration (line, version) VALUES ('main', 999)"); err != nil {
			t.Fatal(err)
		}
		if _, err := jobs.Open(t.Context(), db, jobs.Options{}); !shippost.IsCode(err, "newer_data") {
			t.Errorf("Open = %v, want newer_data", err)
		}
	})
}
