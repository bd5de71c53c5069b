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
	changes int // requests that reached a handler with a method that may change things
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

func TestRefusesPlainHTTPOnANetwork(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
	for _, c := range []struct {
		name, url, listen string
		proxies           []netip.Prefix
		ok                bool
	}{
		{"this machine", "http://localhost:8080", "127.0.0.1:8080", nil, true},
		{"this machine, IPv6", "http://[::1]:8080", "[::1]:8080", nil, true},
		{"trailing slash", "http://localhost:8080/", "localhost:8080", nil, true},
		{"behind a proxy", "https://posts.example", "0.0.0.0:80", proxy, true},
		{"https without a proxy", "https://posts.example", "0.0.0.0:443", nil, false},
		{"plain public name", "http://posts.example", "127.0.0.1:80", proxy, false},
		{"loopback URL, open port", "http://localhost:8080", "0.0.0.0:8080", nil, false},
		{"loopback URL, any address", "http://localhost:8080", ":8080", nil, false},
		{"private address is a network", "http://192.168.1.2", "192.168.1.2:80", nil, false},
		{"name that looks local", "http://localhost.example", "127.0.0.1:80", nil, false},
		{"path", "https://posts.example/app", "", proxy, false},
		{"query", "https://posts.example?x", "", proxy, false},
		{"user", "https://me@posts.example", "", proxy, false},
		{"no scheme", "posts.example", "", proxy, false},
		{"other scheme", "ftp://posts.example", "", proxy, false},
		{"empty", "", "", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := listen.New(listen.Options{PublicURL: c.url, Listen: c.listen, Proxies: c.proxies, Log: slog.Default()}, listen.Routes{})
			if (err == nil) != c.ok {
				t.Fatalf("error = %v, want ok = %v", err, c.ok)
			}
		})
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
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

func TestOnlyThePublicHostIsServed(t *testing.T) {
	s := newSite(t, local)
	for _, host := range []string{"evil.example", "evil.example:8080", "127.0.0.1:8080", "localhost", "localhost:80", "localhost.evil.example:8080"} {
		w := s.ask(here, "POST", "http://"+host+"/things/1", "x")
		if w.Code != http.StatusMisdirectedRequest || told(t, w)["code"] != "wrong_host" {
			t.Errorf("%s: %d %s", host, w.Code, w.Body)
		}
		w = s.ask(here, "GET", "http://"+host+"/things/1?code=secret", "", "Accept", "text/html")
		if got := w.Header().Get("Location"); w.Code != http.StatusPermanentRedirect || got != "http://localhost:8080/things/1" {
			t.Errorf("%s: a person is sent to %q with %d", host, got, w.Code)
		}
	}
	if s.changes != 0 {
		t.Errorf("%d requests to foreign names had an effect", s.changes)
	}
	for _, host := range []string{"localhost:8080", "LocalHost:8080"} {
		if w := s.ask(here, "GET", "http://"+host+"/things/1", ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", host, w.Code, w.Body)
		}
	}
	if w := newSite(t, proxied).ask("10.0.0.1:5", "GET", "https://posts.example:443/things/1", ""); w.Code != http.StatusOK {
		t.Errorf("default port: %d", w.Code)
	}
}

// P11: over the network nothing but HTTPS is answered.
func TestPromise_P11_PlainHTTPOnlyRedirectsPageLoads(t *testing.T) {
	s := newSite(t, proxied)
	for _, c := range []struct{ name, peer, proto string }{
		{"through the proxy", "10.0.0.1:5", "http"},
		{"through two proxies", "10.0.0.1:5", "https, http"},
		{"past the proxy", "203.0.113.9:5", ""},
		{"past the proxy, claiming HTTPS", "203.0.113.9:5", "https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"Accept", "text/html"}
			if c.proto != "" {
				headers = append(headers, "X-Forwarded-Proto", c.proto)
			}
			r := s.ask(c.peer, "GET", "http://posts.example/things/1", "", headers...)
			if got := r.Header().Get("Location"); got != "https://posts.example/things/1" {
				t.Errorf("page load: %d, to %q", r.Code, got)
			}
			for _, method := range []string{"GET", "POST"} {
				w := s.ask(c.peer, method, "http://posts.example/api/v1/things", "", headers[2:]...)
				if w.Code != http.StatusMisdirectedRequest || told(t, w)["code"] != "https_required" {
					t.Errorf("%s on the API: %d %s", method, w.Code, w.Body)
				}
			}
		})
	}
	if s.changes != 0 {
		t.Errorf("%d plain requests had an effect", s.changes)
	}
}

// S8: forwarding headers of strangers change nothing.
func TestForwardedAddresses(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "198.51.100.7:1", nil, "198.51.100.0/24"},
		{"stranger claims an address", "198.51.100.7:1", []string{"1.2.3.4"}, "198.51.100.0/24"},
		{"through the proxy", "10.0.0.1:1", []string{"203.0.113.77"}, "203.0.113.0/24"},
		{"client lies to the proxy", "10.0.0.1:1", []string{"1.2.3.4, 203.0.113.77"}, "203.0.113.0/24"},
		{"client claims to be a proxy", "10.0.0.1:1", []string{"1.2.3.4, 10.9.9.9, 203.0.113.77"}, "203.0.113.0/24"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.77, 10.0.0.2"}, "203.0.113.0/24"},
		{"two header lines", "10.0.0.1:1", []string{"203.0.113.77", "10.0.0.2"}, "203.0.113.0/24"},
		{"with port", "10.0.0.1:1", []string{"203.0.113.77:4711"}, "203.0.113.0/24"},
		{"IPv6", "[fd00::1]:1", []string{"2001:db8:aa:bb::1"}, "2001:db8:aa::/48"},
		{"IPv6 with port", "10.0.0.1:1", []string{"[2001:db8:aa:bb::1]:99"}, "2001:db8:aa::/48"},
		{"IPv4 in IPv6", "10.0.0.1:1", []string{"::ffff:203.0.113.77"}, "203.0.113.0/24"},
		{"nonsense", "10.0.0.1:1", []string{"203.0.113.77, unknown"}, "10.0.0.0/24"},
		{"empty", "10.0.0.1:1", []string{""}, "10.0.0.0/24"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := proxied
			if c.name == "direct" || strings.HasPrefix(c.name, "stranger") {
				opt = local
			}
			s := newSite(t, opt)
			target := opt.PublicURL + "/things/1"
			var headers []string
			for _, f := range c.forwarded {
				headers = append(headers, "X-Forwarded-For", f)
			}
			w := s.ask(c.peer, "GET", target, "", headers...)
			if got := told(t, w)["network"]; got != c.want {
				t.Errorf("network = %v, want %s", got, c.want)
			}
			if got := s.log.String(); !strings.Contains(got, "network="+c.want) {
				t.Errorf("log = %s", got)
			}
		})
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
