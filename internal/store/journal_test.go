package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestJournalPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), db.Now()
		ada, bob := storetest.Workspace(t, db), storetest.Workspace(t, db)
		account := storetest.Account(t, db, ada)
		p := queued(t, db, ada, account)
		full := shippost.Entry{ID: shippost.NewEntryID(now), Workspace: ada.Workspace, At: now.Add(-time.Minute), Kind: shippost.EntryPostStaged,
			Actor:   shippost.Actor{Kind: shippost.ActorKey, User: ada.User, Key: "key_1", Request: "req_1", Network: "192.0.2.0/24"},
			Account: account.ID, Post: p.ID, Attempt: "att_1", Media: p.Media[0],
			Data: map[string]any{"bytes": 8.0}, Personal: map[string]string{"name": "Ada"}}
		storetest.Update(t, db, func(tx *store.Tx) error {
			return tx.Record(ctx, full,
				shippost.Entry{Workspace: ada.Workspace, Kind: shippost.EntryPostPosted, Post: p.ID, Actor: shippost.System(ada.Workspace)},
				shippost.Entry{Workspace: bob.Workspace, Kind: shippost.EntryUserSignedIn},
				shippost.Entry{Workspace: ada.Workspace, Kind: shippost.EntryUserSignedOut},
				shippost.Entry{Kind: shippost.EntryPublisherAlarm})
		})
		var all []shippost.Entry
		storetest.View(t, db, func(tx *store.Tx) (err error) {
			all, err = tx.Journal(ctx, store.JournalQuery{Workspace: ada.Workspace})
			return err
		})
		if len(all) != 3 || all[0].ID == "" || all[0].At.IsZero() {
			t.Fatalf("the workspace's journal is %+v, want three entries with id and time", all)
		}
		full.Seq = all[2].Seq
		if diff := cmp.Diff(full, all[2]); diff != "" {
			t.Errorf("entry read back (-want +got):\n%s", diff)
		}
		for _, c := range []struct {
			name  string
			query store.JournalQuery
			want  []shippost.EntryKind
		}{
			{"newest first", store.JournalQuery{Workspace: ada.Workspace}, []shippost.EntryKind{"user.signed_out", "post.posted", "post.staged"}},
			{"a page of it", store.JournalQuery{Workspace: ada.Workspace, Limit: 1, Before: all[0].Seq}, []shippost.EntryKind{"post.posted"}},
			{"past the end", store.JournalQuery{Workspace: ada.Workspace, Before: all[2].Seq}, nil},
			{"onwards from one", store.JournalQuery{Workspace: ada.Workspace, After: all[2].Seq}, []shippost.EntryKind{"post.posted", "user.signed_out"}},
			{"a post", store.JournalQuery{Workspace: ada.Workspace, Post: p.ID}, []shippost.EntryKind{"post.posted", "post.staged"}},
			{"a post seen from elsewhere", store.JournalQuery{Workspace: bob.Workspace, Post: p.ID}, nil},
			{"an account", store.JournalQuery{Workspace: ada.Workspace, Account: account.ID}, []shippost.EntryKind{"post.staged"}},
			{"some accounts", store.JournalQuery{Workspace: ada.Workspace, Accounts: []shippost.AccountID{"acc_other", account.ID}}, []shippost.EntryKind{"post.staged"}},
			{"no account", store.JournalQuery{Workspace: ada.Workspace, Accounts: []shippost.AccountID{"acc_other"}}, nil},
			{"all about posts", store.JournalQuery{Workspace: ada.Workspace, Nouns: []string{"post"}}, []shippost.EntryKind{"post.posted", "post.staged"}},
			{"about posts, or a kind", store.JournalQuery{Workspace: ada.Workspace, Nouns: []string{"post"}, Kinds: []shippost.EntryKind{"user.signed_out"}}, []shippost.EntryKind{"user.signed_out", "post.posted", "post.staged"}},
			{"some kinds", store.JournalQuery{Workspace: ada.Workspace, Kinds: []shippost.EntryKind{"post.staged", "user.signed_in"}}, []shippost.EntryKind{"post.staged"}},
			{"since a time", store.JournalQuery{Workspace: ada.Workspace, Since: now.Add(-time.Second)}, []shippost.EntryKind{"user.signed_out", "post.posted"}},
			{"everything", store.JournalQuery{Limit: 2}, []shippost.EntryKind{"publisher.alarm", "user.signed_out"}},
		} {
			var got []shippost.EntryKind
			storetest.View(t, db, func(tx *store.Tx) error {
				list, err := tx.Journal(ctx, c.query)
				for _, e := range list {
					got = append(got, e.Kind)
				}
				return err
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
	})
}
