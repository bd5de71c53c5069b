package gate_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestProblemsNamesWhatIsInTheWay puts other servers where TikTok would look for ours.
func TestProblemsNamesWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	mark := func(w http.ResponseWriter) { w.Header().Set(gate.Mark, string(rune('a'+n.Add(1)))) }
	for _, c := range []struct {
		name    string
		url     string
		handler http.HandlerFunc
		code    string // "" for no problem
		block   bool
	}{
		{"no public address", "", nil, "photos_need_public_address", true},
		{"plain http", "http://posts.example.com", nil, "photos_need_public_address", true},
		{"this server", "https://posts.example.com", func(w http.ResponseWriter, _ *http.Request) { mark(w); w.WriteHeader(404) }, "", false},
		{"a redirect", "https://posts.example.com", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		}, "photos_redirected", true},
		{"another server", "https://posts.example.com", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "photos_elsewhere", true},
		{"a page for everything", "https://posts.example.com", func(w http.ResponseWriter, _ *http.Request) { mark(w); w.WriteHeader(200) }, "photos_wrong_answer", true},
		{"a cache", "https://posts.example.com", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(gate.Mark, "stored")
			w.WriteHeader(404)
		}, "photos_cached", true},
		{"a connection that breaks", "https://posts.example.com", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "photos_unchecked", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := gate.New(options(t, c.url, c.handler))
			for range 2 { // the second answer is remembered
				problems := g.Problems(t.Context())
				switch {
				case c.code == "" && len(problems) > 0:
					t.Fatalf("got %+v", problems)
				case c.code != "" && (len(problems) != 1 || problems[0].Code != c.code || problems[0].Message == "" || problems[0].Remedy != shippost.RemedyOperator):
					t.Fatalf("got %+v, want %s", problems, c.code)
				case shippost.Blocking(problems) != c.block:
					t.Fatalf("blocking is %v, want %v", !c.block, c.block)
				}
			}
		})
	}
}

func options(t *testing.T, url string, handler http.HandlerFunc) gate.Options {
	t.Helper()
	o := gate.Options{DB: storetest.SQLite(t), URL: url, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if handler == nil {
		return o
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	o.CheckURL = server.URL
	var err error
	if o.Clients, err = outbound.New(outbound.Policy{Loopback: []string{server.Listener.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Clients.Close)
	return o
}

// TestProblemsAreAskedForSeldom counts the questions: a screen that validates at each keystroke must not become a flood.
func TestProblemsAreAskedForSeldom(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	broken := true
	o := options(t, "https://posts.example.com", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(gate.Mark, string(rune('a'+asked.Add(1))))
		if broken {
			w.WriteHeader(200)
			return
		}
		w.WriteHeader(404)
	})
	clock := storetest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	o.Now = clock.Now
	g := gate.New(o)
	expect := func(what string, problems int, questions int64) {
		t.Helper()
		if got := g.Problems(t.Context()); len(got) != problems || asked.Load() != questions {
			t.Errorf("%s: %d problems after %d questions, want %d after %d", what, len(got), asked.Load(), problems, questions)
		}
	}
	expect("at first", 1, 1)
	expect("at once again", 1, 1)
	broken = false
	clock.Advance(30 * time.Second)
	expect("soon after a bad answer", 0, 3)
	clock.Advance(4 * time.Minute)
	expect("some minutes after a good one", 0, 3)
	clock.Advance(2 * time.Minute)
	expect("long after a good one", 0, 5)
}
