package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"ship-post.com/shippost"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// newSchema is what the migrations make of an empty SQLite file, with their record. A first start runs it in one
// transaction instead of each step in its own; TestNewSchemaIsFresh keeps the two equal.
//
//go:embed schema.sqlite.sql
var newSchema string

// serial is the one piece of SQL in the migrations that the engines spell differently.
var serial = map[Engine]string{
	SQLite:   "INTEGER PRIMARY KEY AUTOINCREMENT",
	Postgres: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}

// versionTable is goose's record of the migrations that ran.
const versionTable = "goose_db_version"

// migrate brings the schema up to date. It asks for the version first, so that an up-to-date database is only read
// and a newer one is not touched.
func (d *DB) migrate(ctx context.Context) error {
	steps, err := migrations(d.engine)
	if err != nil {
		return err
	}
	newest := steps[len(steps)-1].Version
	version, empty, err := d.schemaVersion(ctx)
	switch {
	case err != nil:
		return err
	case version > newest:
		return NewerData(version, newest)
	case version == newest:
		return nil
	case empty && d.engine == SQLite:
		err = d.Lay(ctx, newSchema)
	default:
		err = d.step(ctx, steps)
	}
	if err != nil {
		return fmt.Errorf("bring the database up to date: %w", err)
	}
	return d.Analyze(ctx)
}

// Lay runs the statements that make tables, all or none of them. It is for migrations.
func (d *DB) Lay(ctx context.Context, statements string) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, statements); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// step runs the migrations that did not run yet, one after the other.
func (d *DB) step(ctx context.Context, steps []*goose.Migration) (err error) {
	if d.engine == SQLite {
		if _, err := d.write.ExecContext(ctx, "PRAGMA "+undoInFile); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer func() {
			_, again := d.write.ExecContext(context.WithoutCancel(ctx), "PRAGMA "+undoInMemory)
			err = errors.Join(err, again)
		}()
	}
	provider, err := d.provider(steps)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	_, err = provider.Up(ctx)
	return err
}

// NewerData returns the error for a database whose schema is newer than this program.
func NewerData(have, know int64) error {
	return shippost.Errorf(shippost.Conflict, "newer_data",
		"The database was written by a newer ShipPost (schema %d, this program knows %d). "+
			"Install that version again, or restore a backup made before the update. Nothing was changed.", have, know).
		With(shippost.RemedyOperator)
}

// schemaVersion returns the version of the newest migration that ran, and whether none ever began.
func (d *DB) schemaVersion(ctx context.Context) (version int64, empty bool, err error) {
	present, others, err := d.tables(ctx)
	if err != nil {
		return 0, false, unusable("The database cannot be read: %v.", err)
	}
	if !present {
		if others > 0 && d.engine == SQLite {
			return 0, false, unusable("The database file holds tables of another program. Choose another file.")
		}
		return 0, true, nil
	}
	if err := d.write.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable).Scan(&version); err != nil {
		return 0, false, fmt.Errorf("read the schema version: %w", err)
	}
	return version, false, nil
}

// tables reports whether the version table is present and how many other tables there are.
func (d *DB) tables(ctx context.Context) (present bool, others int64, err error) {
	source := "sqlite_schema WHERE type = 'table'"
	if d.engine == Postgres {
		source = "(SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()) AS t"
	}
	var ours int64
	err = d.write.QueryRowContext(ctx, "SELECT coalesce(sum(CASE WHEN name = $1 THEN 1 ELSE 0 END), 0), count(*) FROM "+source,
		versionTable).Scan(&ours, &others)
	return ours > 0, others - ours, err
}

// provider returns goose with our migrations. On PostgreSQL nodes that start together take turns.
func (d *DB) provider(steps []*goose.Migration) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithGoMigrations(steps...),
		goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(versionTable),
		goose.WithSlog(d.log),
	}
	if d.engine == SQLite {
		return goose.NewProvider(goose.DialectSQLite3, d.write, nil, options...)
	}
	turns, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, d.write, nil, append(options, goose.WithSessionLocker(turns))...)
}

// migrations returns the embedded migrations for an engine, oldest first.
func migrations(engine Engine) ([]*goose.Migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var steps []*goose.Migration
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, migration(version, strings.ReplaceAll(string(text), "{{serial}}", serial[engine])))
	}
	if len(steps) == 0 {
		return nil, errors.New("no migrations are embedded")
	}
	return steps, nil
}

// migration returns one that runs text in one transaction. There is no way down: a restored backup is.
func migration(version int64, text string) *goose.Migration {
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text)
		return err
	}}, nil)
}
