package listen_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/listen"
)

// site is a server whose pages say who they think is asking.
type site struct {
	*listen.Server
	log     *bytes.Buffer
	changes int    // requests that reached a handler with a method that may change things
	open    string // the metrics while a stream was open
}

func newSite(t *testing.T, opt listen.Options) *site {
	t.Helper()
	s := &site{log: &bytes.Buffer{}}
	opt.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if opt.Page == nil {
		opt.Page = func(w http.ResponseWriter, _ *http.Request, status int, err *shippost.Error) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<p>"+err.Message)
		}
	}
	page := func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			s.changes++
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		req := listen.RequestOf(r.Context())
		_ = json.NewEncoder(w).Encode(map[string]any{"network": req.Network, "browser": req.Browser, "id": req.ID, "size": len(body)})
	}
	web := http.NewServeMux()
	web.HandleFunc("/things/{id}", page)
	web.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		s.open = s.ask(here, "GET", "http://localhost:8080/metrics", "").Body.String()
	})
	web.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("canary-panic") })
	api := http.NewServeMux()
	api.HandleFunc("/api/v1/things", page)
	srv, err := listen.New(opt, listen.Routes{Web: web, API: api, Uploads: http.HandlerFunc(page), Hooks: http.HandlerFunc(page)})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = srv
	return s
}

// ask sends a request as it would arrive from a peer.
func (s *site) ask(peer, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = peer
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func told(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return m
}

var proxied = listen.Options{PublicURL: "https://posts.example", Listen: "0.0.0.0:80",
	Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}

var local = listen.Options{PublicURL: "http://localhost:8080", Listen: "127.0.0.1:8080"}

const here = "127.0.0.1:9999"

func TestPromise_P11_EveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	s := newSite(t, proxied)
	for _, path := range []string{"/things/1", "/api/v1/things", "/nothing", "/healthz", "/metrics", "/media/x", "/panic"} {
		w := s.ask("10.0.0.1:5", "GET", "https://posts.example"+path, "", "X-Forwarded-Proto", "https")
		h := w.Header()
		for name, want := range map[string]string{
			"Content-Security-Policy":   "default-src 'none'; script-src 'self';",
			"X-Content-Type-Options":    "nosniff",
			"Referrer-Policy":           "same-origin",
			"Strict-Transport-Security": "max-age=63072000",
			"Cache-Control":             "no-store",
			"Permissions-Policy":        "camera=()",
			"X-Request-Id":              "req_",
		} {
			if !strings.HasPrefix(h.Get(name), want) {
				t.Errorf("%s: %s = %q, want %q…", path, name, h.Get(name), want)
			}
		}
		if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || strings.Contains(csp, "data:") {
			t.Errorf("%s: the policy is open: %s", path, csp)
		}
	}
	sub := proxied
	sub.Subdomains, sub.FormOrigins = true, []string{"https://www.tiktok.com"}
	w := newSite(t, sub).ask("10.0.0.1:5", "GET", "https://posts.example/", "")
	if got := w.Header().Get("Strict-Transport-Security"); got != "max-age=63072000; includeSubDomains" {
		t.Errorf("HSTS = %q", got)
	}
	if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' https://www.tiktok.com;") {
		t.Errorf("CSP = %q", got)
	}
	if got := newSite(t, local).ask(here, "GET", "http://localhost:8080/", "").Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS over plain HTTP on loopback = %q", got)
	}
}

// S7: what another site's page asks for has no effect; programs and the product's own pages are let through.
func TestCrossOriginRequests(t *testing.T) {
	const page, api, hook = "/things/1", "/api/v1/things", "/hooks/tiktok"
	for _, c := range []struct {
		name, path string
		headers    []string
		ok         bool
	}{
		{"own form", page, []string{"Sec-Fetch-Site", "same-origin", "Cookie", "a=b"}, true},
		{"own form, old browser", page, []string{"Origin", "http://localhost:8080", "Cookie", "a=b"}, true},
		{"foreign form", page, []string{"Sec-Fetch-Site", "cross-site", "Cookie", "a=b"}, false},
		{"foreign form without cookie", page, []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"other port of this machine", page, []string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:9000", "Cookie", "a=b"}, false},
		{"foreign form, old browser", page, []string{"Origin", "https://evil.example", "Cookie", "a=b"}, false},
		{"sandboxed frame", page, []string{"Origin", "null", "Cookie", "a=b"}, false},
		{"foreign fetch on the API", api, []string{"Sec-Fetch-Site", "cross-site", "Cookie", "a=b"}, false},
		{"foreign fetch with a key and the cookie", api, []string{"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer sp_x", "Cookie", "a=b"}, false},
		{"program with a key", api, []string{"Authorization", "Bearer sp_x"}, true},
		{"browser tool with a key and no cookie", api, []string{"Authorization", "Bearer sp_x", "Sec-Fetch-Site", "cross-site", "Origin", "https://tool.example"}, true},
		{"webhook", hook, []string{"Origin", "https://evil.example"}, true},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			t.Run(c.name+" "+method, func(t *testing.T) {
				s := newSite(t, local)
				w := s.ask(here, method, "http://localhost:8080"+c.path, "x=1", c.headers...)
				if ok := w.Code == http.StatusOK && s.changes == 1; ok != c.ok {
					t.Errorf("answer %d, %d effects; want ok = %v", w.Code, s.changes, c.ok)
				}
				if !c.ok && told(t, w)["code"] != "cross_origin" {
					t.Errorf("refusal: %s", w.Body)
				}
			})
		}
	}
}

