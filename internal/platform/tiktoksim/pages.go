package tiktoksim

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/style.css
var styleSheet []byte

// pages are the server-rendered screens; each has its own file beside a shared
// layout.
var pages = func() map[string]*template.Template {
	set := map[string]*template.Template{}
	for _, name := range []string{"consent", "problem", "index", "profile", "post", "journal"} {
		t := template.New("layout.html").Funcs(pageFuncs)
		set[name] = template.Must(t.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
	}
	return set
}()

// page is what every template gets.
type page struct {
	Title string
	Now   time.Time
	Body  any
}

// render writes a page under a strict content security policy. formTarget is
// the one foreign place its form may lead to, or "".
func (s *Server) render(w http.ResponseWriter, status int, name, title, formTarget string, body any) {
	var b bytes.Buffer
	if err := pages[name].Execute(&b, page{Title: title, Now: s.clock.Now(), Body: body}); err != nil {
		s.log.Error("render page", "page", name, "err", err)
		http.Error(w, "The simulator could not draw this page.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; "+
		"form-action 'self'"+formTarget+"; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// consent is the body of the consent page.
type consent struct {
	Problem  string
	App      string
	Action   string
	Creators []consentCreator
	More     int
	Scopes   []consentScope
}

type consentCreator struct {
	Creator
	Avatar  string
	Checked bool
}

type consentScope struct {
	Name, Text string
	Locked     bool
}

// listedCreators bounds the choice on the consent page; others are typed in.
const listedCreators = 12

func (s *Server) consentPage(w http.ResponseWriter, r *http.Request, a authorization, signedIn *account, problem string) {
	body := consent{Problem: problem, App: s.appName, Action: r.URL.Path + "?" + r.URL.RawQuery}
	chosen := ""
	if signedIn != nil {
		chosen = signedIn.Handle
	}
	all := s.Creators()
	for _, c := range all {
		if len(body.Creators) == listedCreators && c.Handle != chosen {
			body.More++
			continue
		}
		body.Creators = append(body.Creators, consentCreator{c, s.avatarURL(c.Handle, r), c.Handle == chosen})
	}
	for _, v := range a.scopes {
		text := v
		for _, known := range scopeTexts {
			if known.Name == v {
				text = known.Text
			}
		}
		body.Scopes = append(body.Scopes, consentScope{v, text, v == "user.info.basic"})
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusUnprocessableEntity
	}
	target := ""
	if u, err := url.Parse(a.redirect); err == nil {
		// The browser applies form-action to where the form's answer leads.
		target = " " + u.Scheme + "://" + u.Host
	}
	s.render(w, status, "consent", "Sign in to "+s.appName, target, body)
}

// problemTexts say what TikTok's own error page means by a parameter's name.
var problemTexts = map[string]string{
	"client_key":            "The app that sent you here is not known: its client_key is wrong.",
	"redirect_uri":          "The address to return to is not registered for this app. It is compared letter by letter.",
	"response_type":         "The response_type must be “code”.",
	"scope":                 "A requested permission is unknown, or this app is not approved for it. Scopes are separated by commas.",
	"state":                 "The request has no state, so the app could not tell it from a forged one.",
	"code_challenge":        "A desktop app must send a code_challenge.",
	"code_challenge_method": "The code_challenge_method must be “S256”.",
	"param_error":           "The request is malformed.",
}

// problem is the body of the error page.
type problem struct{ Param, Text, LogID string }

func (s *Server) errorPage(w http.ResponseWriter, _ *http.Request, param, logID string) {
	s.render(w, http.StatusBadRequest, "problem", "Something went wrong", "", problem{param, problemTexts[param], logID})
}

func (s *Server) pageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.indexPage)
	mux.HandleFunc("GET /journal", s.journalPage)
	mux.HandleFunc("GET /{at}", s.profilePage)
	mux.HandleFunc("GET /{at}/video/{id}", s.postPage)
	mux.HandleFunc("GET /{at}/photo/{id}", s.postPage)
	mux.HandleFunc("GET /media/{file}", s.mediaFile)
	mux.HandleFunc("GET /avatar/{file}", s.avatarFile)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=300")
		w.Write(styleSheet)
	})
	mux.HandleFunc("GET /favicon.ico", s.favicon)
	mux.HandleFunc("/", s.unknownPath)
}
