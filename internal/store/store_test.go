package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// meta reads a value in a transaction of its own.
func meta(t *testing.T, db *store.DB, key string) string {
	t.Helper()
	var value string
	storetest.View(t, db, func(tx *store.Tx) (err error) {
		value, err = tx.Meta(t.Context(), key)
		return err
	})
	return value
}

func TestUpdateRollsBackWhatFails(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(ctx, "motto", "once") })
		stop := errors.New("stop")
		called := false
		err := db.Update(ctx, func(tx *store.Tx) error {
			tx.OnCommit(func() { called = true })
			return errors.Join(tx.SetMeta(ctx, "motto", "twice"), stop)
		})
		if !errors.Is(err, stop) {
			t.Errorf("Update = %v, want the error of its function", err)
		}
		if got := meta(t, db, "motto"); got != "once" || called {
			t.Errorf("after a rollback the value is %q and OnCommit ran: %v; want %q and false", got, called, "once")
		}
	})
}

func TestUpdateRollsBackAPanic(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not reach the caller")
				}
			}()
			_ = db.Update(ctx, func(tx *store.Tx) error {
				if err := tx.SetMeta(ctx, "motto", "lost"); err != nil {
					return err
				}
				panic("in the middle")
			})
		}()
		// On SQLite this would wait for ever if the one writer were still held.
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(ctx, "next", "works") })
		if got := meta(t, db, "motto"); got != "" {
			t.Errorf("the value is %q after a panic, want none", got)
		}
	})
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Update(ctx, func(tx *store.Tx) error {
			if err := tx.SetMeta(ctx, "motto", "lost"); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Update = %v, want context.Canceled", err)
		}
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(t.Context(), "next", "works") })
		if got := meta(t, db, "motto"); got != "" {
			t.Errorf("the value is %q although the context had ended, want none", got)
		}
	})
}

// Whoever leaves while the work is done is told that they left, also when the transaction was rolled back before its end.
func TestLeavingIsNoFailure(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, do := range map[string]func(context.Context, func(*store.Tx) error) error{"View": db.View, "Update": db.Update} {
			ctx, leave := context.WithCancel(t.Context())
			err := do(ctx, func(tx *store.Tx) error {
				leave()
				for name == "View" || db.Engine() == store.Postgres { // until it is rolled back
					if _, err := tx.SQL().ExecContext(t.Context(), "SELECT 1"); err != nil {
						break
					}
				}
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s = %v, want context.Canceled", name, err)
			}
		}
	})
}

func TestUpdateTriesAgainWhenPostgresAsks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		runs := 0
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			runs++
			if runs < 3 {
				return fmt.Errorf("update posts: %w", &pgconn.PgError{Code: "40001"})
			}
			return tx.SetMeta(t.Context(), "runs", fmt.Sprint(runs))
		})
		if err != nil || meta(t, db, "runs") != "3" {
			t.Errorf("Update = %v after %d runs, want success at the third", err, runs)
		}
	})
}

func TestUpdateRunsAgainWhenItIsAsked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		overtaken := errors.New("overtaken")
		for name, update := range map[string]func(context.Context, func(*store.Tx) error) error{"Update": db.Update, "UpdateTogether": db.UpdateTogether} {
			runs := 0
			err := update(t.Context(), func(tx *store.Tx) error {
				runs++
				if err := tx.SetMeta(t.Context(), fmt.Sprint(name, runs), "done"); err != nil || runs == 3 {
					return err
				}
				return store.Again(overtaken)
			})
			if err != nil || meta(t, db, name+"1") != "" || meta(t, db, name+"3") != "done" {
				t.Errorf("%s = %v after %d runs; want the work of the third alone", name, err, runs)
			}
			if err := update(t.Context(), func(*store.Tx) error { return store.Again(overtaken) }); !errors.Is(err, overtaken) {
				t.Errorf("%s = %v, want what overtook it each time", name, err)
			}
		}
	})
}

