package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestUpdateKeepsAndRollsBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(ctx, "motto", "once") })
		stop := errors.New("stop")
		err := db.Update(ctx, func(tx *store.Tx) error {
			if err := tx.SetMeta(ctx, "motto", "twice"); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatalf("Update = %v, want the error of its function", err)
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.Meta(ctx, "motto")
			if got != "once" {
				t.Errorf("motto = %q after a rollback, want %q", got, "once")
			}
			return err
		})
	})
}

func TestAccountsOfAWorkspace(t *testing.T) {
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
			return err
		})
	})
}
