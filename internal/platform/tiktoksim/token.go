package tiktoksim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// oauthError is an answer of the OAuth endpoints: error is a string there.
type oauthError struct{ code, description string }

func oauth(code, description string) *oauthError { return &oauthError{code, description} }

// errFields is the one answer to all that is missing, doubled or unknown in a form.
var errFields = oauth("invalid_request", "The request parameters are malformed.")

// oauthCall is one request to the token or revoke endpoint.
type oauthCall struct {
	s     *Server
	k     *Knobs
	form  url.Values
	now   time.Time
	entry *Entry
	// drop cuts the connection although the effect has happened.
	drop bool
}

// field keeps the order of a flat JSON answer.
type field struct {
	name  string
	value any
}

// oauthEndpoint serves POST /v2/oauth/…: form in, flat JSON out.
func (s *Server) oauthEndpoint(name string, handle func(*oauthCall) ([]field, *oauthError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.clock.runDue()
		entry := &Entry{Kind: "request", Name: name, Method: r.Method, Path: r.URL.Path, LogID: s.logID(), Wall: time.Now(), At: s.clock.Now()}
		defer s.journal.end(entry)
		c := &oauthCall{s: s, k: s.knobs.Load(), now: entry.At, entry: entry}
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		problem := c.readForm(r)
		f := s.faults.pick(name, c.creator(), false)
		failure := func(int) []byte { return oauthAnswer(c, nil, oauth("server_error", "Internal error")) }
		w.Header().Set("Cache-Control", "no-store")
		if s.strike(f, beforeEffect, w, r, entry, failure) {
			return
		}
		var fields []field
		if problem == nil {
			problem = c.client()
		}
		if problem == nil {
			fields, problem = handle(c)
		}
		if s.strike(f, afterEffect, w, r, entry, failure) {
			return
		}
		if c.drop {
			entry.Detail = entry.Detail.with("fault", "answer dropped")
			reset(w, "")
			return
		}
		status := http.StatusOK
		if problem != nil {
			status, entry.Code = c.k.Token.ErrorStatus, problem.code
		}
		w.Header().Set("Content-Type", "application/json")
		s.send(f, w, r, entry, status, oauthAnswer(c, fields, problem))
	}
}

