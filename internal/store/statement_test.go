package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// What a statement left behind must not show when it runs again.
func TestKeptStatements(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := openPool(sqliteDSN(filepath.Join(t.TempDir(), "kept.db"), false))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) error {
		_, err := db.ExecContext(ctx, query, args...)
		return err
	}
	if err := exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE u (id INTEGER)"); err != nil {
		t.Fatalf("two statements in one text: %v", err)
	}
	const insert = "INSERT INTO t (id, name) VALUES ($1, $2)"
	for i := range 3 {
		if err := exec(insert, i, fmt.Sprint("name ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec(insert, 1, "twice"); err == nil || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("a second row with the same key: %v", err)
	}
	if err := exec(insert, 3, nil); err != nil {
		t.Errorf("the statement after it failed: %v", err)
	}
	if err := exec("ALTER TABLE t ADD COLUMN more TEXT"); err != nil {
		t.Fatal(err)
	}
	if err := exec(insert, 4, "after the change"); err != nil {
		t.Errorf("a statement that was kept over a change of the schema: %v", err)
	}

	// The same text again while its rows are being read.
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	const list = "SELECT id FROM t WHERE id >= $1 ORDER BY id"
	read := func(from, limit int) (ids []int) {
		rows, err := tx.QueryContext(ctx, list, from)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for len(ids) < limit && rows.Next() {
			var id int
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	rows, err := tx.QueryContext(ctx, list, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		if inner := read(id, 2); inner[0] != id || len(inner) != min(2, 5-id) {
			t.Errorf("from %d: %v", id, inner)
		}
		n++
	}
	if err := rows.Close(); err != nil || n != 5 {
		t.Errorf("%d rows: %v", n, err)
	}
}

// Texts without number must not fill the memory.
func TestKeptStatements_AreBounded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := openPool(sqliteDSN(filepath.Join(t.TempDir(), "kept.db"), false))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for i := range 3 * keptStatements {
		var got int
		if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT %d", i)).Scan(&got); err != nil || got != i {
			t.Fatalf("SELECT %d = %d: %v", i, got, err)
		}
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		if n := len(c.(*keptConn).idle); n > keptStatements {
			t.Errorf("%d statements are kept", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
