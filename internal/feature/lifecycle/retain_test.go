package lifecycle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// P6: a file stays until the last post that has it was posted and the workspace's days are over, whatever else became of its
// posts; then it goes, and the workspace can see that it did.
func TestPromise_P06_FilesStayUntilTheirLastPostIsPosted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		days  int
		posts []shippost.PostStatus
		after time.Duration
		goes  bool
	}{
		{"never used", 0, nil, 3000 * 24 * time.Hour, false},
		{"posted, its days not over", 30, []shippost.PostStatus{shippost.PostPosted}, 30*24*time.Hour - time.Second, false},
		{"posted, its days over", 30, []shippost.PostStatus{shippost.PostPosted}, 30 * 24 * time.Hour, true},
		{"posted, kept until posted", lifecycle.KeepNone, []shippost.PostStatus{shippost.PostPosted}, time.Second, true},
		{"posted, kept always", lifecycle.KeepAlways, []shippost.PostStatus{shippost.PostPosted}, 3000 * 24 * time.Hour, false},
		{"posted twice", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostPosted}, 24 * time.Hour, true},
		{"posted, and cancelled before", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostCancelled}, 24 * time.Hour, true},
		{"only cancelled", 1, []shippost.PostStatus{shippost.PostCancelled}, 3000 * 24 * time.Hour, false},
		{"posted, and planned", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostDraft}, 3000 * 24 * time.Hour, false},
		{"posted, and waiting", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostQueued}, 3000 * 24 * time.Hour, false},
		{"posted, and under way", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostPublishing}, 3000 * 24 * time.Hour, false},
		{"posted, and failed", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostFailed}, 3000 * 24 * time.Hour, false},
		{"posted, and missed", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostMissed}, 3000 * 24 * time.Hour, false},
		{"posted, and in an inbox", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostInInbox}, 3000 * 24 * time.Hour, false},
		{"posted, and unconfirmed", 1, []shippost.PostStatus{shippost.PostPosted, shippost.PostUnconfirmed}, 3000 * 24 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
				b := open(t, db, clock, t.TempDir())
				ctx := t.Context()
				actor := storetest.Workspace(t, db)
				account := storetest.Account(t, db, actor)
				if err := b.keeper.SetKeepPosted(ctx, actor, c.days); err != nil {
					t.Fatal(err)
				}
				m := b.file(actor, "clip")
				for _, status := range c.posts {
					b.post(actor, account, status, m)
				}
				stay := b.stay(actor, m.ID, c.days)
				b.sweep() // nothing is over yet, whatever the rule
				clock.Advance(c.after)
				b.sweep()
				b.sweep()
				gone := !slices.Contains(mapValues(b.files()), "clip") && !slices.Contains(mapValues(b.files()), "poster of clip")
				if gone != c.goes {
					t.Errorf("gone: %t, want %t", gone, c.goes)
				}
				// What was said beforehand is what came.
				if said := stay.Why == lifecycle.StayPosted && !stay.Until.After(clock.Now()); said != c.goes {
					t.Errorf("it was said to stay %+v; gone: %t", stay, gone)
				}
				receipts, err := b.keeper.Receipts(ctx, actor)
				if err != nil || (len(receipts) == 1) != c.goes {
					t.Errorf("receipts %+v, %v", receipts, err)
				}
				if c.goes && (receipts[0].Files != 1 || receipts[0].Bytes != 4 || receipts[0].Days != int64(c.days)) {
					t.Errorf("receipt %+v", receipts[0])
				}
				removed, err := b.keeper.RemovedFiles(ctx, actor)
				if err != nil || (len(removed) == 1) != c.goes {
					t.Errorf("removed %+v, %v", removed, err)
				}
				if c.goes && (removed[0].Media != m.ID || removed[0].Bytes != 4 || !removed[0].Swept || removed[0].Days != int64(c.days) || removed[0].At.IsZero()) {
					t.Errorf("removed %+v", removed[0])
				}
				if others, err := b.keeper.RemovedFiles(ctx, storetest.Workspace(t, db)); err != nil || len(others) != 0 {
					t.Errorf("others see %+v, %v", others, err)
				}
				storetest.View(t, db, func(tx *store.Tx) error {
					row, err := tx.Media(ctx, actor.Workspace, m.ID)
					if (row.Status == shippost.MediaDeleted) != c.goes {
						t.Errorf("the row says %s", row.Status)
					}
					return err
				})
			})
		})
	}
}

// stay returns how long a file is said to stay.
func (b *bench) stay(actor shippost.Actor, id shippost.MediaID, days int) (s lifecycle.Stay) {
	b.t.Helper()
	storetest.View(b.t, b.db, func(tx *store.Tx) error {
		uses, err := tx.MediaUses(b.t.Context(), []shippost.MediaID{id})
		s = lifecycle.StayOf(days, uses[id])
		return err
	})
	return s
}

