package lifecycle_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// unbroken seals and checks the journal's chain.
func (b *bench) unbroken(when string) journal.Report {
	b.t.Helper()
	if err := b.chain.Seal(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	r, err := b.chain.Verify(b.t.Context())
	if err != nil || r.Breaks != 0 || r.Waiting != 0 {
		b.t.Errorf("%s: %s %v", when, r.Sentence(), err)
	}
	return r
}

// salts returns the salts of the links of entries that a condition selects.
func (b *bench) salts(where string, args ...any) (list []string) {
	b.t.Helper()
	rows, err := b.db.SQL().QueryContext(b.t.Context(), "SELECT salts FROM journal_links WHERE entry_id IN (SELECT id FROM journal WHERE "+where+")", args...)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			b.t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return list
}

// S16, P18: an erasure does not break the chain, takes the salts of what it erases, and leaves the rest as checkable as it was.
func TestS16_ErasureLeavesTheChainWhole(t *testing.T) {
	t.Parallel()
	for _, what := range []string{lifecycle.Person, lifecycle.Workspace} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
				b := open(t, db, clock, t.TempDir())
				ctx := t.Context()
				c, other := &canaries{kind: "a"}, &canaries{kind: "another"}
				actor, neighbour := storetest.Workspace(t, db), storetest.Workspace(t, db)
				inhabit(b, c, actor)
				inhabit(b, other, neighbour)
				before := b.unbroken("before")
				if _, err := b.keeper.Erase(ctx, actor, what); err != nil {
					t.Fatal(err)
				}
				b.unbroken("after it was asked for")
				clock.Advance(8 * 24 * time.Hour)
				b.sweep()
				after := b.unbroken("after it was carried out")
				if after.Gone == 0 || after.Entries == 0 || after.Last < before.Last {
					t.Errorf("before %+v, after %+v", before, after)
				}
				blanked := b.salts("workspace_id LIKE 'ers_%'")
				for _, salts := range blanked {
					if strings.Count(salts, ".") != 3 {
						t.Errorf("a blanked entry keeps a salt: %s", salts)
					}
				}
				if len(blanked) == 0 {
					t.Error("no entry was blanked")
				}
				// Whoever writes something into a blanked line is seen.
				for _, column := range []string{"actor_user", "network", "data", "personal", "account_id", "kind"} {
					query := "UPDATE journal SET " + column + " = 'somebody' WHERE workspace_id LIKE 'ers_%'"
					if err := db.Update(ctx, func(tx *store.Tx) error {
						if _, err := tx.SQL().ExecContext(ctx, query); err != nil {
							return err
						}
						return nil
					}); err != nil {
						t.Fatal(err)
					}
					if r, err := b.chain.Verify(ctx); err != nil || r.Breaks != len(blanked) {
						t.Errorf("%s filled in: %s %v", column, r.Sentence(), err)
					}
				}
			})
		})
	}
}

// When a member leaves a workspace that stays, only who did what goes from its log; what was done can be checked as before.
func TestS16_WhatIsNotErasedStaysSealed(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		ctx := t.Context()
		owner := storetest.Workspace(t, db)
		member := b.member(owner.Workspace, shippost.Editor)
		member.Network, member.Fresh = "192.0.2.0/24", true
		b.update(func(tx *store.Tx) error {
			return tx.Record(ctx, shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntrySlotAdded, Actor: member, Data: map[string]any{"weekday": 1}})
		})
		b.unbroken("before")
		if _, err := b.keeper.Erase(ctx, member, lifecycle.Person); err != nil {
			t.Fatal(err)
		}
		clock.Advance(8 * 24 * time.Hour)
		b.sweep()
		b.unbroken("after")
		if got := b.salts("kind = 'slot.added'"); len(got) != 1 || strings.Count(got[0], ".") != 2 {
			t.Errorf("salts %v: want those of who and personal gone, and that of the facts kept", got)
		}
		b.update(func(tx *store.Tx) error {
			_, err := tx.SQL().ExecContext(ctx, "UPDATE journal SET data = '{\"weekday\":2}' WHERE kind = 'slot.added'")
			return err
		})
		if r, err := b.chain.Verify(ctx); err != nil || r.Breaks != 1 || r.Named[0].Kind != "slot.added" {
			t.Errorf("facts changed: %s %v", r.Sentence(), err)
		}
	})
}

// Entries that outlive their year go without a break, and those about posts stay.
func TestS16_RetentionLeavesTheChainWhole(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		post := b.post(actor, account, shippost.PostPosted, b.file(actor, "clip"))
		b.update(func(tx *store.Tx) error {
			for range 3 {
				if err := tx.Record(t.Context(), shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryPostEdited, Actor: actor, Post: post.ID},
					shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryUserSignedIn, Actor: actor}); err != nil {
					return err
				}
			}
			return nil
		})
		b.unbroken("before")
		clock.Advance(365 * 24 * time.Hour)
		b.sweep()
		if r := b.unbroken("within the year"); r.Gone != 0 {
			t.Errorf("%d went early", r.Gone)
		}
		clock.Advance(2 * 24 * time.Hour)
		b.sweep()
		if r := b.unbroken("after the year"); r.Gone != 3 || r.Entries < 3 {
			t.Errorf("%+v", r)
		}
	})
}

// A workspace that comes from an archive is sealed like what happens here, and neither log breaks.
func TestS16_ImportLeavesTheChainWhole(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		actor := storetest.Workspace(t, db)
		b.work()
		b.file(actor, "clip")
		b.update(func(tx *store.Tx) error {
			return tx.Record(t.Context(), shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryKeyCreated, Actor: actor, Data: map[string]any{"n": 1.5}})
		})
		archive := b.fetch(actor, lifecycle.Workspace)
		b.unbroken("the old server")
		other := open(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, t.TempDir())
		other.update(func(tx *store.Tx) error {
			return tx.Record(t.Context(), shippost.Entry{Kind: shippost.EntryAdminMade})
		})
		other.unbroken("the new server before")
		if _, err := other.keeper.Import(t.Context(), bytes.NewReader(archive), int64(len(archive))); err != nil {
			t.Fatal(err)
		}
		if r := other.unbroken("the new server"); r.Entries < 3 {
			t.Errorf("%+v", r)
		}
	})
}

// S16: whatever stands in an entry is text in an archive: one line of JSON, without anything that a terminal or a spreadsheet obeys.
func TestS16_EntriesAreInertInArchives(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	b := open(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, t.TempDir())
	actor := storetest.Workspace(t, b.db)
	const sharp = "=cmd|' /C calc'!A0\r\n{\"id\":\"forged\"}\n\x1b[31m\x07"
	b.update(func(tx *store.Tx) error {
		return tx.Record(t.Context(), shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryKeyCreated, Actor: actor,
			Data: map[string]any{"name": sharp}, Personal: map[string]string{"name": sharp}})
	})
	b.work()
	archive := b.fetch(actor, lifecycle.Workspace)
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("data/journal.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		var row struct{ Personal, Data map[string]any }
		if err := json.Unmarshal([]byte(line), &row); err != nil || !strings.HasPrefix(line, "{") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\n\x1b\x07") {
			t.Errorf("%q: %v", line, err)
		}
		if row.Personal["name"] == sharp && row.Data["name"] == sharp {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d entries as they were, of 1:\n%s", found, text)
	}
}
