package web

import (
	"net/http"
	"net/url"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/server/listen"
)

// signInPage is the card of the sign-in page. With a Name it asks that person to prove it again.
type signInPage struct {
	Name     string
	ReturnTo string
	Passkeys bool
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) {
	actor, err := p.visitor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := signInPage{ReturnTo: localPath(r.URL.Query().Get("return_to")), Passkeys: p.opt.Passkeys.Available()}
	switch {
	case actor.Fresh:
		http.Redirect(w, r, page.ReturnTo, http.StatusSeeOther)
		return
	case actor.Kind == shippost.ActorUser:
		user, _, err := p.opt.Auth.Me(r.Context(), actor)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		page.Name = user.Name
		p.show(w, r, http.StatusOK, "sign-in", "Confirm that it is you", "", page)
		return
	}
	p.show(w, r, http.StatusOK, "sign-in", "Sign in", "", page)
}

// signedIn is where somebody ends who signed in again in a second tab, to go on in the first.
func (p *Pages) signedIn(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	user, _, err := p.opt.Auth.Me(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "signed-in", "Signed in", user.Name, signInPage{Name: user.Name, ReturnTo: "/"})
}

// startSignIn sends the browser to the platform: to sign in, or to confirm if somebody is signed in.
func (p *Pages) startSignIn(w http.ResponseWriter, r *http.Request) {
	actor, err := p.visitor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	purpose := connect.SignIn
	if actor.Kind == shippost.ActorUser {
		purpose = connect.Confirm
	}
	p.depart(w, r, actor, connect.Departure{Purpose: purpose})
}

func (p *Pages) startConnect(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.depart(w, r, actor, connect.Departure{Purpose: connect.Connect, Account: shippost.AccountID(r.PostFormValue("account"))})
}

// depart starts a flow and redirects to the platform. The answer to a form must be 303, so that the form's fields do
// not travel along.
func (p *Pages) depart(w http.ResponseWriter, r *http.Request, actor shippost.Actor, d connect.Departure) {
	d.Platform = shippost.PlatformName(r.PathValue("platform"))
	d.ReturnTo = r.PostFormValue("return_to")
	d.Network = listen.RequestOf(r.Context()).Network
	d.Browser = p.flowToken(w, r)
	target, err := p.opt.Connect.Start(r.Context(), actor, d)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// callback is where the platform sends browsers back to.
func (p *Pages) callback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET") // a look at the head must not spend the state
		p.fail(w, r, shippost.Errorf(shippost.Invalid, "method_not_allowed", "Only a browser that comes back from a sign-in may open this address."))
		return
	}
	arrival, err := p.arrival(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	actor, err := p.visitor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	result, err := p.opt.Connect.Finish(r.Context(), actor, arrival)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.dropCookie(w, flowCookie)
	if result.Purpose == connect.Connect {
		http.Redirect(w, r, "/connected/"+string(result.Account.ID)+"?next="+url.QueryEscape(result.ReturnTo), http.StatusSeeOther)
		return
	}
	p.setCookie(w, sessionCookie, result.Ticket.Cookie, result.Ticket.Life)
	http.Redirect(w, r, result.ReturnTo, http.StatusSeeOther)
}

// arrival reads the query. A parameter that comes twice is somebody's attempt to have us and the platform read
// different ones.
func (p *Pages) arrival(r *http.Request) (connect.Arrival, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	for _, name := range []string{"state", "code", "error", "error_type"} {
		if err != nil || len(q[name]) > 1 {
			return connect.Arrival{}, shippost.Errorf(shippost.Invalid, "malformed_return",
				"The address you came back with is damaged. Start again.").With(shippost.RemedySignIn)
		}
	}
	req := listen.RequestOf(r.Context())
	return connect.Arrival{
		Platform: shippost.PlatformName(r.PathValue("platform")),
		State:    q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), ErrorType: q.Get("error_type"),
		Cookie: p.cookie(r, flowCookie), Network: req.Network, Browser: req.Browser, Request: req.ID,
	}, nil
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) {
	actor, err := p.visitor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if actor.Kind == shippost.ActorUser {
		if err := p.opt.Auth.SignOut(r.Context(), actor); err != nil && !shippost.IsKind(err, shippost.NotFound) {
			p.fail(w, r, err)
			return
		}
	}
	p.dropCookie(w, sessionCookie)
	p.dropCookie(w, flowCookie)
	w.Header().Set("Clear-Site-Data", `"cache", "cookies", "storage"`)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
