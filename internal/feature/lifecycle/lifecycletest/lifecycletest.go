// Package lifecycletest gives tests of what rests on lifecycle a keeper that is real: with files, connections, posts and a queue that
// keeps its jobs.
package lifecycletest

import (
	"log/slog"
	"path/filepath"
	"testing"

	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/blob/spool"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// Open returns a Keeper on a database, with a folder of its own. Its jobs are kept and not run: Sweep does what is due.
func Open(t *testing.T, db *store.DB, clock *storetest.Clock) *lifecycle.Keeper {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	bucket, err := diskblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	arriving, err := spool.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = arriving.Close() })
	registry := jobs.NewRegistry()
	queue, err := jobs.Open(t.Context(), db, jobs.Options{Registry: registry, Now: clock.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.CreateOrLoad(t.Context(), filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	const node = "node_bench"
	library := media.New(media.Options{DB: db, Bucket: bucket, Spool: arriving, Jobs: queue, Now: clock.Now, Log: log})
	posts := publish.New(publish.Options{DB: db, Node: node, Now: clock.Now, Log: log}).Desk()
	desk := connect.New(connect.Options{DB: db, Auth: auth.New(auth.Options{DB: db, Now: clock.Now, Log: log}), Sealer: sealer, Posts: posts, Bucket: bucket,
		Vault: vault.New(vault.Options{DB: db, Sealer: sealer, Node: node, Now: clock.Now, Log: log}), PublicURL: "http://localhost:8080", Now: clock.Now, Log: log})
	keeper := lifecycle.New(lifecycle.Options{DB: db, Bucket: bucket, Library: library, Accounts: desk, Posts: posts, Jobs: queue,
		Chain: journal.NewChain(journal.ChainOptions{DB: db, Sealer: sealer, Bucket: bucket, Now: clock.Now, Log: log}), Now: clock.Now, Log: log})
	keeper.Work(registry)
	return keeper
}
