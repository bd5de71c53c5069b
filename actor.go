package shippost

// Role is a member's place in a workspace.
type Role string

// The roles, weakest first.
const (
	Viewer Role = "viewer" // sees everything in the workspace
	Editor Role = "editor" // also uploads, composes, schedules and cancels
	Owner  Role = "owner"  // also connects accounts, manages members, keys and data
)

// Permission names what an actor wants to do. Features ask for one by name; the table below is the only place that answers.
type Permission string

// The permissions.
const (
	ReadWorkspace  Permission = "workspace.read"
	UploadMedia    Permission = "media.upload"
	DeleteMedia    Permission = "media.delete"
	WritePosts     Permission = "posts.write"
	ReleasePosts   Permission = "posts.release" // decide about an unconfirmed post
	ManageAccounts Permission = "accounts.manage"
	ManageKeys     Permission = "keys.manage"
	ManageMembers  Permission = "members.manage"
	ManageData     Permission = "data.manage" // how long files stay, a copy of everything, and its end
)

var granted = map[Role]map[Permission]bool{
	Viewer: {ReadWorkspace: true},
	Editor: {ReadWorkspace: true, UploadMedia: true, DeleteMedia: true, WritePosts: true, ReleasePosts: true},
	Owner: {ReadWorkspace: true, UploadMedia: true, DeleteMedia: true, WritePosts: true, ReleasePosts: true,
		ManageAccounts: true, ManageKeys: true, ManageMembers: true, ManageData: true},
}

// ActorKind says by what means an actor acts.
type ActorKind string

// The kinds of actors.
const (
	ActorUser     ActorKind = "user"     // a person in a session
	ActorKey      ActorKind = "key"      // a program with an API key
	ActorSystem   ActorKind = "system"   // ShipPost itself: publisher, sweeps
	ActorPlatform ActorKind = "platform" // a social platform, through a verified message
	ActorAdmin    ActorKind = "admin"    // whoever runs the server, in the administrators' own area; of no workspace
)

// Actor is who acts, in which workspace and with which right. Every feature takes it as an explicit parameter.
// The zero Actor may do nothing.
type Actor struct {
	Kind      ActorKind
	User      UserID
	Workspace WorkspaceID
	Role      Role
	Key       APIKeyID  // set for ActorKey
	Session   SessionID // set for ActorUser
	Admin     AdminID   // set for ActorAdmin
	Fresh     bool      // signed in, or proved it again, within the last ten minutes
	Request   RequestID
	Network   string // truncated address of the request, "" for none
}

// System returns the actor for what ShipPost does by itself in a workspace.
func System(ws WorkspaceID) Actor {
	return Actor{Kind: ActorSystem, Workspace: ws, Role: Owner}
}

// Can reports whether the actor's role includes the permission.
func (a Actor) Can(p Permission) bool { return a.Workspace != "" && granted[a.Role][p] }

// Require returns nil if the actor may do p, and else a Forbidden error (Unauthenticated for the zero Actor).
func (a Actor) Require(p Permission) error {
	if a.Kind == "" {
		return Errorf(Unauthenticated, "sign_in_required", "Sign in first.").With(RemedySignIn)
	}
	if !a.Can(p) {
		return Errorf(Forbidden, "not_allowed", "Your role in this workspace does not allow this. Ask an owner.")
	}
	return nil
}

// RequireFresh is Require for steps that need a person who signed in within the last ten minutes; keys never pass.
func (a Actor) RequireFresh(p Permission) error {
	if err := a.Require(p); err != nil {
		return err
	}
	if a.Kind != ActorUser {
		return Errorf(Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	if !a.Fresh {
		return Errorf(Forbidden, "step_up_required", "Confirm that it is you: sign in again, then repeat this.").With(RemedySignIn)
	}
	return nil
}

// RequireFreshAdmin is RequireAdmin for steps that need a sign-in within the last ten minutes.
func (a Actor) RequireFreshAdmin() error {
	if err := a.RequireAdmin(); err != nil {
		return err
	}
	if !a.Fresh {
		return Errorf(Forbidden, "step_up_required", "Confirm that it is you: sign in again, then repeat this.").With(RemedySignIn)
	}
	return nil
}

// RequireAdmin returns nil for an administrator, and else a Forbidden error. The roles of workspaces never lead here.
func (a Actor) RequireAdmin() error {
	if a.Kind != ActorAdmin || a.Admin == "" {
		return Errorf(Forbidden, "administrators_only", "Only administrators of this server may do this.")
	}
	return nil
}
