package jobs_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// openBoth does what a starting server does before it can answer.
func openBoth(b *testing.B, path string) {
	b.Helper()
	db, err := store.Open(b.Context(), store.Options{URL: "sqlite:" + path})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := jobs.Open(b.Context(), db, jobs.Options{Registry: jobs.NewRegistry()}); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}

// BenchmarkOpenNew is the database's part of the first start; the whole start may take 200 ms.
func BenchmarkOpenNew(b *testing.B) {
	folder := b.TempDir()
	for n := 0; b.Loop(); n++ {
		openBoth(b, filepath.Join(folder, strconv.Itoa(n), "shippost.db"))
	}
}

// BenchmarkOpenExisting is the database's part of every further start; the whole start may take 100 ms.
func BenchmarkOpenExisting(b *testing.B) {
	path := filepath.Join(b.TempDir(), "shippost.db")
	openBoth(b, path)
	for b.Loop() {
		openBoth(b, path)
	}
}
