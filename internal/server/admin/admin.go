// Package admin serves the pages of whoever runs the server, below /admin. They have a cookie of their own, and nobody gets
// further than the sign-in without a passkey, or without the two things that stand in for one.
package admin

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/admin"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/feature/usage"
	"ship-post.com/shippost/internal/server/listen"
)

//go:embed template
var files embed.FS

const cookieName = "shippost-admin"

// Frame is what these pages share with the others.
type Frame struct {
	Style, Office, Icon, Script string // paths; Office is the style sheet of these pages alone
	Page                        listen.Page
}

// Options is what the pages need. Only Mail may be left out.
type Options struct {
	Keeper    *admin.Keeper
	Person    func(*http.Request) (actor shippost.Actor, name string, err error) // whoever is signed in to the product; zero for nobody
	Inquiries *inquiry.Desk
	Usage     *usage.Book
	Mail      *notify.Outbox // nil: this server sends no mail
	Frame     Frame
	PublicURL string
	Log       *slog.Logger
}

// Pages serves the pages. Make it with New.
type Pages struct {
	opt    Options
	secure bool
	pages  map[string]*template.Template
}

// New reads the templates.
func New(o Options) (*Pages, error) {
	p := &Pages{opt: o, secure: strings.HasPrefix(o.PublicURL, "https:"), pages: map[string]*template.Template{}}
	for _, name := range []string{"sign-in", "enrol", "overview", "users", "accounts", "inquiries", "inquiry", "usage", "mail", "audit", "factors", "app", "codes", "code"} {
		t, err := template.New("frame.html").Funcs(words).ParseFS(files, "template/frame.html", "template/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("admin page %s: %w", name, err)
		}
		p.pages[name] = t
	}
	return p, nil
}

var words = template.FuncMap{
	"moment": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2 Jan 2006, 15:04")
	},
	"number": number,
	"label":  label,
	"tell":   tell,
	"who":    who,
	"day":    func(t time.Time) string { return t.UTC().Format("2 January 2006") },
}

// door is a page behind the sign-in.
type door func(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string)

// Handler returns the pages as a handler.
func (p *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, page := range p.outer() {
		mux.HandleFunc(pattern, page)
	}
	for pattern, page := range p.inner() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			actor, name, err := p.opt.Keeper.Authenticate(r.Context(), visit(r), p.cookie(r))
			if err != nil {
				p.fail(w, r, err)
				return
			}
			page(w, r, actor, name)
		})
	}
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, shippost.Errorf(shippost.NotFound, "page_not_found", "There is no page at this address."))
	})
	return mux
}

// outer are the pages before the sign-in. A test has a row for each of them and of the inner ones, which says who may use it.
func (p *Pages) outer() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /admin/sign-in":           p.signInPage,
		"POST /admin/sign-in/question": p.signInQuestion,
		"POST /admin/sign-in":          p.signIn,
		"GET /admin/sign-in/code":      p.codePage,
		"POST /admin/sign-in/code":     p.signInByCode,
		"GET /admin/enrol":             p.enrolPage,
		"POST /admin/enrol/question":   p.enrolQuestion,
		"POST /admin/enrol":            p.enrol,
		"POST /admin/sign-out":         p.signOut,
	}
}

// inner are the pages that need an administrator.
func (p *Pages) inner() map[string]door {
	return map[string]door{
		"GET /admin":                       p.overview,
		"GET /admin/{$}":                   p.overview,
		"GET /admin/users":                 p.users,
		"POST /admin/users/{id}/disable":   p.setDisabled(true),
		"POST /admin/users/{id}/enable":    p.setDisabled(false),
		"GET /admin/accounts":              p.accounts,
		"GET /admin/inquiries":             p.inquiries,
		"GET /admin/inquiries/{id}":        p.inquiry,
		"POST /admin/inquiries/{id}/prove": p.prove,
		"POST /admin/inquiries/{id}":       p.answer,
		"POST /admin/inquiries/{id}/carry": p.carry,
		"GET /admin/usage":                 p.usage,
		"GET /admin/mail":                  p.mail,
		"POST /admin/mail/{id}/retry":      p.retryMail,
		"GET /admin/audit":                 p.audit,

		"GET /admin/factors":                       p.factors,
		"POST /admin/factors/passkeys/question":    p.passkeyQuestion,
		"POST /admin/factors/passkeys":             p.addPasskey,
		"POST /admin/factors/passkeys/{id}/remove": p.removePasskey,
		"POST /admin/factors/person":               p.namePerson,
		"POST /admin/factors/person/remove":        p.forgetPerson,
		"POST /admin/factors/app":                  p.askApp,
		"GET /admin/factors/app":                   p.newApp,
		"GET /admin/factors/app/picture":           p.appPicture,
		"POST /admin/factors/app/confirm":          p.confirmApp,
		"POST /admin/factors/app/remove":           p.removeApp,
		"POST /admin/factors/codes":                p.newCodes,
	}
}

