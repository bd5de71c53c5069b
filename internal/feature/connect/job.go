package connect

import (
	"context"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// avatarArgs asks for the picture of an account.
type avatarArgs struct {
	Account shippost.AccountID `json:"account"`
}

// Kind implements river.JobArgs.
func (avatarArgs) Kind() string { return "connect.avatar" }

type avatarWorker struct {
	river.WorkerDefaults[avatarArgs]
	desk *Desk
}

// Work implements river.Worker.
func (w *avatarWorker) Work(ctx context.Context, job *river.Job[avatarArgs]) error {
	return w.desk.fetchAvatar(ctx, job.Args.Account)
}

// Work registers what the desk does in the background. Call it before the job client starts.
func (d *Desk) Work(r *jobs.Registry) { jobs.Add(r, &avatarWorker{desk: d}) }

// portray has the picture of an account fetched once the transaction is durable.
func (d *Desk) portray(ctx context.Context, tx *store.Tx, id shippost.AccountID) error {
	if d.Jobs == nil || d.Bucket == nil {
		return nil
	}
	return d.Jobs.Insert(ctx, tx, avatarArgs{Account: id}, nil)
}
