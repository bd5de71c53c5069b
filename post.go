package shippost

import (
	"slices"
	"time"
)

// PostStatus is where a post stands: one word in database, API and screens.
type PostStatus string

// The states of a post.
const (
	PostDraft       PostStatus = "draft"
	PostQueued      PostStatus = "queued"
	PostPublishing  PostStatus = "publishing"
	PostPosted      PostStatus = "posted"      // the platform confirmed it
	PostFailed      PostStatus = "failed"      // the platform or a rule refused it; nothing is out
	PostCancelled   PostStatus = "cancelled"   // a person stopped it; nothing is out
	PostMissed      PostStatus = "missed"      // the late window ended; nothing was sent
	PostInInbox     PostStatus = "in_inbox"    // a draft waits in the creator's TikTok app
	PostUnconfirmed PostStatus = "unconfirmed" // handed over, and the platform does not say; only a person may release it
)

// PostStatuses lists all states in the order of a post's life.
var PostStatuses = []PostStatus{PostDraft, PostQueued, PostPublishing, PostPosted, PostFailed, PostCancelled, PostMissed, PostInInbox, PostUnconfirmed}

// Ended reports whether nothing more happens to the post by itself.
func (s PostStatus) Ended() bool {
	return slices.Contains([]PostStatus{PostPosted, PostFailed, PostCancelled, PostMissed, PostInInbox, PostUnconfirmed}, s)
}

// Phase tells how far a publishing post is, for display.
type Phase string

// The phases of publishing.
const (
	PhaseNone       Phase = ""
	PhaseStaging    Phase = "staging"    // bytes are on their way; nothing is visible
	PhaseStaged     Phase = "staged"     // all but the last bytes are there; waiting for the time
	PhaseCommitting Phase = "committing" // the last bytes are being handed over
	PhaseProcessing Phase = "processing" // the platform works on it
	PhaseStopping   Phase = "stopping"   // a person asked to stop it after the hand-over; it may be out all the same
)

// Hold says why a queued post waits, while its late window runs on; or why nobody can be asked what became of a post that
// the platform has.
type Hold struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Remedy  Remedy    `json:"remedy,omitempty"`
	Since   time.Time `json:"since"`
}

// Notice is something that everybody who uses a server should know.
type Notice struct {
	Code    string
	Message string
	Remedy  Remedy
	Since   time.Time
	Account AccountID // the one it is about; "" for none or several
	Post    PostID    // the same
}

// Failure says why a post did not go out.
type Failure struct {
	Code    string `json:"code"`    // the platform's or our own code
	Message string `json:"message"` // a sentence for the creator
	Remedy  Remedy `json:"remedy,omitempty"`
	LogID   string `json:"log_id,omitempty"` // the platform's reference, for support
	Class   string `json:"class,omitempty"`  // what it meant to the publisher, where an attempt failed
}

// Post is content for one account at one time.
type Post struct {
	ID         PostID
	Workspace  WorkspaceID
	Account    AccountID
	Group      GroupID // "" when composed alone
	Status     PostStatus
	Phase      Phase
	Media      []MediaID // in the order of the slides; one for a video
	Caption    string
	Options    Options
	Due        Due
	LateWindow time.Duration // 0 still allows a minute
	Version    int64         // grows with each change of content or time; an attempt of an older version must not commit
	Hold       *Hold
	Failure    *Failure
	CreatedBy  UserID
	CreatedAt  time.Time
	UpdatedAt  time.Time
	OverdueAt  time.Time // when it was found past its late window without an end; zero while that is not so

	// Set once it went out.
	CommittedAt time.Time // the last byte was handed to the kernel, or for photos the platform let fetch; never before Due.At
	PostedAt    time.Time // when we learnt that the platform published it
	PlatformIDs []string  // the platform's ids of the post, first is ours
	Permalink   string    // "" until an id is known
	WithdrawnAt time.Time // since when viewers cannot see it any more, as the platform told; zero while nothing else is known
}

// Lateness is how long after its due time the post was handed over. It is never negative; 0 if it was not.
func (p Post) Lateness() time.Duration {
	if p.CommittedAt.IsZero() {
		return 0
	}
	return p.CommittedAt.Sub(p.Due.At)
}

// MinLateWindow is how long a post may always be late, even with a late window of zero (reliability §5).
const MinLateWindow = time.Minute

// RetryGrace is how long after the late window further attempts may still commit (reliability §5).
const RetryGrace = time.Hour

// Deadline is the last instant at which the first attempt may commit.
func (p Post) Deadline() time.Time { return p.Due.At.Add(max(p.LateWindow, MinLateWindow)) }

// Editable reports whether content and time may still change. A publishing post may be edited until its attempt
// commits, which only the publisher knows; committing says so.
func (p Post) Editable(committing bool) bool {
	switch p.Status {
	case PostDraft, PostQueued:
		return true
	case PostPublishing:
		return !committing
	default:
		return false
	}
}

// PostVersion is what a post was after somebody changed it.
type PostVersion struct {
	Post    PostID
	Version int64
	By      UserID
	Key     APIKeyID // "" for a person
	At      time.Time
	Status  PostStatus
	Media   []MediaID
	Caption string
	Options Options
	Due     Due // the wall clock alone; zero while it had no time
}

// Options are the choices of a post that only its platform knows. The one that fits the account is set.
type Options struct {
	TikTok *TikTokOptions `json:"tiktok,omitempty"`
}

// TikTokOptions are TikTok's questions to a creator. The legal ones have no default: nil means "not answered",
// and a post with an unanswered question is not sent (TikTok contract 7).
type TikTokOptions struct {
	PrivacyLevel   string `json:"privacy_level,omitempty"` // one of the creator's own options
	AllowComment   *bool  `json:"allow_comment,omitempty"`
	AllowDuet      *bool  `json:"allow_duet,omitempty"`
	AllowStitch    *bool  `json:"allow_stitch,omitempty"`
	YourBrand      *bool  `json:"your_brand,omitempty"`      // promotes the creator's own business
	BrandedContent *bool  `json:"branded_content,omitempty"` // paid partnership with a third party
	AIGenerated    bool   `json:"ai_generated,omitempty"`
	CoverMS        int64  `json:"cover_ms,omitempty"` // video: the frame that becomes the cover, milliseconds from the start
	Consent        bool   `json:"consent,omitempty"`  // the creator agreed to the declaration that was shown
	ToInbox        bool   `json:"to_inbox,omitempty"` // not posted: a draft for the creator to finish in the TikTok app

	// Photos only.
	Title           string `json:"title,omitempty"`             // a short headline beside the caption
	PhotoCoverIndex int    `json:"photo_cover_index,omitempty"` // the photo that becomes the cover, 0 for the first
	AutoMusic       bool   `json:"auto_music,omitempty"`        // TikTok chooses music
}

// The privacy levels TikTok knows. Which of them a creator may choose is theirs alone to say.
const (
	PrivacyPublic    = "PUBLIC_TO_EVERYONE"
	PrivacyFriends   = "MUTUAL_FOLLOW_FRIENDS"
	PrivacyFollowers = "FOLLOWER_OF_CREATOR"
	PrivacySelf      = "SELF_ONLY"
)
