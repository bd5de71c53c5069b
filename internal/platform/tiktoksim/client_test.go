package tiktoksim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// consent lets a creator allow and returns the callback's query.
func (w *world) consent(handle string, change ...string) url.Values {
	w.t.Helper()
	q := authorizeQuery(change...)
	form := url.Values{"creator": {handle}, "scope": strings.Split(q.Get("scope"), ","), "decision": {"allow"}}
	return w.decide(q, form)
}

func (w *world) decide(q, form url.Values) url.Values {
	w.t.Helper()
	r, _ := http.NewRequest(http.MethodPost, w.URL+"/v2/auth/authorize/?"+q.Encode(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, text, err := w.do(r)
	if err != nil || resp.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("consent answered %v %v %s", resp, err, text)
	}
	u, err := resp.Location()
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Query()
}

// oauthReply is an answer of the token endpoint.
type oauthReply struct {
	HTTP             int
	Raw              string
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	OpenID           string `json:"open_id"`
	Scope            string `json:"scope"`
	TokenType        string `json:"token_type"`
	Error            string `json:"error"`
	Description      string `json:"error_description"`
}

func (w *world) oauth(path string, form url.Values) oauthReply {
	w.t.Helper()
	r, _ := http.NewRequest(http.MethodPost, w.URL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, text, err := w.do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	a := oauthReply{HTTP: resp.StatusCode, Raw: text}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			w.t.Fatalf("%s answered %q: %v", path, text, err)
		}
	}
	return a
}

func app(fields ...string) url.Values {
	q := url.Values{"client_key": {tiktoksim.DefaultClientKey}, "client_secret": {tiktoksim.DefaultClientSecret}}
	for i := 0; i < len(fields); i += 2 {
		q.Set(fields[i], fields[i+1])
	}
	return q
}

const tokenPath = "/v2/oauth/token/"

func (w *world) exchange(code string, change ...string) oauthReply {
	w.t.Helper()
	form := app("grant_type", "authorization_code", "code", code, "redirect_uri", webRedirect)
	for i := 0; i < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return w.oauth(tokenPath, form)
}

func (w *world) refresh(token string, change ...string) oauthReply {
	w.t.Helper()
	return w.oauth(tokenPath, app(append([]string{"grant_type", "refresh_token", "refresh_token", token}, change...)...))
}

// heldPut is a PUT that keeps back its last bytes.
type heldPut struct {
	w     *world
	rest  []byte
	pipe  *io.PipeWriter
	reply chan *http.Response
}

// hold sends all but the last bytes of a chunk and returns once the simulator
// has them.
func (w *world) hold(c chunk, send int) *heldPut {
	w.t.Helper()
	in, out := io.Pipe()
	r, _ := http.NewRequest(http.MethodPut, c.url, in)
	r.ContentLength = int64(len(c.body))
	r.Header.Set("Content-Type", "video/mp4")
	r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", c.first, c.first+int64(len(c.body))-1, c.total))
	h := &heldPut{w: w, rest: c.body[send:], pipe: out, reply: make(chan *http.Response, 1)}
	go func() {
		resp, _, _ := w.do(r)
		h.reply <- resp
	}()
	if _, err := out.Write(c.body[:send]); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("the held bytes arrive", func() bool {
		for _, p := range w.Publishes() {
			if p.ReceivedBytes == c.first+int64(send) {
				return true
			}
		}
		return false
	})
	return h
}

func (h *heldPut) finish() *http.Response {
	h.w.t.Helper()
	if _, err := h.pipe.Write(h.rest); err != nil {
		h.w.t.Fatal(err)
	}
	h.pipe.Close()
	resp := <-h.reply
	if resp == nil {
		h.w.t.Fatal("the held PUT got no answer")
	}
	return resp
}

// eventually follows the simulator until something is so.
func (w *world) eventually(what string, so func() bool) {
	w.t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("in vain: %s", what)
		}
	}
}
