package listen_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/server/listen"
)

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

// TestTheHostOfPhotosReachesPhotosAlone: whoever finds the host that platforms fetch from finds nothing else there.
func TestTheHostOfPhotosReachesPhotosAlone(t *testing.T) {
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s, err := listen.New(listen.Options{PublicURL: "http://localhost:8080", PullURL: "https://photos.example", PullFiles: []string{"/tiktokAb.txt"}, Listen: "127.0.0.1:8080", Log: slog.Default()},
		listen.Routes{Web: served, API: served, Pull: served})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]int{
		"http://photos.example/pull/x": http.StatusTeapot, "http://Photos.Example:443/pull/x": http.StatusTeapot, "http://localhost:8080/pull/x": http.StatusTeapot,
		"http://photos.example/api/v1/posts": http.StatusMisdirectedRequest, "http://photos.example/": http.StatusMisdirectedRequest,
		// The files by which a platform verifies the host stand at its root, too.
		"http://photos.example/tiktokAb.txt": http.StatusTeapot, "http://photos.example/tiktokAb.txt/": http.StatusMisdirectedRequest, "http://other.example/tiktokAb.txt": http.StatusMisdirectedRequest,
		"http://photos.example/pull": http.StatusMisdirectedRequest, "http://other.example/pull/x": http.StatusMisdirectedRequest,
	} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", url, w.Code, want)
		}
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

// P13, S8: where networks are named for the administration, all others find what they find at any address where nothing is, whatever
// their headers claim.
func TestPromise_P13_AdministrationInNamedNetworksAlone(t *testing.T) {
	admin := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	web := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "nothing here", http.StatusNotFound) })
	named := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:aa::/48")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		named      []netip.Prefix
		there      bool
	}{
		{"none are named", "10.0.0.1:1", []string{"203.0.113.77"}, nil, true},
		{"inside", "10.0.0.1:1", []string{"10.1.2.3"}, named, true},
		{"inside, IPv6", "10.0.0.1:1", []string{"2001:db8:aa:1::9"}, named, true},
		{"inside, IPv4 in IPv6", "10.0.0.1:1", []string{"::ffff:10.1.2.3"}, named, true},
		{"outside", "10.0.0.1:1", []string{"203.0.113.77"}, named, false},
		{"outside, IPv6", "10.0.0.1:1", []string{"2001:db8:ab::1"}, named, false},
		{"a client that lies to the proxy", "10.0.0.1:1", []string{"10.1.2.3, 203.0.113.77"}, named, false},
		{"a client that lies in a line of its own", "10.0.0.1:1", []string{"10.1.2.3", "203.0.113.77"}, named, false},
		{"nonsense before the proxy", "10.0.0.1:1", []string{"10.1.2.3, unknown"}, named, false},
		{"the proxy itself", "10.0.0.1:1", nil, named, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := proxied
			opt.Admins, opt.Log = c.named, slog.New(slog.DiscardHandler)
			s, err := listen.New(opt, listen.Routes{Web: web, Admin: admin})
			if err != nil {
				t.Fatal(err)
			}
			ask := func(method, path string, headers ...string) *httptest.ResponseRecorder {
				r := httptest.NewRequest(method, "https://posts.example"+path, nil)
				r.RemoteAddr = c.peer
				r.Header.Set("X-Forwarded-Proto", "https")
				for _, f := range c.forwarded {
					r.Header.Add("X-Forwarded-For", f)
				}
				for i := 0; i < len(headers); i += 2 {
					r.Header.Set(headers[i], headers[i+1])
				}
				w := httptest.NewRecorder()
				s.Handler().ServeHTTP(w, r)
				return w
			}
			for _, path := range []string{"/admin", "/admin/", "/admin/sign-in", "/%61dmin/users"} {
				for _, method := range []string{"GET", "POST"} {
					w, nothing := ask(method, path), ask(method, "/nothing")
					if c.there && w.Code != http.StatusTeapot {
						t.Errorf("%s %s: %d", method, path, w.Code)
					}
					if !c.there && (w.Code != http.StatusNotFound || w.Body.String() != nothing.Body.String()) {
						t.Errorf("%s %s: %d %s, and at no page %d %s", method, path, w.Code, w.Body, nothing.Code, nothing.Body)
					}
				}
			}
			// Another header than the declared one is believed nowhere, and another site's page changes nothing.
			if w := ask("GET", "/admin", "X-Real-IP", "10.1.2.3", "Forwarded", "for=10.1.2.3", "True-Client-IP", "10.1.2.3"); (w.Code == http.StatusTeapot) != c.there {
				t.Errorf("other headers: %d", w.Code)
			}
			for _, path := range []string{"/admin/sign-in", "/admin/sign-in/code", "/admin/factors/codes", "/admin/factors/person", "/admin/factors/app/remove"} {
				if w := ask("POST", path, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); w.Code != http.StatusForbidden {
					t.Errorf("%s from another site: %d", path, w.Code)
				}
			}
		})
	}
	// Straight to the port, past the proxy, nobody is believed.
	opt := proxied
	opt.PublicURL, opt.Proxies, opt.Listen, opt.Admins, opt.Log = "http://localhost:8080", nil, "127.0.0.1:8080", named, slog.New(slog.DiscardHandler)
	s, err := listen.New(opt, listen.Routes{Web: web, Admin: admin})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "http://localhost:8080/admin", nil)
	r.RemoteAddr = "127.0.0.1:9"
	r.Header.Set("X-Forwarded-For", "10.1.2.3")
	w := httptest.NewRecorder()
	if s.Handler().ServeHTTP(w, r); w.Code != http.StatusNotFound {
		t.Errorf("a spoofed header opens the administration: %d", w.Code)
	}
}
