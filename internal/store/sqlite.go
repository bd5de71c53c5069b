package store

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"ship-post.com/shippost"
)

// readers is how many connections read at the same time; the writer is one more.
const readers = 6

// openSQLite takes the data folder, makes the file private and opens the two pools.
func (d *DB) openSQLite(ctx context.Context, address string) error {
	d.engine = SQLite
	path, err := sqlitePath(address)
	if err != nil {
		return err
	}
	if d.lock, err = d.takeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := makePrivate(path); err != nil {
		return err
	}
	if d.write, err = openPool(sqliteDSN(path, false)); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	d.write.SetMaxOpenConns(1)
	if d.read, err = openPool(sqliteDSN(path, true)); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	return d.checkSQLite(ctx)
}

// sqlitePath returns the absolute path in "sqlite:PATH". Settings in the address are refused: durability is not one.
func sqlitePath(address string) (string, error) {
	path := strings.TrimPrefix(address, "sqlite:")
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.HasPrefix(path, ":") || strings.ContainsAny(path, "?#") || strings.HasSuffix(path, "/") {
		return "", shippost.Errorf(shippost.Invalid, "invalid_database_url",
			"The database address must be \"sqlite:\" and the path of a file, without settings.").With(shippost.RemedyOperator)
	}
	return filepath.Abs(path)
}

// sqliteDSN returns what the driver needs to know. Every commit is on disk when it returns (synchronous=FULL).
func sqliteDSN(path string, readOnly bool) string {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "synchronous(FULL)"}}
	if readOnly {
		q.Add("_pragma", "cache_size(-2000)")
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Set("_txlock", "immediate")
		q.Add("_pragma", "cache_size(-8000)")
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "journal_size_limit(67108864)")
		q.Add("_pragma", undoInMemory)
		q.Add("_pragma", "secure_delete(1)") // what is deleted is overwritten: erased means gone from the file
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// Where the writer keeps the pages that it needs to undo a statement, or one update of a group. Our own changes are small, and a
// temporary file would cost each of them more than the change itself. What a migration changes has no limit, nor has what else
// SQLite has temporary files for: a VACUUM would take the whole database into memory.
const (
	undoInMemory = "temp_store(MEMORY)"
	undoInFile   = "temp_store(FILE)"
)

// makePrivate creates the file for its owner alone. SQLite gives its side files the same mode.
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return unusable("The database file cannot be opened: %v.", err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Chmod(name, 0o600); err != nil && !os.IsNotExist(err) {
			return unusable("The database file cannot be made private: %v.", err)
		}
	}
	return nil
}

// takeFolder creates the data folder when needed and locks it for this process.
// An existing folder keeps its rights, because it may hold more than our files; they are private in any case.
func (d *DB) takeFolder(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, unusable("The data folder cannot be created: %v.", err)
	}
	if name := networkFS(folder); name != "" {
		return nil, unusable("The data folder %s lies on a network file system (%s), where SQLite can lose data. "+
			"Choose a local disk, or use PostgreSQL.", folder, name)
	}
	if s, err := os.Stat(folder); err == nil && s.Mode().Perm()&0o077 != 0 {
		d.log.Warn("others can look into the data folder; chmod 0700 keeps them out", "folder", folder)
	}
	return lockFolder(folder)
}

// checkSQLite refuses libraries with the WAL-reset fault and files that are no database (reliability §6).
func (d *DB) checkSQLite(ctx context.Context) error {
	var version, mode string
	if err := d.write.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return unusable("The database file cannot be read: %v.", err)
	}
	if !soundSQLite(version) {
		return unusable("This program was built with SQLite %s, which can corrupt its log. Use a release of ShipPost.", version)
	}
	if err := d.write.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return unusable("The database file cannot be read: %v.", err)
	}
	if mode != "wal" {
		return unusable("The file system of the data folder does not support SQLite's write-ahead log (mode %s). Choose a local disk.", mode)
	}
	return nil
}

// soundSQLite reports whether a library version is at least 3.51.3 and not 3.52.0.
func soundSQLite(version string) bool {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return false
	}
	n := major*1_000_000 + minor*1_000 + patch
	return n >= 3_051_003 && n != 3_052_000
}

// unusable returns the error for a database that the operator has to put right.
func unusable(format string, args ...any) error {
	return shippost.Errorf(shippost.Unavailable, "database_unusable", format, args...).With(shippost.RemedyOperator)
}