func TestBodyLimits(t *testing.T) {
	s := newSite(t, local)
	for _, c := range []struct {
		path   string
		size   int
		status int
	}{
		{"/things/1", 64 << 10, 200},
		{"/things/1", 64<<10 + 1, 413},
		{"/api/v1/things", 1 << 20, 200},
		{"/api/v1/things", 1<<20 + 1, 413},
		{"/hooks/tiktok", 1<<20 + 1, 413},
		{"/uploads/1", 3 << 20, 200},
	} {
		body := strings.Repeat("x", c.size)
		if w := s.ask(here, "POST", "http://localhost:8080"+c.path, body); w.Code != c.status {
			t.Errorf("%s with %d bytes: %d, want %d", c.path, c.size, w.Code, c.status)
		}
		// The same without a declared length.
		r := httptest.NewRequest("POST", "http://localhost:8080"+c.path, io.NopCloser(strings.NewReader(body)))
		r.ContentLength = -1
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s with %d chunked bytes: %d, want %d", c.path, c.size, w.Code, c.status)
		}
	}
}

func TestPanicBecomesAnAnswer(t *testing.T) {
	s := newSite(t, local)
	w := s.ask(here, "GET", "http://localhost:8080/panic", "")
	if w.Code != 500 || told(t, w)["code"] != "internal" || strings.Contains(w.Body.String(), "canary-panic") {
		t.Errorf("program got %d %s", w.Code, w.Body)
	}
	if w := s.ask(here, "GET", "http://localhost:8080/panic", "", "Accept", "text/html,*/*"); w.Code != 500 || !strings.HasPrefix(w.Body.String(), "<p>") {
		t.Errorf("browser got %d %s", w.Code, w.Body)
	}
	if log := s.log.String(); !strings.Contains(log, "canary-panic") || !strings.Contains(log, "route=/panic") || !strings.Contains(log, "status=500") {
		t.Errorf("log: %s", log)
	}
}

func TestAccessLogTellsRoutesNotAddresses(t *testing.T) {
	s := newSite(t, local)
	s.ask("198.51.100.7:1", "GET", "http://localhost:8080/things/canary-path?code=canary-query", "", "User-Agent", "canary-agent", "Referer", "http://x/canary-referer")
	s.ask("198.51.100.7:1", "BREW", "http://localhost:8080/canary-unmatched", "")
	log := s.log.String()
	if strings.Contains(log, "canary") || strings.Contains(log, "198.51.100.7") || strings.Contains(log, "BREW") {
		t.Errorf("the log tells too much: %s", log)
	}
	if !strings.Contains(log, "route=/things/{id}") || !strings.Contains(log, "network=198.51.100.0/24") || !strings.Contains(log, "status=200") {
		t.Errorf("the log tells too little: %s", log)
	}
}

func TestMetricsAreForThisMachineOrTheToken(t *testing.T) {
	opt := local
	opt.MetricsToken = shippost.NewSecret("measure")
	for _, c := range []struct {
		name, peer, host string
		headers          []string
		status           int
	}{
		{"loopback", here, "localhost:8080", nil, 200},
		{"loopback by address", here, "127.0.0.1:8080", nil, 200},
		{"loopback, IPv6", "[::1]:5", "[::1]:8080", nil, 200},
		{"rebound name", here, "evil.example", nil, 404},
		{"forwarded", here, "localhost:8080", []string{"X-Forwarded-For", "203.0.113.1"}, 404},
		{"network", "203.0.113.1:5", "localhost:8080", nil, 404},
		{"network with the token", "203.0.113.1:5", "metrics.internal", []string{"Authorization", "Bearer measure"}, 200},
		{"wrong token", here, "localhost:8080", []string{"Authorization", "Bearer wrong"}, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, opt)
			s.ask(here, "GET", "http://localhost:8080/things/1", "")
			w := s.ask(c.peer, "GET", "http://"+c.host+"/metrics", "", c.headers...)
			if w.Code != c.status {
				t.Fatalf("%d, want %d", w.Code, c.status)
			}
			const line = `shippost_http_requests_total{method="GET",route="/things/{id}",status="200"} 1`
			if c.status == 200 && !strings.Contains(w.Body.String(), line) {
				t.Errorf("no line %s in\n%s", line, w.Body)
			}
		})
	}
	open := newSite(t, local)
	if w := open.ask("203.0.113.1:5", "GET", "http://localhost:8080/metrics", "", "Authorization", "Bearer "); w.Code != 404 {
		t.Errorf("without a token set, an empty one got %d", w.Code)
	}
}

