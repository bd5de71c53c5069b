package web

import (
	"encoding/json"
	"net/http"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/server/listen"
)

// passkeysPage lists a person's passkeys.
type passkeysPage struct {
	Keys      []keyLine
	Available bool
	Fresh     bool // signed in within the last ten minutes
}

type keyLine struct {
	ID, Name, Created, Used string
}

func (p *Pages) passkeys(w http.ResponseWriter, r *http.Request) {
	actor, name, err := p.Person(r)
	if err == nil && actor.Kind == "" {
		_, err = p.Actor(r)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	list, err := p.opt.Passkeys.List(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := passkeysPage{Available: p.opt.Passkeys.Available(), Fresh: actor.Fresh}
	for _, k := range list {
		line := keyLine{ID: string(k.ID), Name: k.Name, Created: day(k.CreatedAt)}
		if !k.UsedAt.IsZero() {
			line.Used = day(k.UsedAt)
		}
		page.Keys = append(page.Keys, line)
	}
	p.show(w, r, http.StatusOK, "passkeys", "Passkeys", name, page)
}

// question answers a script with what to ask the authenticator.
func (p *Pages) question(w http.ResponseWriter, r *http.Request, q passkey.Question, err error) {
	if err != nil {
		e := shippost.AsError(err)
		if e.Kind == shippost.Internal {
			p.opt.Log.Error("a request failed", "request", listen.RequestOf(r.Context()).ID, "path", r.Pattern, "error", err)
		}
		listen.WriteProblem(w, r, listen.Status(e.Kind), e)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"token": q.Token.Reveal(), "options": q.Options}) // a browser that is gone asks again
}

func (p *Pages) askPasskey(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	var q passkey.Question
	if err == nil {
		q, err = p.opt.Passkeys.AskOwn(r.Context(), actor)
	}
	p.question(w, r, q, err)
}

func (p *Pages) addPasskey(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err == nil {
		err = p.opt.Passkeys.AddOwn(r.Context(), actor, shippost.NewSecret(r.PostFormValue("token")), []byte(r.PostFormValue("answer")), r.PostFormValue("name"))
	}
	p.toPasskeys(w, r, err)
}

func (p *Pages) renamePasskey(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err == nil {
		err = p.opt.Passkeys.RenameOwn(r.Context(), actor, shippost.PasskeyID(r.PathValue("id")), r.PostFormValue("name"))
	}
	p.toPasskeys(w, r, err)
}

func (p *Pages) removePasskey(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err == nil {
		err = p.opt.Passkeys.RemoveOwn(r.Context(), actor, shippost.PasskeyID(r.PathValue("id")))
	}
	p.toPasskeys(w, r, err)
}

func (p *Pages) toPasskeys(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/passkeys", http.StatusSeeOther)
}

func (p *Pages) askWho(w http.ResponseWriter, r *http.Request) {
	err := p.opt.Auth.Attempt(listen.RequestOf(r.Context()).Network)
	var q passkey.Question
	if err == nil {
		q, err = p.opt.Passkeys.AskWho(r.Context(), passkey.SignIn)
	}
	p.question(w, r, q, err)
}

// enterByPasskey signs in whoever answered, or confirms who is signed in.
func (p *Pages) enterByPasskey(w http.ResponseWriter, r *http.Request) {
	if !p.counted(w, r) {
		return
	}
	former, err := p.visitor(r)
	req := listen.RequestOf(r.Context())
	var ticket auth.Ticket
	if err == nil {
		ticket, err = p.opt.Passkeys.Enter(r.Context(), p.opt.Auth, former, shippost.NewSecret(r.PostFormValue("token")), []byte(r.PostFormValue("answer")),
			auth.Entrance{Network: req.Network, Browser: req.Browser})
	}
	if err != nil {
		e := shippost.AsError(err)
		if e.Code == "passkey_refused" { // the sign-in page again would not say why
			p.Page(w, r, http.StatusForbidden, e)
			return
		}
		p.fail(w, r, err)
		return
	}
	p.setCookie(w, sessionCookie, ticket.Cookie, ticket.Life)
	http.Redirect(w, r, localPath(r.PostFormValue("return_to")), http.StatusSeeOther)
}
