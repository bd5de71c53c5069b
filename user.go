package shippost

import "time"

// User is a person who signs in. ShipPost stores no password.
type User struct {
	ID         UserID
	Name       string // display name; personal
	CreatedAt  time.Time
	DisabledAt time.Time // zero while the user may sign in
}

// Identity proves who a user is on a platform: the pair (Platform, Subject) belongs to one user only.
// It stays when the account of the same subject is disconnected.
type Identity struct {
	ID        IdentityID
	User      UserID
	Platform  PlatformName
	Subject   string // TikTok: open_id
	CreatedAt time.Time
}

// Workspace is a team and what it owns.
type Workspace struct {
	ID         WorkspaceID
	Name       string
	LateWindow time.Duration // default for its posts
	CreatedAt  time.Time
}

// Member is a user's place in a workspace.
type Member struct {
	Workspace WorkspaceID
	User      UserID
	Role      Role
	CreatedAt time.Time
}

// APIKey lets a program act for its user in one workspace. The key itself is shown once and stored as a hash.
type APIKey struct {
	ID         APIKeyID
	Workspace  WorkspaceID
	User       UserID
	Name       string
	Hint       string // the first characters, to recognise it in a list
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero for never
	LastUsedAt time.Time // zero for never; exact to a minute
	RevokedAt  time.Time // zero while it works
}
