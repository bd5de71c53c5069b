package connect

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Arrival is how a browser comes back from a platform's consent page. All text in it was written by a stranger.
type Arrival struct {
	Platform  shippost.PlatformName
	State     string
	Code      string
	Error     string          // the platform's error code; with it there is no Code
	ErrorType string          // what the platform adds to it, often empty
	Cookie    shippost.Secret // value of the cookie that Start was given
	Network   string
	Browser   string // family only
	Request   shippost.RequestID
}

// Result is how a flow ended well.
type Result struct {
	Purpose  Purpose
	ReturnTo string
	Ticket   auth.Ticket      // SignIn and Confirm: the new session
	Account  shippost.Account // the account that was connected or renewed; zero when the sign-in connected none
	Missing  []string         // scopes the creator did not allow
}

// maxParameter bounds what a platform may send back.
const maxParameter = 2048

// Finish ends the flow of a browser that comes back. The state is spent whatever comes of it, the code is tried once,
// and the outcome is written in one transaction. After an error nothing of the grant is kept, and it is given back
// to the platform unless an account on this server lives by it.
func (d *Desk) Finish(ctx context.Context, actor shippost.Actor, a Arrival) (Result, error) {
	p, authorizer, err := d.authorizer(a.Platform)
	if err != nil {
		return Result{}, err
	}
	flow, err := d.claim(ctx, actor, a)
	if err != nil {
		return Result{}, d.refuse(ctx, flow, a, err)
	}
	chaos.Point("connect.claimed")
	grant, who, err := d.redeem(ctx, p, authorizer, flow, a)
	chaos.Point("connect.redeemed")
	if err == nil {
		var result Result
		if result, err = d.settle(ctx, actor, flow, a, grant, who); err == nil {
			if result.Account.ID == "" {
				d.giveBack(ctx, p, grant)
			}
			return result, nil
		}
	}
	if !grant.Access.IsZero() {
		d.giveBack(ctx, p, grant)
	}
	return Result{}, d.refuse(ctx, flow, a, err)
}

// claim spends the state and checks that the flow is this browser's, this platform's and this person's.
func (d *Desk) claim(ctx context.Context, actor shippost.Actor, a Arrival) (flow store.OAuthFlow, err error) {
	unknown := forbid("sign_in_unknown", "This sign-in did not start here, or was too long ago. Start again.")
	if a.State == "" || len(a.State) > maxParameter || len(a.Code) > maxParameter {
		return flow, unknown
	}
	var first bool
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		flow, first, err = tx.UseOAuthFlow(ctx, auth.Hash(shippost.NewSecret(a.State)), d.DB.Now())
		return err
	})
	switch {
	case shippost.IsKind(err, shippost.NotFound):
		return flow, unknown
	case err != nil:
		return flow, err
	case !first:
		return flow, forbid("sign_in_used", "This sign-in was used already. If you are not signed in, start again.")
	case a.Cookie.IsZero() || subtle.ConstantTimeCompare([]byte(auth.Hash(a.Cookie)), []byte(flow.BrowserHash)) != 1:
		// Somebody else's flow in this browser would sign the person in as somebody else.
		return flow, forbid("sign_in_elsewhere", "This sign-in was started in another browser. Start again in this one.")
	case !d.Now().Before(flow.ExpiresAt):
		return flow, forbid("sign_in_expired", "This took longer than ten minutes, so it no longer counts. Start again.")
	case flow.Platform != a.Platform || flow.RedirectURI != d.redirectURI(a.Platform):
		return flow, unknown
	}
	if Purpose(flow.Purpose) != SignIn && (actor.User != flow.User || actor.Workspace != flow.Workspace || actor.Kind != shippost.ActorUser) {
		return flow, forbid("person_changed", "Another person is signed in here than when this was started. Nothing was connected; start again.")
	}
	return flow, nil
}

// redeem turns the code into a grant and asks whose it is. No transaction is open meanwhile.
func (d *Desk) redeem(ctx context.Context, p platform.Platform, authorizer platform.Authorizer, flow store.OAuthFlow, a Arrival) (platform.Grant, platform.Identity, error) {
	var none platform.Identity
	if a.Error != "" || a.Code == "" {
		return platform.Grant{}, none, d.declined(a)
	}
	verifier, err := d.Sealer.Open(flow.Verifier, verifierRow(flow.StateHash))
	if err != nil {
		return platform.Grant{}, none, fmt.Errorf("open the verifier of a flow: %w", err)
	}
	grant, err := authorizer.Exchange(ctx, a.Code, verifier.Reveal(), flow.RedirectURI)
	if err != nil {
		return platform.Grant{}, none, d.failed(p, "exchange the code", err)
	}
	who, err := authorizer.Identify(ctx, grant.Access, grant.Scopes)
	if err != nil {
		return grant, none, d.failed(p, "ask who signed in", err)
	}
	if who.Subject == "" || who.Subject != grant.Subject {
		return grant, none, forbid("identity_mismatch", fmt.Sprintf("%s gave access to one account and the name of another, so nothing was connected. Start again.", d.title(a.Platform)))
	}
	return grant, who, nil
}

