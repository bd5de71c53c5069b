package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestAccountsStayInTheirWorkspace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		account := storetest.Account(t, db, owner)
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.Account(ctx, owner.Workspace, account.ID)
			if diff := cmp.Diff(account, got); diff != "" {
				t.Errorf("account read back (-want +got):\n%s", diff)
			}
			if _, err := tx.Account(ctx, stranger.Workspace, account.ID); !shippost.IsCode(err, "account_not_found") {
				t.Errorf("the account seen from another workspace: %v, want account_not_found", err)
			}
			if list, err := tx.Accounts(ctx, stranger.Workspace); len(list) != 0 || err != nil {
				t.Errorf("the other workspace has %+v, %v; want no accounts", list, err)
			}
			if got, err := tx.AccountOfAny(ctx, account.ID); got.Workspace != owner.Workspace || err != nil {
				t.Errorf("AccountOfAny = %+v, %v", got, err)
			}
			return err
		})
	})
}

func TestAccountStatusIsComparedBeforeItIsSet(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		account := storetest.Account(t, db, storetest.Workspace(t, db))
		broken := account
		broken.Status, broken.StatusReason, broken.Epoch, broken.Scopes = shippost.AccountReconnect, "access_revoked", 2, nil
		storetest.Update(t, db, func(tx *store.Tx) error {
			if changed, err := tx.SetAccountStatus(ctx, broken, 1); !changed || err != nil {
				t.Errorf("at the right epoch: %v, %v; want true", changed, err)
			}
			late := account
			late.Status = shippost.AccountDisconnected
			if changed, err := tx.SetAccountStatus(ctx, late, 1); changed || err != nil {
				t.Errorf("at an old epoch: %v, %v; want false", changed, err)
			}
			fresh := account
			fresh.Handle, fresh.Name, fresh.AvatarURL = "grace", "Grace", "https://example.com/a.jpg"
			if changed, err := tx.SaveProfile(ctx, fresh); !changed || err != nil {
				t.Errorf("SaveProfile = %v, %v; want true", changed, err)
			}
			want := broken
			want.Handle, want.Name, want.AvatarURL = fresh.Handle, fresh.Name, fresh.AvatarURL
			got, err := tx.AccountOfAny(ctx, account.ID)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("account (-want +got):\n%s", diff)
			}
			return err
		})
	})
}

// What a platform tells about a creator must not come back after the account was disconnected.
func TestNoteCreator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		account := storetest.Account(t, db, storetest.Workspace(t, db))
		note := func(a shippost.Account, c shippost.Creator) (got shippost.Account) {
			t.Helper()
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.NoteCreator(ctx, a, c); err != nil {
					return err
				}
				var err error
				got, err = tx.AccountOfAny(ctx, a.ID)
				return err
			})
			return got
		}
		if got := note(account, shippost.Creator{Handle: "grace"}); got.Handle != "grace" || got.Name != account.Name {
			t.Errorf("a new handle: %+v", got)
		}
		older := account
		older.Epoch--
		if got := note(older, shippost.Creator{Handle: "late", Nickname: "Late"}); got.Handle != "grace" || got.Name != account.Name {
			t.Errorf("of an older connection: %+v", got)
		}
	})
}

func TestAccountIsConnectedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), db.Now()
		ada, bob := storetest.Workspace(t, db), storetest.Workspace(t, db)
		account := storetest.Account(t, db, ada)
		second := account
		second.ID, second.Workspace = shippost.NewAccountID(now), bob.Workspace
		insert := func(tx *store.Tx) error { return tx.InsertAccount(ctx, &second) }
		if err := db.Update(ctx, insert); !shippost.IsCode(err, "account_taken") {
			t.Errorf("connected in a second workspace: %v, want account_taken", err)
		}
		ended := account
		ended.Status, ended.Epoch, ended.DisconnectedAt = shippost.AccountDisconnected, 2, now
		storetest.Update(t, db, func(tx *store.Tx) error {
			_, err := tx.SetAccountStatus(ctx, ended, 1)
			return err
		})
		storetest.Update(t, db, insert)
		err := db.Update(ctx, func(tx *store.Tx) error {
			revived := account
			revived.Epoch = 3
			_, err := tx.SetAccountStatus(ctx, revived, 2)
			return err
		})
		if !shippost.IsCode(err, "account_taken") {
			t.Errorf("connected again at the first workspace: %v, want account_taken", err)
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			connected, err := tx.ConnectedAccount(ctx, shippost.TikTok, account.Subject)
			if connected.ID != second.ID {
				t.Errorf("the connected account is %s, want %s", connected.ID, second.ID)
			}
			last, errLast := tx.LastAccount(ctx, ada.Workspace, shippost.TikTok, account.Subject)
			if diff := cmp.Diff(ended, last); diff != "" || errLast != nil {
				t.Errorf("the first workspace's account %v (-want +got):\n%s", errLast, diff)
			}
			return err
		})
	})
}