func visit(r *http.Request) admin.Visit {
	req := listen.RequestOf(r.Context())
	return admin.Visit{Network: req.Network, Browser: req.Browser, Request: req.ID}
}

func (p *Pages) cookieName() string {
	if p.secure {
		return "__Host-" + cookieName
	}
	return cookieName
}

func (p *Pages) cookie(r *http.Request) shippost.Secret {
	c, err := r.Cookie(p.cookieName())
	if err != nil {
		return shippost.Secret{}
	}
	return shippost.NewSecret(c.Value)
}

func (p *Pages) setCookie(w http.ResponseWriter, value shippost.Secret, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: p.cookieName(), Value: value.Reveal(), Path: "/", MaxAge: seconds, Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// frame is what every page shows around its own content.
type frame struct {
	Frame
	Title string
	Path  string
	Name  string // of the administrator, "" before the sign-in
	Page  any
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, page, title, name string, data any) {
	p.form(w, r, nil, page, title, name, data)
}

// form shows a page that asks for something, again with what was wrong.
func (p *Pages) form(w http.ResponseWriter, r *http.Request, wrong *shippost.Error, page, title, name string, data any) {
	var out bytes.Buffer
	if err := p.pages[page].Execute(&out, frame{p.opt.Frame, title, r.URL.Path, name, data}); err != nil {
		p.fail(w, r, fmt.Errorf("render %s: %w", page, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if wrong != nil {
		w.WriteHeader(listen.Status(wrong.Kind))
	}
	_, _ = w.Write(out.Bytes())
}

// fail answers with an error; whoever is not signed in is asked to.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := shippost.AsError(err)
	if e.Kind == shippost.Internal {
		p.opt.Log.Error("a request failed", "request", listen.RequestOf(r.Context()).ID, "path", r.Pattern, "error", err)
	}
	if !listen.WantsPage(r) {
		listen.WriteProblem(w, r, listen.Status(e.Kind), e)
		return
	}
	back := "/admin"
	if r.Method == http.MethodGet {
		back = r.URL.Path
	} else if strings.HasPrefix(r.URL.Path, factorsPath) {
		back = factorsPath
	}
	if e.Code == "sign_in_required" { // to the product, which is one of the two things that stand in for a passkey
		if r.URL.Path == codePath {
			back = here(r.PostFormValue("return_to"))
		}
		http.Redirect(w, r, "/sign-in?return_to="+url.QueryEscape(back), http.StatusSeeOther)
		return
	}
	if e.Code == "admin_sign_in_required" || e.Code == "step_up_required" {
		http.Redirect(w, r, "/admin/sign-in?return_to="+url.QueryEscape(back), http.StatusSeeOther)
		return
	}
	p.opt.Frame.Page(w, r, listen.Status(e.Kind), e)
}

func (p *Pages) overview(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	health, err := p.opt.Keeper.Health(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	open, err := p.opt.Inquiries.Waiting(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	var letters notify.State
	if p.opt.Mail != nil {
		if letters, err = p.opt.Mail.State(r.Context(), actor); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	own, err := p.opt.Keeper.Own(r.Context(), actor, p.cookie(r))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	overdue := 0
	for _, i := range open {
		if i.Overdue(health.Now) {
			overdue++
		}
	}
	p.show(w, r, "overview", "Overview", name, struct {
		admin.Health
		Open, Overdue int
		First         []shippost.Inquiry
		Unsent        int // mails that were given up
		Own           admin.Own
	}{health, len(open), overdue, open[:min(len(open), 3)], letters.GivenUp(), own})
}

func (p *Pages) users(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	list, err := p.opt.Keeper.People(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, "users", "Users", name, list)
}

func (p *Pages) setDisabled(disabled bool) door {
	return func(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
		if err := p.opt.Keeper.SetDisabled(r.Context(), actor, shippost.UserID(r.PathValue("id")), disabled); err != nil {
			p.fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/admin/users", http.StatusSeeOther)
	}
}

func (p *Pages) accounts(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	list, err := p.opt.Keeper.Accounts(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, "accounts", "Accounts", name, list)
}

func (p *Pages) audit(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	list, err := p.opt.Keeper.Audit(r.Context(), actor, max(before, 0))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	state, checked, err := p.opt.Keeper.Log(actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	last := int64(0)
	if len(list) == 100 {
		last = list[len(list)-1].Seq
	}
	p.show(w, r, "audit", "Audit log", name, struct {
		Entries []shippost.Entry
		Next    int64
		Checked bool
		State   journal.Report
	}{list, last, checked, state})
}
