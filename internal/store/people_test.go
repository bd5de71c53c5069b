package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestPeopleAndWorkspaces(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), db.Now()
		ada, bob := storetest.Workspace(t, db), storetest.Workspace(t, db)
		guest := shippost.Member{Workspace: ada.Workspace, User: bob.User, Role: shippost.Viewer, CreatedAt: now.Add(time.Second)}
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertMember(ctx, &guest) })
		if err := db.Update(ctx, func(tx *store.Tx) error { return tx.InsertMember(ctx, &guest) }); !shippost.IsCode(err, "already_member") {
			t.Errorf("a member twice: %v, want already_member", err)
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			list, err := tx.Members(ctx, ada.Workspace)
			if err != nil {
				return err
			}
			if len(list) != 2 || list[0].User != ada.User || !cmp.Equal(list[1], guest) {
				t.Errorf("members are %+v, want the owner and then the guest", list)
			}
			places, err := tx.Memberships(ctx, bob.User)
			if len(places) != 2 || places[1].Workspace != ada.Workspace {
				t.Errorf("the guest's places are %+v, want their own and then the shared one", places)
			}
			shared, errShared := tx.WorkspacesOf(ctx, bob.User)
			if len(shared) != 2 || errShared != nil {
				t.Errorf("the guest's workspaces are %+v, %v; want two", shared, errShared)
			}
			return err
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			for _, c := range []struct {
				name     string
				from, to shippost.Role
				want     bool
			}{
				{"from a role they no longer have", shippost.Editor, shippost.Owner, false},
				{"from the role they have", shippost.Viewer, shippost.Editor, true},
			} {
				if got, err := tx.SetRole(ctx, ada.Workspace, bob.User, c.from, c.to); got != c.want || err != nil {
					t.Errorf("SetRole %s = %v, %v; want %v", c.name, got, err, c.want)
				}
			}
			if gone, err := tx.DeleteMember(ctx, ada.Workspace, bob.User); !gone || err != nil {
				t.Errorf("DeleteMember = %v, %v; want true", gone, err)
			}
			_, err := tx.Member(ctx, ada.Workspace, bob.User)
			if !shippost.IsCode(err, "member_not_found") {
				t.Errorf("a former member: %v, want member_not_found", err)
			}
			return nil
		})
	})
}

func TestUsersAndWorkspacesChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), db.Now()
		actor := storetest.Workspace(t, db)
		storetest.Update(t, db, func(tx *store.Tx) error {
			if changed, err := tx.RenameUser(ctx, actor.User, "Grace"); !changed || err != nil {
				t.Errorf("RenameUser = %v, %v; want true", changed, err)
			}
			for _, want := range []struct {
				when    time.Time
				changed bool
			}{{now, true}, {now.Add(time.Hour), false}, {time.Time{}, true}, {now, true}} {
				if changed, err := tx.DisableUser(ctx, actor.User, want.when); changed != want.changed || err != nil {
					t.Errorf("DisableUser at %v = %v, %v; want %v", want.when, changed, err, want.changed)
				}
			}
			u, err := tx.User(ctx, actor.User)
			if u.Name != "Grace" || !u.DisabledAt.Equal(now) || err != nil {
				t.Errorf("the user is %+v, %v; want the new name, disabled now", u, err)
			}
			ws, err := tx.Workspace(ctx, actor.Workspace)
			if err != nil {
				return err
			}
			ws.Name, ws.LateWindow = "Agency", 90*time.Minute
			if changed, err := tx.UpdateWorkspace(ctx, ws); !changed || err != nil {
				t.Errorf("UpdateWorkspace = %v, %v; want true", changed, err)
			}
			got, err := tx.Workspace(ctx, actor.Workspace)
			if diff := cmp.Diff(ws, got); diff != "" {
				t.Errorf("workspace (-want +got):\n%s", diff)
			}
			return err
		})
	})
}

func TestIdentityBelongsToOneUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), db.Now()
		ada, bob := storetest.Workspace(t, db), storetest.Workspace(t, db)
		mine := shippost.Identity{ID: shippost.NewIdentityID(now), User: ada.User, Platform: shippost.TikTok, Subject: "open-1", CreatedAt: now}
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, &mine) })
		theirs := mine
		theirs.ID, theirs.User = shippost.NewIdentityID(now), bob.User
		if err := db.Update(ctx, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, &theirs) }); !shippost.IsCode(err, "identity_taken") {
			t.Errorf("the same sign-in for another user: %v, want identity_taken", err)
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.IdentityBySubject(ctx, shippost.TikTok, "open-1")
			if diff := cmp.Diff(mine, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
			if _, err := tx.IdentityBySubject(ctx, "other", "open-1"); !shippost.IsCode(err, "identity_not_found") {
				t.Errorf("the subject on another platform: %v, want identity_not_found", err)
			}
			if list, err := tx.Identities(ctx, bob.User); len(list) != 0 || err != nil {
				t.Errorf("the other user's identities are %+v, %v; want none", list, err)
			}
			return err
		})
	})
}

func TestNodesBeat(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	storetest.EachAt(t, start, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertNode(ctx, "node_1") })
		clock.Advance(10 * time.Second)
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.InsertNode(ctx, "node_2"); err != nil {
				return err
			}
			alive, err := tx.BeatNode(ctx, "node_1")
			if !alive {
				t.Error("a registered node was told that it is gone")
			}
			list, errList := tx.Nodes(ctx)
			now := start.Add(10 * time.Second)
			want := []store.Node{{ID: "node_1", StartedAt: start, BeatAt: now}, {ID: "node_2", StartedAt: now, BeatAt: now}}
			if diff := cmp.Diff(want, list); diff != "" || errList != nil {
				t.Errorf("nodes %v (-want +got):\n%s", errList, diff)
			}
			return err
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			if gone, err := tx.DeleteNode(ctx, "node_1"); !gone || err != nil {
				t.Errorf("DeleteNode = %v, %v; want true", gone, err)
			}
			alive, err := tx.BeatNode(ctx, "node_1")
			if alive {
				t.Error("a removed node was told that it is alive")
			}
			return err
		})
		for _, c := range []struct {
			before time.Duration
			left   int
		}{{10 * time.Second, 1}, {11 * time.Second, 0}} {
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.DeleteOldNodes(ctx, start.Add(c.before)); err != nil {
					return err
				}
				list, err := tx.Nodes(ctx)
				if len(list) != c.left {
					t.Errorf("of nodes that were silent for %s are left %+v, want %d", c.before, list, c.left)
				}
				return err
			})
		}
	})
}
