package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// A form can be made to lead anywhere on its own site; it always names a type of its own, and none of them changes anything here.
func TestS7_NoFormChangesAnything(t *testing.T) {
	h := build(t)
	person := h.asPerson(h.owner)
	draft, _ := onPost("/cancel", nil)(h)
	account, _ := onAccount("/disconnect")(h)
	key, _ := onKey(h)
	before := h.rows()
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "text/ping", "application/json, text/plain", "broken;;"} {
		for _, path := range []string{draft, account, key, "/sessions/revoke-others"} {
			for _, body := range []any{nil, "what=all"} {
				r := h.request(http.MethodPost, path, body, person, header("Content-Type", kind))
				if r.status != http.StatusUnsupportedMediaType || r.str("code") != "unsupported_media_type" {
					t.Errorf("POST %s as %s: %d %s", path, kind, r.status, r.text)
				}
			}
		}
	}
	if after := h.rows(); after != before {
		t.Errorf("something changed:\n%s", after)
	}
	for _, kind := range []string{"", "application/json"} {
		path, _ := onPost("/cancel", nil)(h)
		if r := h.request(http.MethodPost, path, nil, person, func(r *http.Request) {
			if kind != "" {
				r.Header.Set("Content-Type", kind)
			}
		}); r.status != http.StatusOK {
			t.Errorf("POST %s as %q: %d %s", path, kind, r.status, r.text)
		}
	}
	if r := h.request(http.MethodPost, strings.TrimSuffix(draft, "/cancel")+"/duplicate", nil, header("Content-Type", "text/plain")); r.status != http.StatusCreated {
		t.Errorf("a program: %d %s", r.status, r.text)
	}
}
