// Package web serves the pages that must work without script: sign-in and its return, sign-out, accounts, the legal
// texts and errors. It turns forms into calls of the features and answers into pages; it decides nothing.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/server/listen"
)

//go:embed template static
var files embed.FS

// Operator is whoever runs this server, as the legal pages name them.
type Operator struct {
	Name    string // person or company; "" leaves it open
	Contact string // mail address for requests; "" leaves it open
}

// Options is what the Pages need. Auth, Connect, PublicURL and Log are required.
type Options struct {
	Auth      *auth.Keeper
	Connect   *connect.Desk
	PublicURL string // scheme and host; https makes the cookies secure
	Operator  Operator
	Demo      bool // TikTok is simulated; the pages say so
	Log       *slog.Logger
}

// Pages serves the pages. Make it with New.
type Pages struct {
	opt     Options
	secure  bool
	pages   map[string]*template.Template
	statics map[string]static // by path
	style   string            // path of the style sheet
	icon    string            // path of the icon
	handler http.Handler
}

type static struct {
	body []byte
	kind string
}

// New reads the templates and makes the routes.
func New(opt Options) (*Pages, error) {
	p := &Pages{opt: opt, secure: strings.HasPrefix(opt.PublicURL, "https:"), pages: map[string]*template.Template{}, statics: map[string]static{}}
	var err error
	if p.style, err = p.hashed("pages.css", "text/css; charset=utf-8"); err != nil {
		return nil, err
	}
	if p.icon, err = p.hashed("icon.svg", "image/svg+xml"); err != nil {
		return nil, err
	}
	for _, name := range []string{"sign-in", "home", "connected", "disconnect", "disconnected", "privacy-policy", "terms", "error"} {
		t, err := template.New("frame.html").Funcs(words).ParseFS(files, "template/frame.html", "template/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		p.pages[name] = t
	}
	p.handler = p.routes()
	return p, nil
}

// Handler returns the pages as a handler.
func (p *Pages) Handler() http.Handler { return p.handler }

func (p *Pages) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /sign-in", p.signIn)
	mux.HandleFunc("POST /sign-in/{platform}", p.startSignIn)
	mux.HandleFunc("POST /sign-out", p.signOut)
	mux.HandleFunc("POST /connect/{platform}", p.startConnect)
	mux.HandleFunc("GET /callback/{platform}", p.callback)
	mux.HandleFunc("GET /connected/{account}", p.connected)
	mux.HandleFunc("GET /accounts/{account}/disconnect", p.askDisconnect)
	mux.HandleFunc("POST /accounts/{account}/disconnect", p.disconnect)
	mux.HandleFunc("GET /privacy-policy", p.legal("privacy-policy"))
	mux.HandleFunc("GET /terms", p.legal("terms"))
	mux.HandleFunc("GET /static/{file}", p.file)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, shippost.Errorf(shippost.NotFound, "page_not_found", "There is no page at this address."))
	})
	return mux
}

// hashed registers a file under a name that changes with its content, so that browsers may keep it for ever.
func (p *Pages) hashed(name, kind string) (string, error) {
	body, err := files.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	stem, ext, _ := strings.Cut(name, ".")
	path := "/static/" + stem + "-" + hex.EncodeToString(sum[:6]) + "." + ext
	p.statics[path] = static{body: body, kind: kind}
	return path, nil
}

func (p *Pages) file(w http.ResponseWriter, r *http.Request) {
	f, ok := p.statics[r.URL.Path]
	if !ok {
		p.fail(w, r, shippost.Errorf(shippost.NotFound, "page_not_found", "There is no file at this address."))
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", f.kind)
	// If the browser is gone there is nobody left to tell.
	_, _ = w.Write(f.body)
}

// frame is what every page shows around its own content.
type frame struct {
	Title    string
	Style    string
	Icon     string
	Demo     bool
	Operator Operator
	Name     string // of whoever is signed in, "" for nobody
	Page     any
}

// show renders a page. The name is the signed-in person's.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, page, title, name string, data any) {
	var out bytes.Buffer
	err := p.pages[page].Execute(&out, frame{Title: title, Style: p.style, Icon: p.icon, Demo: p.opt.Demo, Operator: p.opt.Operator, Name: name, Page: data})
	if err != nil {
		p.opt.Log.Error("a page could not be rendered; please report this", "page", page, "request", listen.RequestOf(r.Context()).ID, "error", err)
		http.Error(w, "This page cannot be shown. It was logged.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}
