package platform

import (
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
)

// Class is what a failure means for the publisher. These seven are the only ones (reliability §7).
type Class string

// The classes.
const (
	Transient Class = "transient" // K1: try again with back-off, inside the late window
	Rate      Class = "rate"      // K2: quiet for at least a minute
	Quota     Class = "quota"     // K3: a cap; hold, ask hourly, then missed
	Auth      Class = "auth"      // K4: refresh once and repeat, else the account must be connected anew
	Content   Class = "content"   // K5: the creator or the operator must change something
	Declined  Class = "refused"   // K6: never retried
	Unknown   Class = "unknown"   // K7: as transient, at most three times
)

// Failure is an error in the words of the product.
type Failure struct {
	Class      Class  // before the commit
	After      Class  // for a fail reason the platform gave after the commit: what a further attempt may do
	Code       string // the platform's code, or ours
	Message    string // a sentence for the creator
	Remedy     shippost.Remedy
	RetryAfter time.Duration // 0 when not said
	Ask        bool          // what was agreed to can no longer be sent as it is: the creator is asked, as long as there is time
	Alarm      bool          // an operator must look: our configuration or code is wrong
	Withdrawn  bool          // the creator took a permission away, or new tokens are refused like old ones: only connecting anew helps
	LogID      string
}

// Post returns the failure as it is kept with a post.
func (f Failure) Post() *shippost.Failure {
	return &shippost.Failure{Code: f.Code, Message: f.Message, Remedy: f.Remedy, LogID: f.LogID, Class: string(f.Class)}
}

// Reach says how far a request came. A lost answer is neither success nor failure.
type Reach string

// How far a request came.
const (
	NotSent  Reach = "not_sent" // no byte of it left: name look-up, connection or TLS failed
	Maybe    Reach = "maybe"    // it left, and no whole answer came back
	Answered Reach = "answered" // the platform answered
)

// Error is a failed request to a platform. It holds no secret.
type Error struct {
	Op      string // "video.init", "upload", …
	Reach   Reach
	Status  int    // HTTP status, 0 without an answer
	Code    string // the platform's code, "" without one
	Message string // the platform's text, for the log only
	LogID   string
	Err     error // the cause, without addresses that work as keys
}

// Error tells what failed, for the log.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s (%s", e.Op, e.Reach)
	if e.Status != 0 {
		text += fmt.Sprintf(", HTTP %d", e.Status)
	}
	if e.Code != "" {
		text += ", " + e.Code
	}
	if e.LogID != "" {
		text += ", log " + e.LogID
	}
	text += ")"
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// The codes below are ours, for what a platform says with a status or not at all.
const (
	CodeUploadGone    = "upload_gone"    // the upload URL expired or is unknown: this attempt cannot be resumed
	CodeUploadForeign = "upload_foreign" // the platform named an upload host that is not its own
	CodeUploadWhole   = "upload_whole"   // the platform has every byte already: nothing is left to send, only Confirm helps
	CodeNetwork       = "network"        // nobody answered
	CodeTokenReplaced = "token_replaced" // a token was refused before its time, and there is another one now: a second time in a row means CodeTokenRefused
	CodeTokenRefused  = "token_refused"  // the platform refuses what it has just given as well
)

// AsError finds the *Error in err's chain, or nil.
func AsError(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}