// settle writes the outcome.
func (d *Desk) settle(ctx context.Context, actor shippost.Actor, flow store.OAuthFlow, a Arrival, grant platform.Grant, who platform.Identity) (Result, error) {
	result := Result{Purpose: Purpose(flow.Purpose), ReturnTo: flow.ReturnTo}
	arrived := &arrival{Arrival: a, flow: flow, former: actor, grant: grant, who: who}
	err := d.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if result.Purpose == Connect {
			result.Account, err = d.connect(ctx, tx, arrived)
			return err
		}
		result.Ticket, result.Account, err = d.signIn(ctx, tx, arrived)
		return err
	})
	chaos.Point("connect.settled")
	if err != nil {
		return Result{}, err
	}
	if result.Account.ID != "" {
		result.Missing = d.MissingScopes(result.Account)
	}
	return result, nil
}

// declined explains why a browser came back without a code. What the platform wrote for people is not repeated:
// anybody can write it into an address.
func (d *Desk) declined(a Arrival) error {
	title := d.title(a.Platform)
	switch {
	case a.Error == "access_denied" && a.ErrorType == "":
		return forbid("access_denied", fmt.Sprintf("You did not allow it at %s, so nothing was connected. Start again if you change your mind.", title))
	case a.Error == "access_denied" && a.ErrorType == "non_sandbox_target":
		return forbid("not_a_test_user", fmt.Sprintf("This server is still being tested with %s and your account is not on its list. "+
			"Ask whoever runs it to add you.", title)).With(shippost.RemedyOperator)
	case a.Error == "server_error" || a.Error == "temporarily_unavailable":
		return unavailable(title)
	case a.Error == "":
		return forbid("code_missing", fmt.Sprintf("%s sent you back without an answer. Start again.", title))
	case a.Error == "access_denied":
		return forbid("access_refused", fmt.Sprintf("%s did not allow it for this account, so nothing was connected.", title))
	default:
		return misconfigured(title)
	}
}

// failed explains why the platform did not answer our questions.
func (d *Desk) failed(p platform.Platform, step string, err error) error {
	title, f := p.Describe().Title, p.Classify(err)
	refused := platform.AsError(err)
	err = fmt.Errorf("%s: %w", step, err)
	switch {
	case refused != nil && (refused.Code == "invalid_grant" || refused.Code == "invalid_request"):
		// OAuth says with these that the code, its verifier or its redirect address are not of one flow (RFC 6749, 5.2).
		// That is what a code from elsewhere looks like, and also a wrong set-up: the log has the cause.
		return forbid("code_refused", fmt.Sprintf("%s did not accept this sign-in. Nothing was connected; start again.", title)).Because(err)
	case f.Alarm:
		return misconfigured(title).Because(err)
	case f.Class == platform.Transient || f.Class == platform.Rate || f.Class == platform.Unknown:
		return unavailable(title).Because(err)
	default:
		return forbid("grant_refused", fmt.Sprintf("%s does not let ShipPost see whose account this is. Nothing was connected; start again and leave every switch on.", title)).Because(err)
	}
}

// refuse records a refused return where a flow was known, which bounds how often a stranger can cause it, and tells
// the operator what the person is not told. Our own faults are left to whoever answers the request.
func (d *Desk) refuse(ctx context.Context, flow store.OAuthFlow, a Arrival, err error) error {
	e := shippost.AsError(err)
	if e.Kind != shippost.Internal {
		level := slog.LevelInfo
		if e.Err != nil || e.Remedy == shippost.RemedyOperator {
			level = slog.LevelWarn
		}
		d.Log.Log(ctx, level, "a return from a platform was refused", "request", a.Request, "platform", a.Platform,
			"purpose", flow.Purpose, "reason", e.Code, "error", e.Err)
	}
	if flow.StateHash == "" {
		return err
	}
	entry := shippost.Entry{Workspace: flow.Workspace, Kind: shippost.EntrySignInRefused, Account: flow.Account,
		Actor: shippost.Actor{Kind: shippost.ActorUser, User: flow.User, Network: a.Network, Request: a.Request},
		Data:  map[string]any{"reason": e.Code, "purpose": flow.Purpose, "platform": string(flow.Platform)}}
	if note := d.DB.Update(ctx, func(tx *store.Tx) error { return tx.Record(ctx, entry) }); note != nil {
		d.Log.Error("a refused sign-in is missing in the journal", "request", a.Request, "error", note)
	}
	return err
}

func forbid(code, text string) *shippost.Error {
	return shippost.Errorf(shippost.Forbidden, code, "%s", text).With(shippost.RemedySignIn)
}

func unavailable(title string) *shippost.Error {
	return shippost.Errorf(shippost.Unavailable, "platform_unavailable", "%s does not answer properly at the moment. Nothing was connected; start again in a minute.", title).With(shippost.RemedyRetry)
}

func misconfigured(title string) *shippost.Error {
	return shippost.Errorf(shippost.Unavailable, "app_misconfigured",
		"%s refuses this server itself, not you. Whoever runs it must check its %s app: key, secret, redirect address and scopes.", title, title).With(shippost.RemedyOperator)
}
