package storetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/store"
)

// Dump returns everything that a database says: each row of each table, its own and the queue's, as text.
func Dump(t *testing.T, db *store.DB) string {
	t.Helper()
	var schema map[string][]string
	View(t, db, func(tx *store.Tx) (err error) {
		schema, err = tx.Schema(t.Context())
		return err
	})
	var all strings.Builder
	for table, columns := range schema {
		texts := make([]string, len(columns))
		for i, c := range columns {
			texts[i] = "coalesce(CAST(" + c + " AS TEXT), '')"
		}
		rows, err := db.SQL().QueryContext(t.Context(), "SELECT "+strings.Join(texts, " || ' ' || ")+" FROM "+table)
		if err != nil {
			t.Fatalf("dump %s: %v", table, err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatalf("dump %s: %v", table, err)
			}
			all.WriteString(table + ": " + line + "\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("dump %s: %v", table, err)
		}
		_ = rows.Close() // all rows were read
	}
	return all.String()
}

// Pages returns the bytes of a SQLite database's files as they are on disk, with what deleted rows left behind. path is what
// SQLiteURL returned.
func Pages(t *testing.T, url string) []byte {
	t.Helper()
	path := strings.TrimPrefix(url, "sqlite:")
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}
