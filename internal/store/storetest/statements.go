package storetest

import (
	"fmt"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/store"
)

// Statements returns what makes the tables, indexes and triggers of an SQLite database that belong to tables for which
// ours is true, and the named columns of the rows of one table: the record of the migrations that ran.
func Statements(t *testing.T, db *store.DB, ours func(table string) bool, record string, columns ...string) string {
	t.Helper()
	var b strings.Builder
	each(t, db, "SELECT tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid", func(values []string) {
		if ours(values[0]) {
			b.WriteString(values[1] + ";\n\n")
		}
	}, 2)
	names := strings.Join(columns, ", ")
	each(t, db, "SELECT "+names+" FROM "+record+" ORDER BY "+names, func(values []string) {
		for i, v := range values {
			values[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'"
		}
		fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES (%s);\n", record, names, strings.Join(values, ", "))
	}, len(columns))
	return b.String()
}

// each calls fn with the values of each row.
func each(t *testing.T, db *store.DB, query string, fn func(values []string), columns int) {
	t.Helper()
	rows, err := db.SQL().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		values, targets := make([]string, columns), make([]any, columns)
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		fn(values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
