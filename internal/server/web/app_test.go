package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"ship-post.com/shippost/internal/feature/connect/connecttest"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/ui"
)

// screens are where the app is.
var screens = []string{"/", "/calendar", "/compose", "/compose/post_1", "/posts", "/posts/post_1", "/queue", "/slots", "/library", "/library/med_1", "/activity",
	"/accounts", "/accounts/acc_1", "/settings", "/settings/sessions"}

func TestPromise_P12_AppIsForThoseWhoAreSignedIn(t *testing.T) {
	s := serve(t, false)
	stranger, b := s.open(t), s.open(t)
	b.signIn(mara)
	for _, path := range screens {
		want := "/sign-in?return_to=" + strings.ReplaceAll(path, "/", "%2F")
		if path == "/" {
			want = "/sign-in"
		}
		if p := stranger.get(path); b.leaves(p) != want || strings.Contains(p.text, "app") {
			t.Errorf("%s: a stranger is sent to %s", path, p.Header.Get("Location"))
		}
		if p := stranger.send("GET", path, nil, "Accept", "application/json"); p.StatusCode != 401 {
			t.Errorf("%s: a program gets %s", path, p.Status)
		}
		p := b.get(path)
		if p.StatusCode != 200 || len(p.find("div", "id", "app")) != 1 || p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %s %v", path, p.Status, p.Header)
		}
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	for _, path := range []string{"/nothing", "/calendar/x", "/posts/a/b", "/_ui", "/index.html", "/.gitkeep", "/assets/", "/assets/index-old.js"} {
		if p := b.get(path); p.StatusCode != 404 || p.code() != "page_not_found" {
			t.Errorf("%s: %s %s", path, p.Status, p.code())
		}
	}
}

func TestAppFiles(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	for _, c := range []struct {
		path, accept   string
		encoding, keep string
		kind           string
	}{
		{"/assets/index-a1.js", "br, gzip;q=0.8", "gzip", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"/assets/index-a1.js", "gzip;q=0", "", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"/assets/index-a1.js", "identity", "", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"/assets/face-b2.woff2", "gzip", "", "public, max-age=31536000, immutable", "font/woff2"},
		{"/theme.js", "gzip", "", "no-cache", "text/javascript; charset=utf-8"},
		{"/favicon.svg", "gzip", "", "no-cache", "image/svg+xml"},
	} {
		p := b.send("GET", c.path, nil, "Accept-Encoding", c.accept)
		h := p.Header
		if p.StatusCode != 200 || h.Get("Content-Encoding") != c.encoding || h.Get("Cache-Control") != c.keep || h.Get("Content-Type") != c.kind ||
			h.Get("Vary") != "Accept-Encoding" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Length") != strconv.Itoa(len(p.text)) {
			t.Errorf("%s for %q: %s %v", c.path, c.accept, p.Status, h)
		}
		text := p.text
		if c.encoding == "gzip" {
			r, err := gzip.NewReader(strings.NewReader(p.text))
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			text = string(all)
		}
		if want := built[strings.TrimPrefix(c.path, "/")].Data; text != string(want) {
			t.Errorf("%s for %q: other bytes", c.path, c.accept)
		}
		again := b.send("GET", c.path, nil, "If-None-Match", h.Get("ETag"))
		if again.StatusCode != 304 || again.text != "" {
			t.Errorf("%s again: %s", c.path, again.Status)
		}
		if head := b.send("HEAD", c.path, nil); head.StatusCode != 200 || head.text != "" {
			t.Errorf("HEAD %s: %s", c.path, head.Status)
		}
	}
}

// A build that is not whole must not be shipped.
func TestAppHasToBeThere(t *testing.T) {
	for name, change := range map[string]func(*web.Options){
		"no app":       func(o *web.Options) { o.App = mapped("theme.js") },
		"unknown type": func(o *web.Options) { o.App = mapped("index.html", "assets/a.exe") },
	} {
		if _, err := web.New(optionsWith(t, change)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// The shipped app: everything its page names is there, from our own origin, and the first page is light. Fonts aside,
// which browsers keep, it has to come in 150 kB.
func TestShippedApp(t *testing.T) {
	s := serve(t, false, func(o *web.Options) { o.App = ui.Dist() })
	b := s.open(t)
	b.signIn(mara)
	home := b.send("GET", "/", nil, "Accept-Encoding", "gzip")
	index, err := fs.ReadFile(ui.Dist(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	total, requests := len(home.text), 1
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(index), -1) {
		p := b.send("GET", m[1], nil, "Accept-Encoding", "gzip")
		if p.StatusCode != 200 || !strings.HasPrefix(m[1], "/") {
			t.Errorf("%s: %s", m[1], p.Status)
		}
		total += len(p.text)
		requests++
	}
	t.Logf("the app's first page: %d bytes in %d requests, before its data", total, requests)
	if total > 150_000 || requests > 12 {
		t.Errorf("the app's first page weighs %d bytes in %d requests; want at most 150,000 in 12", total, requests)
	}
	if bytes.Contains(index, []byte("<style")) || regexp.MustCompile(`<script[^>]*>[^<]`).Match(index) {
		t.Error("inline script or style, which the policy forbids")
	}
}

func mapped(names ...string) fs.FS {
	m := fstest.MapFS{}
	for _, name := range names {
		m[name] = &fstest.MapFile{Data: []byte("x")}
	}
	return m
}

func optionsWith(t *testing.T, change func(*web.Options)) web.Options {
	bench := connecttest.New(t)
	o := web.Options{Auth: bench.Auth, Connect: bench.Desk, App: built, PublicURL: "http://localhost:1", Log: slog.New(slog.DiscardHandler)}
	change(&o)
	return o
}

// TestPages_ShareTheAppsTokens: the pages and the app are one product; what both name they draw alike, light and dark.
func TestPages_ShareTheAppsTokens(t *testing.T) {
	t.Parallel()
	tokens, err := os.ReadFile("../../../ui/src/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := os.ReadFile("static/pages.css")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(--[\w-]+): ([^;]+);`)
	theirs := map[string][]string{}
	for _, m := range named.FindAllStringSubmatch(string(tokens), -1) {
		theirs[m[1]] = append(theirs[m[1]], m[2])
	}
	found := named.FindAllStringSubmatch(string(pages), -1)
	if len(found) < 20 {
		t.Fatalf("only %d tokens in pages.css", len(found))
	}
	for _, m := range found {
		if !slices.Contains(theirs[m[1]], m[2]) {
			t.Errorf("pages.css draws %s as %s, the app as %q", m[1], m[2], theirs[m[1]])
		}
	}
}
