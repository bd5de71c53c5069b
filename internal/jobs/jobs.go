// Package jobs runs work in the background: a River queue inside the product's own database, on either engine.
//
// A job is inserted in the transaction that makes it necessary, so nothing is promised and forgotten. It carries ids and
// a revision, never data; it reads the world anew, and running it twice does no harm: the queue runs every job at least
// once, and nothing in the product relies on more.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/store"
)

// Registry holds the workers of all features. It is filled before Start.
type Registry struct{ workers *river.Workers }

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{workers: river.NewWorkers()} }

// Add registers the worker for jobs of its kind. A second worker of a kind is a programming error and panics.
// A worker may set its own Timeout; -1 (none) would keep a job of a crashed node from ever being run again.
func Add[T river.JobArgs](r *Registry, w river.Worker[T]) { river.AddWorker(r.workers, w) }

// Options set up a client. The zero value only inserts.
type Options struct {
	Registry *Registry            // nil: this client only inserts
	Queues   map[string]int       // how many jobs of a queue may run here at once, at most 10,000; River's default queue is added
	Periodic []*river.PeriodicJob // jobs that the leading node inserts again and again
	Node     shippost.NodeID      // names this process in job rows; "" lets River choose
	Timeout  time.Duration        // for workers that set none of their own; 0 means a minute, at most MaxTimeout
	Poll     time.Duration        // how often to look for due jobs; 0 means a second; most inserts are noticed sooner
	Now      func() time.Time     // a clock other than the system's, for tests and the simulator
	Log      *slog.Logger         // nil drops it

	Trusted func(context.Context) bool // whether the clock may be gone by; it may wait for somebody to know. nil: always
	Sure    func(context.Context) bool // whether it may be for what cannot be taken back; it, too, may wait. nil: always
	Timed   []string                   // kinds of jobs that remove what outlived its time: unless the clock is sure they end with nothing done
}

// The settings that differ from River's defaults.
const (
	// MaxTimeout bounds Options.Timeout: a job must be over before it is taken for stuck.
	MaxTimeout = 2 * time.Minute
	// rescueAfter is when a running job counts as left behind by a dead node. River's default is an hour, too long
	// for a post; a worker with a longer time-out of its own is left alone until that is over.
	rescueAfter = 3 * time.Minute
	// fetchCooldown bounds how often a burst of jobs is claimed. A job inserted within it of another one is not
	// announced and waits for the next poll.
	fetchCooldown = 20 * time.Millisecond
	// defaultQueue is the size of the queue for jobs that name none.
	defaultQueue = 10
	// keepDone is how long finished jobs stay for people to look at. The journal is the record, not the queue.
	keepDone = time.Hour
	// hardStop is how long jobs have to return after their context was cancelled.
	hardStop = 5 * time.Second
)

// Client inserts jobs and runs them. All methods may be called from many goroutines at once.
type Client struct {
	river  *river.Client[*sql.Tx]
	db     *store.DB
	listen *pgxpool.Pool // PostgreSQL only: where the news of inserted jobs arrives
	log    *slog.Logger

	now     func() time.Time // River's clock
	trusted func(context.Context) bool

	reclaimer reclaimer
}

// Open brings the queue's tables up to date and returns a client. It runs nothing before Start. Open one client with a
// Registry in a process: on SQLite, whose data folder has one owner, it makes jobs that a crashed process left running
// runnable at once, and would take another client's for such.
func Open(ctx context.Context, db *store.DB, o Options) (*Client, error) {
	if o.Timeout < 0 || o.Timeout > MaxTimeout {
		return nil, fmt.Errorf("a job may take up to %v by default, not %v; a worker with more to do sets its own time-out", MaxTimeout, o.Timeout)
	}
	if err := Migrate(ctx, db); err != nil {
		return nil, err
	}
	if o.Registry != nil {
		if err := takeOver(ctx, db); err != nil {
			return nil, err
		}
	}
	c := &Client{db: db, log: o.Log, now: o.Now, trusted: o.Trusted}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	driver, err := c.driver(ctx, o.Registry != nil)
	if err != nil {
		return nil, err
	}
	if c.river, err = river.NewClient(driver, config(db, o)); err != nil {
		c.closeListener()
		return nil, fmt.Errorf("set up the job queue: %w", err)
	}
	return c, nil
}

