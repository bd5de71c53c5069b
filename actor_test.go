package shippost

import "testing"

// TestActor_Table states who may do what once more, in full, so that no line of the table changes unseen.
func TestActor_Table(t *testing.T) {
	table := []struct {
		permission            Permission
		viewer, editor, owner bool
	}{
		{ReadWorkspace, true, true, true},
		{UploadMedia, false, true, true},
		{DeleteMedia, false, true, true},
		{WritePosts, false, true, true},
		{ReleasePosts, false, true, true},
		{ManageAccounts, false, false, true},
		{ManageKeys, false, false, true},
		{ManageMembers, false, false, true},
		{ManageData, false, false, true},
	}
	listed := map[Permission]bool{}
	for _, row := range table {
		listed[row.permission] = true
		for role, may := range map[Role]bool{Viewer: row.viewer, Editor: row.editor, Owner: row.owner, "": false, "admin": false} {
			actor := Actor{Kind: ActorUser, Workspace: "ws_1", Role: role}
			if actor.Can(row.permission) != may {
				t.Errorf("%q and %s: got %v, want %v", role, row.permission, !may, may)
			}
			err := actor.Require(row.permission)
			if (err == nil) != may || (err != nil && !IsKind(err, Forbidden)) {
				t.Errorf("%q and %s: got %v", role, row.permission, err)
			}
		}
	}
	for role, permissions := range granted {
		for permission := range permissions {
			if !listed[permission] {
				t.Errorf("%s has %s, which this table does not know", role, permission)
			}
		}
	}
}

func TestActor_Nobody(t *testing.T) {
	if err := (Actor{}).Require(ReadWorkspace); !IsKind(err, Unauthenticated) {
		t.Errorf("the zero actor: got %v, want Unauthenticated", err)
	}
	if err := (Actor{Kind: ActorUser, Role: Owner}).Require(ReadWorkspace); !IsKind(err, Forbidden) {
		t.Errorf("an owner of no workspace: got %v, want Forbidden", err)
	}
	if err := (Actor{Kind: ActorUser, Workspace: "ws_1"}).Require(""); !IsKind(err, Forbidden) {
		t.Errorf("no permission named: got %v, want Forbidden", err)
	}
	if system := System("ws_1"); system.Require(ManageMembers) != nil || system.User != "" {
		t.Errorf("the system's own actor: got %+v", system)
	}
}

func TestActor_RequireFresh(t *testing.T) {
	for _, c := range []struct {
		name  string
		actor Actor
		code  string
	}{
		{"fresh session", Actor{Kind: ActorUser, Workspace: "ws_1", Role: Owner, Fresh: true}, ""},
		{"old session", Actor{Kind: ActorUser, Workspace: "ws_1", Role: Owner}, "step_up_required"},
		{"key, whatever it claims", Actor{Kind: ActorKey, Workspace: "ws_1", Role: Owner, Fresh: true}, "person_required"},
		{"fresh viewer", Actor{Kind: ActorUser, Workspace: "ws_1", Role: Viewer, Fresh: true}, "not_allowed"},
		{"nobody", Actor{}, "sign_in_required"},
	} {
		err := c.actor.RequireFresh(ManageKeys)
		if c.code == "" && err != nil || c.code != "" && !IsCode(err, c.code) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.code)
		}
	}
}
