package api_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// S17: at the limit all is well, above it is refused in words and with a time to wait, nobody else is held up, and it passes.
func TestS17_RequestsOfAPersonHaveALimit(t *testing.T) {
	h := buildLimited(t, 30)
	person, key := h.asPerson(h.owner), h.key
	other := h.asPerson(h.member("editor"))
	ask := func(what, method, path string, n, fit int, who ...func(*http.Request)) {
		t.Helper()
		for i := range n {
			r := h.request(method, path, nil, who...)
			if refused := r.status == http.StatusTooManyRequests; refused != (i >= fit) {
				t.Fatalf("%s, request %d: %d %s", what, i+1, r.status, r.text)
			} else if !refused {
				continue
			}
			seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
			if err != nil || seconds < 1 || seconds > 10 || r.str("code") != "too_many_requests" || r.body["retryable"] != true || r.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %v %s", what, r.header, r.text)
			}
		}
	}
	ask("changes by a key", http.MethodDelete, "/labels/lbl_none", 8, 6)
	ask("questions by the same key", http.MethodGet, "/me", 1, 1)
	ask("its person", http.MethodGet, "/me", 25, 23, person)
	ask("another person", http.MethodGet, "/me", 30, 30, other)
	h.key = h.newKey(h.owner)
	ask("another key of the same person", http.MethodGet, "/me", 1, 0)
	h.key = key
	h.clock.Advance(2 * time.Second)
	ask("two seconds later", http.MethodGet, "/me", 2, 1, person)
	h.clock.Advance(time.Minute)
	ask("a minute later", http.MethodGet, "/me", 31, 30, person)
}
