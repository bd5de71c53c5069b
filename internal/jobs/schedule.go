package jobs

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"ship-post.com/shippost/internal/store"
)

// longestBackoff bounds the wait between two runs of a failing job.
const longestBackoff = 5 * time.Minute

// backoff retries a failing job after 1, 2, 4 … seconds, at most every five minutes, spread by a tenth so that jobs
// that failed together do not come back together.
type backoff struct{ now func() time.Time }

// NextRetry implements river.ClientRetryPolicy.
func (b backoff) NextRetry(job *rivertype.JobRow) time.Time {
	wait := longestBackoff
	if failed := len(job.Errors); failed < 8 {
		wait = time.Second << failed
	}
	return b.now().UTC().Add(wait + rand.N(wait/10))
}

// quietHour has River rebuild its indexes at 03:37 UTC instead of midnight, when many posts fall due.
type quietHour struct{}

// Next implements river.PeriodicSchedule.
func (quietHour) Next(now time.Time) time.Time {
	now = now.UTC()
	next := time.Date(now.Year(), now.Month(), now.Day(), 3, 37, 0, 0, time.UTC)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}

// clock gives River the product's clock, cut to what the database keeps: else a job stored for this instant could come
// out a microsecond later than it.
type clock struct{ now func() time.Time }

// Now implements rivertype.TimeGenerator.
func (c clock) Now() time.Time { return c.now().UTC().Truncate(time.Microsecond) }

// NowOrNil implements rivertype.TimeGenerator.
func (c clock) NowOrNil() *time.Time {
	now := c.Now()
	return &now
}

// analyze refreshes the query planner's statistics.
type analyze struct{}

// Kind implements river.JobArgs.
func (analyze) Kind() string { return "analyze" }

type analyzer struct {
	river.WorkerDefaults[analyze]
	db *store.DB
}

// Work implements river.Worker.
func (a *analyzer) Work(ctx context.Context, _ *river.Job[analyze]) error { return a.db.Analyze(ctx) }

// daily returns the job that keeps query plans good while the tables grow, and registers its worker.
func daily(r *Registry, db *store.DB) *river.PeriodicJob {
	Add(r, &analyzer{db: db})
	return river.NewPeriodicJob(river.PeriodicInterval(24*time.Hour), func() (river.JobArgs, *river.InsertOpts) {
		return analyze{}, &river.InsertOpts{MaxAttempts: 3}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}
