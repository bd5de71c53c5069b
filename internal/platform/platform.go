// Package platform is the contract between ShipPost and a social platform. One small interface is asked of each platform;
// everything more is an ability of its own, found with Can. Package platformtest proves an implementation.
package platform

import (
	"context"
	"io"
	"net/http"
	"time"

	"ship-post.com/shippost"
)

// Platform publishes to one social platform. All methods may be called from many goroutines at once.
type Platform interface {
	// Describe returns what does not change while the process runs.
	Describe() Description

	// Validate returns everything that is wrong with a draft, most important first, without asking anybody.
	// The editor's hints, the API and the publisher all call it. A zero Creator means that the platform was not
	// asked; rules that depend on it are left out then.
	Validate(Draft, shippost.Creator) []shippost.Problem

	// Stage brings everything to the platform that may arrive before the due time, so that Commit is short.
	// With a zero Payload.Receipt it opens a new attempt: it calls ledger.Intend, sends the one init request of the
	// attempt, and calls ledger.Opened before any byte follows. With a receipt it resumes that attempt and never
	// sends an init. When it returns without error, nothing but Commit can make the post appear.
	// A platform that fetches the files itself (see Puller) may begin with that as soon as it is asked. There Stage sends
	// nothing, and the Wait of what it returns opens the attempt, not before the due time.
	// An error is of type *Error where the platform was involved; an error of the ledger comes back unchanged.
	Stage(ctx context.Context, p Payload, ledger Ledger) (Staged, error)

	// Commit sends what Stage held back: the point of no return. It is called at most once for a Staged, at or after
	// the due time, and only when a durable record says so. It never repeats a request. After an error nobody knows
	// whether the post is out; Confirm is the only way on.
	Commit(ctx context.Context, staged Staged) (Outcome, error)

	// Confirm asks what became of an attempt. It only reads.
	Confirm(ctx context.Context, p Payload) (Verdict, error)

	// Classify says what an error of this platform means and what to do about it. It knows every documented code;
	// the rest is Unknown. An error of kind Reconnect is Auth, any other that is no *Error is Transient.
	Classify(err error) Failure
}

// Can returns p as the ability T, looking through wrappers that have an Unwrap method.
func Can[T any](p Platform) (T, bool) {
	for p != nil {
		if t, ok := p.(T); ok {
			return t, true
		}
		w, ok := p.(interface{ Unwrap() Platform })
		if !ok {
			break
		}
		p = w.Unwrap()
	}
	var none T
	return none, false
}

// Description is what a platform is, as data.
type Description struct {
	Name          shippost.PlatformName
	Title         string        // "TikTok", for screens
	OpenLife      time.Duration // how long an opened attempt accepts bytes
	DailyPosts    int           // how many posts an account may usually make within 24 hours; 0 when that is not known
	DailyCreators int           // how many creators may post through this server's app within 24 hours; 0 when that is not known
	EarliestStage time.Duration // no attempt is opened earlier than this before its due time
	Scopes        []string      // what the enabled features need; the sign-in asks for exactly these
	DraftScope    string        // the one of them with which drafts go to the creator's inbox; "" where that is not enabled
}

// Draft is a post as Validate sees it.
type Draft struct {
	Caption string
	Options shippost.Options
	Media   []shippost.Media
}

// Payload is the frozen content of an attempt.
type Payload struct {
	Attempt shippost.AttemptID
	Account shippost.AccountID
	Handle  string // of the account, without "@"; "" when unknown. For the permalink only
	Caption string
	Options shippost.Options
	Media   []File
	Tokens  Tokens
	Receipt shippost.Receipt // zero before the attempt is opened
	Due     time.Time        // when Commit is going to be called; lets Stage time its last request
}

