package store

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"ship-post.com/shippost"
)

// Examination is what can be seen of a database from outside.
type Examination struct {
	Engine   Engine
	Version  string
	There    bool   // false: the first start makes it
	Settings string // what decides whether a commit survives a power cut, in the engine's own words
	// Accounts are those that are connected, of all workspaces. Only the check of a set-up may ask for them.
	Accounts []shippost.Account
}

// Examine looks at a database beside a server that runs, or without one. It writes nothing, takes no lock and migrates
// nothing. An error says why the database cannot be used safely.
func Examine(ctx context.Context, address string) (e Examination, err error) {
	d := &DB{}
	switch scheme, _, _ := strings.Cut(address, ":"); scheme {
	case "sqlite":
		err = d.lookSQLite(ctx, address, &e)
	case "postgres", "postgresql":
		e.Engine, e.There = Postgres, true
		if err = d.openPostgres(ctx, address); err == nil {
			err = d.write.QueryRowContext(ctx, "SELECT current_setting('server_version'), 'fsync = ' || current_setting('fsync') || ', synchronous_commit = ' || current_setting('synchronous_commit')").
				Scan(&e.Version, &e.Settings)
		}
	default:
		err = unusable("The database address must begin with \"sqlite:\" or \"postgres://\".")
	}
	if err == nil && e.There {
		d.read = d.write
		err = d.View(ctx, func(tx *Tx) (err error) {
			e.Accounts, err = accounts.list(ctx, tx, "WHERE status <> 'disconnected' ORDER BY handle, id")
			return err
		})
		if err != nil {
			// Tables that are not there yet are made at the first start.
			e.Accounts, err = nil, nil
		}
	}
	return e, errors.Join(err, d.Close())
}

func (d *DB) lookSQLite(ctx context.Context, address string, e *Examination) error {
	d.engine, e.Engine = SQLite, SQLite
	path, err := sqlitePath(address)
	if err != nil {
		return err
	}
	if name := networkFS(filepath.Dir(path)); name != "" {
		return unusable("The data folder %s lies on a network file system (%s), where SQLite can lose data. Choose a local disk, or use PostgreSQL.", filepath.Dir(path), name)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unusable("The database file cannot be looked at: %v.", err)
	}
	e.There = true
	if info.Mode().Perm()&0o077 != 0 {
		return unusable("Others can read the database file %s. Make it private: chmod 600", path)
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)", "synchronous(FULL)"}}
	if d.write, err = openPool((&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()); err != nil {
		return unusable("The database file cannot be opened: %v.", err)
	}
	d.write.SetMaxOpenConns(1)
	if err := d.checkSQLite(ctx); err != nil {
		return err
	}
	e.Settings = "journal_mode = wal, synchronous = full"
	return d.write.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&e.Version)
}

// Look opens a database to read it beside a server that runs, or without one. It takes no lock and migrates nothing, and what was opened
// cannot be relied on to write. Without a database it is NotFound.
func Look(ctx context.Context, o Options) (*DB, error) {
	d := &DB{now: o.Now, log: o.Log}
	e := Examination{There: true}
	var err error
	switch scheme, _, _ := strings.Cut(o.URL, ":"); scheme {
	case "sqlite":
		e.There = false
		err = d.lookSQLite(ctx, o.URL, &e)
	case "postgres", "postgresql":
		err = d.openPostgres(ctx, o.URL)
	default:
		err = unusable("The database address must begin with \"sqlite:\" or \"postgres://\".")
	}
	if err == nil && !e.There {
		err = shippost.Errorf(shippost.NotFound, "no_database", "The database is not there yet; the first start makes it.")
	}
	if err == nil {
		d.read = d.write
		err = d.upToDate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// upToDate refuses a database whose schema is not that of this program.
func (d *DB) upToDate(ctx context.Context) error {
	steps, err := migrations(d.engine)
	if err != nil {
		return err
	}
	newest := steps[len(steps)-1].Version
	switch version, _, err := d.schemaVersion(ctx); {
	case err != nil:
		return err
	case version > newest:
		return NewerData(version, newest)
	case version < newest:
		return shippost.Errorf(shippost.Conflict, "older_data", "The database was written by an older ShipPost. The next start of the server brings it up to date.")
	}
	return nil
}