func oauthAnswer(c *oauthCall, fields []field, problem *oauthError) []byte {
	if problem != nil {
		fields = []field{{"error", problem.code}, {"error_description", problem.description}, {"log_id", c.entry.LogID}}
	}
	if fields == nil {
		return nil
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			panic(err) // strings and integers only
		}
		b.WriteString(`"` + f.name + `":`)
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// creator is the handle behind a token or code, for faults.
func (c *oauthCall) creator() string {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, name := range []string{"refresh_token", "token"} {
		if t := c.s.tokens[c.form.Get(name)]; t != nil && t.grant != nil {
			c.entry.Creator, c.entry.OpenID = t.grant.account.Handle, t.grant.account.OpenID
			return t.grant.account.Handle
		}
	}
	if code := c.s.codes[c.form.Get("code")]; code != nil {
		return code.account.Handle
	}
	return ""
}

var oauthFields = []string{
	"client_key", "client_secret", "grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "token",
}

// readForm accepts nothing but a form in the body, each field once.
func (c *oauthCall) readForm(r *http.Request) *oauthError {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if c.k.Rules.TokenForm && (err != nil || kind != "application/x-www-form-urlencoded") {
		return oauth("invalid_request", "Only `application/x-www-form-urlencoded` is supported as Content-Type.")
	}
	if err := r.ParseForm(); err != nil && c.k.Rules.TokenFields {
		return errFields
	}
	c.form = r.PostForm
	if !c.k.Rules.TokenForm {
		c.form = r.Form
	}
	for name, values := range c.form {
		known := slices.Contains(oauthFields, name)
		if c.k.Rules.TokenFields && (!known || len(values) > 1) {
			return errFields
		}
	}
	return nil
}

// client checks the app's credentials.
func (c *oauthCall) client() *oauthError {
	if problem := c.need("client_key", "client_secret"); problem != nil {
		return problem
	}
	key, secret := c.form.Get("client_key"), c.form.Get("client_secret")
	if c.k.Rules.TokenClient && (key != c.s.clientKey || secret != c.s.clientSecret) {
		return oauth("invalid_client", "Client key or secret is incorrect.")
	}
	return nil
}

// need refuses a request that lacks one of the fields. With the rule off a
// missing field is an empty one.
func (c *oauthCall) need(names ...string) *oauthError {
	missing := func(name string) bool { return c.form.Get(name) == "" }
	if c.k.Rules.TokenFields && slices.ContainsFunc(names, missing) {
		return errFields
	}
	return nil
}

func (c *oauthCall) token() ([]field, *oauthError) {
	grantType := c.form.Get("grant_type")
	c.entry.Detail = c.entry.Detail.with("grant_type", grantType)
	if problem := c.need("grant_type"); problem != nil {
		return nil, problem
	}
	switch grantType {
	case "authorization_code":
		return c.exchange()
	case "refresh_token":
		return c.refresh()
	case "client_credentials":
		return c.clientCredentials()
	}
	switch {
	case c.k.Rules.TokenGrant:
		return nil, oauth("unsupported_grant_type", "Grant type is not supported.")
	case c.form.Get("refresh_token") != "":
		return c.refresh()
	}
	return c.exchange()
}

var verifierPattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// exchange turns a code into tokens. A definite answer uses the code up.
func (c *oauthCall) exchange() ([]field, *oauthError) {
	if problem := c.need("code", "redirect_uri"); problem != nil {
		return nil, problem
	}
	value := c.form.Get("code")
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	code := c.s.codes[value]
	if code == nil || c.k.Rules.CodeSingleUse && code.used {
		return nil, oauth("invalid_grant", "Authorization code is expired.")
	}
	c.entry.Creator, c.entry.OpenID = code.account.Handle, code.account.OpenID
	code.used = true
	if c.k.Rules.CodeExpiry && !c.now.Before(code.expires) {
		return nil, oauth("invalid_grant", "Authorization code is expired.")
	}
	if c.k.Rules.TokenRedirect && c.form.Get("redirect_uri") != code.redirect {
		return nil, oauth("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")
	}
	if c.k.Rules.TokenPKCE && code.challenge != "" && !verifies(c.form.Get("code_verifier"), code.challenge) {
		return nil, oauth("invalid_request", "Code verifier or code challenge is invalid.")
	}
	g := c.s.consent(code.account, code.scopes, c.k)
	access, refresh := c.s.issue(g, c.k, c.now)
	c.issued("token_issued", access, refresh)
	return c.tokenFields(c.s.describe(access, refresh, c.now), true), nil
}

// verifies compares a verifier with the challenge: hex, not base64url (TikTok
// contract 1.4).
func verifies(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return verifierPattern.MatchString(verifier) && hex.EncodeToString(sum[:]) == challenge
}

// refresh gives a new access token and, by the knob, a new refresh token.
func (c *oauthCall) refresh() ([]field, *oauthError) {
	if problem := c.need("refresh_token"); problem != nil {
		return nil, problem
	}
	value := c.form.Get("refresh_token")
	c.entry.Detail = c.entry.Detail.with("refresh_token", fingerprint(value))
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	old := c.s.tokens[value]
	if old == nil || old.kind != refreshToken || !c.refreshable(old) {
		return nil, oauth("invalid_grant", "Refresh token is invalid or expired.")
	}
	accessLife, refreshLife := c.k.lifetimes()
	expires := c.now.Add(refreshLife)
	if c.k.Token.KeepRefreshExpiry {
		expires = old.expires
	}
	if c.k.Token.OldAccessDies {
		delete(c.s.tokens, old.latest)
	}
	access := secret("act.", "!4735.va")
	c.s.tokens[access] = &token{kind: accessToken, grant: old.grant, expires: c.now.Add(accessLife)}
	next, rotates := value, c.rotates()
	if rotates {
		next = secret("rft.", "!4769.va")
		if old.rotated.IsZero() {
			old.rotated = c.now
		}
		c.s.tokens[next] = &token{kind: refreshToken, grant: old.grant, expires: expires}
	}
	c.s.tokens[next].latest, c.s.tokens[next].expires = access, expires
	c.issued("token_refreshed", access, next)
	c.drop = c.s.dropAnswer(c.k)
	return c.tokenFields(c.s.describe(access, next, c.now), rotates || !c.k.Token.OmitRefreshToken), nil
}

// refreshable reports whether a refresh token still works. s.mu is held.
func (c *oauthCall) refreshable(t *token) bool {
	if c.k.Rules.RefreshRevoked && t.grant.removed {
		return false
	}
	if c.k.Rules.RefreshExpiry && !c.now.Before(t.expires) {
		return false
	}
	return t.rotated.IsZero() || c.now.Before(t.rotated.Add(time.Duration(c.k.Token.OldRefreshGrace)))
}

func (c *oauthCall) rotates() bool {
	switch c.k.Token.Rotate {
	case "never":
		return false
	case "sometimes":
		return c.s.chance(0.5)
	}
	return true
}

// dropAnswer counts down the drop_answers knob. s.mu is held.
func (s *Server) dropAnswer(k *Knobs) bool {
	if k.Token.DropAnswers < 0 {
		return true
	}
	s.dropped++
	return s.dropped <= k.Token.DropAnswers
}

func (c *oauthCall) issued(name, access, refresh string) {
	c.s.journal.add(Entry{Kind: "effect", Name: name, At: c.now, Creator: c.entry.Creator, OpenID: c.entry.OpenID, LogID: c.entry.LogID,
		Detail: Detail{"token": fingerprint(access), "refresh_token": fingerprint(refresh)}})
}

func (c *oauthCall) tokenFields(t Tokens, withRefresh bool) []field {
	fields := []field{{"access_token", t.AccessToken}, {"expires_in", t.ExpiresIn}, {"open_id", t.OpenID}}
	if withRefresh {
		fields = append(fields, field{"refresh_expires_in", t.RefreshExpiresIn}, field{"refresh_token", t.RefreshToken})
	}
	fields = append(fields, field{"scope", t.Scope}, field{"token_type", t.TokenType})
	switch c.k.Token.FieldOrder {
	case "reversed":
		slices.Reverse(fields)
	case "random":
		c.s.shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	return fields
}

// clientCredentials gives a token that cannot post (TikTok contract 2.6).
func (c *oauthCall) clientCredentials() ([]field, *oauthError) {
	value := secret("clt.", "")
	c.s.mu.Lock()
	c.s.tokens[value] = &token{kind: clientToken, expires: c.now.Add(2 * time.Hour)}
	c.s.mu.Unlock()
	return []field{{"access_token", value}, {"expires_in", 7200}, {"token_type", "Bearer"}}, nil
}

// revoke removes the app for the creator behind an access token.
func (c *oauthCall) revoke() ([]field, *oauthError) {
	if problem := c.need("token"); problem != nil {
		return nil, problem
	}
	value := c.form.Get("token")
	c.entry.Detail = c.entry.Detail.with("token", fingerprint(value))
	c.s.mu.Lock()
	t := c.s.tokens[value]
	if t == nil || t.kind != accessToken || t.grant.removed || !c.now.Before(t.expires) {
		c.s.mu.Unlock()
		if c.k.Rules.RevokeToken {
			return nil, oauth("invalid_grant", "Access token is invalid or expired.")
		}
		return c.revoked(), nil
	}
	a := t.grant.account
	running := c.s.removeGrants(a)
	c.s.mu.Unlock()
	c.s.afterRemoval(a, running, removedByDeveloper)
	return c.revoked(), nil
}

// revoked is the answer to a revoke that has worked, by the knob.
func (c *oauthCall) revoked() []field {
	if c.k.Token.RevokeBody == "object" {
		return []field{}
	}
	return nil
}

func joinScopes(scopes []string) string { return strings.Join(scopes, ",") }