// File is the bytes of one media file of a payload.
type File struct {
	Kind   shippost.MediaKind
	Type   string // MIME type
	Size   int64
	SHA256 string
	Facts  shippost.MediaFacts
	// URL is where the platform may fetch the file, if it is one that does: an https address that works like a key. It
	// gives no byte before the committing row is durable. The zero Secret once the attempt is open.
	URL shippost.Secret
	// Open returns the bytes from offset to the end. The caller closes it. It may be called many times, and fails
	// with code media_changed when the stored file is no longer the one that was promised.
	Open func(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// Tokens gives access to one account.
type Tokens interface {
	// Token returns an access token that is good for some minutes, refreshing it first if needed.
	// The error is of kind Reconnect after the creator withdrew access.
	Token(ctx context.Context) (shippost.Secret, error)
	// Renew is called with a token that the platform refused. It returns another one, or an error of kind Reconnect.
	Renew(ctx context.Context, refused shippost.Secret) (shippost.Secret, error)
}

// Ledger records the steps of Stage before they happen. An error means that the step must not happen.
type Ledger interface {
	// Intend makes durable that an init request is about to leave.
	Intend(ctx context.Context) error
	// Opened makes the receipt durable; no byte may be sent before it returns.
	Opened(ctx context.Context, r shippost.Receipt) error
	// Progress tells how many bytes the platform has. It is advice for people and never fails.
	Progress(sent int64)
}

// Staged is an attempt that waits for its Commit.
type Staged interface {
	// Receipt returns the receipt of the attempt.
	Receipt() shippost.Receipt
	// Wait blocks until the attempt can be committed at once, or until the platform or the network ended it.
	// It returns nil in the first case. It may be called again. Where the platform fetches the files, the first Wait
	// waits for the due time and then opens the attempt with its one init request.
	Wait(ctx context.Context) error
	// Lost is closed when an attempt that was ready is no longer, because its line was cut: Wait makes it ready again,
	// and then has another channel. It is nil where nothing can be lost, and says nothing any more once Commit was called.
	Lost() <-chan struct{}
	// Close lets go of the attempt without committing. It may be called after Commit and more than once.
	Close() error
}

// Outcome is what is known right after a Commit.
type Outcome struct {
	LastByteAt time.Time // when the last byte was handed to the kernel; zero if it was not
	Accepted   bool      // the platform said that it has everything
	LogID      string
}

// State is the platform's word about an attempt.
type State string

// The states.
const (
	Incomplete State = "incomplete" // bytes are missing; the same attempt may be resumed while its upload lives
	Fetching   State = "fetching"   // the platform fetches the files itself, or works on them; who serves them knows which
	Processing State = "processing" // everything is there; the platform works on it
	InInbox    State = "in_inbox"   // a draft was delivered to the creator
	Published  State = "published"
	Refused    State = "refused" // ended for good without a post
)

// Verdict is the answer to Confirm.
type Verdict struct {
	State     State
	Have      int64    // bytes the platform has, -1 if it does not say
	PostIDs   []string // ids of the public post, often empty; may arrive later
	Reason    Failure  // for Refused
	LogID     string
	Evidence  string // the platform's answer as JSON, without secrets; kept as proof
	Permalink string // "" until it can be known
}

// CreatorReader is implemented by platforms that tell what a creator may do now.
type CreatorReader interface {
	// Creator asks afresh. It fails with the platform's reason when the creator cannot post now.
	Creator(ctx context.Context, t Tokens) (shippost.Creator, error)
}

// Pacer is implemented by platforms whose bytes travel before the commit.
type Pacer interface {
	// Lead estimates how long size bytes take to get there, going by recent transfers.
	Lead(size int64) time.Duration
}

// Puller is implemented by platforms that fetch some files themselves instead of being sent them.
type Puller interface {
	// Pulls reports whether the platform fetches the files of a post with such media.
	Pulls(kind shippost.MediaKind) bool
}

// Canceller is implemented by platforms that can be asked to stop what they fetch.
type Canceller interface {
	// Cancel asks for it, as a courtesy: success proves nothing.
	Cancel(ctx context.Context, p Payload) error
}

// Adjuster is implemented by platforms whose creators may forbid what a post allows.
type Adjuster interface {
	// Adjust returns the options with everything off that the creator now forbids, and a warning for each change.
	// It never turns anything on and never touches who may see the post.
	Adjust(o shippost.Options, c shippost.Creator) (shippost.Options, []shippost.Problem)
}

// Linker is implemented by platforms where the address of a public post follows from its id.
type Linker interface {
	// Link returns where viewers find the post with that id; "" when it cannot be known.
	Link(handle string, kind shippost.MediaKind, id string) string
}

// CodeTeller is implemented by platforms whose refusals are a table.
type CodeTeller interface {
	// Codes returns every code that Classify knows, with what it means.
	Codes() []shippost.Code
}

// TimeTeller is implemented by platforms whose answers say what time it is.
type TimeTeller interface {
	// Heard returns the time of the latest answer, to the second, and how long ago that was by a clock that nobody sets;
	// false before the first.
	Heard() (at time.Time, ago time.Duration, ok bool)
	// AskTime asks for an answer with a request that has no effect.
	AskTime(ctx context.Context) error
}

// Identity is who a grant belongs to.
type Identity struct {
	Subject   string
	Name      string
	Handle    string // "" when the scope for it was not granted
	AvatarURL string
}

// Portrayer is implemented by platforms whose creators have a picture.
type Portrayer interface {
	// Avatar fetches the picture at an address that Identify or Creator told. What it returns may be anything.
	Avatar(ctx context.Context, address string) ([]byte, error)
}

// Grant is what a platform gave when a creator agreed, or on a refresh.
type Grant struct {
	Subject          string
	Access           shippost.Secret
	Refresh          shippost.Secret // zero in a refresh means: keep the old one
	AccessExpiresIn  time.Duration
	RefreshExpiresIn time.Duration // 0 when not said
	Scopes           []string
}

// AuthRequest describes an authorization a person is sent to.
type AuthRequest struct {
	State       string
	RedirectURI string
	Verifier    string // PKCE verifier, 43–128 characters; "" where the platform does not use it
	Scopes      []string
	Ask         bool // always show the consent page, even if the browser is signed in there
}

// Authorizer is implemented by platforms that creators sign in to with OAuth.
type Authorizer interface {
	// AuthorizeURL returns the address a browser is sent to.
	AuthorizeURL(AuthRequest) string
	// UsesPKCE reports whether a verifier belongs to a flow with this redirect URI.
	UsesPKCE(redirectURI string) bool
	// Exchange turns a code into a grant. A code is tried once; after a lost answer the person starts again.
	Exchange(ctx context.Context, code, verifier, redirectURI string) (Grant, error)
	// Identify asks whose grant it is.
	Identify(ctx context.Context, access shippost.Secret, scopes []string) (Identity, error)
}

// Refresher is implemented by platforms whose access tokens expire.
type Refresher interface {
	// Refresh asks once. It never repeats by itself, because the old refresh token may die with the answer.
	Refresh(ctx context.Context, refresh shippost.Secret) (Grant, error)
}

// Revoker is implemented by platforms that let us give a grant back.
type Revoker interface {
	// Revoke withdraws the grant. A token that is already dead counts as success.
	Revoke(ctx context.Context, access shippost.Secret) error
}

// EventKind says what a platform's message is about.
type EventKind string

// The kinds of messages that matter.
const (
	EventOther   EventKind = ""        // nothing that concerns us
	EventPost    EventKind = "post"    // something about an attempt became known: ask about it
	EventRemoved EventKind = "removed" // a creator took our access away; it is gone already
)

// Visible says whether viewers can see a post.
type Visible string

// What a message may say about it.
const (
	VisibleUnsaid Visible = ""
	VisibleNow    Visible = "visible"
	VisibleNoMore Visible = "withdrawn" // taken down by the platform, or made private or deleted by the creator
)

// Event is a message from a platform. It may come twice, late, or in any order.
type Event struct {
	Kind      EventKind
	Name      string    // the platform's word, for the record
	Subject   string    // whom it is about, as in Identity
	PublishID string    // for EventPost
	State     State     // for EventPost: Published, InInbox or Refused if that is what it says, "" if it only hints
	Reason    Failure   // for Refused
	PostID    string    // for Published: the id of the public post, "" if it does not say
	Visible   Visible   // for EventPost: what it says about viewers, if that
	At        time.Time // when it happened, to a second
	SignedAt  time.Time // when it was signed
}

// EventReader is implemented by platforms that send messages by themselves.
type EventReader interface {
	// ReadEvent returns what a message says. One that the platform did not sign is an error of kind Forbidden; one that
	// was signed and is not understood is EventOther.
	ReadEvent(header http.Header, body []byte) (Event, error)
}
