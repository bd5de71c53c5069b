package journal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
	account := storetest.Account(t, db, owner)
	post := shippost.Post{ID: shippost.NewPostID(db.Now()), Workspace: owner.Workspace, Account: account.ID, Status: shippost.PostDraft, Version: 1,
		CreatedBy: owner.User, CreatedAt: db.Now(), UpdatedAt: db.Now()}
	owner.Network = "192.0.2.0/24"
	kinds := []shippost.EntryKind{shippost.EntryPostCreated, shippost.EntryPostEdited, shippost.EntryPostCancelled}
	storetest.Update(t, db, func(tx *store.Tx) error {
		if err := tx.InsertPost(t.Context(), &post); err != nil {
			return err
		}
		for _, kind := range kinds {
			if err := tx.Record(t.Context(), shippost.Entry{Workspace: owner.Workspace, Kind: kind, Actor: owner, Post: post.ID}); err != nil {
				return err
			}
		}
		return tx.Record(t.Context(), shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryKeyCreated, Actor: owner})
	})
	j := journal.New(db)
	read := func(actor shippost.Actor, q journal.Query) (got []shippost.EntryKind, network string, last int64, more bool) {
		t.Helper()
		entries, more, err := j.Entries(t.Context(), actor, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			got, network, last = append(got, e.Kind), e.Actor.Network, e.Seq
		}
		return got, network, last, more
	}

	label := shippost.Label{ID: shippost.NewLabelID(db.Now()), Workspace: owner.Workspace, Name: "Spring", Colour: "green", CreatedAt: db.Now()}
	storetest.Update(t, db, func(tx *store.Tx) error {
		if err := tx.InsertLabel(t.Context(), &label); err != nil {
			return err
		}
		return tx.SetPostLabels(t.Context(), owner.Workspace, post.ID, []shippost.LabelID{label.ID})
	})
	if got, _, _, more := read(owner, journal.Query{Labels: []shippost.LabelID{label.ID}, Limit: 9}); len(got) != len(kinds) || more {
		t.Errorf("about posts with a label: %v", got)
	}
	if got, _, _, _ := read(owner, journal.Query{Labels: []shippost.LabelID{"lab_other"}, Limit: 9}); len(got) != 0 {
		t.Errorf("about posts with a label that none has: %v", got)
	}

	got, network, last, more := read(owner, journal.Query{Post: post.ID, Limit: 2})
	if diff := cmp.Diff([]shippost.EntryKind{kinds[2], kinds[1]}, got); diff != "" || !more || network != owner.Network {
		t.Errorf("newest of a post: more %v, network %q (-want +got):\n%s", more, network, diff)
	}
	got, _, _, more = read(owner, journal.Query{Post: post.ID, Before: last, Limit: 2})
	if diff := cmp.Diff(kinds[:1], got); diff != "" || more {
		t.Errorf("next page: more %v (-want +got):\n%s", more, diff)
	}
	got, _, _, _ = read(owner, journal.Query{After: last, Limit: 10})
	if diff := cmp.Diff([]shippost.EntryKind{kinds[2], shippost.EntryKeyCreated}, got); diff != "" {
		t.Errorf("forward (-want +got):\n%s", diff)
	}
	editor := owner
	editor.Role = shippost.Editor
	if _, network, _, _ := read(editor, journal.Query{Kinds: kinds, Limit: 10}); network != "" {
		t.Errorf("an editor is told where a request came from: %q", network)
	}
	if got, _, _, _ := read(stranger, journal.Query{Limit: 10}); len(got) != 0 {
		t.Errorf("a stranger reads %v", got)
	}
	if _, _, err := j.Entries(t.Context(), stranger, journal.Query{Post: post.ID, Limit: 10}); !shippost.IsCode(err, "post_not_found") {
		t.Errorf("a stranger about a post: %v", err)
	}
	if _, _, err := j.Entries(t.Context(), shippost.Actor{}, journal.Query{Limit: 10}); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
}
