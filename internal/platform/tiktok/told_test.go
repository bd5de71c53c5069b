package tiktok

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
)

func TestHeard(t *testing.T) {
	t.Parallel()
	said := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	var header atomic.Pointer[http.Header]
	answer := func(h http.Header) { header.Store(&h) }
	answer(http.Header{"Date": {said.Format(http.TimeFormat)}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range *header.Load() {
			w.Header()[name] = values
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	clients, err := outbound.New(Policy(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer clients.Close()
	c, err := New(Options{APIURL: server.URL, ClientKey: "key", ClientSecret: shippost.NewSecret("secret"), Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := c.Heard(); ok {
		t.Error("it knows the time before anybody told")
	}
	ask := func() time.Time {
		t.Helper()
		if err := c.AskTime(t.Context()); err != nil {
			t.Fatal(err)
		}
		at, ago, ok := c.Heard()
		if !ok || ago < 0 || ago > time.Minute {
			t.Errorf("heard %v, %v ago", ok, ago)
		}
		return at
	}
	if at := ask(); !at.Equal(said) {
		t.Errorf("heard %v, want %v", at, said)
	}
	// An answer that somebody kept, or none that can be read, says nothing about now.
	answer(http.Header{"Date": {said.Add(-time.Hour).Format(http.TimeFormat)}, "Age": {"3600"}})
	if at := ask(); !at.Equal(said) {
		t.Errorf("a kept answer was believed: %v", at)
	}
	answer(http.Header{"Date": {"soon"}})
	if at := ask(); !at.Equal(said) {
		t.Errorf("an unreadable time was believed: %v", at)
	}
	// Every ordinary answer tells the time too.
	later := said.Add(time.Minute)
	answer(http.Header{"Date": {later.Format(http.TimeFormat)}})
	if _, err := c.Refresh(t.Context(), shippost.NewSecret("refresh")); err == nil {
		t.Error("the server refused, and the refresh did not fail")
	}
	if at, _, _ := c.Heard(); !at.Equal(later) {
		t.Errorf("heard %v, want %v from an ordinary answer", at, later)
	}
	server.Close()
	if err := c.AskTime(t.Context()); err == nil {
		t.Error("nobody was there, and no error says so")
	}
}
