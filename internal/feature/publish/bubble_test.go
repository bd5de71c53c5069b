package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// bubble is a publisher at work on a real database, in a bubble where hours pass in moments.
type bubble struct {
	*Publisher
	t        *testing.T
	db       *store.DB
	actor    shippost.Actor
	video    shippost.MediaID
	platform *double
	clock    *steppedClock

	stop  context.CancelFunc
	ended chan error
}

// steppedClock is a wall clock that somebody sets.
type steppedClock struct {
	mu  sync.Mutex
	off time.Duration
}

// Now returns the bubble's time, as far off as the clock was set.
func (c *steppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off).Round(0)
}

func (c *steppedClock) step(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += by
}

// freshDatabase returns the address of a new database of an engine.
type freshDatabase func(*testing.T) string

// onEachEngine runs a test as sub-tests named after the engines, which take their bubbles by inBubbleOn.
func onEachEngine(t *testing.T, test func(*testing.T, freshDatabase)) {
	for name, fresh := range map[string]freshDatabase{"sqlite": storetest.SQLiteURL, "postgres": storetest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

// inBubble runs a test on a publisher that is running on SQLite, where an hour takes the least time.
func inBubble(t *testing.T, test func(b *bubble)) {
	t.Helper()
	inBubbleOn(t, storetest.SQLiteURL, test)
}

// inBubbleOn is inBubble on another engine. PostgreSQL's answers come from outside of the bubble: while one is waited for, time
// stands still.
func inBubbleOn(t *testing.T, fresh freshDatabase, test func(b *bubble)) {
	t.Helper()
	url, keys := fresh(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, clock: &steppedClock{}}
		db, err := store.Open(t.Context(), store.Options{URL: url, Now: b.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		b.db, b.platform = db, newDouble(b.clock.Now)
		sealer, err := seal.CreateOrLoad(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		b.actor = storetest.Workspace(t, db)
		b.video = b.file(shippost.Video)
		b.Publisher = New(Options{DB: db, Node: "node_one", Platforms: map[shippost.PlatformName]platform.Platform{shippost.TikTok: b.platform},
			Vault: newDoubleVault(db, sealer), Files: doubleFiles{}, Sealer: sealer, Quota: quota.New(db), Now: b.clock.Now, Log: slog.New(slog.DiscardHandler)})
		b.tick = 2 * time.Second // a bubble lives for hours, in which hardly anything happens
		b.start()
		test(b)
		b.halt()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// start lets the publisher run; halt stops it.
func (b *bubble) start() {
	ctx, stop := context.WithCancel(b.t.Context())
	b.stop, b.ended = stop, make(chan error, 1)
	go func() { b.ended <- b.Run(ctx) }()
}

func (b *bubble) halt() {
	b.stop()
	if err := <-b.ended; err != nil {
		b.t.Errorf("the publisher ended with %v", err)
	}
}

// stopAndGo stops the publisher after so many seconds, starts it after the next, and so on; in the end it runs.
func (b *bubble) stopAndGo(seconds []int) {
	for i, s := range seconds {
		b.pass(time.Duration(s) * time.Second)
		if i%2 == 0 {
			b.halt()
		} else {
			b.start()
		}
	}
	if len(seconds)%2 == 1 {
		b.start()
	}
}

// told has the platform tell something about an attempt by itself.
func (b *bubble) told(a shippost.Attempt, e platform.Event) {
	b.t.Helper()
	storetest.Update(b.t, b.db, func(tx *store.Tx) error {
		account, err := tx.AccountOfAny(b.t.Context(), a.Account)
		if err != nil {
			return err
		}
		e.Kind, e.Subject, e.PublishID = platform.EventPost, account.Subject, a.PublishID
		return b.Desk().Told(b.t.Context(), tx, shippost.TikTok, e)
	})
}

func (b *bubble) file(kind shippost.MediaKind) shippost.MediaID {
	m := shippost.Media{ID: shippost.NewMediaID(b.db.Now()), Workspace: b.actor.Workspace, UploadedBy: b.actor.User, Status: shippost.MediaReady,
		Kind: kind, FileName: "tide", Type: "video/mp4", Size: 8_000_000, SHA256: "ab12", CreatedAt: b.db.Now()}
	storetest.Update(b.t, b.db, func(tx *store.Tx) error { return tx.InsertMedia(b.t.Context(), &m) })
	return m.ID
}

func (b *bubble) account() shippost.Account { return storetest.Account(b.t, b.db, b.actor) }

// schedule queues a post, which its caption names, for a time from now.
func (b *bubble) schedule(account shippost.Account, caption string, in, window time.Duration) shippost.PostID {
	b.t.Helper()
	now := b.db.Now()
	due, err := shippost.DueAt(now.Add(in), "UTC")
	if err != nil {
		b.t.Fatal(err)
	}
	p := shippost.Post{ID: shippost.NewPostID(now), Workspace: b.actor.Workspace, Account: account.ID, Status: shippost.PostQueued,
		Media: []shippost.MediaID{b.video}, Caption: caption, Due: due, LateWindow: window, Version: 1, CreatedBy: b.actor.User, CreatedAt: now, UpdatedAt: now}
	storetest.Update(b.t, b.db, func(tx *store.Tx) error {
		if err := tx.InsertPost(b.t.Context(), &p); err != nil {
			return err
		}
		return b.Desk().Queued(b.t.Context(), tx, &p)
	})
	return p.ID
}

// post returns a post as it stands.
func (b *bubble) post(id shippost.PostID) shippost.Post {
	b.t.Helper()
	var p shippost.Post
	storetest.View(b.t, b.db, func(tx *store.Tx) (err error) {
		p, err = tx.AnyPost(b.t.Context(), id)
		return err
	})
	return p
}

// entries returns the kinds of journal entries about a post, oldest first.
func (b *bubble) entries(id shippost.PostID) []shippost.Entry {
	b.t.Helper()
	var entries []shippost.Entry
	storetest.View(b.t, b.db, func(tx *store.Tx) (err error) {
		entries, err = tx.Journal(b.t.Context(), store.JournalQuery{Workspace: b.actor.Workspace, Post: id, Limit: 1000})
		return err
	})
	return entries
}

// count returns how many entries of a kind a post has.
func (b *bubble) count(id shippost.PostID, kind shippost.EntryKind) int {
	n := 0
	for _, e := range b.entries(id) {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// pass lets time go by.
func (b *bubble) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// live returns how often each post was published, by caption.
func (b *bubble) live() map[string]int {
	b.platform.mu.Lock()
	defer b.platform.mu.Unlock()
	n := map[string]int{}
	for _, t := range b.platform.taken {
		if !t.committed.truly.IsZero() && t.reason == nil {
			n[t.post]++
		}
	}
	return n
}

// committed returns when the platform got the last byte of a post, by caption.
func (b *bubble) committed(caption string) (at []time.Time) {
	b.platform.mu.Lock()
	defer b.platform.mu.Unlock()
	for _, t := range b.platform.taken {
		if t.post == caption && !t.committed.truly.IsZero() {
			at = append(at, t.committed.truly)
		}
	}
	return at
}

// P7: a post goes out at the instant that its wall clock means in its zone, not a second before and not after; one that was moved
// goes at its new time, and once.
func TestPromise_P07_OnTheSecond(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		began := b.db.Now()
		want := map[string]time.Time{}
		var ids []shippost.PostID
		for zone, local := range map[string]string{"UTC": "2000-01-01T00:10:00", "Asia/Kathmandu": "2000-01-01T05:57:00", "America/St_Johns": "1999-12-31T20:44:30"} {
			due, err := shippost.DueLocal(local, zone, shippost.FoldNone)
			if err != nil {
				b.t.Fatal(err)
			}
			at := map[string]time.Duration{"UTC": 10 * time.Minute, "Asia/Kathmandu": 12 * time.Minute, "America/St_Johns": 14*time.Minute + 30*time.Second}[zone]
			ids = append(ids, b.schedule(b.account(), zone, due.At.Sub(began), time.Hour))
			want[zone] = began.Truncate(24 * time.Hour).Add(at)
		}
		moved := b.schedule(b.account(), "moved", 11*time.Minute, time.Hour)
		ids, want["moved"] = append(ids, moved), began.Add(40*time.Minute)
		p := b.post(moved)
		due, err := shippost.DueAt(want["moved"], "UTC")
		if err != nil {
			b.t.Fatal(err)
		}
		p.Due = due
		err = b.db.Update(b.t.Context(), func(tx *store.Tx) error {
			if ok, err := tx.UpdatePost(b.t.Context(), &p, p.Status, false); err != nil || !ok {
				return errors.Join(err, fmt.Errorf("the row was as expected: %t", ok))
			}
			return b.Desk().Queued(b.t.Context(), tx, &p)
		})
		if err != nil {
			t.Error(err)
		}
		b.pass(time.Hour)
		for _, id := range ids {
			p := b.post(id)
			if p.Status != shippost.PostPosted || p.Lateness() != 0 || !p.CommittedAt.Equal(want[p.Caption]) {
				t.Errorf("post %s is %s, handed over at %s; want it posted at %s", p.Caption, p.Status, p.CommittedAt, want[p.Caption])
			}
			for _, got := range b.committed(p.Caption) {
				if !got.Equal(want[p.Caption]) {
					t.Errorf("the platform got post %s at %s, want %s", p.Caption, got, want[p.Caption])
				}
			}
			if n := b.live()[p.Caption]; n != 1 {
				t.Errorf("post %s was published %d times", p.Caption, n)
			}
		}
	})
}
