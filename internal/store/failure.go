package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// duplicate reports whether err says that a row breaks a unique index or primary key.
// On PostgreSQL the transaction is of no more use then.
func duplicate(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "23505"
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// Again marks what fn of an update returns when somebody else changed meanwhile what it had read: everything is undone, and fn
// runs anew. After some times err comes back as it is.
func Again(err error) error { return again{err} }

type again struct{ error }

// Unwrap returns what was marked.
func (a again) Unwrap() error { return a.error }

// retryable reports whether a transaction came to nothing only because of another one that ran at the same time. SQLite has one
// writer and never says so.
func retryable(err error) bool {
	if _, ok := errors.AsType[again](err); ok {
		return true
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}
