// Package store is everything ShipPost remembers: one SQL text for SQLite and PostgreSQL, and one transaction for each change.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
)

// Engine names the database system behind a DB.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"   // one machine, one process, one file
	Postgres Engine = "postgres" // any number of equal nodes
)

// Options say which database to open.
type Options struct {
	// URL is "sqlite:/path/to/shippost.db" or "postgres://user@host/name".
	URL string
	// Now is the product's clock; nil means time.Now.
	Now func() time.Time
	// Log receives what an operator should know; nil drops it.
	Log *slog.Logger
}

// DB is an open, migrated database. All methods may be called from many goroutines at once.
type DB struct {
	engine Engine
	write  *sql.DB // SQLite: exactly one connection, shared with the job queue
	read   *sql.DB // SQLite: a few read-only connections; PostgreSQL: the same pool as write
	now    func() time.Time
	log    *slog.Logger
	lock   *os.File        // SQLite: held until Close, so that no second process uses the folder
	config *pgxpool.Config // PostgreSQL: how to connect
	group  group           // the updates that wait to share a transaction

	recording sync.Mutex
	recorded  chan struct{} // closed at the next commit with a journal entry; nil while nobody waits
}

// Open opens the database, makes sure that it is safe to use and brings its schema up to date.
// It refuses, changing nothing, a database of a newer ShipPost (code newer_data), a data folder that another process
// uses (data_folder_in_use), a network file system, and a PostgreSQL that may lose what it confirmed.
func Open(ctx context.Context, o Options) (*DB, error) {
	db := &DB{now: o.Now, log: o.Log}
	if db.now == nil {
		db.now = time.Now
	}
	if db.log == nil {
		db.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	var err error
	switch scheme, _, _ := strings.Cut(o.URL, ":"); scheme {
	case "sqlite":
		err = db.openSQLite(ctx, o.URL)
	case "postgres", "postgresql":
		err = db.openPostgres(ctx, o.URL)
	default:
		err = shippost.Errorf(shippost.Invalid, "invalid_database_url",
			"The database address must begin with \"sqlite:\" or \"postgres://\".").With(shippost.RemedyOperator)
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close lets go of the database after the transactions that are under way.
func (d *DB) Close() error {
	var errs []error
	if d.read != nil && d.read != d.write {
		errs = append(errs, d.read.Close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// Engine returns the database system.
func (d *DB) Engine() Engine { return d.engine }

// Now returns the product's time in UTC, cut to the microsecond that the database keeps, so that a stored time reads
// back equal.
func (d *DB) Now() time.Time { return d.now().UTC().Truncate(time.Microsecond) }

// SQL returns the pool that writes, for package jobs only. On SQLite it has one connection: whoever asks it for
// another while holding a transaction waits forever.
func (d *DB) SQL() *sql.DB { return d.write }

// Analyze refreshes the statistics that the query planner works with. Run it after migrations and once a day.
func (d *DB) Analyze(ctx context.Context) error {
	if d.engine == SQLite {
		// The limit keeps it to some milliseconds however large the tables are.
		if _, err := d.write.ExecContext(ctx, "PRAGMA analysis_limit = 1000"); err != nil {
			return fmt.Errorf("limit the analysis: %w", err)
		}
	}
	if _, err := d.write.ExecContext(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	return nil
}

// View runs fn in a read-only transaction: everything it reads is of one moment. An error of fn comes back unchanged.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if d.engine == Postgres {
		// SQLite readers see one snapshot by nature; on PostgreSQL it has to be asked for.
		options.Isolation = sql.LevelRepeatableRead
	}
	return d.run(ctx, d.read, options, fn)
}

// attempts is how often Update tries when PostgreSQL or fn asks it to begin again.
const attempts = 6

// Update runs fn in one write transaction and commits it when fn returns nil. An error of fn rolls back all that it did
// and comes back unchanged. What it did is durable when Update returns. On SQLite no other writer runs meanwhile, and
// updates that wait at the same time share a commit. On PostgreSQL rows read earlier may change under fn unless they
// were locked. fn may be called again, after a deadlock, when a shared commit was lost, or when it asks for it (see Again): it must
// have no effect outside the transaction. When ctx ends before fn has returned, what fn did is rolled back.
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return d.update(ctx, d.engine == SQLite, false, fn)
}

// UpdateTogether is Update for one of many small changes at the same time: they share a commit on PostgreSQL too. fn must
// not wait for anybody, and what it locks stays locked until all of them are committed.
func (d *DB) UpdateTogether(ctx context.Context, fn func(*Tx) error) error {
	return d.update(ctx, true, false, fn)
}

// UpdateSoon is UpdateTogether for a change that has an instant to keep: however many others wait, it is in the next commit.
func (d *DB) UpdateSoon(ctx context.Context, fn func(*Tx) error) error {
	return d.update(ctx, true, true, fn)
}

func (d *DB) update(ctx context.Context, together, soon bool, fn func(*Tx) error) error {
	for n := 1; ; n++ {
		var err error
		if together {
			err = d.join(ctx, soon, fn)
		} else {
			err = d.run(ctx, d.write, nil, fn)
		}
		if err == nil || n == attempts || !retryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(rand.Int64N(int64(n) * int64(10*time.Millisecond)))):
		}
	}
}

func (d *DB) run(ctx context.Context, pool *sql.DB, options *sql.TxOptions, fn func(*Tx) error) error {
	tx, err := pool.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	// After a commit this does nothing; it also runs when fn panics.
	defer func() { _ = tx.Rollback() }()
	t := &Tx{tx: tx, db: d}
	if options == nil || !options.ReadOnly {
		if err := d.boundPause(ctx, tx); err != nil {
			return err
		}
	}
	if err := fn(t); err != nil {
		return err
	}
	if err := commit(tx); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			err = ctx.Err() // database/sql rolled it back as soon as the context had ended
		}
		return fmt.Errorf("commit: %w", err)
	}
	t.committed()
	return nil
}

