package jobs_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"

	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestDueJobsAreFoundByIndex asks both planners for the leader's question. A backlog must not be read every five seconds.
func TestDueJobsAreFoundByIndex(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		explain, fill := "EXPLAIN QUERY PLAN ", `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
			INSERT INTO river_job (kind, queue, state, scheduled_at) SELECT 'note', 'notes', 'scheduled', datetime('now', '+1 day') FROM n`
		due := "datetime('now', 'subsec')"
		if db.Engine() == store.Postgres {
			explain, due = "EXPLAIN ", "now()"
			fill = `INSERT INTO river_job (args, kind, queue, state, scheduled_at)
				SELECT '{}', 'note', 'notes', 'scheduled', now() + interval '1 day' FROM generate_series(1, 5000)`
		}
		if _, err := db.SQL().ExecContext(t.Context(), fill); err != nil {
			t.Fatal(err)
		}
		if err := db.Analyze(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := db.SQL().QueryContext(t.Context(), explain+`SELECT id FROM river_job WHERE state IN ('retryable', 'scheduled')
			AND scheduled_at <= `+due+` ORDER BY priority, scheduled_at, id LIMIT 1000`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		if plan := text(t, rows); !strings.Contains(plan, "river_job_due") {
			t.Errorf("due jobs are not found by river_job_due:\n%s", plan)
		}
	})
}

// TestNodesThatStartTogetherMigrateInTurn opens an empty PostgreSQL database from several nodes at the same time.
func TestNodesThatStartTogetherMigrateInTurn(t *testing.T) {
	t.Parallel()
	address := storetest.PostgresURL(t)
	empty, err := store.Open(t.Context(), store.Options{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = empty.Close() }()
	if _, err := empty.SQL().ExecContext(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
		t.Fatal(err)
	}
	nodes := make([]*store.DB, 4)
	together(len(nodes), func(i int) {
		db, err := store.Open(t.Context(), store.Options{URL: address})
		if err != nil {
			t.Errorf("open: %v", err)
			return
		}
		nodes[i] = db
	})
	together(len(nodes), func(i int) {
		if nodes[i] == nil {
			return
		}
		defer func() { _ = nodes[i].Close() }()
		if _, err := jobs.Open(t.Context(), nodes[i], jobs.Options{}); err != nil {
			t.Errorf("open the queue: %v", err)
		}
	})
}

// together runs fn n times at the same time.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// text returns the plan that rows hold, whatever its columns are.
func text(t *testing.T, rows *sql.Rows) string {
	t.Helper()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		line := make([]any, len(columns))
		for i := range line {
			line[i] = new(sql.NullString)
		}
		if err := rows.Scan(line...); err != nil {
			t.Fatal(err)
		}
		for _, value := range line {
			plan.WriteString(value.(*sql.NullString).String + " ")
		}
		plan.WriteString("\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
