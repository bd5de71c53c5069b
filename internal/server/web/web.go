// Package web serves the web app, and the pages that must work without script: sign-in and its return, sign-out, the legal
// texts, the form to whoever runs the server, and errors. It turns forms into calls of the features and answers into pages; it decides nothing.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/address"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/feature/usage"
	"ship-post.com/shippost/internal/server/listen"
)

//go:embed template static
var files embed.FS

// Options is what the Pages need. All but Legal, Usage, Now and Demo are required.
type Options struct {
	Auth      *auth.Keeper
	Connect   *connect.Desk
	Media     *media.Library
	Data      *lifecycle.Keeper
	Legal     *legal.Desk // nil: the texts name nobody who runs this server
	Inquiries *inquiry.Desk
	Addresses *address.Book
	Passkeys  *passkey.Keeper
	Usage     *usage.Book      // nil: page views are not counted
	App       fs.FS            // the built web app
	PublicURL string           // scheme and host; https makes the cookies secure
	Demo      bool             // TikTok is simulated; the pages say so
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger
}

// Pages serves the pages. Make it with New.
type Pages struct {
	opt        Options
	secure     bool
	pages      map[string]*template.Template
	kept       map[string]static // files whose names change with their content, by path
	index      static            // the web app
	style      string            // path of the style sheet
	legalStyle string            // path of what legal pages need beside it
	office     string            // path of what the pages of administrators need beside it; the sign-in stays light without
	icon       string            // path of the icon
	script     string            // path of the script that asks devices for passkeys
	views      *auth.Tries       // views that the app told of, by person
	presses    *auth.Tries       // what strangers asked to have changed, by network
	handler    http.Handler
}

// New reads the templates and makes the routes.
func New(opt Options) (*Pages, error) {
	if opt.Legal == nil {
		opt.Legal = legal.New(legal.Options{})
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	p := &Pages{opt: opt, views: auth.NewTries(viewLimit, time.Minute, 10000), presses: auth.NewTries(pressLimit, time.Minute, 10000), secure: strings.HasPrefix(opt.PublicURL, "https:"), pages: map[string]*template.Template{}, kept: map[string]static{}}
	var err error
	if p.style, err = p.hashed("pages.css"); err != nil {
		return nil, err
	}
	if p.legalStyle, err = p.hashed("legal.css"); err != nil {
		return nil, err
	}
	if p.office, err = p.hashed("admin.css"); err != nil {
		return nil, err
	}
	if p.icon, err = p.hashed("icon.svg"); err != nil {
		return nil, err
	}
	if p.script, err = p.hashed("passkey.js"); err != nil {
		return nil, err
	}
	for _, name := range []string{"sign-in", "signed-in", "connected", "legal", "legal-changes", "erasure", "contact", "inquiry", "contact-confirm", "mail-confirm", "mail-off", "passkeys", "error"} {
		t, err := template.New("frame.html").Funcs(words).ParseFS(files, "template/frame.html", "template/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		p.pages[name] = t
	}
	mux := http.NewServeMux()
	for pattern, handler := range p.routes() {
		mux.HandleFunc(pattern, handler)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, shippost.Errorf(shippost.NotFound, "page_not_found", "There is no page at this address."))
	})
	p.handler = mux
	return p, p.addApp(opt.App, mux)
}

// Static returns the paths of what the pages of administrators share with these, and of the style sheet that is theirs alone.
func (p *Pages) Static() (style, office, icon, script string) {
	return p.style, p.office, p.icon, p.script
}

// Handler returns the pages as a handler, which also answers below /media/.
func (p *Pages) Handler() http.Handler { return p.handler }

// routes are all routes but those of files that hold nothing of anybody. A test has a row for each, which says who may use it.
func (p *Pages) routes() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{
		"GET /sign-in":                   p.signIn,
		"POST /sign-in/{platform}":       p.startSignIn,
		"GET /signed-in":                 p.signedIn,
		"POST /sign-out":                 p.signOut,
		"POST /connect/{platform}":       p.startConnect,
		"GET /callback/{platform}":       p.callback,
		"GET /connected/{account}":       p.connected,
		"GET /media/{folder}/{name}":     p.media,
		"GET /exports/{id}":              p.archive,
		"GET /erasure/{token}":           p.secret(p.erasure),
		"POST /erasure/{token}/undo":     p.secret(p.undoErasure),
		"POST /passkey/question":         p.askWho,
		"POST /passkey":                  p.enterByPasskey,
		"GET /passkeys":                  p.passkeys,
		"POST /passkeys/question":        p.askPasskey,
		"POST /passkeys":                 p.addPasskey,
		"POST /passkeys/{id}/name":       p.renamePasskey,
		"POST /passkeys/{id}/remove":     p.removePasskey,
		"GET /contact":                   p.contact,
		"POST /contact":                  p.ask,
		"GET /contact/{token}":           p.secret(p.inquiry),
		"GET /contact/{token}/copy/{id}": p.secret(p.copied),
		"POST /contact/{token}/prove":    p.secret(p.proveInquiry),
		"POST /contact/{token}/withdraw": p.secret(p.withdrawInquiry),
		"GET /contact-confirm/{token}":   p.secret(p.confirmMail),
		"POST /contact-confirm/{token}":  p.secret(p.confirmedMail),
		"GET /mail-confirm/{token}":      p.secret(p.confirmAddress),
		"POST /mail-confirm/{token}":     p.secret(p.confirmedAddress),
		"GET /mail-off/{token}":          p.secret(p.mailOff),
		"POST /mail-off/{token}":         p.secret(p.endMail),
		"POST /page-view":                p.pageView,
		"GET /static/{file}":             p.file,
	}
	for _, document := range []string{legal.Policy, legal.Terms} {
		all["GET /"+document] = p.legal(document)
		all["GET /"+document+"/{day}"] = p.legal(document)
		all["GET /"+document+"/{day}/changes"] = p.legalChanges(document)
	}
	for _, path := range appPaths {
		all["GET "+path] = p.app
	}
	return all
}

// frame is what every page shows around its own content.
type frame struct {
	Title    string
	Style    string
	Legal    string // the style sheet of pages that are read, such as the policy
	Icon     string
	Script   string // for pages that ask for a passkey
	Demo     bool
	Operator legal.Operator
	Name     string // of whoever is signed in, "" for nobody
	Page     any
}

// show renders a page. The name is the signed-in person's.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, page, title, name string, data any) {
	var out bytes.Buffer
	err := p.pages[page].Execute(&out, frame{Title: title, Style: p.style, Legal: p.legalStyle, Icon: p.icon, Script: p.script, Demo: p.opt.Demo, Operator: p.opt.Legal.Operator, Name: name, Page: data})
	if err != nil {
		p.opt.Log.Error("a page could not be rendered; please report this", "page", page, "request", listen.RequestOf(r.Context()).ID, "error", err)
		http.Error(w, "This page cannot be shown. It was logged.", http.StatusInternalServerError)
		return
	}
	if status == http.StatusOK && r.Method == http.MethodGet {
		p.count(r, r.Pattern)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}
