package journal_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func newFeed(t *testing.T, db *store.DB) *journal.Feed {
	return journal.NewFeed(db, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

// record writes one entry into the actor's workspace.
func record(t *testing.T, db *store.DB, actor shippost.Actor, kind shippost.EntryKind) {
	t.Helper()
	storetest.Update(t, db, func(tx *store.Tx) error {
		return tx.Record(t.Context(), shippost.Entry{Workspace: actor.Workspace, Kind: kind, Actor: actor})
	})
}

func listenTo(t *testing.T, f *journal.Feed, actor shippost.Actor, last int64) *journal.Listener {
	t.Helper()
	l, err := f.Listen(t.Context(), actor, last)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// next waits for an event.
func next(t *testing.T, l *journal.Listener) journal.Event {
	t.Helper()
	select {
	case e, ok := <-l.Events:
		if !ok {
			t.Fatal("the listener was dropped")
		}
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("no event came")
		return journal.Event{}
	}
}

func TestFeed_TellsWhatIsWritten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		f := newFeed(t, db)
		mine, theirs := listenTo(t, f, owner, 0), listenTo(t, f, stranger, 0)
		record(t, db, owner, shippost.EntryKeyCreated)
		record(t, db, stranger, shippost.EntryKeyRevoked)
		record(t, db, owner, shippost.EntryUserSignedOut)
		first, second := next(t, mine), next(t, mine)
		if first.Kind != shippost.EntryKeyCreated || second.Kind != shippost.EntryUserSignedOut || second.Seq <= first.Seq || first.Seq <= mine.Head {
			t.Errorf("told %+v and %+v after %d", first, second, mine.Head)
		}
		if e := next(t, theirs); e.Kind != shippost.EntryKeyRevoked {
			t.Errorf("a stranger is told of %s", e.Kind)
		}
		if _, err := f.Listen(t.Context(), shippost.Actor{}, 0); !shippost.IsKind(err, shippost.Unauthenticated) {
			t.Errorf("nobody listens: %v", err)
		}
	})
}

// What happens between two connections is told, each event once and in order.
func TestFeed_GoesOnWithoutLoss(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		f := newFeed(t, db)
		l := listenTo(t, f, owner, 0)
		record(t, db, owner, shippost.EntryPostCreated)
		last := next(t, l).Seq
		l.Close()
		record(t, db, owner, shippost.EntryPostEdited)
		record(t, db, stranger, shippost.EntryKeyRevoked)
		l = listenTo(t, f, owner, last)
		record(t, db, owner, shippost.EntryPostCancelled)
		var kinds []shippost.EntryKind
		for _, e := range l.Missed {
			kinds = append(kinds, e.Kind)
		}
		for len(kinds) < 2 {
			kinds = append(kinds, next(t, l).Kind)
		}
		if diff := cmp.Diff([]shippost.EntryKind{shippost.EntryPostEdited, shippost.EntryPostCancelled}, kinds); diff != "" || l.Reset {
			t.Errorf("reset %v (-want +got):\n%s", l.Reset, diff)
		}
	})
}

func TestFeed_TooLongAway(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	owner := storetest.Workspace(t, db)
	f := newFeed(t, db)
	record(t, db, owner, shippost.EntryPostCreated)
	storetest.Update(t, db, func(tx *store.Tx) error {
		for range 1001 {
			if err := tx.Record(t.Context(), shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryPostEdited, Actor: owner}); err != nil {
				return err
			}
		}
		return nil
	})
	if l := listenTo(t, f, owner, 2); l.Reset || len(l.Missed) != 1000 {
		t.Errorf("1000 missed: reset %v, told %d", l.Reset, len(l.Missed))
	}
	if l := listenTo(t, f, owner, 1); !l.Reset || len(l.Missed) != 0 {
		t.Errorf("1001 missed: reset %v, told %d", l.Reset, len(l.Missed))
	}
	// An id that this journal never gave: it is another one.
	l := listenTo(t, f, owner, 5000)
	record(t, db, owner, shippost.EntryPostCancelled)
	if e := next(t, l); !l.Reset || e.Kind != shippost.EntryPostCancelled {
		t.Errorf("an id of another journal: reset %v, then %s", l.Reset, e.Kind)
	}
}