// driver returns River's way to the database. Only a client that runs jobs listens for inserts.
func (c *Client) driver(ctx context.Context, works bool) (riverdriver.Driver[*sql.Tx], error) {
	if c.db.Engine() == store.SQLite {
		return riversqlite.New(c.db.SQL()), nil
	}
	if !works {
		return riverdatabasesql.New(c.db.SQL()), nil
	}
	var err error
	if c.listen, err = c.db.ListenPool(ctx); err != nil {
		return nil, err
	}
	return riverdatabasesql.NewWithPgxListener(c.db.SQL(), c.listen), nil
}

func config(db *store.DB, o Options) *river.Config {
	log := o.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	now := time.Now
	r := &river.Config{
		ID:                          string(o.Node),
		Logger:                      slog.New(discreet{log.Handler()}),
		ErrorHandler:                &reporter{log},
		JobTimeout:                  o.Timeout,
		RescueStuckJobsAfter:        rescueAfter,
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           o.Poll,
		CompletedJobRetentionPeriod: keepDone,
		CancelledJobRetentionPeriod: keepDone,
		ReindexerSchedule:           quietHour{},
		PeriodicJobs:                o.Periodic,
	}
	if o.Now != nil {
		now, r.Test.Time = o.Now, clock{o.Now}
	}
	r.RetryPolicy = backoff{now}
	if o.Registry == nil {
		return r
	}
	r.Workers = o.Registry.workers
	if o.Sure != nil {
		r.Middleware = append(r.Middleware, timed(o))
	}
	r.Middleware = append(r.Middleware, river.WorkerMiddlewareFunc(crashable))
	r.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: defaultQueue}}
	for name, size := range o.Queues {
		r.Queues[name] = river.QueueConfig{MaxWorkers: size}
	}
	r.PeriodicJobs = append(r.PeriodicJobs, daily(o.Registry, db))
	return r
}

// timed leaves jobs undone that a clock has no say in that may be wrong: what they removed would be gone for good. Such jobs come again.
func timed(o Options) river.WorkerMiddlewareFunc {
	return func(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
		if slices.Contains(o.Timed, job.Kind) && !o.Sure(ctx) {
			return nil
		}
		return work(ctx)
	}
}

// crashable marks the moments around a job at which a crash shows whether it may run twice.
func crashable(ctx context.Context, _ *rivertype.JobRow, work func(context.Context) error) error {
	chaos.Point("jobs.taken")
	err := work(ctx)
	chaos.Point("jobs.worked")
	return err
}

// Insert adds a job in the transaction; it can run once that is committed and is gone when it is rolled back.
// A unique job that is there already is not added again, and nothing is said about it.
func (c *Client) Insert(ctx context.Context, tx *store.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	if _, err := c.river.InsertTx(ctx, tx.SQL(), args, opts); err != nil {
		return fmt.Errorf("insert job %s: %w", args.Kind(), err)
	}
	return nil
}

// InsertMany adds jobs in the transaction, as Insert does, in one go.
func (c *Client) InsertMany(ctx context.Context, tx *store.Tx, list []river.InsertManyParams) error {
	if len(list) == 0 {
		return nil
	}
	if _, err := c.river.InsertManyTx(ctx, tx.SQL(), list); err != nil {
		return fmt.Errorf("insert %d jobs: %w", len(list), err)
	}
	return nil
}

// Subscribe returns a channel of what becomes of jobs in this process, and a function that ends it.
func (c *Client) Subscribe(kinds ...river.EventKind) (<-chan *river.Event, func()) {
	return c.river.Subscribe(kinds...)
}

// Start begins to run jobs until Stop. ctx carries values to the jobs; its end does not stop them.
func (c *Client) Start(ctx context.Context) error {
	if err := c.river.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	c.beginReclaiming(ctx)
	return nil
}

// Stop takes no more jobs and waits for the running ones. When ctx ends first it cancels them; they will run again.
// A job that does not return within some seconds after that is left behind, with an error.
func (c *Client) Stop(ctx context.Context) error {
	defer c.closeListener()
	c.endReclaiming()
	err := c.river.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), hardStop)
	defer cancel()
	if err := c.river.StopAndCancel(last); err != nil {
		return fmt.Errorf("some jobs did not stop: %w", errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

func (c *Client) closeListener() {
	if c.listen != nil {
		c.listen.Close()
	}
}
