package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/breach"
)

// Breach says what an answer to a breach of the server that c describes would end; with now it ends it. With find it returns whom to tell and
// what happened since a moment, too. With SQLite that server must not run.
func Breach(ctx context.Context, c config.Config, o Options, now bool, find time.Time) (toll breach.Toll, found *breach.Findings, err error) {
	a, err := openMade(ctx, c, o)
	if err != nil {
		return toll, nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	// What is known is read before anything is changed.
	if !find.IsZero() {
		f, err := a.breaches.Find(ctx, find)
		if err != nil {
			return toll, nil, err
		}
		found = &f
	}
	if !now {
		toll, err = a.breaches.Foresee(ctx)
		return toll, found, err
	}
	if err := os.Remove(filepath.Join(c.DataDir, adminCodeFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return toll, found, noFolder(c.DataDir, err)
	}
	toll, err = a.breaches.Answer(ctx)
	if err == nil {
		// What was ended is ended whatever became of the audit log; a running server seals it as soon as it can.
		if err := a.chain.Seal(ctx); err != nil {
			a.log.Error("the audit log is not sealed yet", "err", err)
		}
	}
	return toll, found, err
}
