package journal_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// archive is a journal with its chain.
type archive struct {
	t     *testing.T
	db    *store.DB
	clock *storetest.Clock
	dir   string
	keys  *seal.Sealer
	chain *journal.Chain
	actor shippost.Actor
	ids   []shippost.EntryID // in the order of recording
}

func sealed(t *testing.T, db *store.DB, clock *storetest.Clock, entries int) *archive {
	t.Helper()
	a := &archive{t: t, db: db, clock: clock, dir: t.TempDir(), actor: storetest.Workspace(t, db)}
	var err error
	if a.keys, err = seal.CreateOrLoad(t.Context(), filepath.Join(a.dir, "keys")); err != nil {
		t.Fatal(err)
	}
	a.actor.Network = "192.0.2.0/24"
	a.chain = a.node(db)
	for range entries {
		a.record(shippost.EntryKeyCreated)
	}
	a.seal()
	return a
}

// node is the chain as another process has it.
func (a *archive) node(db *store.DB) *journal.Chain {
	a.t.Helper()
	bucket, err := diskblob.Open(filepath.Join(a.dir, "files"))
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = bucket.Close() })
	return journal.NewChain(journal.ChainOptions{DB: db, Sealer: a.keys, Bucket: bucket, Now: a.clock.Now, Log: slog.New(slog.NewTextHandler(a.t.Output(), nil))})
}

func (a *archive) record(kind shippost.EntryKind) shippost.EntryID {
	a.t.Helper()
	a.clock.Advance(time.Second)
	id := shippost.NewEntryID(a.clock.Now())
	storetest.Update(a.t, a.db, func(tx *store.Tx) error {
		return tx.Record(a.t.Context(), shippost.Entry{ID: id, Workspace: a.actor.Workspace, Kind: kind, Actor: a.actor, Account: "acc_1", Attempt: "att_1",
			Data: map[string]any{"n": len(a.ids), "big": int64(9007199254740993)}, Personal: map[string]string{"name": "Ada"}})
	})
	a.ids = append(a.ids, id)
	return id
}

