package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// SQLite returns a fresh database in a file of the test's own folder. It is closed when the test ends.
func SQLite(t *testing.T, options ...Option) *store.DB {
	t.Helper()
	return open(t, SQLiteURL(t), options)
}

// SQLiteURL returns the address of a fresh, migrated SQLite database, for tests that open it themselves.
func SQLiteURL(t *testing.T) string {
	t.Helper()
	made, err := sqliteTemplate()
	if err != nil {
		t.Fatalf("migrate the SQLite template: %v", err)
	}
	path := filepath.Join(t.TempDir(), "shippost.db")
	if err := os.WriteFile(path, made.file, 0o600); err != nil {
		t.Fatalf("copy the SQLite template: %v", err)
	}
	return "sqlite:" + path
}

// template is a migrated SQLite database.
type template struct {
	file   []byte
	schema string // its statements; the same for programs with the same migrations
}

// sqliteTemplate is made once in the process.
var sqliteTemplate = sync.OnceValues(func() (made template, err error) {
	folder, err := os.MkdirTemp("", "shippost-template-")
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "shippost.db")
	db, err := migrated(context.Background(), "sqlite:"+path)
	if err != nil {
		return made, err
	}
	row := db.SQL().QueryRow("SELECT group_concat(sql, ';' ORDER BY name) FROM sqlite_schema")
	if err := errors.Join(row.Scan(&made.schema), db.Close()); err != nil {
		return made, err
	}
	made.file, err = os.ReadFile(path)
	return made, err
})

// migrated opens a database and brings its whole schema up to date.
func migrated(ctx context.Context, url string) (*store.DB, error) {
	db, err := store.Open(ctx, store.Options{URL: url})
	if err != nil {
		return nil, fmt.Errorf("open the template: %w", err)
	}
	if err := jobs.Migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