// A listener that does not read is dropped, and neither holds others up nor takes memory.
func TestFeed_DropsTheSlow(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	owner := storetest.Workspace(t, db)
	f := newFeed(t, db)
	slow, quick := listenTo(t, f, owner, 0), listenTo(t, f, owner, 0)
	const many = 400
	go func() {
		// Nothing but the test's own end stops this database.
		_ = db.Update(t.Context(), func(tx *store.Tx) error {
			for range many {
				if err := tx.Record(t.Context(), shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryPostEdited, Actor: owner}); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	last, end := quick.Head, quick.Head+many
	for last < end {
		select {
		case e, ok := <-quick.Events:
			if !ok { // the quick one may be too slow for a burst as well; it comes back as a browser does
				quick = listenTo(t, f, owner, last)
				for _, e := range quick.Missed {
					last = e.Seq
				}
				continue
			}
			if e.Seq != last+1 {
				t.Fatalf("%d after %d", e.Seq, last)
			}
			last = e.Seq
		case <-time.After(30 * time.Second):
			t.Fatal("no event came")
		}
	}
	n := 0
	for range slow.Events {
		n++
	}
	if n >= many {
		t.Errorf("the slow listener holds %d events", n)
	}
}

// On PostgreSQL a lower number may become visible after a higher one. Told in that order, it would be lost for a listener
// that comes back with the higher number.
func TestFeed_WaitsForLowerNumbers(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	owner := storetest.Workspace(t, db)
	record(t, db, owner, shippost.EntryKeyCreated)
	f := newFeed(t, db)
	l := listenTo(t, f, owner, 0)
	written, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- db.Update(t.Context(), func(tx *store.Tx) error {
			err := tx.Record(t.Context(), shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryPostCreated, Actor: owner})
			close(written)
			<-end
			return err
		})
	}()
	<-written
	record(t, db, owner, shippost.EntryPostEdited) // a higher number, visible at once
	late := listenTo(t, newFeed(t, db), owner, 0)  // a second node starts in the middle of it
	close(end)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*journal.Listener{"listener": l, "second node": late} {
		first, second := next(t, l), next(t, l)
		if first.Kind != shippost.EntryPostCreated || second.Kind != shippost.EntryPostEdited {
			t.Errorf("%s: %s before %s", name, first.Kind, second.Kind)
		}
	}
	// A number that never comes does not stop the rest.
	_ = db.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.Record(t.Context(), shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryPostFailed, Actor: owner}); err != nil {
			return err
		}
		return shippost.Errorf(shippost.Conflict, "undone", "Undone.")
	})
	record(t, db, owner, shippost.EntryPostCancelled)
	if e := next(t, l); e.Kind != shippost.EntryPostCancelled {
		t.Errorf("after an undone entry: %s", e.Kind)
	}
}

// Two nodes share one database: what one writes, those who listen at the other are told.
func TestFeed_OtherNodes(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	var nodes [2]*store.DB
	for i := range nodes {
		db, err := store.Open(t.Context(), store.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		nodes[i] = db
	}
	owner := storetest.Workspace(t, nodes[0])
	l := listenTo(t, newFeed(t, nodes[1]), owner, 0)
	record(t, nodes[0], owner, shippost.EntryPostPosted)
	if e := next(t, l); e.Kind != shippost.EntryPostPosted {
		t.Errorf("told of %s", e.Kind)
	}
}

func TestFeed_TellsProgress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		account := storetest.Account(t, db, owner)
		now := db.Now()
		post := shippost.Post{ID: shippost.NewPostID(now), Workspace: owner.Workspace, Account: account.ID, Status: shippost.PostPublishing, Phase: shippost.PhaseStaging,
			Due: shippost.Due{At: now}, Version: 1, CreatedBy: owner.User, CreatedAt: now, UpdatedAt: now}
		attempt := shippost.Attempt{ID: shippost.NewAttemptID(now), Post: post.ID, Workspace: owner.Workspace, Account: account.ID, PostVersion: 1,
			State: shippost.AttemptOpen, Owner: "node_a", Size: 1000, Sent: 250, PlannedAt: now}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.InsertPost(t.Context(), &post); err != nil {
				return err
			}
			return tx.InsertAttempt(t.Context(), &attempt)
		})
		f := newFeed(t, db)
		l, theirs := listenTo(t, f, owner, 0), listenTo(t, f, stranger, 0)
		if e := next(t, l); e.Kind != journal.EventProgress || e.Post != post.ID || e.Percent != 25 || e.Seq != 0 {
			t.Errorf("first: %+v", e)
		}
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetSent(t.Context(), attempt, 999) })
		if e := next(t, l); e.Percent != 99 {
			t.Errorf("then: %+v", e)
		}
		select {
		case e := <-theirs.Events:
			t.Errorf("a stranger is told %+v", e)
		default:
		}
	})
}

// What holds publishing concerns everybody; what else the server notes for itself concerns nobody.
func TestFeed_TellsEverybodyOfNotices(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		one, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		f := newFeed(t, db)
		listeners := []*journal.Listener{listenTo(t, f, one, 0), listenTo(t, f, other, 0)}
		system := shippost.Actor{}
		record(t, db, system, shippost.EntrySignInRefused)
		record(t, db, system, shippost.EntryPublisherAlarm)
		record(t, db, system, shippost.EntryPublisherResumed)
		for _, l := range listeners {
			for range 2 {
				if e := next(t, l); e.Kind != journal.EventNotices || e.Seq != 0 || e.Account != "" || e.Post != "" {
					t.Errorf("told %+v", e)
				}
			}
		}
	})
}
