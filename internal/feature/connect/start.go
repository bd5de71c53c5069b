package connect

import (
	"context"
	"net/url"
	"strings"
	"unicode"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// Purpose says what a flow is for.
type Purpose string

// The purposes.
const (
	SignIn  Purpose = "sign_in" // nobody is signed in, or somebody else is to be
	Confirm Purpose = "confirm" // the person who is signed in proves it again
	Connect Purpose = "connect" // an account is connected, or connected anew
)

// Departure is how a person leaves for a platform's consent page.
type Departure struct {
	Purpose  Purpose
	Platform shippost.PlatformName
	Account  shippost.AccountID // Connect: the one account to connect anew; "" for any
	Browser  shippost.Secret    // the value of a cookie that only this browser has, 256 random bits
	ReturnTo string             // path on this server to go to afterwards; "" for "/"
	Network  string
}

// Start begins a flow and returns the address to send the browser to. Connecting a further account needs a fresh
// sign-in; connecting the same account anew does not, because it gives nothing that was not given before.
func (d *Desk) Start(ctx context.Context, actor shippost.Actor, dep Departure) (string, error) {
	p, authorizer, err := d.authorizer(dep.Platform)
	if err != nil {
		return "", err
	}
	if err := d.mayStart(ctx, actor, dep); err != nil {
		return "", err
	}
	if dep.ReturnTo, err = LocalPath(dep.ReturnTo); err != nil {
		return "", err
	}
	state, redirect := auth.NewToken(), d.redirectURI(dep.Platform)
	now := d.DB.Now()
	flow := store.OAuthFlow{
		StateHash: auth.Hash(state), BrowserHash: auth.Hash(dep.Browser), Purpose: string(dep.Purpose), Platform: dep.Platform,
		RedirectURI: redirect, ReturnTo: dep.ReturnTo, CreatedAt: now, ExpiresAt: now.Add(flowLife),
	}
	if dep.Purpose != SignIn {
		flow.User, flow.Workspace, flow.Account = actor.User, actor.Workspace, dep.Account
	}
	request := platform.AuthRequest{State: state.Reveal(), RedirectURI: redirect, Scopes: p.Describe().Scopes, Ask: dep.Purpose != SignIn}
	if authorizer.UsesPKCE(redirect) {
		verifier := auth.NewToken()
		request.Verifier = verifier.Reveal()
		if flow.Verifier, err = d.Sealer.Seal(verifier, verifierRow(flow.StateHash)); err != nil {
			return "", err
		}
	}
	err = d.DB.Update(ctx, func(tx *store.Tx) error { return tx.InsertOAuthFlow(ctx, &flow) })
	if err != nil {
		return "", err
	}
	return authorizer.AuthorizeURL(request), nil
}

func (d *Desk) mayStart(ctx context.Context, actor shippost.Actor, dep Departure) error {
	if dep.Browser.IsZero() {
		return shippost.Errorf(shippost.Invalid, "cookies_needed", "Your browser refuses cookies, which a sign-in needs. Allow them for this site.")
	}
	switch {
	case dep.Purpose == SignIn:
		return d.Auth.Attempt(dep.Network)
	case actor.Kind == shippost.ActorKey:
		return shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	case dep.Purpose == Confirm:
		return actor.Require(shippost.ReadWorkspace)
	case dep.Purpose == Connect && dep.Account == "":
		return actor.RequireFresh(shippost.ManageAccounts)
	case dep.Purpose == Connect:
		if err := actor.Require(shippost.ManageAccounts); err != nil {
			return err
		}
		account, err := d.Account(ctx, actor, dep.Account)
		if err == nil && account.Platform != dep.Platform {
			err = shippost.Errorf(shippost.Invalid, "other_platform", "This account belongs to another platform.")
		}
		return err
	default:
		return shippost.Errorf(shippost.Invalid, "unknown_purpose", "ShipPost does not know what this sign-in is for. Start again.")
	}
}

// verifierRow is the place a PKCE verifier is sealed for.
func verifierRow(stateHash string) seal.Row {
	return seal.Row{Table: "oauth_flows", Column: "verifier", ID: stateHash}
}

// LocalPath returns a path on this server to go to, "/" for an empty one. It refuses everything that a browser could
// understand as another site.
func LocalPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	u, err := url.Parse(path)
	plain := len(path) <= 1000 && path[0] == '/' && !strings.HasPrefix(path, "//") &&
		!strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
	if err != nil || !plain || u.Scheme != "" || u.Host != "" || u.User != nil {
		return "", shippost.Errorf(shippost.Invalid, "invalid_return_path",
			"The page to return to is not one of this site. Start again from the sign-in page.").At("return_to").With(shippost.RemedySignIn)
	}
	return path, nil
}
