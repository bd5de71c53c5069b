package tiktoksim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Redirect is a redirect URI as registered in the app's settings.
type Redirect struct {
	// URI is compared byte for byte; for desktop apps the port may be "*".
	URI string
	// Desktop apps return to localhost and must use PKCE.
	Desktop bool
}

// check applies the registration rules of TikTok contract 1.1 and 1.4.
func (d Redirect) check() error {
	if len(d.URI) >= 512 {
		return fmt.Errorf("redirect URI %q: must be shorter than 512 characters", d.URI)
	}
	// A "*" port does not parse; any port stands for it here.
	u, err := url.Parse(strings.Replace(d.URI, ":*", ":1", 1))
	if err != nil || u.Host == "" {
		return fmt.Errorf("redirect URI %q: must be an absolute URL", d.URI)
	}
	if strings.ContainsAny(d.URI, "?#") {
		return fmt.Errorf("redirect URI %q: no query and no fragment allowed", d.URI)
	}
	if !d.Desktop {
		if u.Scheme != "https" || strings.Contains(d.URI, ":*") {
			return fmt.Errorf("redirect URI %q: a web app needs https and a fixed port", d.URI)
		}
		return nil
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("redirect URI %q: scheme must be http or https", d.URI)
	}
	if host := u.Hostname(); host != "localhost" && host != "127.0.0.1" {
		return fmt.Errorf("redirect URI %q: a desktop app returns to localhost or 127.0.0.1", d.URI)
	}
	if u.Port() == "" {
		return fmt.Errorf("redirect URI %q: a desktop app names a port, or *", d.URI)
	}
	return nil
}

// matches compares a requested URI with the registered one.
func (d Redirect) matches(uri string) bool {
	before, after, any := strings.Cut(d.URI, ":*")
	if !any {
		return uri == d.URI
	}
	rest, ok := strings.CutPrefix(uri, before+":")
	if !ok || !strings.HasSuffix(rest, after) {
		return false
	}
	port, err := strconv.ParseUint(strings.TrimSuffix(rest, after), 10, 16)
	return err == nil && port > 0
}

// authorization is a valid request to the authorize page.
type authorization struct {
	redirect  string
	desktop   bool
	scopes    []string
	state     string
	challenge string
	autoAuth  bool
}

// code is an issued authorization code.
type code struct {
	account   *account
	scopes    []string
	redirect  string
	challenge string
	expires   time.Time
	used      bool
}

// parseAuthorization checks the query of the authorize page. The problem it
// returns is the parameter that TikTok's own error page would name; the
// browser is never sent to a redirect URI that was not registered.
func (s *Server) parseAuthorization(q url.Values, k *Knobs) (a authorization, problem string) {
	for _, values := range q {
		if k.Rules.ParameterOnce && len(values) > 1 {
			return a, "param_error"
		}
	}
	if k.Rules.ClientKey && q.Get("client_key") != s.clientKey {
		return a, "client_key"
	}
	a.redirect = q.Get("redirect_uri")
	i := slices.IndexFunc(s.redirects, func(d Redirect) bool { return d.matches(a.redirect) })
	if i < 0 {
		if u, err := url.Parse(a.redirect); k.Rules.RedirectRegistered || err != nil || u.Host == "" {
			return a, "redirect_uri"
		}
	} else {
		a.desktop = s.redirects[i].Desktop
	}
	if k.Rules.ResponseType && q.Get("response_type") != "code" {
		return a, "response_type"
	}
	a.scopes = strings.Split(q.Get("scope"), ",")
	if k.Rules.ScopeKnown && slices.ContainsFunc(a.scopes, func(v string) bool { return !slices.Contains(s.scopes, v) }) {
		return a, "scope"
	}
	a.state = q.Get("state")
	if k.Rules.State && a.state == "" {
		return a, "state"
	}
	if a.desktop {
		a.challenge = q.Get("code_challenge")
		if k.Rules.PKCERequired && a.challenge == "" {
			return a, "code_challenge"
		}
		if k.Rules.PKCERequired && q.Get("code_challenge_method") != "S256" {
			return a, "code_challenge_method"
		}
	}
	a.autoAuth = q.Get("disable_auto_auth") != "1"
	return a, ""
}

const sessionCookie = "simulated_tiktok_session"

// session is the creator signed in with this browser, or nil. s.mu is held.
func (s *Server) session(r *http.Request) *account {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	return s.sessions[cookie.Value]
}

// signIn remembers the creator in this browser. s.mu is held.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, a *account) {
	if s.session(r) == a {
		return
	}
	value := secret("", "")
	s.sessions[value] = a
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.publicURL, "https://"),
	})
}

