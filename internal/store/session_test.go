package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func session(owner shippost.Actor, hash string, seen time.Time) store.Session {
	return store.Session{Hash: hash, ID: shippost.NewSessionID(seen), User: owner.User, Workspace: owner.Workspace,
		Network: "203.0.113.0/24", Browser: "Firefox", CreatedAt: noon, ProvedAt: noon, SeenAt: seen, ExpiresAt: noon.Add(30 * 24 * time.Hour)}
}

func TestSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, owner, other := t.Context(), storetest.Workspace(t, db), storetest.Workspace(t, db)
		old, recent, foreign := session(owner, "h-old", noon), session(owner, "h-new", noon.Add(time.Hour)), session(other, "h-foreign", noon)
		storetest.Update(t, db, func(tx *store.Tx) error {
			for _, s := range []*store.Session{&old, &recent, &foreign} {
				if err := tx.InsertSession(ctx, s); err != nil {
					return err
				}
			}
			if done, err := tx.TouchSession(ctx, "h-nobody", noon); done || err != nil {
				t.Errorf("touch of no session: %v, %v", done, err)
			}
			if done, err := tx.DeleteSession(ctx, other.User, old.ID); done || err != nil {
				t.Errorf("delete of somebody else's session: %v, %v", done, err)
			}
			return nil
		})
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.SessionByHash(ctx, "h-old")
			if diff := cmp.Diff(old, got); err != nil || diff != "" {
				t.Errorf("session: %v\n%s", err, diff)
			}
			list, err := tx.Sessions(ctx, owner.User)
			if diff := cmp.Diff([]store.Session{recent, old}, list); err != nil || diff != "" {
				t.Errorf("list: %v\n%s", err, diff)
			}
			if _, err := tx.SessionByHash(ctx, "h-unknown"); !shippost.IsCode(err, "session_not_found") {
				t.Errorf("unknown hash: %v", err)
			}
			return nil
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			// At 12:30 idle means not seen since noon: old and foreign go, recent stays.
			if n, err := tx.SweepSessions(ctx, noon.Add(30*time.Minute), noon); n != 2 || err != nil {
				t.Errorf("swept %d, %v; want 2", n, err)
			}
			if n, err := tx.DeleteSessions(ctx, owner.User); n != 1 || err != nil {
				t.Errorf("deleted %d, %v; want 1", n, err)
			}
			return nil
		})
	})
}

func TestAPIKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, owner, other := t.Context(), storetest.Workspace(t, db), storetest.Workspace(t, db)
		key := shippost.APIKey{ID: shippost.NewAPIKeyID(noon), Workspace: owner.Workspace, User: owner.User, Name: "ci", Hint: "sp_abc", CreatedAt: noon}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.InsertAPIKey(ctx, key, "hash"); err != nil {
				return err
			}
			if done, err := tx.RevokeAPIKey(ctx, other.Workspace, key.ID, noon); done || err != nil {
				t.Errorf("revoked from another workspace: %v, %v", done, err)
			}
			return tx.TouchAPIKey(ctx, key.ID, noon.Add(time.Minute))
		})
		key.LastUsedAt = noon.Add(time.Minute)
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.APIKeyByHash(ctx, "hash")
			if diff := cmp.Diff(key, got); err != nil || diff != "" {
				t.Errorf("key: %v\n%s", err, diff)
			}
			list, err := tx.APIKeys(ctx, other.Workspace)
			if len(list) != 0 || err != nil {
				t.Errorf("keys of another workspace: %v, %v", list, err)
			}
			return nil
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			ended, err := tx.RevokeAPIKeysOf(ctx, owner.User, noon)
			if len(ended) != 1 || err != nil {
				t.Errorf("revoked %v, %v", ended, err)
			}
			done, err := tx.RevokeAPIKey(ctx, owner.Workspace, key.ID, noon)
			if done || err != nil {
				t.Errorf("revoked twice: %v, %v", done, err)
			}
			list, err := tx.APIKeys(ctx, owner.Workspace)
			if err != nil || len(list) != 1 || !list[0].RevokedAt.Equal(noon) {
				t.Errorf("a revoked key stays in the list: %v, %v", list, err)
			}
			return nil
		})
	})
}

func TestOAuthFlowIsUsedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, owner := t.Context(), storetest.Workspace(t, db)
		flow := store.OAuthFlow{StateHash: "state", BrowserHash: "browser", Purpose: "connect", Platform: shippost.TikTok, User: owner.User,
			Workspace: owner.Workspace, Account: "acc_1", Verifier: "sealed", RedirectURI: "https://posts.example/callback/tiktok", ReturnTo: "/",
			CreatedAt: noon, ExpiresAt: noon.Add(10 * time.Minute)}
		anonymous := store.OAuthFlow{StateHash: "anonymous", Purpose: "sign_in", Platform: shippost.TikTok, CreatedAt: noon, ExpiresAt: noon}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.InsertOAuthFlow(ctx, &anonymous); err != nil {
				return err
			}
			return tx.InsertOAuthFlow(ctx, &flow)
		})
		const callers = 8
		won := make(chan bool, callers)
		for range callers {
			go func() {
				var used bool
				err := db.Update(ctx, func(tx *store.Tx) error {
					got, first, err := tx.UseOAuthFlow(ctx, "state", noon.Add(time.Minute))
					used = first
					want := flow
					want.UsedAt = noon.Add(time.Minute)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("flow:\n%s", diff)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
				won <- used
			}()
		}
		winners := 0
		for range callers {
			if <-won {
				winners++
			}
		}
		if winners != 1 {
			t.Errorf("%d of %d callers used the flow", winners, callers)
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if _, _, err := tx.UseOAuthFlow(ctx, "unknown", noon); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("unknown state: %v", err)
			}
			if n, err := tx.SweepOAuthFlows(ctx, noon.Add(time.Second)); n != 1 || err != nil {
				t.Errorf("swept %d, %v", n, err)
			}
			return nil
		})
	})
}

func TestOneFirstUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		const callers = 4
		won := make(chan bool, callers)
		for range callers {
			go func() {
				var first bool
				err := db.Update(ctx, func(tx *store.Tx) (err error) {
					user := shippost.User{ID: shippost.NewUserID(noon), Name: "somebody", CreatedAt: noon}
					if first, err = tx.ClaimFirstUser(ctx, user.ID); err != nil || !first {
						return err
					}
					return tx.InsertUser(ctx, &user)
				})
				if err != nil {
					t.Error(err)
				}
				won <- first
			}()
		}
		winners := 0
		for range callers {
			if <-won {
				winners++
			}
		}
		if winners != 1 {
			t.Errorf("%d first users", winners)
		}
	})
}

func TestFirstUserComesBeforeAnyOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.Workspace(t, db)
		storetest.Update(t, db, func(tx *store.Tx) error {
			if first, err := tx.ClaimFirstUser(t.Context(), "usr_late"); first || err != nil {
				t.Errorf("with a user there already: %v, %v", first, err)
			}
			return nil
		})
	})
}
