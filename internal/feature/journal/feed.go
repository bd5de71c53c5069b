package journal

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Event is something that has just happened in a workspace. It says what to look at again, not what it looks like now.
type Event struct {
	Seq     int64 // place in the journal; 0 for what is not kept there
	At      time.Time
	Kind    shippost.EntryKind
	Account shippost.AccountID
	Post    shippost.PostID
	Media   shippost.MediaID
	Percent int // of EventProgress: how much of the post's files the platform has; of EventConversion: how much is done
}

// EventProgress is the kind of events that tell how far an upload to the platform has come. They are not kept.
const EventProgress shippost.EntryKind = "post.progress"

// EventNotices is the kind of events that tell everybody that what holds publishing on the whole server has changed. They are
// not kept: whoever was away looks at the notices anew.
const EventNotices shippost.EntryKind = "notices.changed"

// EventConversion is the kind of events that tell how far the conversion of a file has come. They are not kept.
const EventConversion shippost.EntryKind = "media.progress"

// Limits of listening.
const (
	buffered     = 256  // events a listener may be behind
	resumable    = 1000 // events that are told again to a listener that comes back
	perWorkspace = 200  // listeners
)

// Feed tells listeners what is written into the journal as it is written, on whatever node. It reads the journal once for
// all listeners of this process, and not at all without one. All methods may be called from many goroutines at once.
type Feed struct {
	db  *store.DB
	log *slog.Logger

	mu        sync.Mutex
	listeners map[shippost.WorkspaceID]map[*Listener]bool
	stop      context.CancelFunc // ends the reader; nil while there is none
	head      int64              // all entries up to here have been told
}

// NewFeed returns a feed of the database's journal.
func NewFeed(db *store.DB, log *slog.Logger) *Feed {
	return &Feed{db: db, log: log, listeners: map[shippost.WorkspaceID]map[*Listener]bool{}}
}

// Listener is somebody who follows a workspace. Close it when done.
type Listener struct {
	// Head is where the journal stood when listening began.
	Head int64
	// Missed is what happened between the event the listener had last and Head.
	Missed []Event
	// Reset says that the listener was away for too long to be told what it missed: it has to look at everything again.
	Reset bool
	// Events brings what happens from now on, in order. It is closed when the listener is too slow; what it missed it gets
	// by listening again.
	Events <-chan Event

	feed      *Feed
	workspace shippost.WorkspaceID
	events    chan Event
	skip      int64 // the listener has all up to here
}

// Listen begins to follow the actor's workspace. last is the Seq of the event that the listener had last; 0 for a listener
// that knows nothing yet.
func (f *Feed) Listen(ctx context.Context, actor shippost.Actor, last int64) (*Listener, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	l := &Listener{feed: f, workspace: actor.Workspace, events: make(chan Event, buffered), skip: last}
	l.Events = l.events
	if err := f.join(ctx, l); err != nil {
		return nil, err
	}
	if last == 0 {
		return l, nil
	}
	if err := l.catchUp(ctx, last); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// join adds a listener, and starts the reader for the first one.
func (f *Feed) join(ctx context.Context, l *Listener) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.listeners[l.workspace]) >= perWorkspace {
		e := shippost.Errorf(shippost.Wait, "too_many_streams", "This workspace is followed from %d places at once, which is the limit. Close some of them.", perWorkspace).
			With(shippost.RemedyWait)
		e.RetryAfter = time.Minute
		return e
	}
	if f.stop == nil {
		head, err := startOf(ctx, f.db)
		if err != nil {
			return err
		}
		reading, stop := context.WithCancel(context.WithoutCancel(ctx))
		f.head, f.stop = head, stop
		go (&reader{feed: f, head: head, percent: map[string]int{}}).run(reading)
	}
	if f.listeners[l.workspace] == nil {
		f.listeners[l.workspace] = map[*Listener]bool{}
	}
	f.listeners[l.workspace][l] = true
	l.Head = f.head
	return nil
}

// catchUp reads what the listener missed.
func (l *Listener) catchUp(ctx context.Context, last int64) error {
	return l.feed.db.View(ctx, func(tx *store.Tx) error {
		newest, err := tx.LastSeq(ctx)
		if err != nil {
			return err
		}
		// An event that is not in this journal is of another one, such as from before a backup was restored.
		if last > newest {
			l.Reset, l.skip = true, 0
			return nil
		}
		events, err := tx.EventsOf(ctx, l.workspace, last, l.Head, resumable+1)
		if err != nil {
			return err
		}
		if len(events) > resumable {
			l.Reset = true
			return nil
		}
		for _, e := range events {
			l.Missed = append(l.Missed, eventOf(e))
		}
		return nil
	})
}

// Close ends listening. It may be called more than once.
func (l *Listener) Close() {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	l.feed.leave(l)
}

// leave removes a listener, and ends the reader with the last one. It needs the lock.
func (f *Feed) leave(l *Listener) {
	delete(f.listeners[l.workspace], l)
	if len(f.listeners[l.workspace]) == 0 {
		delete(f.listeners, l.workspace)
	}
	if len(f.listeners) == 0 && f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// tell gives events to the listeners of a workspace. It needs the lock.
func (f *Feed) tell(ws shippost.WorkspaceID, e Event) {
	for l := range f.listeners[ws] {
		if e.Seq != 0 && e.Seq <= l.skip {
			continue
		}
		select {
		case l.events <- e:
		default:
			close(l.events)
			f.leave(l)
		}
	}
}

// tellAll gives an event to every listener. It needs the lock.
func (f *Feed) tellAll(e Event) {
	for ws := range f.listeners {
		f.tell(ws, e)
	}
}

func eventOf(e store.Event) Event {
	return Event{Seq: e.Seq, At: e.At, Kind: e.Kind, Account: e.Account, Post: e.Post, Media: e.Media}
}