// How long somebody followed events says nothing about how fast the server answers.
func TestStreamsAreCountedWhileTheyAreOpen(t *testing.T) {
	s := newSite(t, local)
	s.ask(here, "GET", "http://localhost:8080/stream", "")
	after := s.ask(here, "GET", "http://localhost:8080/metrics", "").Body.String()
	if !strings.Contains(s.open, "shippost_http_streams 1") || !strings.Contains(after, "shippost_http_streams 0") {
		t.Errorf("streams while open:\n%s\nafterwards:\n%s", s.open, after)
	}
	if strings.Contains(after, `shippost_http_request_seconds_count{route="/stream"}`) {
		t.Error("a stream was timed")
	}
	if !strings.Contains(after, `shippost_http_requests_total{method="GET",route="/stream",status="200"} 1`) {
		t.Errorf("a stream was not counted:\n%s", after)
	}
}

func TestReady(t *testing.T) {
	opt := local
	var trouble error
	opt.Ready = func(context.Context) error { return trouble }
	s := newSite(t, opt)
	if w := s.ask("10.1.1.1:4", "GET", "http://10.2.2.2/readyz", ""); w.Code != 200 {
		t.Errorf("ready: %d", w.Code)
	}
	trouble = errors.New("canary: the database is gone")
	if w := s.ask("10.1.1.1:4", "GET", "http://10.2.2.2/readyz", ""); w.Code != 503 || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
	if w := s.ask("10.1.1.1:4", "GET", "http://10.2.2.2/healthz", ""); w.Code != 200 {
		t.Errorf("healthy: %d", w.Code)
	}
}

// A stop lets an open request finish, tells streams to end, and takes no new connection.
func TestGracefulStop(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}, 2), make(chan struct{})
	web := http.NewServeMux()
	web.HandleFunc("/work", func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "done")
	})
	web.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun ")
		http.NewResponseController(w).Flush()
		entered <- struct{}{}
		<-listen.Stopping(r.Context())
		_, _ = io.WriteString(w, "ended")
		close(release)
	})
	public := "http://" + ln.Addr().String()
	s, err := listen.New(listen.Options{PublicURL: public, Listen: ln.Addr().String(), Log: slog.New(slog.DiscardHandler)}, listen.Routes{Web: web})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	answers := make(chan string, 2)
	for _, path := range []string{"/work", "/stream"} {
		go func() {
			res, err := http.Get(public + path)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer func() { _ = res.Body.Close() }()
			body, _ := io.ReadAll(res.Body)
			answers <- string(body)
		}()
	}
	<-entered
	<-entered
	stop()
	got := map[string]bool{<-answers: true, <-answers: true}
	if !got["done"] || !got["begun ended"] {
		t.Errorf("answers: %v", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if _, err := net.DialTimeout("tcp", ln.Addr().String(), time.Second); err == nil {
		t.Error("still takes connections")
	}
}

// timedWriter is a connection that remembers its read deadline.
type timedWriter struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (w *timedWriter) SetReadDeadline(t time.Time) error {
	w.deadlines = append(w.deadlines, t)
	return nil
}

// A body must arrive in time, but the deadline must not cancel the work that follows the body.
func TestBodyDeadlineEndsWithTheBody(t *testing.T) {
	s := newSite(t, local)
	for _, c := range []struct {
		path string
		body io.Reader
		want string
	}{
		{"/things/1", strings.NewReader("body"), "set, cleared"},
		{"/things/1", nil, ""},
		{"/uploads/1", strings.NewReader("body"), ""},
	} {
		w := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "http://localhost:8080"+c.path, c.body))
		var got []string
		for _, d := range w.deadlines {
			got = append(got, map[bool]string{true: "cleared", false: "set"}[d.IsZero()])
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("POST %s: deadline %q, want %q", c.path, text, c.want)
		}
	}
}
