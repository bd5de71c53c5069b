package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// VerifyAudit checks the audit log of the server that c describes, beside it or without it, and changes nothing.
func VerifyAudit(ctx context.Context, c config.Config) (r journal.Report, err error) {
	db, err := store.Look(ctx, store.Options{URL: c.DatabaseURL.Reveal(), Now: chaos.Now})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := os.Stat(c.StorageDir()); err != nil {
		return r, noFolder(c.StorageDir(), err)
	}
	bucket, err := diskblob.Open(c.StorageDir())
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, bucket.Close()) }()
	keys, err := lookSealer(ctx, c, db)
	if err != nil {
		return r, err
	}
	return journal.NewChain(journal.ChainOptions{DB: db, Sealer: keys, Bucket: bucket, Now: chaos.Now, Log: slog.New(slog.DiscardHandler)}).Verify(ctx)
}

// lookSealer opens the keyset that a server has made, and makes none.
func lookSealer(ctx context.Context, c config.Config, db *store.DB) (*seal.Sealer, error) {
	a := &App{config: c, db: db}
	wrapped := ""
	if c.MasterKey.IsZero() {
		if _, err := os.Stat(filepath.Join(c.KeyDir(), "keyset")); err == nil {
			wrapped = "there"
		}
	} else {
		var err error
		if wrapped, err = (databaseShelf{db}).Load(ctx); err != nil {
			return nil, err
		}
	}
	if wrapped == "" {
		return nil, shippost.Errorf(shippost.NotFound, "no_keys", "The keys of this server are not here. Run this with the settings of shippost serve, as the same user.").With(shippost.RemedyOperator)
	}
	return a.openSealer(ctx)
}

// NoteRestored notes in the audit log of the server that c describes that a backup was put back. With SQLite that server must not run.
func NoteRestored(ctx context.Context, c config.Config, o Options) (r journal.Report, err error) {
	a, err := openMade(ctx, c, o)
	if err != nil {
		return r, err
	}
	if err = a.chain.Restored(ctx); err == nil {
		r, err = a.chain.Verify(ctx)
	}
	return r, errors.Join(err, a.Close())
}