// P6: whoever puts a file into a new post while a sweep looks at it keeps it.
func TestPromise_P06_AFileThatIsUsedAgainStays(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		if err := b.keeper.SetKeepPosted(ctx, actor, 0); err != nil {
			t.Fatal(err)
		}
		// Which of the two comes first is chance; either way a waiting post has its file.
		for range 20 {
			m := b.file(actor, "clip")
			b.post(actor, account, shippost.PostPosted, m)
			clock.Advance(time.Minute)
			swept := make(chan error, 1)
			go func() { swept <- b.keeper.Sweep(ctx) }()
			p := shippost.Post{ID: shippost.NewPostID(clock.Now()), Workspace: actor.Workspace, Account: account.ID, Status: shippost.PostQueued, Media: []shippost.MediaID{m.ID},
				Due: shippost.Due{Local: "2026-11-24T13:00:00", Zone: "UTC", At: clock.Now().Add(time.Hour)}, Version: 1, CreatedBy: actor.User, CreatedAt: clock.Now(), UpdatedAt: clock.Now()}
			err := db.Update(ctx, func(tx *store.Tx) error { return tx.InsertPost(ctx, &p) })
			if serr := <-swept; serr != nil {
				t.Fatal(serr)
			}
			if err != nil && !shippost.IsCode(err, "media_deleted") {
				t.Fatal(err)
			}
			_, serr := b.bucket.Stat(ctx, m.BlobKey)
			if err == nil && serr != nil {
				t.Fatal("a post waits whose file is gone")
			}
		}
	})
}

// P15: a year in which nobody comes loses nothing but what has a shorter life by its own rule.
func TestPromise_P15_AYearIdleLosesNothing(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		used, unused := b.file(actor, "used"), b.file(actor, "unused")
		b.post(actor, account, shippost.PostPosted, used)
		b.post(actor, account, shippost.PostFailed, unused)
		b.update(func(tx *store.Tx) error {
			return tx.Record(t.Context(), shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryAccountConnected, Actor: actor, Account: account.ID})
		})
		before := b.content(actor.Workspace)
		for range 52 {
			clock.Advance(7 * 24 * time.Hour)
			b.sweep()
		}
		after := b.content(actor.Workspace)
		for _, table := range []string{"workspaces", "members", "users", "accounts", "posts", "post_media"} {
			if !slices.Equal(before[table], after[table]) {
				t.Errorf("%s changed:\n%v\n%v", table, before[table], after[table])
			}
		}
		if len(after["journal"]) < len(before["journal"]) {
			t.Errorf("the journal lost lines within a year")
		}
		if files := mapValues(b.files()); !slices.Contains(files, "unused") || slices.Contains(files, "used") {
			t.Errorf("files after a year: %v", files)
		}
		// And what is kept for a year goes then.
		clock.Advance(3 * 7 * 24 * time.Hour)
		b.sweep()
		for _, line := range b.content(actor.Workspace)["journal"] {
			if len(line) > 0 && slices.Contains(before["journal"], line) {
				t.Errorf("an entry is still there after a year: %s", line)
			}
		}
	})
}

// P17: who disconnects an account, and whose files are gone by the workspace's rule, still has the whole history of its posts, here and
// in a copy. Nobody else has.
func TestPromise_P17_HistoryOutlivesAccountAndFiles(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		b.work()
		ctx := t.Context()
		owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		owner.Fresh = true
		account := storetest.Account(t, db, owner)
		if err := b.keeper.SetKeepPosted(ctx, owner, lifecycle.KeepNone); err != nil {
			t.Fatal(err)
		}
		before := map[shippost.PostID]shippost.Post{}
		for _, status := range []shippost.PostStatus{shippost.PostPosted, shippost.PostFailed, shippost.PostCancelled, shippost.PostMissed,
			shippost.PostInInbox, shippost.PostUnconfirmed, shippost.PostQueued} {
			p := b.post(owner, account, status, b.file(owner, "clip of "+string(status)))
			b.update(func(tx *store.Tx) error {
				return tx.Record(ctx, shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryPostScheduled, Actor: owner, Account: account.ID, Post: p.ID})
			})
			storetest.View(t, db, func(tx *store.Tx) (err error) {
				before[p.ID], err = tx.Post(ctx, owner.Workspace, p.ID)
				return err
			})
		}
		if _, err := b.desk.Disconnect(ctx, owner, account.ID); err != nil {
			t.Fatal(err)
		}
		clock.Advance(300 * 24 * time.Hour)
		b.sweep()
		if files := mapValues(b.files()); slices.Contains(files, "clip of posted") || !slices.Contains(files, "clip of failed") {
			t.Fatalf("the files are %v", files)
		}
		history := journal.New(db)
		archive := parts(t, b.fetch(owner, lifecycle.Workspace))
		for id, was := range before {
			var is shippost.Post
			storetest.View(t, db, func(tx *store.Tx) (err error) {
				is, err = tx.Post(ctx, owner.Workspace, id)
				return err
			})
			if was.Status == shippost.PostQueued { // which nobody may publish any more
				if is.Status != shippost.PostFailed || is.Failure == nil || is.Failure.Message == "" {
					t.Errorf("a post that waited is %s: %+v", is.Status, is.Failure)
				}
				was.Status, was.Failure, was.Phase, was.Version, was.UpdatedAt = is.Status, is.Failure, is.Phase, is.Version, is.UpdatedAt
			}
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("a post that was %s (-before +after):\n%s", was.Status, diff)
			}
			entries, _, err := history.Entries(ctx, owner, journal.Query{Post: id, Limit: 100})
			if err != nil || !slices.ContainsFunc(entries, func(e shippost.Entry) bool { return e.Kind == shippost.EntryPostScheduled }) {
				t.Errorf("the story of a post that was %s: %+v, %v", was.Status, entries, err)
			}
			if !strings.Contains(archive["data/posts.jsonl"], string(id)) || !strings.Contains(archive["data/journal.jsonl"], string(id)) {
				t.Errorf("the copy lacks the post that was %s", was.Status)
			}
			if _, _, err := history.Entries(ctx, stranger, journal.Query{Post: id, Limit: 100}); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("a stranger asks for the story: %v", err)
			}
		}
	})
}
