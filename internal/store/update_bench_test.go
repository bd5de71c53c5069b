package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"ship-post.com/shippost/internal/store"
)

// BenchmarkUpdate compares one durable row through the store with one through the bare driver, on the same disk and
// with the same durability. Nothing above the store can be faster than the second.
func BenchmarkUpdate(b *testing.B) {
	b.Run("store", func(b *testing.B) {
		db, err := store.Open(b.Context(), store.Options{URL: "sqlite:" + filepath.Join(b.TempDir(), "shippost.db")})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for n := 0; b.Loop(); n++ {
			err := db.Update(b.Context(), func(tx *store.Tx) error { return tx.SetMeta(b.Context(), fmt.Sprint(n), "value") })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("driver", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "bare.db")
		db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(b.Context(), "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)"); err != nil {
			b.Fatal(err)
		}
		for n := 0; b.Loop(); n++ {
			if _, err := db.ExecContext(b.Context(), "INSERT INTO meta (key, value) VALUES ($1, 'value')", fmt.Sprint(n)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
