package web

import (
	"net/http"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/server/listen"
)

// The cookies: who is signed in, and which browser began a sign-in.
const (
	sessionCookie = "shippost"
	flowCookie    = "shippost-flow"
	flowMinutes   = 10
)

// cookieName returns the name a cookie has on this server. The prefix makes browsers refuse one that another host, a
// path or an unprotected connection tries to plant. Plain HTTP, which is this machine only, cannot have it.
func (p *Pages) cookieName(name string) string {
	if p.secure {
		return "__Host-" + name
	}
	return name
}

func (p *Pages) setCookie(w http.ResponseWriter, name string, value shippost.Secret, life time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: p.cookieName(name), Value: value.Reveal(), Path: "/", MaxAge: int(life.Seconds()),
		Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (p *Pages) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: p.cookieName(name), Path: "/", MaxAge: -1, Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (p *Pages) cookie(r *http.Request, name string) shippost.Secret {
	c, err := r.Cookie(p.cookieName(name))
	if err != nil {
		return shippost.Secret{}
	}
	return shippost.NewSecret(c.Value)
}

// tokenLength is the length of a cookie's value, and of what ends a secret address: 256 bits in base64.
const tokenLength = 43

// secret lets in whoever opens a secret address, which ends with a token. What cannot be one is no address of this server: a path that
// leads somewhere else once it is decoded gets no page, and so no button that somebody could be made to press.
func (p *Pages) secret(page func(http.ResponseWriter, *http.Request, shippost.Secret)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.PathValue("token")
		if len(token) != tokenLength || strings.ContainsFunc(token, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
		}) {
			p.fail(w, r, shippost.Errorf(shippost.NotFound, "page_not_found", "There is no page at this address."))
			return
		}
		if r.Method == http.MethodPost && !p.counted(w, r) {
			return
		}
		page(w, r, shippost.NewSecret(token))
	}
}

// pressLimit is how many buttons may be pressed without a sign-in in a minute, by a network.
const pressLimit = 60

// counted counts what a stranger asks to have changed. It answers, and returns false, when their network asks too much.
func (p *Pages) counted(w http.ResponseWriter, r *http.Request) bool {
	wait := p.presses.Count(listen.RequestOf(r.Context()).Network, p.opt.Now())
	if wait <= 0 {
		return true
	}
	e := shippost.Errorf(shippost.Wait, "too_many_tries", "Too much came from your network. Try again in a minute.").With(shippost.RemedyWait)
	e.RetryAfter = wait
	p.fail(w, r, e)
	return false
}

// flowToken returns the value that ties flows to this browser, and sets it if there is none yet. Two sign-ins begun
// in two tabs share it.
func (p *Pages) flowToken(w http.ResponseWriter, r *http.Request) shippost.Secret {
	token := p.cookie(r, flowCookie)
	if len(token.Reveal()) != tokenLength {
		token = auth.NewToken()
	}
	p.setCookie(w, flowCookie, token, flowMinutes*time.Minute)
	return token
}

// Actor returns who sent a request, by its API key or else by its session cookie. All ways in share it.
func (p *Pages) Actor(r *http.Request) (shippost.Actor, error) {
	req := listen.RequestOf(r.Context())
	c := auth.Credentials{Network: req.Network, Browser: req.Browser, Request: req.ID}
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, key, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || key == "" {
			return shippost.Actor{}, shippost.Errorf(shippost.Unauthenticated, "unknown_credentials", "Send the API key as “Authorization: Bearer sp_…”.")
		}
		c.Bearer = shippost.NewSecret(key)
	} else {
		c.Cookie = p.cookie(r, sessionCookie)
	}
	return p.opt.Auth.Authenticate(r.Context(), c)
}

// visitor is Actor for pages that strangers may see too: they get the zero Actor.
func (p *Pages) visitor(r *http.Request) (shippost.Actor, error) {
	actor, err := p.Actor(r)
	if shippost.IsKind(err, shippost.Unauthenticated) || shippost.IsKind(err, shippost.Wait) {
		return shippost.Actor{}, nil
	}
	return actor, err
}

// localPath returns the page to go to afterwards, "/" for anything that is not a page of this site.
func localPath(path string) string {
	if path, err := connect.LocalPath(path); err == nil {
		return path
	}
	return "/"
}
