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
	EntryAccountEnding       EntryKind = "account.access_ends" // soon, unless it is connected anew
	EntryAccountChanged      EntryKind = "account.changed"     // its picture
	EntryAccountDisconnected EntryKind = "account.disconnected"
	EntryTokenRefreshed      EntryKind = "account.token_refreshed"
	EntryKeyCreated          EntryKind = "key.created"
	EntryKeyRevoked          EntryKind = "key.revoked"
	EntrySlotAdded           EntryKind = "slot.added"
	EntrySlotRemoved         EntryKind = "slot.removed"
	EntrySnippetSaved        EntryKind = "snippet.saved"
	EntrySnippetRemoved      EntryKind = "snippet.removed"
	EntryTemplateSaved       EntryKind = "template.saved"
	EntryTemplateRemoved     EntryKind = "template.removed"
	EntryLabelSaved          EntryKind = "label.saved"
	EntryLabelRemoved        EntryKind = "label.removed"
	EntryMediaReceived       EntryKind = "media.received"
	EntryMediaChecked        EntryKind = "media.checked"
	EntryConversionStarted   EntryKind = "media.conversion_started" // of the original
	EntryConversionEnded     EntryKind = "media.conversion_ended"   // of the original, with how it ended
	EntryMediaTagged         EntryKind = "media.tagged"             // or its tags were taken away
	EntryMediaRemoved        EntryKind = "media.deleted"
	EntryPostCreated         EntryKind = "post.created"
	EntryPostScheduled       EntryKind = "post.scheduled"
	EntryPostEdited          EntryKind = "post.edited"
	EntryPostRescheduled     EntryKind = "post.rescheduled"
	EntryPostLabelled        EntryKind = "post.labelled"
	EntryPostMoved           EntryKind = "post.moved" // zone rules changed: the same wall clock is another instant
	EntryPostCancelled       EntryKind = "post.cancelled"
	EntryPostRestored        EntryKind = "post.restored" // its cancellation was taken back
	EntryPostStopping        EntryKind = "post.stopping" // asked for after the hand-over; what comes of it follows
	EntryPostDeleted         EntryKind = "post.deleted"  // a draft
	EntryPostRetried         EntryKind = "post.retried"
	EntryPostHeld            EntryKind = "post.held"
	EntryPostReleased        EntryKind = "post.released" // the hold ended
	EntryPostStaging         EntryKind = "post.staging"
	EntryPostStaged          EntryKind = "post.staged"
	EntryPostCommitting      EntryKind = "post.committing"
	EntryPostSent            EntryKind = "post.sent"
	EntryPostProcessing      EntryKind = "post.processing"
	EntryPostBlind           EntryKind = "post.access_lost" // after the hand-over: nobody can be asked what became of it
	EntryPostUnanswered      EntryKind = "post.unanswered"  // after the hand-over: the platform refuses to say what became of it; asked again
	EntryPostPosted          EntryKind = "post.posted"
	EntryPostPublic          EntryKind = "post.public"    // its permalink became known
	EntryPostWithdrawn       EntryKind = "post.withdrawn" // viewers cannot see it any more: taken down, or made private
	EntryPostAdjusted        EntryKind = "post.adjusted"  // sent without what the creator forbids by now
	EntryPostAtRisk          EntryKind = "post.at_risk"   // a look ahead found that it will not go out as things are
	EntryPostSafe            EntryKind = "post.safe"      // and now it will
	EntryPostFailed          EntryKind = "post.failed"
	EntryPostMissed          EntryKind = "post.missed"
	EntryPostInbox           EntryKind = "post.in_inbox"
	EntryPostUnconfirmed     EntryKind = "post.unconfirmed"
	EntryPostDecided         EntryKind = "post.decided"      // a person said that an unconfirmed post is not out
	EntryAttemptDied         EntryKind = "attempt.died"      // with its rule of reliability §3
	EntryPostOverdue         EntryKind = "post.overdue"      // past its late window, and still without an end
	EntryPublisherAlarm      EntryKind = "publisher.alarm"   // something an operator must look at
	EntryPublisherResumed    EntryKind = "publisher.resumed" // publishing goes on after it was held
	EntryErasureAsked        EntryKind = "erasure.asked"     // a person or a workspace is going to be erased
	EntryErasureUndone       EntryKind = "erasure.undone"
	EntryRetentionChanged    EntryKind = "retention.changed" // how long files stay after they were posted
	EntryRetentionSwept      EntryKind = "retention.swept"   // files whose time was over were removed
	EntryExportAsked         EntryKind = "export.asked"
	EntryExportReady         EntryKind = "export.ready"
	EntryExportRemoved       EntryKind = "export.removed" // by whoever it was made for, before its time
	EntryExportFetched       EntryKind = "export.fetched"
	EntryPolicyRead          EntryKind = "policy.acknowledged" // a person has read a version of a legal text
	EntryInquiryAsked        EntryKind = "inquiry.asked"       // somebody asked whoever runs the server for something
	EntryInquiryProved       EntryKind = "inquiry.proved"      // and proved who they are
	EntryInquiryReminded     EntryKind = "inquiry.reminded"    // the operator was reminded, or told that it is overdue
	EntryInquiryCarried      EntryKind = "inquiry.carried_out" // its erasure began, or its copies are made
	EntryInquiryClosed       EntryKind = "inquiry.closed"      // answered, refused or withdrawn
	EntryLetterGivenUp       EntryKind = "letter.given_up"     // a mail could not be sent
	EntryLetterRevived       EntryKind = "letter.revived"      // an administrator has it tried again
	EntryMailAsked           EntryKind = "mail.asked"          // a person gave a mail address
	EntryMailConfirmed       EntryKind = "mail.confirmed"      // and proved that they read there
	EntryMailChosen          EntryKind = "mail.chosen"         // of what they are told
	EntryMailRemoved         EntryKind = "mail.removed"        // in the settings, or by the link in a mail
	EntryAdminRead           EntryKind = "admin.read"          // an administrator looked at something that is somebody's
	EntryAdminMade           EntryKind = "admin.made"          // with a code of the server's own command line
	EntryAdminSignedIn       EntryKind = "admin.signed_in"
	EntryAdminRecovered      EntryKind = "admin.recovered" // signed in with a recovery code
	EntryAdminFactors        EntryKind = "admin.factors"   // changed how they get in without a passkey
	EntryUserDisabled        EntryKind = "user.disabled"   // kept out by an administrator, or let in again
	EntryPasskeyAdded        EntryKind = "passkey.added"
	EntryPasskeyRenamed      EntryKind = "passkey.renamed"
	EntryPasskeyRemoved      EntryKind = "passkey.removed"
	EntryWorkspaceImported   EntryKind = "workspace.imported" // from an archive
	EntryAccessEnded         EntryKind = "access.ended"       // every session, key and link of everybody, after a breach
	EntryKeysRotated         EntryKind = "keys.rotated"       // those that this server seals with
	EntrySettingsChanged     EntryKind = "settings.changed"   // since the start before; by name, never what they are
	EntryServerRestored      EntryKind = "server.restored"    // the operator put a backup back; what came after it is gone from the log
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

// Tidings says which mail tells of an entry.
type Tidings string

// The tidings.
const (
	TidingsNone    Tidings = ""
	TidingsTrouble Tidings = "trouble" // a post failed, was missed, was taken down or needs somebody, or an account does
	TidingsPosted  Tidings = "posted"  // a post went out
)

// Tidings returns which mail tells of entries of this kind.
func (k EntryKind) Tidings() Tidings {
	switch k {
	case EntryPostFailed, EntryPostMissed, EntryPostUnconfirmed, EntryPostInbox, EntryPostOverdue, EntryPostAtRisk, EntryPostBlind,
		EntryPostWithdrawn, EntryAccountBroken, EntryAccountEnding:
		return TidingsTrouble
	case EntryPostPosted:
		return TidingsPosted
	}
	return TidingsNone
}
