package vault

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

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
func Periodic() []*river.PeriodicJob { return periodic(keepEvery) }

func periodic(every time.Duration) []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(every),
		func() (river.JobArgs, *river.InsertOpts) { return refreshArgs{}, &river.InsertOpts{MaxAttempts: 1} }, &river.PeriodicJobOpts{RunOnStart: true})}
}

const (
	keepEvery  = 20 * time.Second // how often Keep runs
	keepAtOnce = 500              // accounts that one run looks at
	keepSide   = 8                // refreshes side by side
)

// Keep refreshes the access tokens that have less than a quarter of their life left, so that no post has to wait for it,
// and goes on with refreshes that a node left behind. By a wrong clock it does nothing: one that is far ahead would renew every
// token for nothing, and write down ages that nobody could go by when it is right. Whoever needs a token still gets one.
func (v *Vault) Keep(ctx context.Context) error {
	if v.Trusted != nil && !v.Trusted(ctx) {
		return nil
	}
	var ids []shippost.AccountID
	err := v.DB.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = tx.AgingGrants(ctx, v.Now(), keepAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	// One account whose platform does not answer must not keep the others waiting.
	var side errgroup.Group
	side.SetLimit(keepSide)
	errs := make([]error, len(ids))
	for i, id := range ids {
		side.Go(func() error {
			s, err := v.read(ctx, id)
			if err == nil {
				_, err = v.refresh(ctx, s)
			}
			// An account that must be connected anew has been told to its people; the others come again.
			if err != nil && !shippost.IsKind(err, shippost.Reconnect) {
				errs[i] = err
			}
			return nil
		})
	}
	_ = side.Wait() // the errors are collected
	return errors.Join(errs...)
}