// commit ends a transaction. Crashes right before and after it must not differ for anybody but those it was done for.
func commit(tx *sql.Tx) error {
	chaos.Point("store.committing")
	err := tx.Commit()
	if err == nil {
		chaos.Point("store.committed")
	}
	return err
}

// Tx is a transaction. It ends with the function it was given to and must not be used by two goroutines at once.
type Tx struct {
	tx      *sql.Tx
	db      *DB
	shared  bool // with others, whose work is lost with the transaction
	then    []func()
	records bool // has written into the journal
}

// OnCommit has then called once the transaction is durable, and never if it is not. It must not block.
func (t *Tx) OnCommit(then func()) { t.then = append(t.then, then) }

func (t *Tx) committed() {
	for _, then := range t.then {
		then()
	}
}

// statement returns the context that a statement runs under. The whole transaction is lost when a statement is cut off in
// its middle: where others share it the context ends an update between two statements only.
func (t *Tx) statement(ctx context.Context) (context.Context, error) {
	if t.shared {
		return context.WithoutCancel(ctx), ctx.Err()
	}
	return ctx, nil
}

// query runs a statement that gives rows. The caller closes them.
func (t *Tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	values, err := plain(args)
	if err != nil {
		return nil, err
	}
	if ctx, err = t.statement(ctx); err != nil {
		return nil, err
	}
	return t.tx.QueryContext(ctx, query, values...)
}

// SQL returns the transaction itself, for package jobs only.
func (t *Tx) SQL() *sql.Tx { return t.tx }

// Now returns the product's time; see DB.Now.
func (t *Tx) Now() time.Time { return t.db.Now() }

// Engine returns the database system.
func (t *Tx) Engine() Engine { return t.db.engine }

// exec runs a statement and returns how many rows it changed.
func (t *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	values, err := plain(args)
	if err != nil {
		return 0, err
	}
	if ctx, err = t.statement(ctx); err != nil {
		return 0, err
	}
	result, err := t.tx.ExecContext(ctx, query, values...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", verb(query), err)
	}
	return result.RowsAffected()
}

// swap runs a compare-and-set statement that names one row and reports whether it matched.
func (t *Tx) swap(ctx context.Context, query string, args ...any) (bool, error) {
	n, err := t.exec(ctx, query, args...)
	return n > 0, err
}

// value reads one row of values into dest. It returns sql.ErrNoRows when there is none.
func (t *Tx) value(ctx context.Context, dest []any, query string, args ...any) error {
	values, err := plain(args)
	if err != nil {
		return err
	}
	if ctx, err = t.statement(ctx); err != nil {
		return err
	}
	if err := t.tx.QueryRowContext(ctx, query, values...).Scan(dest...); err != nil {
		return fmt.Errorf("%s: %w", verb(query), err)
	}
	return nil
}

// verb returns the first words of a statement, which say in a log what failed without giving any value away.
func verb(query string) string {
	words := strings.Fields(query)
	return strings.Join(words[:min(len(words), 4)], " ")
}
