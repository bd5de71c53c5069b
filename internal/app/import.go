package app

import (
	"context"
	"errors"
	"os"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/lifecycle"
)

// Import takes the workspace of an archive into the server that c describes. With SQLite that server must not run.
func Import(ctx context.Context, c config.Config, o Options, path string) (done lifecycle.Imported, err error) {
	f, err := os.Open(path)
	if err != nil {
		return done, shippost.Errorf(shippost.Invalid, "archive_unreadable", "The archive %s cannot be read.", path).Because(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return done, err
	}
	a, err := Open(ctx, c, o)
	if err != nil {
		return done, err
	}
	done, err = a.lifecycle.Import(ctx, f, info.Size())
	return done, errors.Join(err, a.Close())
}