// TestUpdateSurvivesADeadlock makes two transactions each wait for a row that the other one holds.
func TestUpdateSurvivesADeadlock(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	ctx := t.Context()
	storetest.Update(t, db, func(tx *store.Tx) error {
		return errors.Join(tx.SetMeta(ctx, "a", "0"), tx.SetMeta(ctx, "b", "0"))
	})
	holds := map[string]chan struct{}{"a": make(chan struct{}), "b": make(chan struct{})}
	var wg sync.WaitGroup
	for first, second := range map[string]string{"a": "b", "b": "a"} {
		wg.Go(func() {
			var once sync.Once
			err := db.Update(ctx, func(tx *store.Tx) error {
				if err := tx.SetMeta(ctx, first, "by "+first); err != nil {
					return err
				}
				once.Do(func() { close(holds[first]) })
				<-holds[second]
				return tx.SetMeta(ctx, second, "by "+first)
			})
			if err != nil {
				t.Errorf("the transaction that began with %s: %v", first, err)
			}
		})
	}
	wg.Wait()
	if a, b := meta(t, db, "a"), meta(t, db, "b"); a != b || a == "0" {
		t.Errorf("a is %q and b is %q, want both written by the later transaction", a, b)
	}
}

func TestViewSeesOneMoment(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(ctx, "motto", "before") })
		storetest.View(t, db, func(tx *store.Tx) error {
			first, err := tx.Meta(ctx, "motto")
			if err != nil {
				return err
			}
			// Readers do not keep writers waiting, nor the other way round.
			storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(ctx, "motto", "after") })
			second, err := tx.Meta(ctx, "motto")
			if first != "before" || second != "before" {
				t.Errorf("read %q, then %q in one view, want %q twice", first, second, "before")
			}
			return err
		})
	})
}

func TestViewCannotWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.View(t.Context(), func(tx *store.Tx) error { return tx.SetMeta(t.Context(), "motto", "sneaky") })
		if err == nil || meta(t, db, "motto") != "" {
			t.Errorf("a write in a view: %v, want an error and no change", err)
		}
	})
}

func TestConcurrentWritersAllSucceed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				err := db.Update(ctx, func(tx *store.Tx) error {
					_, err := tx.Exec(ctx, "INSERT INTO meta (key, value) VALUES ($1, 'x')", fmt.Sprint(i))
					return err
				})
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := db.SQL().QueryRowContext(ctx, "SELECT count(*) FROM meta WHERE value = 'x'").Scan(&n); err != nil || n != 40 {
			t.Errorf("%d rows, %v; want 40", n, err)
		}
	})
}

// One that fails among those that share a transaction takes nothing of the others along, on either engine.
func TestUpdateTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, wrong := t.Context(), errors.New("wrong")
		hold, begun := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := db.UpdateTogether(ctx, func(*store.Tx) error { close(begun); <-hold; return nil }); err != nil {
				t.Errorf("the first update: %v", err)
			}
		})
		<-begun
		results := make([]error, 6)
		for i := range results {
			wg.Go(func() {
				results[i] = db.UpdateTogether(ctx, func(tx *store.Tx) error {
					if err := tx.SetMeta(ctx, fmt.Sprint("member ", i), "stored"); err != nil {
						return err
					}
					switch i {
					case 1:
						return wrong
					case 2:
						_, err := tx.SQL().ExecContext(ctx, "SELECT nonsense FROM nowhere") // PostgreSQL takes nothing more after this
						return err
					}
					return nil
				})
			})
			for db.Waiting() <= i {
				runtime.Gosched()
			}
		}
		close(hold)
		wg.Wait()
		for i, err := range results {
			want := "stored"
			if i == 1 || i == 2 {
				want = ""
			}
			if (err == nil) != (want != "") || i == 1 && !errors.Is(err, wrong) {
				t.Errorf("member %d: %v", i, err)
			}
			if got := meta(t, db, fmt.Sprint("member ", i)); got != want {
				t.Errorf("member %d left %q, want %q", i, got, want)
			}
		}
	})
}

// A process that freezes in the middle of a change must not keep what it locked from the other nodes. Whoever only reads may
// take time.
func TestPausesOfWritersAreBounded(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	for name, c := range map[string]struct {
		run  func(context.Context, func(*store.Tx) error) error
		want string
	}{"alone": {db.Update, "10s"}, "together": {db.UpdateTogether, "10s"}, "reader": {db.View, "0"}} {
		var got string
		err := c.run(t.Context(), func(tx *store.Tx) error {
			return tx.SQL().QueryRowContext(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&got)
		})
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}
