package jobs_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// childURL is set when this test binary is to act as a process that works on a job until it is killed.
const childURL = "JOBS_TEST_CHILD_URL"

func TestMain(m *testing.M) {
	if address := os.Getenv(childURL); address != "" {
		if err := workForEver(context.Background(), address); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workForEver inserts a note, says when it runs, and never ends it.
func workForEver(ctx context.Context, address string) error {
	db, err := store.Open(ctx, store.Options{URL: address})
	if err != nil {
		return err
	}
	registry := jobs.NewRegistry()
	jobs.Add(registry, river.WorkFunc(func(context.Context, *river.Job[note]) error {
		fmt.Println("running")
		select {}
	}))
	c, err := jobs.Open(ctx, db, jobs.Options{Registry: registry, Queues: map[string]int{"notes": 1}})
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	// The lead is to be left behind too.
	for led := 0; led == 0; {
		if err := db.SQL().QueryRowContext(ctx, "SELECT count(*) FROM river_leader").Scan(&led); err != nil {
			return err
		}
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		return c.Insert(ctx, tx, note{"unfinished"}, &river.InsertOpts{Queue: "notes"})
	})
	if err != nil {
		return err
	}
	select {}
}

// killAtWork has a process of its own work on a job in the database, and kills it there.
func killAtWork(t *testing.T, address string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+address)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "running\n" {
		t.Fatalf("the child said %q, %v; want that the job runs", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

// On PostgreSQL a running job may be another node's. Its beat tells, and nobody waits for River's three minutes.
func TestJobsOfADeadNodeRunAgainSoon(t *testing.T) {
	t.Parallel()
	address := storetest.PostgresURL(t)
	killAtWork(t, address)
	ctx, now := t.Context(), time.Now()
	db, err := store.Open(ctx, store.Options{URL: address, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	trusted := true
	b := newBench(t, db, jobs.Options{Trusted: func(context.Context) bool { return trusted }}, done)
	reclaim := func() int64 {
		t.Helper()
		n, err := b.Reclaim(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := reclaim(); n != 0 {
		t.Errorf("%d jobs were taken from a node that may live", n)
	}
	var owner string
	err = db.SQL().QueryRowContext(ctx, "SELECT attempted_by[1] FROM river_job WHERE state = 'running'").Scan(&owner)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(16 * time.Second)
	storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertNode(ctx, shippost.NodeID(owner)) })
	if n := reclaim(); n != 0 {
		t.Errorf("%d jobs were taken from a node that shows life", n)
	}
	now, trusted = now.Add(16*time.Second), false
	if n := reclaim(); n != 0 {
		t.Errorf("by a wrong clock %d jobs were taken", n)
	}
	trusted = true
	// A job of the queue's own, which runs when a node begins to lead, may have been at work too.
	if n := reclaim(); n < 1 {
		t.Error("no job of a dead node runs again")
	}
	b.start(t)
	b.next(t, run{"unfinished", 2})
}

func TestKilledProcessLosesNoJob(t *testing.T) {
	t.Parallel()
	address := storetest.SQLiteURL(t)
	killAtWork(t, address)
	db, err := store.Open(t.Context(), store.Options{URL: address})
	if err != nil {
		t.Fatalf("open after the kill: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	killed := time.Now()
	b := newBench(t, db, jobs.Options{}, done)
	b.start(t)
	b.next(t, run{"unfinished", 2})
	// Jobs for later are the leader's to release, and the dead one's term lasts fifteen seconds.
	b.insert(t, "later", &river.InsertOpts{ScheduledAt: time.Now().Add(100 * time.Millisecond)})
	b.next(t, run{"later", 1})
	if took := time.Since(killed); took > 10*time.Second {
		t.Errorf("the queue was at work again after %v, want some seconds", took)
	}
}
