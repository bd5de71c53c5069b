package vault

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// refreshArgs asks for a look at all tokens.
type refreshArgs struct{}

// Kind implements river.JobArgs.
func (refreshArgs) Kind() string { return "vault.refresh" }

type refreshWorker struct {
	river.WorkerDefaults[refreshArgs]
	vault *Vault
}

// Work implements river.Worker.
func (w *refreshWorker) Work(ctx context.Context, _ *river.Job[refreshArgs]) error {
	return w.vault.Keep(ctx)
}

// Work registers what the vault does in the background.
func (v *Vault) Work(r *jobs.Registry) { jobs.Add(r, &refreshWorker{vault: v}) }

// Periodic returns the jobs that the leading node inserts again and again.
func Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(5*time.Minute),
		func() (river.JobArgs, *river.InsertOpts) { return refreshArgs{}, nil }, &river.PeriodicJobOpts{RunOnStart: true})}
}

// keepAtOnce bounds how many accounts one run of Keep looks at.
const keepAtOnce = 500

// Keep refreshes the access tokens that have less than a quarter of their life left, so that no post has to wait for it.
func (v *Vault) Keep(ctx context.Context) error {
	var ids []shippost.AccountID
	err := v.DB.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = tx.AgingGrants(ctx, v.Now(), keepAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		s, err := v.read(ctx, id)
		if err == nil {
			_, err = v.refresh(ctx, s)
		}
		// An account that must be connected anew has been told to its people; the others come again.
		if err != nil && !shippost.IsKind(err, shippost.Reconnect) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
