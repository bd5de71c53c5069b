package jobs

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"ship-post.com/shippost/internal/store"
)

// dueIndex serves the question that River's leader asks every five seconds: which jobs fall due. Without it the
// whole backlog is read each time.
const dueIndex = "CREATE INDEX IF NOT EXISTS river_job_due ON river_job (scheduled_at) WHERE state IN ('retryable', 'scheduled')"

// migrateLock is the advisory lock under which PostgreSQL nodes that start together take turns.
const migrateLock = 7240175

// newSchema is what River's migrations and our index make of an SQLite database without them, with their record.
// A first start runs it in one transaction; TestNewSchemaIsFresh keeps the two equal.
//
//go:embed schema.sqlite.sql
var newSchema string

// Migrate creates River's tables or brings them up to date. It refuses those of a newer ShipPost (code newer_data) and
// only reads when there is nothing to do.
func Migrate(ctx context.Context, db *store.DB) error {
	migrator, err := migrations(db)
	if err != nil {
		return fmt.Errorf("prepare the job queue's migrations: %w", err)
	}
	known := migrator.AllVersions()
	newest := int64(known[len(known)-1].Version)
	version, indexed, err := schema(ctx, db)
	switch {
	case err != nil:
		return fmt.Errorf("read the job queue's schema version: %w", err)
	case version > newest:
		return store.NewerData(version, newest)
	case version == newest && indexed:
		return nil
	case version == 0 && db.Engine() == store.SQLite:
		err = db.Lay(ctx, newSchema)
	default:
		err = alone(ctx, db, func() error { return step(ctx, db, migrator) })
	}
	if err != nil {
		return fmt.Errorf("bring the job queue up to date: %w", err)
	}
	return db.Analyze(ctx)
}

// migrations returns River's for the database's engine.
func migrations(db *store.DB) (*rivermigrate.Migrator[*sql.Tx], error) {
	var driver riverdriver.Driver[*sql.Tx] = riversqlite.New(db.SQL())
	if db.Engine() == store.Postgres {
		driver = riverdatabasesql.New(db.SQL())
	}
	return rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
}

// step runs River's migrations that did not run yet, and adds our index.
func step(ctx context.Context, db *store.DB, migrator *rivermigrate.Migrator[*sql.Tx]) error {
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	_, err := db.SQL().ExecContext(ctx, dueIndex)
	return err
}

// schema returns the version of River's tables, 0 without any, and whether our index is there.
func schema(ctx context.Context, db *store.DB) (version int64, indexed bool, err error) {
	present := "SELECT count(*) FROM sqlite_schema WHERE name = $1"
	if db.Engine() == store.Postgres {
		present = "SELECT count(*) FROM pg_class WHERE oid = to_regclass($1)"
	}
	var tables, indexes int
	err = errors.Join(db.SQL().QueryRowContext(ctx, present, "river_migration").Scan(&tables),
		db.SQL().QueryRowContext(ctx, present, "river_job_due").Scan(&indexes))
	if err != nil || tables == 0 {
		return 0, false, err
	}
	err = db.SQL().QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM river_migration").Scan(&version)
	return version, indexes > 0, err
}

// alone runs fn while no other node of the same database does.
func alone(ctx context.Context, db *store.DB, fn func() error) (err error) {
	if db.Engine() == store.SQLite {
		return fn()
	}
	conn, err := db.SQL().Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrateLock); err != nil {
		return err
	}
	defer func() {
		_, unlock := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrateLock)
		err = errors.Join(err, unlock)
	}()
	return fn()
}

// takeOver frees what a crashed process left behind on SQLite: running jobs and the lead, which would else be waited for. The lock on
// the data folder proves that nobody works on them. On PostgreSQL other nodes may.
// A job that has used up its attempts is not tried again, so that one that ends the process cannot do so for ever.
func takeOver(ctx context.Context, db *store.DB) error {
	if db.Engine() != store.SQLite {
		return nil
	}
	for _, query := range []string{
		"UPDATE river_job SET state = 'discarded', finalized_at = datetime('now', 'subsec') WHERE state = 'running' AND attempt >= max_attempts",
		"UPDATE river_job SET state = 'available' WHERE state = 'running'",
		"DELETE FROM river_leader",
	} {
		if _, err := db.SQL().ExecContext(ctx, query); err != nil {
			return fmt.Errorf("take over the job queue: %w", err)
		}
	}
	return nil
}
