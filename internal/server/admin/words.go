package admin

import "ship-post.com/shippost"

// happened says what entries of the audit log tell of.
var happened = map[shippost.EntryKind]string{
	shippost.EntryUserSignedIn:        "Signed in",
	shippost.EntryUserSignedOut:       "Signed out",
	shippost.EntrySignInRefused:       "A sign-in was refused",
	shippost.EntryAccountConnected:    "Account connected",
	shippost.EntryAccountBroken:       "An account needs to be connected again",
	shippost.EntryAccountChanged:      "The picture of an account changed",
	shippost.EntryAccountEnding:       "TikTok is about to end the access to an account",
	shippost.EntryAccountDisconnected: "Account disconnected",
	shippost.EntryTokenRefreshed:      "Access to the account renewed",
	shippost.EntryKeyCreated:          "API key made",
	shippost.EntryKeyRevoked:          "API key revoked",
	shippost.EntrySlotAdded:           "Time added to a queue",
	shippost.EntrySlotRemoved:         "Time removed from a queue",
	shippost.EntrySnippetSaved:        "Caption or hashtags kept",
	shippost.EntrySnippetRemoved:      "Caption or hashtags removed",
	shippost.EntryTemplateSaved:       "Template saved",
	shippost.EntryTemplateRemoved:     "Template removed",
	shippost.EntryLabelSaved:          "Label saved",
	shippost.EntryLabelRemoved:        "Label removed",
	shippost.EntryMediaReceived:       "File uploaded",
	shippost.EntryMediaChecked:        "File checked",
	shippost.EntryConversionStarted:   "A fitting copy is being made",
	shippost.EntryConversionEnded:     "The fitting copy is done",
	shippost.EntryMediaTagged:         "Tags of a file changed",
	shippost.EntryMediaRemoved:        "File deleted",
	shippost.EntryPostCreated:         "Post written",
	shippost.EntryPostScheduled:       "Post scheduled",
	shippost.EntryPostEdited:          "Post changed",
	shippost.EntryPostRescheduled:     "Post moved to another time",
	shippost.EntryPostLabelled:        "Labels of a post chosen",
	shippost.EntryPostMoved:           "Post moved: the rules of its time zone changed",
	shippost.EntryPostCancelled:       "Post cancelled",
	shippost.EntryPostRestored:        "Cancellation taken back",
	shippost.EntryPostStopping:        "Post stopped after the hand-over",
	shippost.EntryPostDeleted:         "Draft discarded",
	shippost.EntryPostRetried:         "Post queued again",
	shippost.EntryPostHeld:            "Post on hold",
	shippost.EntryPostReleased:        "Post goes on",
	shippost.EntryPostStaging:         "Upload of a post to the platform began",
	shippost.EntryPostStaged:          "A post is uploaded and held back",
	shippost.EntryPostCommitting:      "A post is being released",
	shippost.EntryPostSent:            "Post sent to the platform",
	shippost.EntryPostProcessing:      "The platform works on a post",
	shippost.EntryPostBlind:           "ShipPost can no longer see what becomes of a post",
	shippost.EntryPostUnanswered:      "The platform does not say what became of a post; ShipPost asks again",
	shippost.EntryPostPosted:          "Posted: the platform confirmed it",
	shippost.EntryPostPublic:          "Post is public",
	shippost.EntryPostWithdrawn:       "A post can no longer be seen on the platform",
	shippost.EntryPostAdjusted:        "Sent without what the creator forbids by now",
	shippost.EntryPostAtRisk:          "A post will not go out as things are",
	shippost.EntryPostSafe:            "What was in the way of a post is gone",
	shippost.EntryPostFailed:          "Post failed",
	shippost.EntryPostMissed:          "Post missed its time",
	shippost.EntryPostInbox:           "A draft is in the inbox of the creator’s app",
	shippost.EntryPostUnconfirmed:     "The platform does not say whether a post is out",
	shippost.EntryPostDecided:         "Somebody looked: the post is not out",
	shippost.EntryAttemptDied:         "An attempt ended without a post",
	shippost.EntryPostOverdue:         "A post is late and has no end yet",
	shippost.EntryPublisherAlarm:      "Something needs the operator",
	shippost.EntryPublisherResumed:    "Publishing goes on",
	shippost.EntryErasureAsked:        "Asked to delete",
	shippost.EntryErasureUndone:       "Deletion taken back",
	shippost.EntryRetentionChanged:    "Changed how long posted files stay",
	shippost.EntryRetentionSwept:      "Posted files removed: their time was over",
	shippost.EntryExportAsked:         "Asked for a copy of the data",
	shippost.EntryExportReady:         "A copy of the data is ready",
	shippost.EntryExportRemoved:       "A copy of the data was removed",
	shippost.EntryExportFetched:       "A copy of the data was downloaded",
	shippost.EntryPolicyRead:          "Read a new version of the legal texts",
	shippost.EntryInquiryAsked:        "Wrote to whoever runs this server",
	shippost.EntryInquiryProved:       "Whoever asked showed who they are",
	shippost.EntryInquiryReminded:     "The operator was reminded of a request",
	shippost.EntryInquiryCarried:      "A request is carried out",
	shippost.EntryInquiryClosed:       "A request was closed",
	shippost.EntryLetterGivenUp:       "A mail could not be sent",
	shippost.EntryLetterRevived:       "A mail is tried again",
	shippost.EntryMailAsked:           "Gave a mail address",
	shippost.EntryMailConfirmed:       "Confirmed a mail address",
	shippost.EntryMailChosen:          "Chose what is told by mail",
	shippost.EntryMailRemoved:         "Removed the mail address",
	shippost.EntryAdminRead:           "An administrator looked at what is somebody’s",
	shippost.EntryAdminMade:           "An administrator was made",
	shippost.EntryAdminSignedIn:       "An administrator signed in",
	shippost.EntryAdminRecovered:      "An administrator signed in with a recovery code",
	shippost.EntryAdminFactors:        "An administrator changed how they get in without a passkey",
	shippost.EntryUserDisabled:        "An administrator kept somebody out, or let them in again",
	shippost.EntryPasskeyAdded:        "Added a passkey",
	shippost.EntryPasskeyRenamed:      "Gave a passkey another name",
	shippost.EntryPasskeyRemoved:      "Removed a passkey",
	shippost.EntryWorkspaceImported:   "Workspace imported from a copy",
	shippost.EntryAccessEnded:         "All sessions, keys and links were ended, after a breach",
	shippost.EntryKeysRotated:         "The keys of this server were rotated",
	shippost.EntrySettingsChanged:     "The server started with other settings than before",
	shippost.EntryServerRestored:      "The server was put back from a backup; later entries are gone",
}

// tell says what an entry of the audit log tells of.
func tell(k shippost.EntryKind) string {
	if text, ok := happened[k]; ok {
		return text
	}
	return string(k) // of a later version
}

// who says who did something, without a name.
func who(k shippost.ActorKind) string {
	switch k {
	case shippost.ActorUser:
		return "A person"
	case shippost.ActorKey:
		return "A program, with an API key"
	case shippost.ActorAdmin:
		return "An administrator"
	case shippost.ActorSystem:
		return "ShipPost itself"
	case shippost.ActorPlatform:
		return "The platform"
	}
	return "Somebody not signed in"
}
