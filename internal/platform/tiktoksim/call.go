package tiktoksim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// endpoint describes one API path: its name in journal, faults and limits, the
// requests per minute it allows, and which scopes open it (any one of them).
type endpoint struct {
	name   string
	limit  func(*Knobs) int
	scopes func(body []byte) []string
	// input is true when the request must carry a JSON object.
	input  bool
	handle func(*call) (any, *apiError)
}

// call is one API request on its way through the checks.
type call struct {
	s       *Server
	k       *Knobs
	r       *http.Request
	body    []byte
	now     time.Time
	grant   *grant
	account *account
	entry   *Entry
	// then runs after the effect and before the answer, without locks: what
	// an endpoint does inside its call but outside the simulator's state.
	then func()
}

const bodyLimit = 1 << 20

// api serves an endpoint: bearer, scope, rate limit, JSON, then the endpoint's
// own rules, in the order of TikTok contract 11.
func (s *Server) api(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.clock.runDue()
		entry := &Entry{Kind: "request", Name: e.name, Method: r.Method, Path: r.URL.Path, LogID: s.logID(), Wall: time.Now(), At: s.clock.Now()}
		defer s.journal.end(entry)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err != nil {
			s.brokenBody(w, entry, err)
			return
		}
		c := &call{s: s, k: s.knobs.Load(), r: r, body: body, now: entry.At, entry: entry}
		s.mu.Lock()
		denied := c.bearer()
		s.mu.Unlock()
		f := s.faults.pick(e.name, entry.Creator, false)
		failure := func(int) []byte { return envelope(nil, errInternal, entry.LogID) }
		w.Header().Set("x-tt-logid", entry.LogID)
		if s.strike(f, beforeEffect, w, r, entry, failure) {
			return
		}
		var data any
		if f != nil && f.Do == "refuse" {
			denied = documented(f.Code)
		}
		if denied == nil {
			denied = c.admit(e)
		}
		if denied == nil {
			data, denied = e.handle(c)
		}
		if c.then != nil {
			c.then()
		}
		if s.strike(f, afterEffect, w, r, entry, failure) {
			return
		}
		status := http.StatusOK
		entry.Code = "ok"
		if denied != nil {
			status, entry.Code = denied.status, denied.code
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		s.send(f, w, r, entry, status, envelope(data, denied, entry.LogID))
	}
}

func (s *Server) brokenBody(w http.ResponseWriter, e *Entry, err error) {
	e.Detail = Detail{"error": "the request body did not arrive whole"}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		e.Detail = Detail{"error": "the request body is over 1 MiB"}
		e.Status = http.StatusRequestEntityTooLarge
		w.WriteHeader(e.Status)
		return
	}
	panic(http.ErrAbortHandler)
}

// bearer finds the creator behind the access token. s.mu is held.
func (c *call) bearer() *apiError {
	scheme, value, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || value == "" {
		return errToken
	}
	c.entry.Detail = c.entry.Detail.with("token", fingerprint(value))
	t := c.s.tokens[value]
	if t == nil || t.kind != accessToken {
		return errToken
	}
	c.grant, c.account = t.grant, t.grant.account
	c.entry.Creator, c.entry.OpenID = c.account.Handle, c.account.OpenID
	if c.k.Rules.AccessRevoked && t.grant.removed || c.k.Rules.AccessExpiry && !c.now.Before(t.expires) {
		return errToken
	}
	return nil
}

// admit checks scope, rate and form of the request.
func (c *call) admit(e endpoint) *apiError {
	if wanted := e.scopes(c.body); c.k.Rules.Scope && len(wanted) > 0 && !c.hasAny(wanted) {
		return errScope
	}
	key := fingerprint(c.r.Header.Get("Authorization")) + e.name
	if c.k.Rules.RateLimit && !c.s.rates.allow(key, e.limit(c.k), c.k, c.now) {
		return errRate
	}
	if !e.input {
		return nil
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if c.k.Rules.JSONType && (err != nil || kind != "application/json") {
		return invalid(c.k, msgType)
	}
	if c.k.Rules.JSONBody && !jsonObject(c.body) {
		return invalid(c.k, msgBody)
	}
	return nil
}

func (c *call) hasAny(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(c.grant.scopes, s) })
}

func jsonObject(body []byte) bool {
	return json.Valid(body) && bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

// read decodes the body into v. Fields of a wrong type are refused with the
// given message, or left out.
func (c *call) read(v any, message string) *apiError {
	if !jsonObject(c.body) {
		return nil // only reached with the json_body rule off: an empty request
	}
	// Decoding goes on past a field of a wrong type.
	if err := json.Unmarshal(c.body, v); err != nil && c.k.Rules.JSONFields {
		return invalid(c.k, message)
	}
	return nil
}

// note adds a fact to the request's journal entry.
func (c *call) note(key string, value any) {
	c.entry.Detail = c.entry.Detail.with(key, value)
}

func fixedScopes(scopes ...string) func([]byte) []string {
	return func([]byte) []string { return scopes }
}

// envelope is the answer form of every API but the OAuth one.
func envelope(data any, e *apiError, logID string) []byte {
	if data == nil {
		data = struct{}{}
	}
	code, message := "ok", ""
	if e != nil {
		code, message = e.code, e.message
	}
	body, err := json.Marshal(map[string]any{
		"data":  data,
		"error": map[string]string{"code": code, "message": message, "log_id": logID},
	})
	if err != nil {
		panic(err) // only types of this package are ever marshalled here
	}
	return body
}
