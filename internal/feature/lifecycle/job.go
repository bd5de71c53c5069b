package lifecycle

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// workTime is how long one erasure or one archive may take before it counts as stuck and is begun anew.
const workTime = 4 * time.Hour

// eraseArgs asks for the next step of an erasure.
type eraseArgs struct {
	Erasure string `json:"erasure"`
}

// Kind implements river.JobArgs.
func (eraseArgs) Kind() string { return "lifecycle.erase" }

type eraseWorker struct {
	river.WorkerDefaults[eraseArgs]
	keeper *Keeper
}

// Work implements river.Worker.
func (w *eraseWorker) Work(ctx context.Context, job *river.Job[eraseArgs]) error {
	return w.keeper.carryOut(ctx, job.Args.Erasure)
}

// Timeout implements river.Worker.
func (*eraseWorker) Timeout(*river.Job[eraseArgs]) time.Duration { return workTime }

func (k *Keeper) enqueueErase(ctx context.Context, tx *store.Tx, id string, at time.Time) error {
	return k.Jobs.Insert(ctx, tx, eraseArgs{id}, &river.InsertOpts{ScheduledAt: at})
}

// exportArgs asks for an archive.
type exportArgs struct {
	Export string `json:"export"`
}

// Kind implements river.JobArgs.
func (exportArgs) Kind() string { return "lifecycle.export" }

type exportWorker struct {
	river.WorkerDefaults[exportArgs]
	keeper *Keeper
}

// Work implements river.Worker.
func (w *exportWorker) Work(ctx context.Context, job *river.Job[exportArgs]) error {
	err := w.keeper.makeArchive(ctx, job.Args.Export)
	if err != nil && job.Attempt >= job.MaxAttempts {
		w.keeper.giveUp(context.WithoutCancel(ctx), job.Args.Export)
	}
	return err
}

// Timeout implements river.Worker.
func (*exportWorker) Timeout(*river.Job[exportArgs]) time.Duration { return workTime }

func (k *Keeper) enqueueExport(ctx context.Context, tx *store.Tx, id string) error {
	return k.Jobs.Insert(ctx, tx, exportArgs{id}, &river.InsertOpts{MaxAttempts: 5})
}

// sweepArgs asks for a sweep.
type sweepArgs struct{}

// Kind implements river.JobArgs.
func (sweepArgs) Kind() string { return "lifecycle.sweep" }

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	keeper *Keeper
}

// Work implements river.Worker.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	return w.keeper.Sweep(ctx)
}

// Timeout implements river.Worker.
func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return workTime }

// Work registers the keeper's workers. Call it before the job client starts.
func (k *Keeper) Work(r *jobs.Registry) {
	jobs.Add(r, &eraseWorker{keeper: k})
	jobs.Add(r, &exportWorker{keeper: k})
	jobs.Add(r, &sweepWorker{keeper: k})
}

// Timed returns the kinds of jobs that do nothing but remove what outlived its time. An erasure's ask the platforms to let go, too.
func Timed() []string { return []string{sweepArgs{}.Kind()} }

// Periodic returns the hourly sweep, for the options of the job client.
func Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
		return sweepArgs{}, &river.InsertOpts{MaxAttempts: 1}
	}, &river.PeriodicJobOpts{RunOnStart: true})}
}
