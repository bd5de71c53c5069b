package quota_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

const (
	scope  = "tiktok|init|acc_1"
	limit  = 4
	window = time.Minute
)

// answer is what Take said.
type answer struct {
	ok    bool
	after time.Duration
}

func take(t *testing.T, l *quota.Limiter, scope string) answer {
	t.Helper()
	ok, after, err := l.Take(t.Context(), scope, limit, window)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return answer{ok, after}
}

func TestTakeSlides(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		l := quota.New(db)
		steps := []struct {
			name    string
			advance time.Duration
			scope   string
			want    answer
		}{
			{"first", 0, scope, answer{true, 0}},
			{"second, ten seconds later", 10 * time.Second, scope, answer{true, 0}},
			{"third", 0, scope, answer{true, 0}},
			{"fourth fills the window", 10 * time.Second, scope, answer{true, 0}},
			{"fifth waits for the first to leave", 0, scope, answer{false, 40 * time.Second}},
			{"another scope has its own window", 0, "tiktok|init|acc_2", answer{true, 0}},
			{"a microsecond too early", 40*time.Second - time.Microsecond, scope, answer{false, time.Millisecond}},
			{"the first has left", time.Microsecond, scope, answer{true, 0}},
			{"the second has not", 0, scope, answer{false, 10 * time.Second}},
			{"a refused request did not count", 10 * time.Second, scope, answer{true, 0}},
			{"the third left with the second", 0, scope, answer{true, 0}},
			{"full again", 0, scope, answer{false, 10 * time.Second}},
			{"everything has left", 2 * time.Minute, scope, answer{true, 0}},
		}
		for _, step := range steps {
			clock.Advance(step.advance)
			if got := take(t, l, step.scope); got != step.want {
				t.Errorf("%s: Take = %+v, want %+v", step.name, got, step.want)
			}
		}
	})
}

func TestTakeAtTheSameTimeNeverExceedsTheLimit(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, _ *storetest.Clock) {
		// Two limiters are two nodes: nothing but the database is between them.
		nodes := []*quota.Limiter{quota.New(db), quota.New(db)}
		var wg sync.WaitGroup
		answers := make(chan answer, 32)
		for i := range cap(answers) {
			wg.Go(func() {
				ok, after, err := nodes[i%2].Take(t.Context(), scope, limit, window)
				if err != nil {
					t.Errorf("Take: %v", err)
				}
				answers <- answer{ok, after}
			})
		}
		wg.Wait()
		close(answers)
		taken := 0
		for a := range answers {
			if a.ok {
				taken++
			} else if a.after != window {
				t.Errorf("a refused request may come again after %v, want %v", a.after, window)
			}
		}
		if taken != limit {
			t.Errorf("%d of %d requests were let through, want %d", taken, cap(answers), limit)
		}
	})
}

// TestTakeWaitsForAnOpenTransaction shows that the last place is given once even when the first taker has not committed.
func TestTakeWaitsForAnOpenTransaction(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, _ *storetest.Clock) {
		l := quota.New(db)
		second := make(chan answer, 1)
		storetest.Update(t, db, func(tx *store.Tx) error {
			waiting := waiters(t, db)
			if ok, _, err := l.TakeIn(t.Context(), tx, scope, 1, window); !ok || err != nil {
				t.Errorf("the first TakeIn = %v, %v; want true", ok, err)
			}
			go func() {
				ok, after, err := l.Take(t.Context(), scope, 1, window)
				if err != nil {
					t.Errorf("the second Take: %v", err)
				}
				second <- answer{ok, after}
			}()
			look := time.NewTicker(5 * time.Millisecond)
			defer look.Stop()
			for waiters(t, db) == waiting {
				select {
				case got := <-second:
					t.Errorf("the second Take answered %+v before the first was committed", got)
					second <- got
					return nil
				case <-look.C:
				}
			}
			return nil
		})
		if got, want := <-second, (answer{false, window}); got != want {
			t.Errorf("the second Take = %+v, want %+v", got, want)
		}
	})
}

// waiters counts who waits: for the scope's lock on PostgreSQL, for the one writer on SQLite.
func waiters(t *testing.T, db *store.DB) int64 {
	t.Helper()
	if db.Engine() == store.SQLite {
		return int64(db.Waiting())
	}
	var n int64
	row := db.SQL().QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	if err := row.Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTakeInIsUndoneWithItsTransaction(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, _ *storetest.Clock) {
		l := quota.New(db)
		stop := errors.New("stop")
		for range limit + 1 {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				if ok, _, err := l.TakeIn(t.Context(), tx, scope, limit, window); !ok || err != nil {
					t.Errorf("TakeIn = %v, %v; rolled back requests must not count", ok, err)
				}
				return stop
			})
			if !errors.Is(err, stop) {
				t.Fatalf("Update = %v, want the error of its function", err)
			}
		}
	})
}

func TestTakeAfterTheClockWasPutBack(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		l := quota.New(db)
		for range limit {
			take(t, l, scope)
		}
		clock.Advance(-30 * time.Second)
		if got, want := take(t, l, scope), (answer{false, 90 * time.Second}); got != want {
			t.Errorf("half a minute back: Take = %+v, want %+v: the requests were made", got, want)
		}
		clock.Advance(-365 * 24 * time.Hour)
		if got := take(t, l, scope); !got.ok {
			t.Errorf("a year back: Take = %+v, want to be let through", got)
		}
	})
}

func TestTakeRefusesAnImpossibleLimit(t *testing.T) {
	t.Parallel()
	l := quota.New(storetest.SQLite(t))
	if ok, _, err := l.Take(t.Context(), scope, 0, window); ok || !shippost.IsCode(err, "invalid_limit") {
		t.Errorf("Take with limit 0 = %v, %v; want invalid_limit", ok, err)
	}
}

func TestSweepRemovesOnlyWhatNoLongerCounts(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		l := quota.New(db)
		take(t, l, scope)
		clock.Advance(window)
		for range limit {
			take(t, l, scope)
		}
		if err := l.Sweep(t.Context()); err != nil {
			t.Fatalf("Sweep: %v", err)
		}
		if got := take(t, l, scope); got.ok {
			t.Error("the sweep removed requests that still count")
		}
		var left int
		if err := db.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM quota_hits").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left != limit {
			t.Errorf("%d requests are kept after the sweep, want %d", left, limit)
		}
	})
}
