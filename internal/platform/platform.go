// Package platform is the contract between ShipPost and a social platform. One small interface is asked of each platform;
// everything more is an ability of its own, found with Can. Package platformtest proves an implementation.
package platform

import (
	"context"
	"io"
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
	EarliestStage time.Duration // no attempt is opened earlier than this before its due time
	Scopes        []string      // what the enabled features need; the sign-in asks for exactly these
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
	// It returns nil in the first case. It may be called again.
	Wait(ctx context.Context) error
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

// Adjuster is implemented by platforms whose creators may forbid what a post allows.
type Adjuster interface {
	// Adjust returns the options with everything off that the creator now forbids, and a warning for each change.
	// It never turns anything on and never touches who may see the post.
	Adjust(o shippost.Options, c shippost.Creator) (shippost.Options, []shippost.Problem)
}

// Identity is who a grant belongs to.
type Identity struct {
	Subject   string
	Name      string
	Handle    string // "" when the scope for it was not granted
	AvatarURL string
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
