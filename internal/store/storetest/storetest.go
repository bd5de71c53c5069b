// Package storetest gives tests a fresh, migrated database within milliseconds, on each engine.
package storetest

import (
	"log/slog"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Option changes how a test's database is opened.
type Option func(*store.Options)

// At gives the database the clock now.
func At(now func() time.Time) Option { return func(o *store.Options) { o.Now = now } }

// Each runs test twice in parallel, as sub-tests named after the engines, each on a database of its own.
func Each(t *testing.T, test func(t *testing.T, db *store.DB), options ...Option) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t, options...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t, options...))
	})
}

// EachAt is Each with a clock of its own for each sub-test, which shows start until the test moves it.
func EachAt(t *testing.T, start time.Time, test func(t *testing.T, db *store.DB, clock *Clock)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		clock := NewClock(start)
		test(t, SQLite(t, At(clock.Now)), clock)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		clock := NewClock(start)
		test(t, Postgres(t, At(clock.Now)), clock)
	})
}

// Open opens the database at an address that SQLiteURL returned, and closes it when the test ends.
func Open(t *testing.T, url string, options ...Option) *store.DB {
	t.Helper()
	return open(t, url, options)
}

func open(t *testing.T, url string, options []Option) *store.DB {
	t.Helper()
	o := store.Options{URL: url, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, option := range options {
		option(&o)
	}
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	return db
}

// Workspace adds a workspace with one user, its owner, and returns the owner signed in a moment ago.
func Workspace(t *testing.T, db *store.DB) shippost.Actor {
	t.Helper()
	now := db.Now()
	user := shippost.User{ID: shippost.NewUserID(now), Name: "Ada", CreatedAt: now}
	ws := shippost.Workspace{ID: shippost.NewWorkspaceID(now), Name: "Studio", LateWindow: 6 * time.Hour, CreatedAt: now}
	member := shippost.Member{Workspace: ws.ID, User: user.ID, Role: shippost.Owner, CreatedAt: now}
	Update(t, db, func(tx *store.Tx) error {
		if err := tx.InsertUser(t.Context(), &user); err != nil {
			return err
		}
		if err := tx.InsertWorkspace(t.Context(), &ws); err != nil {
			return err
		}
		return tx.InsertMember(t.Context(), &member)
	})
	return shippost.Actor{Kind: shippost.ActorUser, User: user.ID, Workspace: ws.ID, Role: shippost.Owner,
		Session: shippost.NewSessionID(now), Fresh: true, Request: shippost.NewRequestID(now)}
}

// Account adds an active TikTok account to the actor's workspace.
func Account(t *testing.T, db *store.DB, actor shippost.Actor) shippost.Account {
	t.Helper()
	now := db.Now()
	id := shippost.NewAccountID(now)
	a := shippost.Account{ID: id, Workspace: actor.Workspace, Platform: shippost.TikTok, Subject: "open-" + string(id),
		Handle: "ada", Name: "Ada", Status: shippost.AccountActive, Epoch: 1, ConnectedAt: now,
		Scopes: []string{"user.info.basic", "video.publish", "video.upload"}}
	Update(t, db, func(tx *store.Tx) error { return tx.InsertAccount(t.Context(), &a) })
	return a
}

// Update runs fn in a write transaction and ends the test when it fails.
func Update(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatalf("update the test database: %v", err)
	}
}

// View runs fn in a read transaction and ends the test when it fails.
func View(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.View(t.Context(), fn); err != nil {
		t.Fatalf("read the test database: %v", err)
	}
}

// Entries returns the journal's entries of a kind, of every workspace.
func Entries(t *testing.T, db *store.DB, kind shippost.EntryKind) (list []shippost.Entry) {
	t.Helper()
	View(t, db, func(tx *store.Tx) (err error) {
		list, err = tx.Journal(t.Context(), store.JournalQuery{Kinds: []shippost.EntryKind{kind}})
		return err
	})
	return list
}
