package media

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// Queue is the queue of the jobs that read files. Two at once keep a small machine busy.
const Queue = "media"

// checkArgs asks for the check of one file.
type checkArgs struct {
	Workspace shippost.WorkspaceID `json:"workspace"`
	Media     shippost.MediaID     `json:"media"`
}

// Kind implements river.JobArgs.
func (checkArgs) Kind() string { return "media.check" }

type checkWorker struct {
	river.WorkerDefaults[checkArgs]
	library *Library
}

// Work implements river.Worker.
func (w *checkWorker) Work(ctx context.Context, job *river.Job[checkArgs]) error {
	return w.library.Check(ctx, job.Args.Workspace, job.Args.Media)
}

// Timeout implements river.Worker: 4 GB may have to be read from a slow disk.
func (*checkWorker) Timeout(*river.Job[checkArgs]) time.Duration { return 15 * time.Minute }

// ConvertQueue is the queue of the jobs that make videos anew. One at a time leaves room for posts that are due.
const ConvertQueue = "convert"

// convertArgs asks for a conversion.
type convertArgs struct {
	Workspace  shippost.WorkspaceID  `json:"workspace"`
	Conversion shippost.ConversionID `json:"conversion"`
}

// Kind implements river.JobArgs.
func (convertArgs) Kind() string { return "media.convert" }

type convertWorker struct {
	river.WorkerDefaults[convertArgs]
	library *Library
}

// Work implements river.Worker.
func (w *convertWorker) Work(ctx context.Context, job *river.Job[convertArgs]) error {
	return w.library.RunConversion(ctx, job.Args.Workspace, job.Args.Conversion, job.Attempt >= job.MaxAttempts)
}

// Timeout implements river.Worker: ten minutes of 4K on a small machine.
func (*convertWorker) Timeout(*river.Job[convertArgs]) time.Duration { return 4 * time.Hour }

// enqueueConversion inserts the job of a conversion, unless one is waiting already.
func (l *Library) enqueueConversion(ctx context.Context, tx *store.Tx, c shippost.Conversion) error {
	return l.Jobs.Insert(ctx, tx, convertArgs{c.Workspace, c.ID}, &river.InsertOpts{Queue: ConvertQueue, MaxAttempts: 5, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: waiting}})
}

// sweepArgs asks for a sweep.
type sweepArgs struct{}

// Kind implements river.JobArgs.
func (sweepArgs) Kind() string { return "media.sweep" }

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	library *Library
}

// Work implements river.Worker.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	return w.library.Sweep(ctx)
}

// Timeout implements river.Worker.
func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return 15 * time.Minute }

// Work registers the library's workers. Call it before the job client starts.
func (l *Library) Work(r *jobs.Registry) {
	jobs.Add(r, &checkWorker{library: l})
	jobs.Add(r, &convertWorker{library: l})
	jobs.Add(r, &sweepWorker{library: l})
}

// Timed returns the kinds of jobs that remove what outlived its time.
func Timed() []string { return []string{sweepArgs{}.Kind()} }

// Periodic returns the hourly sweep, for the options of the job client.
func Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
		return sweepArgs{}, &river.InsertOpts{MaxAttempts: 1, Queue: Queue}
	}, &river.PeriodicJobOpts{RunOnStart: true})}
}

// enqueueCheck inserts the job that checks a file, unless one is waiting already.
func (l *Library) enqueueCheck(ctx context.Context, tx *store.Tx, m shippost.Media) error {
	return l.Jobs.Insert(ctx, tx, checkArgs{m.Workspace, m.ID}, &river.InsertOpts{Queue: Queue, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: waiting}})
}

// waiting are the states of a job that has not ended.
var waiting = []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
	rivertype.JobStateRunning, rivertype.JobStateScheduled}
