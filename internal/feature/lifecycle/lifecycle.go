// Package lifecycle knows what is kept about whom and sees to its end. The catalogue names every table, column and kind
// of file with its owner, purpose and lifetime. Erasure, export and the tables of the privacy policy are made from it, and a
// test compares it with the database, so that nothing can be kept without a line there.
package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// Accounts ends connections to platforms.
type Accounts interface {
	// End marks an account as disconnected and ends its posts, in a transaction that ends more than that.
	End(ctx context.Context, tx *store.Tx, actor shippost.Actor, account shippost.Account) error
	// FinishPartings asks the platforms to revoke what ended accounts still hold, and forgets it.
	FinishPartings(ctx context.Context) error
	// DropAvatar removes the picture of an account.
	DropAvatar(ctx context.Context, id shippost.AccountID) error
}

// Library keeps files.
type Library interface {
	// Erase ends every upload of a workspace and removes the bytes of all its files. It returns how many files had any.
	Erase(ctx context.Context, ws shippost.WorkspaceID) (files int, err error)
	// Retire removes the bytes of a file whose time is over, unless keep says otherwise when nobody can use it meanwhile.
	Retire(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID, data map[string]any,
		keep func(tx *store.Tx) (bool, error)) (bytes int64, err error)
}

// Posts wakes the publisher for posts that came from elsewhere.
type Posts interface {
	// Queued plans when the publisher looks at a post.
	Queued(ctx context.Context, tx *store.Tx, post *shippost.Post) error
}

// Options is what a Keeper needs. All fields but Sure are required.
type Options struct {
	DB       *store.DB
	Bucket   blob.Bucket // files, archives and tombstones; outside of what a backup of the database holds
	Library  Library
	Accounts Accounts
	Posts    Posts
	Chain    *journal.Chain
	Jobs     *jobs.Client
	Now      func() time.Time
	Log      *slog.Logger

	Sure func(context.Context) bool // whether the clock may be gone by for what cannot be taken back. nil: always
}

// Keeper sees to the end of data. All methods may be called from many goroutines at once.
type Keeper struct{ Options }

// New returns a Keeper.
func New(o Options) *Keeper { return &Keeper{o} }

// auditLife is how long entries of the journal stay that belong to no post.
const auditLife = 366 * 24 * time.Hour

// batch is how many rows one transaction changes, so that nobody else waits long for it.
const batch = 500

// Sweep carries out what is due and removes what outlived its time: erasures, archives, old entries of the journal, files
// of posts. Run it at the start and about once an hour.
func (k *Keeper) Sweep(ctx context.Context) error {
	return errors.Join(k.eraseDue(ctx), k.dropArchives(ctx), k.retire(ctx), k.forgetEntries(ctx))
}

func (k *Keeper) forgetEntries(ctx context.Context) error {
	return k.batches(ctx, func(tx *store.Tx) (int64, error) {
		if err := tx.LockChain(ctx); err != nil {
			return 0, err
		}
		lines, err := tx.LinesBefore(ctx, k.Now().Add(-auditLife), batch)
		if err != nil {
			return 0, err
		}
		return int64(len(lines)), k.Chain.Remove(ctx, tx, lines)
	})
}

// batches runs fn in transactions of its own until it changed less than a batch.
func (k *Keeper) batches(ctx context.Context, fn func(*store.Tx) (int64, error)) error {
	_, err := k.counted(ctx, fn)
	return err
}

func (k *Keeper) counted(ctx context.Context, fn func(*store.Tx) (int64, error)) (total int64, err error) {
	for {
		var n int64
		err := k.DB.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = fn(tx)
			return err
		})
		total += n
		if err != nil || n < batch {
			return total, err
		}
	}
}
