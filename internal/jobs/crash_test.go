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

func TestKilledProcessLosesNoJob(t *testing.T) {
	t.Parallel()
	address := storetest.SQLiteURL(t)
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
