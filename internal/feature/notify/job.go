package notify

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// Queue is the queue of letters, so that a slow mail server keeps nothing else from its turn.
const Queue = "mail"

// waits are how long a letter waits after each try that failed: three days in all.
var waits = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
	8 * time.Hour, 8 * time.Hour, 8 * time.Hour, 8 * time.Hour, 8 * time.Hour, 8 * time.Hour, 8 * time.Hour}

// spare are further tries, for those that a crash cuts off: giving up is noted too.
const spare = 5

// sendArgs asks for a letter to be sent.
type sendArgs struct {
	Letter shippost.LetterID `json:"letter"`
}

// Kind implements river.JobArgs.
func (sendArgs) Kind() string { return "notify.send" }

type sendWorker struct {
	river.WorkerDefaults[sendArgs]
	outbox *Outbox
}

// Work implements river.Worker.
func (w *sendWorker) Work(ctx context.Context, job *river.Job[sendArgs]) error {
	return w.outbox.send(ctx, job.Args.Letter, job.Attempt > len(waits))
}

// NextRetry implements river.Worker.
func (w *sendWorker) NextRetry(job *river.Job[sendArgs]) time.Time {
	return w.outbox.Now().Add(waits[min(max(job.Attempt, 1), len(waits))-1])
}

// Timeout implements river.Worker: a conversation ends after a minute by itself.
func (*sendWorker) Timeout(*river.Job[sendArgs]) time.Duration { return 90 * time.Second }

func (o *Outbox) enqueue(ctx context.Context, tx *store.Tx, id shippost.LetterID) error {
	return o.Jobs.Insert(ctx, tx, sendArgs{id}, &river.InsertOpts{MaxAttempts: len(waits) + 1 + spare, Queue: Queue})
}

// Work registers the outbox's worker. Call it before the job client starts.
func (o *Outbox) Work(r *jobs.Registry) { jobs.Add(r, &sendWorker{outbox: o}) }
