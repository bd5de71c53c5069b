package jobs_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

//go:generate go test -count=1 -run ^TestNewSchemaIsFresh$ . -update

var update = flag.Bool("update", false, "write schema.sqlite.sql")

// TestNewSchemaIsFresh: a first start makes the very tables that River's migrations make one after the other.
func TestNewSchemaIsFresh(t *testing.T) {
	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "stepped.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := jobs.MigrateStepwise(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	fresh := "-- Generated from River's migrations and ours by \"make generate\"; do not edit.\n\n" + storetest.Statements(t, db,
		func(table string) bool { return strings.HasPrefix(table, "river_") }, "river_migration", "line", "version")
	if fresh == jobs.NewSchema {
		return
	}
	if !*update {
		t.Fatal("schema.sqlite.sql is not what River's migrations make. Run: make generate")
	}
	if err := os.WriteFile("schema.sqlite.sql", []byte(fresh), 0o644); err != nil {
		t.Fatal(err)
	}
}