func (s *Server) authorizePage(w http.ResponseWriter, r *http.Request) {
	k, now := s.knobs.Load(), s.clock.Now()
	entry := Entry{Kind: "request", Name: "authorize", Method: r.Method, Path: r.URL.Path, At: now, LogID: s.logID()}
	defer func() { s.journal.add(entry) }()
	a, problem := s.parseAuthorization(r.URL.Query(), k)
	if problem != "" {
		entry.Code, entry.Status = problem, http.StatusBadRequest
		s.errorPage(w, r, problem, entry.LogID)
		return
	}
	s.mu.Lock()
	signedIn := s.session(r)
	var target string
	if signedIn != nil && a.autoAuth && k.autoAuth(signedIn, a.scopes) {
		entry.Creator, entry.OpenID = signedIn.Handle, signedIn.OpenID
		target = s.allow(signedIn, a, a.scopes, k, now)
	}
	s.mu.Unlock()
	if target != "" {
		entry.Status, entry.Detail = http.StatusFound, Detail{"consent": "skipped, the browser has a session"}
		http.Redirect(w, r, target, http.StatusFound)
		return
	}
	entry.Status = http.StatusOK
	s.consentPage(w, r, a, signedIn, "")
}

// autoAuth reports whether a browser session skips the consent page.
func (k *Knobs) autoAuth(a *account, scopes []string) bool {
	switch k.Authorize.AutoAuth {
	case "session":
		return true
	case "granted":
		return a.granted != nil && !slices.ContainsFunc(scopes, func(v string) bool { return !slices.Contains(a.granted, v) })
	}
	return false
}

// allow issues a code and returns where the browser goes with it; a sandbox
// turns strangers away there. s.mu is held.
func (s *Server) allow(who *account, a authorization, scopes []string, k *Knobs, now time.Time) string {
	if k.App.Sandbox && !slices.Contains(k.App.Targets, who.Handle) {
		return a.back(url.Values{"error": {"access_denied"}, "error_description": {"The user is not a target user of this sandbox"},
			"error_type": {"non_sandbox_target"}})
	}
	value := secret("", "*0!4780.va")
	s.codes[value] = &code{account: who, scopes: scopes, redirect: a.redirect, challenge: a.challenge,
		expires: now.Add(time.Duration(k.Authorize.CodeLifetime))}
	return a.back(url.Values{"code": {value}, "scopes": {joinScopes(scopes)}})
}

// deny is where the browser goes when the creator refuses.
func (a authorization) deny(k *Knobs) string {
	q := url.Values{"error": {"access_denied"}, "error_description": {"User denied authorization"}}
	if k.Authorize.DenyErrorType != "" {
		q.Set("error_type", k.Authorize.DenyErrorType)
	}
	return a.back(q)
}

func (a authorization) back(q url.Values) string {
	if a.state != "" {
		q.Set("state", a.state)
	}
	return a.redirect + "?" + q.Encode()
}

// decide takes the form of the consent page: creator (or other), scope (as
// often as wanted) and decision (allow or deny).
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	k, now := s.knobs.Load(), s.clock.Now()
	entry := Entry{Kind: "request", Name: "consent", Method: r.Method, Path: r.URL.Path, At: now, LogID: s.logID()}
	defer func() { s.journal.add(entry) }()
	a, problem := s.parseAuthorization(r.URL.Query(), k)
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	if err := r.ParseForm(); err != nil && problem == "" {
		problem = "param_error"
	}
	if problem != "" {
		entry.Code, entry.Status = problem, http.StatusBadRequest
		s.errorPage(w, r, problem, entry.LogID)
		return
	}
	handle := strings.TrimPrefix(strings.TrimSpace(r.PostForm.Get("other")), "@")
	if handle == "" {
		handle = r.PostForm.Get("creator")
	}
	s.mu.Lock()
	who := s.accounts[handle]
	if who == nil {
		signedIn := s.session(r)
		s.mu.Unlock()
		entry.Status = http.StatusUnprocessableEntity
		s.consentPage(w, r, a, signedIn, "Choose who signs in: there is no creator with that name.")
		return
	}
	entry.Creator, entry.OpenID = who.Handle, who.OpenID
	s.signIn(w, r, who)
	target := a.deny(k)
	entry.Detail = Detail{"decision": "deny"}
	if r.PostForm.Get("decision") == "allow" {
		scopes := chosenScopes(a.scopes, r.PostForm["scope"])
		target = s.allow(who, a, scopes, k, now)
		entry.Detail = Detail{"decision": "allow", "scopes": scopes}
	}
	s.mu.Unlock()
	entry.Status = http.StatusSeeOther
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// chosenScopes keeps the asked scopes that the creator left on; basic profile
// information cannot be switched off.
func chosenScopes(asked, chosen []string) []string {
	var scopes []string
	for _, v := range asked {
		if v == "user.info.basic" || slices.Contains(chosen, v) {
			scopes = append(scopes, v)
		}
	}
	return scopes
}
