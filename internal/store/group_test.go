package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"ship-post.com/shippost"
)

// crowd holds the writer while updates gather, so that they share the next transaction.
type crowd struct {
	t       *testing.T
	db      *DB
	release chan struct{}
	all     sync.WaitGroup

	mu      sync.Mutex
	results map[string]error
}

func gather(t *testing.T) *crowd {
	t.Helper()
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "shippost.db")})
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, db: db, release: make(chan struct{}), results: map[string]error{}}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	begun := make(chan struct{})
	c.add(t.Context(), "first", func(*Tx) error {
		close(begun)
		<-c.release
		return nil
	})
	<-begun
	return c
}

// add starts an update and returns once it waits (the first one does not).
func (c *crowd) add(ctx context.Context, name string, fn func(*Tx) error) {
	before := c.db.Waiting()
	c.all.Go(func() {
		err := c.db.Update(ctx, fn)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.results[name] = err
	})
	for name != "first" && c.db.Waiting() == before {
		runtime.Gosched()
	}
}

// finish lets everything run and returns the keys that were stored.
func (c *crowd) finish() []string {
	c.t.Helper()
	close(c.release)
	c.all.Wait()
	var keys []string
	err := c.db.View(c.t.Context(), func(tx *Tx) error {
		rows, err := tx.query(c.t.Context(), "SELECT key FROM meta WHERE key LIKE 'test %' ORDER BY key")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			if err := rows.Scan(&key); err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return rows.Err()
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return keys
}

func (c *crowd) expect(name string, want error) {
	c.t.Helper()
	if got := c.results[name]; !errors.Is(got, want) {
		c.t.Errorf("%s: %v, want %v", name, got, want)
	}
}

func setMeta(t *testing.T, key string) func(*Tx) error {
	return func(tx *Tx) error { return tx.SetMeta(t.Context(), "test "+key, "value") }
}

func TestUpdate_SharesACommit(t *testing.T) {
	t.Parallel()
	c := gather(t)
	const n = 20
	var last *member
	shared := 0
	for i := range n {
		c.add(t.Context(), fmt.Sprint(i), func(tx *Tx) error {
			if last != nil && last.tx.tx == tx.tx {
				shared++
			}
			last = &member{tx: tx}
			return setMeta(t, fmt.Sprintf("%02d", i))(tx)
		})
	}
	if keys := c.finish(); len(keys) != n {
		t.Errorf("stored %v", keys)
	}
	if shared != n-1 {
		t.Errorf("%d of %d updates shared the transaction of the one before", shared, n)
	}
	for name := range c.results {
		c.expect(name, nil)
	}
}

func TestUpdate_UndoesWhatFailedAlone(t *testing.T) {
	t.Parallel()
	c := gather(t)
	told, wrong := []string{}, errors.New("wrong")
	var mu sync.Mutex
	tell := func(tx *Tx, name string) {
		tx.OnCommit(func() {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, name)
		})
	}
	for _, name := range []string{"a", "b", "c"} {
		c.add(t.Context(), name, func(tx *Tx) error {
			tell(tx, name)
			if err := setMeta(t, name)(tx); err != nil || name != "b" {
				return err
			}
			return wrong
		})
	}
	if keys := c.finish(); !slices.Equal(keys, []string{"test a", "test c"}) {
		t.Errorf("stored %v", keys)
	}
	c.expect("a", nil)
	c.expect("b", wrong)
	c.expect("c", nil)
	if slices.Sort(told); !slices.Equal(told, []string{"a", "c"}) {
		t.Errorf("told after the commit: %v", told)
	}
}

// SQLite may give up the whole transaction under one of its updates. The others must be stored once all the same.
func TestUpdate_SurvivesALostTransaction(t *testing.T) {
	t.Parallel()
	c := gather(t)
	runs := map[string]int{}
	for _, name := range []string{"a", "b", "c"} {
		c.add(t.Context(), name, func(tx *Tx) error {
			runs[name]++
			if err := tx.countMeta(t.Context(), "test "+name); err != nil {
				return err
			}
			if name == "b" {
				if _, err := tx.exec(t.Context(), "ROLLBACK"); err != nil {
					return err
				}
				return shippost.Errorf(shippost.Unavailable, "disk_full", "full")
			}
			return nil
		})
	}
	if keys := c.finish(); !slices.Equal(keys, []string{"test a", "test c"}) {
		t.Errorf("stored %v", keys)
	}
	c.expect("a", nil)
	c.expect("c", nil)
	if !shippost.IsCode(c.results["b"], "disk_full") {
		t.Errorf("b: %v", c.results["b"])
	}
	if runs["a"] != 2 || runs["b"] != 1 {
		t.Errorf("the updates ran so often: %v", runs)
	}
}

func TestUpdate_LeftByAPanic(t *testing.T) {
	t.Parallel()
	for _, leads := range []bool{true, false} {
		c := gather(t)
		names := []string{"a", "b", "c"}
		abort := "b"
		if leads {
			abort = "a" // the longest waiting leads
		}
		for _, name := range names {
			c.add(t.Context(), name, func(tx *Tx) error {
				if err := setMeta(t, name)(tx); err != nil {
					return err
				}
				if name == abort {
					runtime.Goexit() // what a panic does, without the noise
				}
				return nil
			})
		}
		want := slices.DeleteFunc(names, func(name string) bool { return name == abort })
		keys := c.finish()
		if len(keys) != 2 || keys[0] != "test "+want[0] || keys[1] != "test "+want[1] {
			t.Errorf("leads %t: stored %v", leads, keys)
		}
		for _, name := range want {
			c.expect(name, nil)
		}
	}
}

// Who gives up must be able to rely on nothing having been done, whether the update waited, was about to return, or was
// in the middle; and nobody else may notice.
func TestUpdate_ContextEnds(t *testing.T) {
	t.Parallel()
	c := gather(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.add(t.Context(), "a", setMeta(t, "a"))
	c.add(ctx, "b", setMeta(t, "b"))
	late, cancelLate := context.WithCancel(t.Context())
	c.add(late, "c", func(tx *Tx) error {
		if err := setMeta(t, "c")(tx); err != nil {
			return err
		}
		cancelLate()
		return nil
	})
	stopped, cancelStopped := context.WithCancel(t.Context())
	c.add(stopped, "d", func(tx *Tx) error {
		cancelStopped()
		return tx.SetMeta(stopped, "test d", "value")
	})
	waiting := c.db.Waiting()
	cancel()
	for c.db.Waiting() == waiting {
		runtime.Gosched()
	}
	if keys := c.finish(); !slices.Equal(keys, []string{"test a"}) {
		t.Errorf("stored %v", keys)
	}
	c.expect("a", nil)
	for _, name := range []string{"b", "c", "d"} {
		c.expect(name, context.Canceled)
	}
	if err := c.db.Update(ctx, setMeta(t, "never")); !errors.Is(err, context.Canceled) {
		t.Errorf("an update after the end: %v", err)
	}
}

// Nothing may get lost or done twice when many come and go at once.
func TestUpdate_Crowd(t *testing.T) {
	t.Parallel()
	c := gather(t)
	close(c.release)
	const goroutines, each = 16, 50
	var want, sum int64
	var mu sync.Mutex
	for g := range goroutines {
		c.all.Go(func() {
			for i := range each {
				ctx, cancel := context.WithCancel(t.Context())
				if i%7 == 0 {
					go cancel()
				}
				err := c.db.Update(ctx, func(tx *Tx) error {
					if err := tx.countMeta(ctx, "test sum"); err != nil {
						return err
					}
					if (i+g)%5 == 0 {
						return errors.New("changed my mind")
					}
					return nil
				})
				cancel()
				if err == nil {
					mu.Lock()
					want++
					mu.Unlock()
				}
			}
		})
	}
	c.all.Wait()
	err := c.db.View(t.Context(), func(tx *Tx) error {
		return tx.value(t.Context(), []any{&sum}, "SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'test sum'")
	})
	if err != nil || sum != want {
		t.Errorf("stored %d of %d: %v", sum, want, err)
	}
}

// countMeta counts under a key.
func (t *Tx) countMeta(ctx context.Context, key string) error {
	_, err := t.exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, '1')
		ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)`, key)
	return err
}

// What undoes one update of a group stays in memory, also where it changes many pages. It runs alone: other tests of this
// process may have temporary files.
func TestGroup_UndoneFromMemory(t *testing.T) {
	c := gather(t)
	wrong, text := errors.New("wrong"), strings.Repeat("x", 3000)
	rows := func(value string) func(*Tx) error {
		return func(tx *Tx) error {
			for i := range 200 { // about as many pages, twelve times what SQLite keeps by itself
				if err := tx.SetMeta(t.Context(), fmt.Sprintf("test %03d", i), value); err != nil {
					return err
				}
			}
			files, err := filepath.Glob("/proc/self/fd/*")
			for _, f := range files {
				if to, err := os.Readlink(f); err == nil && strings.HasSuffix(to, " (deleted)") { // it has no name
					t.Errorf("the update writes to the temporary file %s", to)
				}
			}
			return err
		}
	}
	c.add(t.Context(), "insert", rows(text))
	c.add(t.Context(), "change and fail", func(tx *Tx) error {
		return errors.Join(rows(strings.ToUpper(text))(tx), wrong)
	})
	if keys := c.finish(); len(keys) != 200 || !errors.Is(c.results["change and fail"], wrong) {
		t.Errorf("%d rows, and %v", len(keys), c.results["change and fail"])
	}
	err := c.db.View(t.Context(), func(tx *Tx) error {
		got, err := tx.Meta(t.Context(), "test 100")
		if got != text {
			t.Error("what failed was not undone")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A change that has an instant to keep is in the next commit, however many others wait; those in a hurry keep their order.
func TestGroup_SoonGoesFirst(t *testing.T) {
	t.Parallel()
	c := gather(t)
	var order []string // appended to by one member after the other
	note := func(name string) func(*Tx) error {
		return func(*Tx) error { order = append(order, name); return nil }
	}
	for i := range groupSize + 10 {
		c.add(t.Context(), fmt.Sprint(i), note(fmt.Sprint(i)))
	}
	for _, name := range []string{"soon", "and next"} {
		waiting := c.db.Waiting()
		c.all.Go(func() {
			if err := c.db.UpdateSoon(t.Context(), note(name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		for c.db.Waiting() == waiting {
			runtime.Gosched()
		}
	}
	c.finish()
	if want := []string{"0", "soon", "and next", "1"}; len(order) != groupSize+12 || !slices.Equal(order[:4], want) {
		t.Errorf("%d ran, the first of them %v; want %v", len(order), order[:min(4, len(order))], want)
	}
}
