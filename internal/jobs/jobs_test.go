package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// note is the job of these tests.
type note struct {
	Text string `json:"text" river:"unique"`
}

// Kind implements river.JobArgs.
func (note) Kind() string { return "note" }

// run is one run of a note.
type run struct {
	text    string
	attempt int
}

// bench is a client whose worker reports each run and then does what the test says.
type bench struct {
	*jobs.Client
	db   *store.DB
	runs chan run
}

// newBench opens a client; work decides how each run ends.
func newBench(t *testing.T, db *store.DB, o jobs.Options, work func(context.Context, run) error) *bench {
	t.Helper()
	b := &bench{db: db, runs: make(chan run, 100)}
	o.Registry = jobs.NewRegistry()
	o.Queues = map[string]int{"notes": 20}
	if o.Poll == 0 {
		o.Poll = 100 * time.Millisecond
	}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	jobs.Add(o.Registry, river.WorkFunc(func(ctx context.Context, job *river.Job[note]) error {
		r := run{text: job.Args.Text, attempt: job.Attempt}
		b.runs <- r
		return work(ctx, r)
	}))
	var err error
	if b.Client, err = jobs.Open(t.Context(), db, o); err != nil {
		t.Fatalf("Open: %v", err)
	}
	return b
}

// start runs the client until the test ends.
func (b *bench) start(t *testing.T) {
	t.Helper()
	if err := b.Start(t.Context()); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { b.stop(t) })
}

func (b *bench) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

// insert adds a note in a transaction of its own.
func (b *bench) insert(t *testing.T, text string, opts *river.InsertOpts) {
	t.Helper()
	if opts == nil {
		opts = &river.InsertOpts{}
	}
	opts.Queue = "notes"
	storetest.Update(t, b.db, func(tx *store.Tx) error { return b.Insert(t.Context(), tx, note{text}, opts) })
}

// next waits for the next run and checks which it is.
func (b *bench) next(t *testing.T, want run) {
	t.Helper()
	select {
	case got := <-b.runs:
		if got != want {
			t.Fatalf("ran %+v, want %+v", got, want)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%+v did not run", want)
	}
}

// ofNotes returns what becomes of notes alone: the client has jobs of its own, which end when they like.
func (b *bench) ofNotes(t *testing.T, kinds ...river.EventKind) <-chan *river.Event {
	t.Helper()
	all, cancel := b.Subscribe(kinds...)
	t.Cleanup(cancel)
	notes := make(chan *river.Event, cap(b.runs))
	go func() {
		for event := range all {
			if event.Job.Kind == (note{}).Kind() {
				notes <- event
			}
		}
	}()
	return notes
}

// none fails when a run is waiting.
func (b *bench) none(t *testing.T) {
	t.Helper()
	select {
	case got := <-b.runs:
		t.Fatalf("ran %+v, want nothing", got)
	default:
	}
}

func done(context.Context, run) error { return nil }

func TestInsertSharesTheTransaction(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, jobs.Options{}, done)
		stop := errors.New("stop")
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if err := b.Insert(t.Context(), tx, note{"rolled back"}, &river.InsertOpts{Queue: "notes"}); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatalf("Update = %v, want the error of its function", err)
		}
		b.insert(t, "committed", nil)
		b.start(t)
		b.next(t, run{"committed", 1})
		// The queue is in order: had the first job been there, it would have come before this one.
		b.insert(t, "later", nil)
		b.next(t, run{"later", 1})
		b.none(t)
	})
}
