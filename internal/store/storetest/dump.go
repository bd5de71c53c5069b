package storetest

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// Pages returns the bytes of a database's files as they are on disk, with what deleted rows left behind. url is what SQLiteURL or
// PostgresURL returned.
func Pages(t *testing.T, url string) []byte {
	t.Helper()
	pattern := strings.TrimPrefix(url, "sqlite:") + "*"
	if !strings.HasPrefix(url, "sqlite:") {
		folder, database := serverFiles(t, url)
		pattern = filepath.Join(folder, "base", database, "*")
	}
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("files like %s: %d, %v", pattern, len(names), err)
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

// WriteAhead shows look what a PostgreSQL server still has of its write-ahead log: what was written into any of its databases, part by
// part, each a file of the log and the end of the one before.
func WriteAhead(t *testing.T, url string, look func(part []byte)) {
	t.Helper()
	folder, _ := serverFiles(t, url)
	names, err := filepath.Glob(filepath.Join(folder, "pg_wal", strings.Repeat("[0-9A-F]", 24)))
	if err != nil || len(names) == 0 {
		t.Fatalf("no write-ahead log in %s: %v", folder, err)
	}
	var part []byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the server has just given it another name, as what is to be written over
		}
		if err != nil {
			t.Fatal(err)
		}
		part = part[max(0, len(part)-4096):]
		for page := range slices.Chunk(data, 8192) {
			header := 24 // a record goes on after it
			if page[2]&2 != 0 {
				header = 40 // the first page of a file says more
			}
			part = append(part, page[header:]...)
		}
		look(part)
	}
}

// serverFiles has a PostgreSQL server write everything down, and returns its folder and the name that the database has there.
func serverFiles(t *testing.T, url string) (folder, database string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	row := db.QueryRowContext(t.Context(), "SELECT current_setting('data_directory'), oid::text FROM pg_database WHERE datname = current_database()")
	if err := row.Scan(&folder, &database); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadDir(filepath.Join(folder, "base", database)); err != nil {
		t.Fatalf("this test reads the files of the PostgreSQL server, and cannot: %v. Let it start a server of its own: without %s", err, ServerVariable)
	}
	return folder, database
}
