package shippost

import "time"

// EntryKind names what happened, as noun.verb. The list is part of the product's contract: kinds are added, never renamed.
type EntryKind string

// The kinds of journal entries.
const (
	EntryUserSignedIn        EntryKind = "user.signed_in"
	EntryUserSignedOut       EntryKind = "user.signed_out"
	EntrySignInRefused       EntryKind = "user.sign_in_refused"
	EntryAccountConnected    EntryKind = "account.connected"
	EntryAccountBroken       EntryKind = "account.needs_reconnect"
	EntryAccountDisconnected EntryKind = "account.disconnected"
	EntryTokenRefreshed      EntryKind = "account.token_refreshed"
	EntryKeyCreated          EntryKind = "key.created"
	EntryKeyRevoked          EntryKind = "key.revoked"
	EntryMediaReceived       EntryKind = "media.received"
	EntryMediaChecked        EntryKind = "media.checked"
	EntryMediaRemoved        EntryKind = "media.deleted"
	EntryPostCreated         EntryKind = "post.created"
	EntryPostScheduled       EntryKind = "post.scheduled"
	EntryPostEdited          EntryKind = "post.edited"
	EntryPostRescheduled     EntryKind = "post.rescheduled"
	EntryPostCancelled       EntryKind = "post.cancelled"
	EntryPostRetried         EntryKind = "post.retried"
	EntryPostHeld            EntryKind = "post.held"
	EntryPostReleased        EntryKind = "post.released" // the hold ended
	EntryPostStaging         EntryKind = "post.staging"
	EntryPostStaged          EntryKind = "post.staged"
	EntryPostCommitting      EntryKind = "post.committing"
	EntryPostSent            EntryKind = "post.sent"
	EntryPostProcessing      EntryKind = "post.processing"
	EntryPostPosted          EntryKind = "post.posted"
	EntryPostPublic          EntryKind = "post.public" // its permalink became known
	EntryPostFailed          EntryKind = "post.failed"
	EntryPostMissed          EntryKind = "post.missed"
	EntryPostInbox           EntryKind = "post.in_inbox"
	EntryPostUnconfirmed     EntryKind = "post.unconfirmed"
	EntryAttemptDied         EntryKind = "attempt.died"    // with its rule of reliability §3
	EntryPublisherAlarm      EntryKind = "publisher.alarm" // something an operator must look at
)

// Entry is one line of the journal. It is written in the transaction that makes the change it tells of.
type Entry struct {
	Seq       int64 // order of writing, set by the store
	ID        EntryID
	Workspace WorkspaceID // "" for what concerns no workspace
	At        time.Time
	Kind      EntryKind
	Actor     Actor
	Account   AccountID
	Post      PostID
	Attempt   AttemptID
	Media     MediaID
	Data      map[string]any    // facts without personal content, JSON values
	Personal  map[string]string // personal facts, kept apart so that erasure can blank them
}
