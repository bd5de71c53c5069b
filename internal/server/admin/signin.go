package admin

import (
	"encoding/json"
	"net/http"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/server/listen"
)

// back is the page to show after the sign-in; nothing outside /admin.
func back(r *http.Request, value string) string {
	if value == "/admin" || strings.HasPrefix(value, "/admin/") && !strings.ContainsAny(value, "\\\r\n") && !strings.HasPrefix(value, "/admin/sign-") {
		return value
	}
	return "/admin"
}

func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, "sign-in", "Sign in", "", struct {
		ReturnTo  string
		Available bool
	}{back(r, r.URL.Query().Get("return_to")), p.opt.Keeper.Passkeys.Available()})
}

func (p *Pages) signInQuestion(w http.ResponseWriter, r *http.Request) {
	q, err := p.opt.Keeper.AskWho(r.Context(), visit(r))
	p.question(w, r, q, "", err)
}

// question answers a script with what to ask the authenticator.
func (p *Pages) question(w http.ResponseWriter, r *http.Request, q passkey.Question, id shippost.AdminID, err error) {
	if err != nil {
		e := shippost.AsError(err)
		if e.Kind == shippost.Internal {
			p.opt.Log.Error("a request failed", "request", listen.RequestOf(r.Context()).ID, "path", r.Pattern, "error", err)
		}
		listen.WriteProblem(w, r, listen.Status(e.Kind), e)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"token": q.Token.Reveal(), "options": q.Options, "id": id}) // a browser that is gone asks again
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) {
	ticket, err := p.opt.Keeper.SignIn(r.Context(), visit(r), p.cookie(r), shippost.NewSecret(r.PostFormValue("token")), []byte(r.PostFormValue("answer")))
	p.enter(w, r, ticket, err)
}

func (p *Pages) enter(w http.ResponseWriter, r *http.Request, ticket auth.Ticket, err error) {
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.setCookie(w, ticket.Cookie, int(ticket.Life.Seconds()))
	http.Redirect(w, r, back(r, r.PostFormValue("return_to")), http.StatusSeeOther)
}

func (p *Pages) enrolPage(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, "enrol", "Become an administrator", "", p.opt.Keeper.Passkeys.Available())
}

func (p *Pages) enrolQuestion(w http.ResponseWriter, r *http.Request) {
	e, err := p.opt.Keeper.BeginEnrolment(r.Context(), visit(r), r.PostFormValue("code"), r.PostFormValue("name"))
	p.question(w, r, e.Question, e.ID, err)
}

func (p *Pages) enrol(w http.ResponseWriter, r *http.Request) {
	ticket, err := p.opt.Keeper.Enrol(r.Context(), visit(r), shippost.AdminID(r.PostFormValue("id")), r.PostFormValue("code"), r.PostFormValue("name"),
		shippost.NewSecret(r.PostFormValue("token")), []byte(r.PostFormValue("answer")))
	p.enter(w, r, ticket, err)
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) {
	if err := p.opt.Keeper.SignOut(r.Context(), p.cookie(r)); err != nil {
		p.fail(w, r, err)
		return
	}
	p.setCookie(w, shippost.Secret{}, -1)
	// Not the cookies and what else the browser keeps: somebody may use the product in it too.
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/admin/sign-in", http.StatusSeeOther)
}
