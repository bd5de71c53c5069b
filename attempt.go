package shippost

import "time"

// AttemptState is where one try to publish stands (reliability §2).
type AttemptState string

// The states of an attempt. At most one attempt of a post is in a state other than dead.
const (
	AttemptPlanned    AttemptState = "planned"     // content frozen, no outside effect
	AttemptInitSent   AttemptState = "init_sent"   // written before the init request leaves
	AttemptOpen       AttemptState = "open"        // the platform gave a receipt; stored before any byte is sent
	AttemptCommitting AttemptState = "committing"  // written before the last byte is sent: the point of no return
	AttemptHandedOver AttemptState = "handed_over" // the platform has all bytes
	AttemptLive       AttemptState = "live"        // the platform says it is published, or waits in the creator's inbox
	AttemptDead       AttemptState = "dead"        // proven unable ever to publish
	AttemptUnknown    AttemptState = "unknown"     // past the point of no return, and the platform no longer tells
)

// Committed reports whether the attempt is past the point of no return and not proven dead.
func (s AttemptState) Committed() bool {
	switch s {
	case AttemptCommitting, AttemptHandedOver, AttemptLive, AttemptUnknown:
		return true
	default:
		return false
	}
}

// Receipt is what a platform gave us for an attempt.
type Receipt struct {
	PublishID string    // the platform's name for this try
	UploadURL Secret    // where the bytes go; works like a key, so it is stored sealed
	OpenedAt  time.Time // when we asked; the life of the upload URL counts from here
}

// IsZero reports whether the platform gave nothing yet.
func (r Receipt) IsZero() bool { return r.PublishID == "" }

// Attempt is one try to publish a post.
type Attempt struct {
	ID          AttemptID
	Post        PostID
	Workspace   WorkspaceID
	Account     AccountID
	Number      int   // 1 for the first
	PostVersion int64 // the version of the post whose content it carries
	Epoch       int64 // the account's epoch it was planned in
	State       AttemptState
	Owner       NodeID // who works on it; every write compares it
	Fence       int64  // grows with each take-over; every write compares it
	PublishID   string // the platform's name for this try; "" before it is known
	UploadURL   string // where the bytes go, sealed
	Size        int64  // bytes to send
	Sent        int64  // bytes the platform has, as far as we were told; advice, never proof
	PlannedAt   time.Time
	InitSentAt  time.Time
	OpenedAt    time.Time
	GuardedAt   time.Time // when the committing row was written
	CommittedAt time.Time // when the last byte was handed to the kernel
	HandedAt    time.Time
	EndedAt     time.Time
	StopAskedAt time.Time // when a person asked to stop it past the point of no return; it may be out all the same
	StopToldAt  time.Time // when the platform had answered that wish; zero while it must still be told
	Polls       int       // status questions asked since the commit
	NextPollAt  time.Time // when to ask again; zero when nobody asks
	Death       string    // the rule of reliability §3 that proves it dead: "D1" … "D8"
	Evidence    string    // what the proof rests on, as JSON
	Failure     *Failure  // what the platform said, when it refused; while it is asked, why it last did not answer
}