func (a *archive) seal() {
	a.t.Helper()
	if err := a.chain.Seal(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *archive) verify() journal.Report {
	a.t.Helper()
	r, err := a.chain.Verify(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// tamper is what somebody does who can write to the database and nothing else.
func (a *archive) tamper(query string, args ...any) {
	a.t.Helper()
	result, err := a.db.SQL().ExecContext(a.t.Context(), query, args...)
	if err != nil {
		a.t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		a.t.Fatalf("%s changed nothing", query)
	}
}

func (a *archive) whole(entries, gone int64) {
	a.t.Helper()
	if r := a.verify(); r.Breaks != 0 || r.Entries != entries || r.Gone != gone {
		a.t.Errorf("%s %d entries, %d gone; want %d and %d unbroken", r.Sentence(), r.Entries, r.Gone, entries, gone)
	}
}

// S16: whatever one changes in a line, the check names the entry.
func TestS16_EveryFieldOfALineIsSealed(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		a := sealed(t, db, clock, 5)
		a.whole(5, 0)
		for _, column := range []string{"workspace_id", "kind", "actor_kind", "actor_user", "actor_key", "request_id", "network", "account_id", "post_id", "attempt_id", "media_id", "data", "personal"} {
			var was string
			if err := db.SQL().QueryRowContext(t.Context(), "SELECT "+column+" FROM journal WHERE id = $1", a.ids[2]).Scan(&was); err != nil {
				t.Fatal(err)
			}
			for _, value := range []string{was + "x", "", "{}"} {
				if value == was {
					continue
				}
				a.tamper("UPDATE journal SET "+column+" = $2 WHERE id = $1", a.ids[2], value)
				if r := a.verify(); r.Breaks != 1 || r.Named[0].Entry != a.ids[2] || r.Named[0].Position != 3 {
					t.Errorf("%s changed to %q: %s", column, value, r.Sentence())
				}
			}
			a.tamper("UPDATE journal SET "+column+" = $2 WHERE id = $1", a.ids[2], was)
			a.whole(5, 0)
		}
		a.tamper("UPDATE journal SET at = at + 1 WHERE id = $1", a.ids[2])
		if r := a.verify(); r.Breaks != 1 || r.Named[0].Entry != a.ids[2] {
			t.Errorf("the time changed: %s", r.Sentence())
		}
	})
}

// S16: removing, exchanging, cutting off and putting in is seen, also by whoever knows how the chain is made and lacks the keys.
func TestS16_TamperingBreaksTheChain(t *testing.T) {
	t.Parallel()
	const remove, unlink = "DELETE FROM journal WHERE id = $1", "DELETE FROM journal_links WHERE entry_id = $1"
	for _, c := range []struct {
		name   string
		tamper func(a *archive)
		at     int64 // position that is named
		entry  int   // index of the entry that is named, -1 for none
	}{
		{"a line removed", func(a *archive) { a.tamper(remove, a.ids[2]) }, 3, 2},
		{"a line and its link removed", func(a *archive) { a.tamper(remove, a.ids[2]); a.tamper(unlink, a.ids[2]) }, 3, -1},
		{"the first line and its link removed", func(a *archive) { a.tamper(remove, a.ids[0]); a.tamper(unlink, a.ids[0]) }, 1, -1},
		{"a link removed", func(a *archive) { a.tamper(unlink, a.ids[2]) }, 3, -1},
		{"a line said to be removed by the server", func(a *archive) {
			a.tamper(remove, a.ids[2])
			a.tamper("UPDATE journal_links SET gone = $2 WHERE entry_id = $1", a.ids[2], "abc.def")
		}, 3, 2},
		{"parts said to be erased by the server", func(a *archive) {
			a.tamper("UPDATE journal SET actor_user = '', network = '' WHERE id = $1", a.ids[2])
			a.tamper("UPDATE journal_links SET salts = $2 WHERE entry_id = $1", a.ids[2], "a.b c d")
		}, 3, 2},
		{"two lines exchanged", func(a *archive) {
			a.tamper("UPDATE journal SET id = 'ent_x' WHERE id = $1", a.ids[1])
			a.tamper("UPDATE journal SET id = $2 WHERE id = $1", a.ids[3], a.ids[1])
			a.tamper("UPDATE journal SET id = $1 WHERE id = 'ent_x'", a.ids[3])
		}, 2, 1},
		{"two links exchanged", func(a *archive) {
			a.tamper("UPDATE journal_links SET position = -1 WHERE entry_id = $1", a.ids[1])
			a.tamper("UPDATE journal_links SET position = 2 WHERE entry_id = $1", a.ids[3])
			a.tamper("UPDATE journal_links SET position = 4 WHERE entry_id = $1", a.ids[1])
		}, 2, 3},
		{"the end cut off", func(a *archive) {
			for _, id := range a.ids[3:] {
				a.tamper(remove, id)
				a.tamper(unlink, id)
			}
		}, 3, 2},
		{"the end cut off and grown again", func(a *archive) {
			a.tamper(remove, a.ids[4])
			a.tamper(unlink, a.ids[4])
			a.record(shippost.EntryKeyRevoked)
			a.record(shippost.EntryKeyRevoked)
			a.seal()
		}, 6, 6},
		{"all links made anew", func(a *archive) {
			a.tamper("DELETE FROM journal_links")
			a.tamper("DELETE FROM meta WHERE key IN ('chain', 'chain_keys')")
			a.seal()
		}, 5, 4},
		{"the keys removed", func(a *archive) { a.tamper("DELETE FROM meta WHERE key = 'chain_keys'") }, 1, 0},
		{"the head removed", func(a *archive) {
			if err := os.RemoveAll(filepath.Join(a.dir, "files", "chain")); err != nil {
				a.t.Fatal(err)
			}
		}, 5, 4},
		{"a line put in where all was sealed long ago", func(a *archive) {
			for range 2 {
				a.clock.Advance(2 * time.Hour)
				a.record(shippost.EntryKeyRevoked)
				a.seal()
			}
			a.tamper(unlink, a.ids[0])
		}, 1, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
				a := sealed(t, db, clock, 5)
				c.tamper(a)
				r := a.verify()
				if r.Breaks == 0 {
					t.Fatal(r.Sentence())
				}
				b := r.Named[0]
				if b.Position != c.at || c.entry >= 0 && b.Entry != a.ids[c.entry] {
					t.Errorf("named: %s", b)
				}
				// Sealing on does not wash it clean.
				a.record(shippost.EntryKeyCreated)
				if err := a.chain.Seal(t.Context()); (err != nil) != (c.name == "the keys removed") {
					t.Error(err)
				}
				if r := a.verify(); r.Breaks == 0 {
					t.Error("after sealing on: " + r.Sentence())
				}
			})
		})
	}
}

// An entry with a lower number that becomes visible late, as on PostgreSQL, gets its link all the same.
func TestLateEntriesAreSealed(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	db := storetest.Postgres(t, storetest.At(clock.Now))
	a := sealed(t, db, clock, 2)
	slow, err := db.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback() }()
	const insert = `INSERT INTO journal (id, workspace_id, at, kind, actor_kind, actor_user, actor_key, request_id, network, account_id, post_id, attempt_id, media_id, data, personal)
		VALUES ('ent_late', '', 1, 'key.created', '', '', '', '', '', '', '', '', '', '{}', '{}')`
	if _, err := slow.ExecContext(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	a.record(shippost.EntryKeyCreated)
	clock.Advance(59 * time.Minute)
	a.seal()
	a.whole(3, 0)
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	if r := a.verify(); r.Breaks != 0 || r.Waiting != 1 {
		t.Errorf("before it is sealed: %s", r.Sentence())
	}
	a.seal()
	a.whole(4, 0)
}

