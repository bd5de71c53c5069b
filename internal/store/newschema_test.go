package store_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

//go:generate go test -count=1 -run ^TestNewSchemaIsFresh$ . -update

var update = flag.Bool("update", false, "write schema.sqlite.sql")

// TestNewSchemaIsFresh: a first start makes the very tables that the migrations make one after the other.
func TestNewSchemaIsFresh(t *testing.T) {
	db, err := store.OpenStepwise(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "stepped.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	fresh := "-- Generated from migrations/ by \"make generate\"; do not edit.\n\n" +
		storetest.Statements(t, db, func(string) bool { return true }, store.VersionTable, "version_id", "is_applied")
	if fresh == store.NewSchema {
		return
	}
	if !*update {
		t.Fatal("schema.sqlite.sql is not what the migrations make. Run: make generate")
	}
	if err := os.WriteFile("schema.sqlite.sql", []byte(fresh), 0o644); err != nil {
		t.Fatal(err)
	}
}
