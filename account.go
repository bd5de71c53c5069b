package shippost

import (
	"slices"
	"time"
)

// PlatformName names a social platform in lower case.
type PlatformName string

// TikTok is the first platform.
const TikTok PlatformName = "tiktok"

// AccountStatus says whether ShipPost may post to an account.
type AccountStatus string

// The states of an account.
const (
	AccountActive       AccountStatus = "active"
	AccountReconnect    AccountStatus = "needs_reconnect" // its creator must give access again; posts wait meanwhile
	AccountDisconnected AccountStatus = "disconnected"    // ended; history stays
)

// Why an account is not active: the codes of its StatusReason.
const (
	ReasonRefresh   = "refresh_refused"    // the platform no longer takes its refresh token
	ReasonRefused   = "token_refused"      // the platform refuses even the tokens that it has just given
	ReasonWithdrawn = "permission_denied"  // the platform takes the token, and says that a permission is missing
	ReasonScopes    = "scope_missing"      // its creator did not allow everything that ShipPost needs
	ReasonImported  = "imported"           // it came in an archive, which has no keys
	ReasonBreach    = "breach"             // whoever runs the server gave all access up, after somebody had got in
	ReasonRemoved   = "removed_by_creator" // its creator took our access away in the platform itself
)

// reasons are the words of each, which screens, API, command line and mail all say.
var reasons = map[string]string{
	ReasonRefresh:   "The platform no longer accepts ShipPost for this account.",
	ReasonRefused:   "The platform refuses ShipPost's access to this account, even right after it was renewed.",
	ReasonWithdrawn: "The platform says that ShipPost may not post to this account. Every switch must be left on when it is connected.",
	ReasonScopes:    "ShipPost was not allowed to post to this account. Every switch must be left on when it is connected.",
	ReasonImported:  "This account came with an imported workspace, without access.",
	ReasonBreach:    "Whoever runs this server ended all access, because somebody may have got at it.",
	ReasonRemoved:   "Its creator took ShipPost's access back in the platform's app.",
}

// Account is a connected social account.
type Account struct {
	ID             AccountID
	Workspace      WorkspaceID
	Platform       PlatformName
	Subject        string    // the platform's id of the creator for this app; TikTok: open_id
	Handle         string    // without "@"; "" until the platform told
	Name           string    // display name; personal
	AvatarURL      string    // where the platform serves the picture; may expire
	Avatar         string    // hex SHA-256 of the picture as we keep it; "" without one
	AvatarAt       time.Time // when it was last asked for; zero for never
	Status         AccountStatus
	StatusReason   string // code of why it is not active; see Why
	Epoch          int64  // grows with each connect and disconnect; an attempt of an older epoch must not commit
	Scopes         []string
	ConnectedAt    time.Time
	DisconnectedAt time.Time
}

// accessNotices are how long before a platform ends our access to an account its people are told, first of all weeks before.
var accessNotices = []time.Duration{AccessNotice, 7 * 24 * time.Hour, 24 * time.Hour}

// AccessNotice is how long before a platform ends our access to an account this is said wherever the account is.
const AccessNotice = 28 * 24 * time.Hour

// AnnounceEnd reports whether, between two looks at an account whose access ends at a known instant, a moment passed at which its
// people are told so.
func AnnounceEnd(ends, before, now time.Time) bool {
	return !ends.IsZero() && slices.ContainsFunc(accessNotices, func(ahead time.Duration) bool {
		at := ends.Add(-ahead)
		return before.Before(at) && !now.Before(at)
	})
}

// Why says in a sentence why ShipPost may not post to the account; "" when it may, and for one that was disconnected here.
func (a Account) Why() string {
	words, known := reasons[a.StatusReason]
	switch {
	case a.Status == AccountActive:
		return ""
	case !known && a.Status == AccountReconnect:
		return reasons[ReasonRefresh]
	default:
		return words
	}
}

// HasScope reports whether the creator granted the scope.
func (a Account) HasScope(scope string) bool { return slices.Contains(a.Scopes, scope) }

// Outdated reports whether the platform now tells another handle or name than the account has.
func (a Account) Outdated(c Creator) bool {
	return c.Handle != "" && c.Handle != a.Handle || c.Nickname != "" && c.Nickname != a.Name
}

// Creator is what the platform says a creator may do at this moment. It is asked for fresh and never stored for long.
type Creator struct {
	Handle           string // without "@"
	Nickname         string
	AvatarURL        string
	PrivacyOptions   []string // the platform's words, in its order
	CommentDisabled  bool
	DuetDisabled     bool
	StitchDisabled   bool
	MaxVideoDuration time.Duration // 0 when unknown
}
