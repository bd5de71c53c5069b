package shippost

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an Error is. Programs act on it; one table in the servers turns it into a status.
type Kind uint8

// The kinds. There are few on purpose: a new one must change what a caller does.
const (
	Internal        Kind = iota // our own fault; its text never reaches a user
	Invalid                     // the request cannot be right as it stands
	Unauthenticated             // nobody we know is asking
	Forbidden                   // known, but not allowed
	NotFound                    // not there, or not theirs: the two are never told apart
	Conflict                    // no longer possible in the present state
	Wait                        // a limit; later it will do
	Reconnect                   // the account must be connected anew by its creator
	Unavailable                 // somebody else's service does not answer
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict", "wait", "reconnect", "unavailable"}

// String returns the kind in snake_case, as it stands in logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Remedy is what a person can do about a problem; the user interface turns it into a button.
type Remedy string

// The remedies.
const (
	RemedyNone         Remedy = ""
	RemedyEdit         Remedy = "edit"          // change caption, options or time
	RemedyReplaceMedia Remedy = "replace_media" // choose or export another file
	RemedyConvert      Remedy = "convert"       // have ShipPost make another file of it that fits
	RemedyReschedule   Remedy = "reschedule"    // choose another time
	RemedyRetry        Remedy = "retry"         // try again as it is
	RemedyWait         Remedy = "wait"          // nothing to do but wait
	RemedyReconnect    Remedy = "reconnect"     // connect the account anew
	RemedyOpenTikTok   Remedy = "open_tiktok"   // do something in the TikTok app
	RemedySignIn       Remedy = "sign_in"       // sign in again
	RemedyOperator     Remedy = "ask_operator"  // whoever runs this server must act
	RemedyDecide       Remedy = "decide"        // a person must say whether the post is out
	RemedyFreeSpace    Remedy = "free_space"    // delete files or raise the quota
)

// Severity says whether a problem stops the thing it is about.
type Severity string

// The severities.
const (
	Block Severity = "block"
	Warn  Severity = "warn"
)

// Problem is one thing that is wrong, in words for a creator.
type Problem struct {
	Code     string   `json:"code"`            // stable snake_case
	Field    string   `json:"field,omitempty"` // the request field it is about, in dotted form ("options.tiktok.privacy_level")
	Message  string   `json:"message"`         // a sentence
	Remedy   Remedy   `json:"remedy,omitempty"`
	Severity Severity `json:"severity"`
	Choices  []Choice `json:"choices,omitempty"` // other times: what a wall-clock time that is skipped or doubled may mean, or when there is room
	Post     PostID   `json:"post_id,omitempty"` // another post that it is about
}

// Blocking reports whether any of the problems stops the thing they are about.
func Blocking(problems []Problem) bool {
	for _, p := range problems {
		if p.Severity == Block {
			return true
		}
	}
	return false
}

// Error is a failure with a kind for programs, a sentence for people and a remedy.
// Wrap it with fmt.Errorf and %w; ErrorKind and AsError find it again.
type Error struct {
	Kind       Kind
	Code       string // stable snake_case, never changes once released
	Message    string // a sentence a creator understands; empty for Internal
	Remedy     Remedy
	Field      string        // the request field it is about, or ""
	Problems   []Problem     // everything that is wrong, when more than one thing can be
	Choices    []Choice      // other times: what a wall-clock time that is skipped or doubled may mean, or when there is room
	RetryAfter time.Duration // for Wait and Unavailable, when known
	Err        error         // the cause, for the log only
}

// Error returns the message, or what can be said without one, followed by the cause.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = e.Kind.String() + " error"
	}
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an Error of a kind with a stable code and a formatted sentence. Add the cause with Because.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// With returns a copy of e with the remedy.
func (e *Error) With(remedy Remedy) *Error {
	c := *e
	c.Remedy = remedy
	return &c
}

// At returns a copy of e that is about the request field.
func (e *Error) At(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// Offering returns a copy of e that names other times.
func (e *Error) Offering(choices ...Choice) *Error {
	c := *e
	c.Choices = choices
	return &c
}

// Because returns a copy of e with a cause for the log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// Rejected returns an Invalid error that carries problems, or nil when none of them blocks.
// Its message is that of the first blocking problem.
func Rejected(problems []Problem) error {
	for _, p := range problems {
		if p.Severity == Block {
			return &Error{Kind: Invalid, Code: p.Code, Message: p.Message, Remedy: p.Remedy, Field: p.Field, Problems: problems, Choices: p.Choices}
		}
	}
	return nil
}

// AsError finds the *Error in err's chain. Anything else becomes an Internal error with err as its cause.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Err: err}
}

// ErrorKind returns the kind of err; Internal when it has none.
func ErrorKind(err error) Kind {
	if e := AsError(err); e != nil {
		return e.Kind
	}
	return Internal
}

// IsKind reports whether err is an error of that kind.
func IsKind(err error, kind Kind) bool { return err != nil && ErrorKind(err) == kind }

// IsCode reports whether err is an Error with that code.
func IsCode(err error, code string) bool { return err != nil && AsError(err).Code == code }
