// Command victim rotates the keys, for tests that kill it on the way.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/rotate"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// usage: victim DATABASE KEYS MEDIA
func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println(err)
	}
}

func run(database, keys, media string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{URL: database, Now: chaos.Now})
	if err != nil {
		return err
	}
	sealer, err := seal.CreateOrLoad(ctx, keys)
	if err != nil {
		return err
	}
	bucket, err := diskblob.Open(media)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	r := rotate.New(rotate.Options{DB: db, Sealer: sealer, Shared: true, Log: log,
		Chain: journal.NewChain(journal.ChainOptions{DB: db, Sealer: sealer, Bucket: bucket, Now: chaos.Now, Log: log})})
	if err := r.Begin(ctx, false); err != nil {
		return err
	}
	if _, err := r.Finish(ctx); err != nil {
		return err
	}
	return db.Close()
}