// However many nodes seal at once, each entry has one link and the chain one end.
func TestNodesSealTogether(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		a := sealed(t, db, clock, 0)
		for range 250 {
			a.record(shippost.EntryKeyCreated)
		}
		var nodes sync.WaitGroup
		for range 4 {
			chain := a.node(db)
			nodes.Go(func() {
				if err := chain.Seal(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		nodes.Wait()
		a.seal()
		a.whole(250, 0)
	})
}

// Rotating the server's keys, and giving the chain a new key, leaves old links what they are.
func TestChainOutlivesKeys(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		a := sealed(t, db, clock, 2)
		for _, fresh := range []bool{false, true} {
			if err := a.keys.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			a.whole(int64(len(a.ids)), 0)
			storetest.Update(t, db, func(tx *store.Tx) error {
				changed, err := a.chain.Reseal(t.Context(), tx, fresh)
				if !changed {
					t.Error("nothing had to be sealed anew")
				}
				return err
			})
			if err := a.keys.Retire(t.Context(), a.keys.InUse()); err != nil {
				t.Fatal(err)
			}
			a.record(shippost.EntryKeyRevoked)
			a.seal()
			a.whole(int64(len(a.ids)), 0)
		}
	})
}

// A backup that is put back lacks the end of the log. That is a break until the operator says what it was, and then an entry.
func TestARestoredBackupIsNoted(t *testing.T) {
	t.Parallel()
	url := storetest.SQLiteURL(t)
	clock := storetest.NewClock(noon)
	path := strings.TrimPrefix(url, "sqlite:")
	copyOf := filepath.Join(t.TempDir(), "backup.db")
	db, err := store.Open(t.Context(), store.Options{URL: url, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a := sealed(t, db, clock, 3)
	if _, err := db.SQL().ExecContext(t.Context(), "VACUUM INTO '"+copyOf+"'"); err != nil {
		t.Fatal(err)
	}
	if err := a.chain.Restored(t.Context()); !shippost.IsCode(err, "nothing_restored") {
		t.Errorf("before: %v", err)
	}
	a.record(shippost.EntryKeyRevoked)
	a.seal()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, side := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + side) // the side files are gone with a clean end
	}
	if err := os.Rename(copyOf, path); err != nil {
		t.Fatal(err)
	}
	a.db = storetest.Open(t, url, storetest.At(clock.Now))
	a.chain = a.node(a.db)
	if r := a.verify(); r.Breaks != 1 || !strings.Contains(r.Named[0].Why, "its end is missing, 1 more") {
		t.Errorf("a restored backup: %s", r.Sentence())
	}
	a.ids = a.ids[:3]
	a.record(shippost.EntryKeyCreated) // the server is started before anybody says so
	a.seal()
	if r := a.verify(); r.Breaks != 1 {
		t.Errorf("a restored backup that goes on: %s", r.Sentence())
	}
	if err := a.chain.Restored(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.whole(5, 0)
	storetest.View(t, a.db, func(tx *store.Tx) error {
		list, err := tx.Journal(t.Context(), store.JournalQuery{Kinds: []shippost.EntryKind{shippost.EntryServerRestored}})
		if len(list) != 1 || list[0].Data["was"] != float64(4) {
			t.Errorf("noted: %+v", list)
		}
		return err
	})
}

// What the head outside of the database says is the server's word: nobody writes it without the keys.
func TestAForgedHeadIsSeen(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	a := sealed(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, 3)
	bucket, err := diskblob.Open(filepath.Join(a.dir, "files"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bucket.Close() }()
	for _, text := range []string{"", "rubbish", "2 x 1 y", "0 - 1 y", "3 x 99 y", fmt.Sprint(-1, " ", a.verify().Head, " 1 z")} {
		if _, err := bucket.Put(t.Context(), blob.Key("chain", "head"), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if r := a.verify(); r.Breaks != 1 {
			t.Errorf("%q: %s", text, r.Sentence())
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]journal.Report{
		"Nothing is sealed yet. 2 more wait to be sealed.":                      {Waiting: 2},
		"1 entry, unbroken since 24 November 2026.":                             {Last: 1, Entries: 1, Since: noon},
		"7 entries, unbroken since 24 November 2026. 1 more wait to be sealed.": {Last: 9, Entries: 7, Since: noon, Waiting: 1},
		"Broken at entry ent_1 (number 2, post.posted): it was removed.":        {Breaks: 1, Named: []journal.Break{{2, "ent_1", "post.posted", "it was removed"}}},
		"Broken in 2 places, first at entry number 2: why.":                     {Breaks: 2, Named: []journal.Break{{Position: 2, Why: "why"}}},
		"Broken at the log as a whole: why.":                                    {Breaks: 1, Named: []journal.Break{{Why: "why"}}},
		"Broken at entry ent_1 (without a number): why.":                        {Breaks: 1, Named: []journal.Break{{Entry: "ent_1", Why: "why"}}},
	} {
		if got := r.Sentence(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// What somebody put into a line does nothing on the operator's terminal.
	sharp := journal.Break{Entry: "ent_1\r\n", Kind: "\x1b]0;owned\a\x1b[31m=cmd" + strings.Repeat("x", 1000), Why: "why"}.String()
	if strings.ContainsAny(sharp, "\r\n\x1b\a") || len(sharp) > 300 {
		t.Errorf("%q", sharp)
	}
}
