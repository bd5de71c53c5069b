package web_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/connect/connecttest"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/lifecycle/lifecycletest"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/server/listen"
	"ship-post.com/shippost/internal/server/web"
)

const mara, kiln = "mara.moves", "quiet.kiln"

// site is the product's front, served over HTTP on loopback.
type site struct {
	*connecttest.Bench
	public  string // public URL
	addr    string // where it listens
	library *media.Library

	inquiries *inquiry.Desk
	data      *lifecycle.Keeper
	pages     *web.Pages
}

// built is a web app as its build leaves it.
var built = fstest.MapFS{
	"index.html":           {Data: []byte(`<!doctype html><html lang="en"><title>ShipPost</title><script type="module" src="/assets/index-a1.js"></script><div id="app"></div></html>`)},
	"theme.js":             {Data: []byte("// theme")},
	"favicon.svg":          {Data: []byte("<svg/>")},
	"assets/index-a1.js":   {Data: []byte(strings.Repeat("const wave = () => 42;\n", 200))},
	"assets/face-b2.woff2": {Data: []byte("\x17\xfe\x02 a font, which is compressed already")},
	".gitkeep":             {},
}

// serve starts a site. With https it stands behind a proxy on this machine that takes HTTPS in for posts.example.
func serve(t *testing.T, https bool, change ...func(*web.Options)) *site {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s := &site{public: "http://localhost:" + port, addr: ln.Addr().String()}
	lo := listen.Options{Log: slog.New(slog.DiscardHandler)}
	if https {
		s.public = "https://posts.example"
		lo.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	s.Bench = connecttest.New(t, func(o *connect.Options) { o.PublicURL = s.public })
	s.library = mediatest.Open(t, s.DB)
	s.data = lifecycletest.Open(t, s.DB, s.Clock)
	s.inquiries = inquiry.New(inquiry.Options{DB: s.DB, Data: s.data, PublicURL: s.public, Now: s.Clock.Now, Log: slog.New(slog.DiscardHandler)})
	wo := web.Options{Auth: s.Auth, Connect: s.Desk, Media: s.library, Data: s.data, Inquiries: s.inquiries, Passkeys: passkey.New(passkey.Options{DB: s.DB, PublicURL: s.public, Now: s.Clock.Now}), App: built, PublicURL: s.public, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&wo)
	}
	pages, err := web.New(wo)
	if err != nil {
		t.Fatal(err)
	}
	s.pages = pages
	lo.PublicURL, lo.Page, lo.FormOrigins, lo.Now = s.public, pages.Page, s.Desk.ConsentOrigins(), s.Clock.Now
	front, err := listen.New(lo, listen.Routes{Web: pages.Handler(), Media: pages.Handler()})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(front.Handler())
	_ = srv.Listener.Close()
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
	return s
}

// browser behaves like one: it keeps cookies, says where a request comes from, and shows pages.
type browser struct {
	t      *testing.T
	site   *site
	client *http.Client
	jar    *cookiejar.Jar
}

// open returns a new browser. Redirects are followed by hand.
func (s *site) open(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, site: s, jar: jar, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is an answer with its document.
type page struct {
	*http.Response
	text string
	doc  *html.Node
}

func (b *browser) send(method, target string, form url.Values, headers ...string) page {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.site.public + target
	}
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Origin", b.site.public)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res, string(text), doc}
}

func (b *browser) get(target string) page { b.t.Helper(); return b.send("GET", target, nil) }

func (b *browser) post(target string, form url.Values) page {
	b.t.Helper()
	return b.send("POST", target, form)
}

// submit presses the button of the form with that action.
func (b *browser) submit(from page, action string) page {
	b.t.Helper()
	form := from.find("form", "action", action)
	if len(form) != 1 {
		b.t.Fatalf("%d forms lead to %s in\n%s", len(form), action, from.text)
	}
	values := url.Values{}
	for _, in := range find(form[0], "input", "", "") {
		values.Set(attr(in, "name"), attr(in, "value"))
	}
	return b.post(action, values)
}

// leaves is where a redirect leads; it fails the test when the answer is none.
func (b *browser) leaves(p page) string {
	b.t.Helper()
	if p.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("answer %s instead of a redirect:\n%s", p.Status, p.text)
	}
	return p.Header.Get("Location")
}

// travel presses the button for TikTok on a page and agrees there; it returns the address TikTok sends back to.
func (b *browser) travel(from page, action, creator string, scopes ...string) string {
	b.t.Helper()
	to := b.leaves(b.submit(from, action))
	return b.site.Consent(b.t, to, creator, "allow", scopes...).String()
}

// connect asks to connect an account, agrees at TikTok, and returns the address TikTok sends back to.
func (b *browser) connect(form url.Values, creator string, scopes ...string) string {
	b.t.Helper()
	return b.site.Consent(b.t, b.leaves(b.post("/connect/tiktok", form)), creator, "allow", scopes...).String()
}

// signIn goes from the sign-in page to the first page behind it.
func (b *browser) signIn(creator string) page {
	b.t.Helper()
	back := b.get(b.travel(b.get("/sign-in"), "/sign-in/tiktok", creator))
	return b.get(b.leaves(back))
}

// cookies are the names of what the browser keeps for the site.
func (b *browser) cookies() string {
	u, _ := url.Parse(b.site.public)
	var names []string
	for _, c := range b.jar.Cookies(u) {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

// find returns the elements with a tag ("" for any) and, if a name is given, an attribute of that value.
func find(n *html.Node, tag, name, value string) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (tag == "" || d.Data == tag) && (name == "" || attr(d, name) == value) {
			found = append(found, d)
		}
	}
	return found
}

func (p page) find(tag, name, value string) []*html.Node { return find(p.doc, tag, name, value) }

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text returns what a reader sees of the first element with that tag.
func (p page) says(tag string) string {
	found := p.find(tag, "", "")
	if len(found) == 0 {
		return ""
	}
	var text strings.Builder
	for d := range found[0].Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// code is the stable code an error page tells for support.
func (p page) code() string { return p.says("code") }
