package app

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
)

// queues are the queues beside the default one, with how many jobs of each run here at once.
func queues() map[string]int { return map[string]int{media.Queue: 2} }

// periodic are the jobs that the leading node inserts again and again.
func periodic() []*river.PeriodicJob {
	list := append(media.Periodic(), vault.Periodic()...)
	return append(list, river.NewPeriodicJob(river.PeriodicInterval(time.Hour),
		func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, &river.InsertOpts{MaxAttempts: 1} }, nil))
}

// sweepArgs asks for the removal of what nobody needs any more.
type sweepArgs struct{}

// Kind implements river.JobArgs.
func (sweepArgs) Kind() string { return "app.sweep" }

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	sweeps []func(context.Context) error
}

// Work implements river.Worker. One sweep that fails does not keep the others from their work.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	var errs []error
	for _, sweep := range w.sweeps {
		errs = append(errs, sweep(ctx))
	}
	return errors.Join(errs...)
}

// work registers what is done in the background.
func (a *App) work() {
	a.library.Work(a.registry)
	a.tokens.Work(a.registry)
	jobs.Add(a.registry, &sweepWorker{sweeps: []func(context.Context) error{a.keeper.Sweep, a.connect.Sweep, a.connect.FinishPartings, a.quota.Sweep, a.composer.Sweep}})
}
