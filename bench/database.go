package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the engines whose commits are the baseline
	_ "modernc.org/sqlite"
)

// onServer returns those of the measurements that can be made on a PostgreSQL server.
func (b *bench) onServer(chosen []measurement) []measurement {
	return slices.DeleteFunc(slices.Clone(chosen), func(m measurement) bool {
		// The one fills the database with SQLite's own words; the other measures the program and not its server.
		left := m.name == "pending" || m.name == "start"
		if left {
			b.log("%s: is measured on SQLite only", m.name)
		}
		return left
	})
}

// database makes a new database and returns its address for the product; empty on SQLite, which keeps it in the data folder.
func (b *bench) database(ctx context.Context, name string) (address string, err error) {
	if b.server == "" {
		return "", nil
	}
	admin, err := sql.Open("pgx", b.server)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE bench_"+name); err != nil {
		return "", err
	}
	u, err := url.Parse(b.server)
	if err != nil {
		return "", err
	}
	u.Path = "/bench_" + name
	return u.String(), nil
}

// commits returns how many rows a second the engine commits one by one, with the product's durability, on the same disk.
func (b *bench) commits(ctx context.Context) (perSecond float64, err error) {
	var db *sql.DB
	if b.server == "" {
		db, err = openSQLite(filepath.Join(b.dir, "raw.db"))
	} else {
		db, err = sql.Open("pgx", b.server)
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	id := "INTEGER PRIMARY KEY"
	if b.server != "" {
		id += " GENERATED ALWAYS AS IDENTITY"
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS rows (id "+id+", text TEXT NOT NULL)"); err != nil {
		return 0, err
	}
	text, n, began := strings.Repeat("x", 200), 0, time.Now()
	for time.Since(began) < 3*time.Second {
		if _, err := db.ExecContext(ctx, "INSERT INTO rows (text) VALUES ($1)", text); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// openSQLite opens a database as the product does.
func openSQLite(path string) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "synchronous(FULL)", "journal_mode(WAL)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}
