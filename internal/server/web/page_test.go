package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func operated(o *web.Options) {
	o.Operator = web.Operator{Name: "Example Studio", Contact: "privacy@studio.example"}
}

// account returns the id of the one account with a status on the home page.
func account(t *testing.T, home page, status string) string {
	t.Helper()
	rows := home.find("li", "data-status", status)
	if len(rows) != 1 {
		t.Fatalf("%d accounts are %s:\n%s", len(rows), status, home.text)
	}
	return attr(rows[0], "data-account")
}

func TestEveryPageIsSafeAndComplete(t *testing.T) {
	s := serve(t, false, operated)
	b := s.open(t)
	home := b.signIn(mara)
	id := account(t, home, "active")
	stranger := s.open(t)
	for name, p := range map[string]page{
		"sign-in": stranger.get("/sign-in"), "privacy": stranger.get("/privacy-policy"), "terms": stranger.get("/terms"),
		"not found": stranger.get("/nothing"), "refused return": stranger.get("/callback/tiktok"), "home": home,
		"connected": b.get("/connected/" + id), "disconnect": b.get("/accounts/" + id + "/disconnect"),
		"disconnected": b.post("/accounts/"+id+"/disconnect", nil),
	} {
		t.Run(name, func(t *testing.T) {
			if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") ||
				!strings.Contains(csp, "form-action 'self' "+s.SimAt+";") {
				t.Errorf("policy %q", csp)
			}
			if p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("headers %v", p.Header)
			}
			if h := p.find("h1", "", ""); len(h) != 1 || p.says("title") == "" || attr(p.find("html", "", "")[0], "lang") != "en" || len(p.find("main", "", "")) != 1 {
				t.Errorf("%d headings, title %q", len(h), p.says("title"))
			}
			if len(p.find("script", "", "")) != 0 || len(p.find("style", "", "")) != 0 {
				t.Error("inline script or style")
			}
			for n := range p.doc.Descendants() {
				for _, a := range n.Attr {
					if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
						t.Errorf("<%s %s>: the policy forbids it", n.Data, a.Key)
					}
					loads := a.Key == "src" || a.Key == "href" && n.Data == "link"
					if loads && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")) {
						t.Errorf("<%s> loads %s from elsewhere", n.Data, a.Val)
					}
				}
				checkLabels(t, n)
			}
			if !strings.Contains(p.text, "Example Studio") || !strings.Contains(p.text, "mailto:privacy@studio.example") {
				t.Error("the operator is not named")
			}
		})
	}
}

// checkLabels finds what a screen reader could not name.
func checkLabels(t *testing.T, n *html.Node) {
	t.Helper()
	if n.Type != html.ElementNode {
		return
	}
	switch n.Data {
	case "img":
		if _, ok := attribute(n, "alt"); !ok {
			t.Error("an image without alt")
		}
	case "button", "a":
		text := page{doc: n.Parent}.says(n.Data)
		if text == "" {
			t.Errorf("a %s without text", n.Data)
		}
	case "input":
		if attr(n, "type") != "hidden" {
			t.Errorf("a field without a label: %v", n.Attr)
		}
	}
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func TestSignInPageIsLight(t *testing.T) {
	s := serve(t, false, func(o *web.Options) { o.Demo = true })
	b := s.open(t)
	p := b.get("/sign-in")
	if !strings.Contains(p.text, "This is the demo") {
		t.Error("the demo does not say so")
	}
	total, requests := len(p.text), 1
	seen := map[string]bool{}
	for n := range p.doc.Descendants() {
		target := attr(n, "src")
		if n.Data == "link" {
			target = attr(n, "href")
		}
		if target == "" || seen[target] {
			continue
		}
		seen[target] = true
		f := b.get(target)
		if f.StatusCode != 200 || f.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %s, %q", target, f.Status, f.Header.Get("Cache-Control"))
		}
		total += len(f.text)
		requests++
	}
	if total > 30_000 || requests > 6 || requests < 3 {
		t.Errorf("the sign-in page weighs %d bytes in %d requests; want at most 30,000 in 6", total, requests)
	}
	if p := b.get("/static/pages-000000000000.css"); p.StatusCode != 404 || p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("an old file name: %s, %q", p.Status, p.Header.Get("Cache-Control"))
	}
	if q := serve(t, false).open(t).get("/sign-in"); strings.Contains(q.text, "demo") {
		t.Error("a server that is no demo says it is one")
	}
}

// P20: the policy says when it was last changed, at its own address.
func TestPromise_P20_LegalPages(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	for _, path := range []string{"/privacy-policy", "/terms"} {
		p := b.get(path)
		day := p.find("time", "", "")
		if p.StatusCode != 200 || len(day) != 1 || attr(day[0], "datetime") != web.PolicyVersion || !strings.Contains(p.text, "Last updated") || p.says("time") != "24 November 2026" {
			t.Errorf("%s: %s, %q", path, p.Status, p.says("time"))
		}
		if strings.Contains(p.text, "mailto:") {
			t.Errorf("%s names a contact nobody set", path)
		}
	}
}

// S7: what another site's page sends has no effect.
func TestCrossOriginFormsHaveNoEffect(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	id := account(t, b.signIn(mara), "active")
	for _, path := range []string{"/sign-in/tiktok", "/sign-out", "/connect/tiktok", "/accounts/" + id + "/disconnect"} {
		for name, headers := range map[string][]string{
			"form":                {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
			"neighbour port":      {"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:1"},
			"old browser":         {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
			"sandboxed frame":     {"Sec-Fetch-Site", "", "Origin", "null"},
			"simulated TikTok":    {"Sec-Fetch-Site", "cross-site", "Origin", s.SimAt},
			"own origin is faked": {"Sec-Fetch-Site", "cross-site", "Origin", "https://localhost"},
		} {
			if p := b.send("POST", path, nil, headers...); p.StatusCode != http.StatusForbidden || p.code() != "cross_origin" || len(p.Cookies()) != 0 {
				t.Errorf("%s, %s: %s %s", path, name, p.Status, p.code())
			}
		}
		if p := b.get(path); p.StatusCode == http.StatusSeeOther && path != "/sign-in/tiktok" {
			t.Errorf("GET %s does something: %s", path, p.Status)
		}
	}
	if home := b.get("/"); account(t, home, "active") != id {
		t.Error("something happened")
	}
	if len(s.Posts.Ended()) != 0 || s.Vault.Stored() != 1 {
		t.Errorf("%d endings, %d tokens", len(s.Posts.Ended()), s.Vault.Stored())
	}
}

func TestConnectAndDisconnectOnPages(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	home := b.signIn(mara)
	done := b.leaves(b.get(b.travel(home, "/connect/tiktok", kiln, "user.info.basic")))
	p := b.get(done)
	if !strings.HasPrefix(done, "/connected/acc_") || p.says("h1") != "Quiet Kiln needs one more permission" || !strings.Contains(p.text, "post to your profile") {
		t.Errorf("%s:\n%s", done, p.text)
	}
	p = b.get(b.leaves(b.get(b.travel(p, "/connect/tiktok", kiln))))
	if p.says("h1") != "Quiet Kiln is connected" {
		t.Errorf("after all was allowed: %q", p.says("h1"))
	}
	id := strings.TrimPrefix(strings.Split(done, "?")[0], "/connected/")
	ask := b.get("/accounts/" + id + "/disconnect")
	if ask.says("h1") != "Disconnect Quiet Kiln?" || len(s.Posts.Ended()) != 0 {
		t.Errorf("asked:\n%s", ask.text)
	}
	p = b.submit(ask, "/accounts/"+id+"/disconnect")
	if p.StatusCode != 200 || !strings.Contains(p.text, "TikTok has confirmed") || len(s.Posts.Ended()) != 1 {
		t.Errorf("disconnected: %s\n%s", p.Status, p.text)
	}
	home = b.get("/")
	if account(t, home, "disconnected") != id {
		t.Error("the home page does not show it")
	}
	// P12: to another person it is as if it were not there.
	other := s.open(t)
	other.signIn("juno.sketches")
	for _, method := range []string{"GET", "POST"} {
		if p := other.send(method, "/accounts/"+id+"/disconnect", nil); p.StatusCode != 404 || p.code() != "account_not_found" {
			t.Errorf("a stranger's %s: %s %s", method, p.Status, p.code())
		}
	}
	if p := other.get("/connected/" + id); p.StatusCode != 404 || strings.Contains(p.text, "Kiln") {
		t.Errorf("a stranger sees it: %s", p.Status)
	}
}

func TestSignInHasToBeFreshToConnect(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	home := b.signIn(mara)
	s.Clock.Advance(time.Hour)
	if to := b.leaves(b.submit(home, "/connect/tiktok")); to != "/sign-in" {
		t.Errorf("a stale sign-in is sent to %s", to)
	}
	card := b.get("/sign-in")
	if card.says("h1") != "Is it still you, Mara Lindqvist?" || card.says("button") != "Continue with TikTok" {
		t.Errorf("card:\n%s", card.text)
	}
	if p := b.get(b.travel(card, "/sign-in/tiktok", kiln)); p.code() != "other_person" {
		t.Errorf("confirmed as somebody else: %s %s", p.Status, p.code())
	}
	if to := b.leaves(b.get(b.travel(card, "/sign-in/tiktok", mara))); to != "/" {
		t.Errorf("confirmed: %s", to)
	}
	if to := b.leaves(b.submit(home, "/connect/tiktok")); !strings.HasPrefix(to, s.SimAt) || !strings.Contains(to, "disable_auto_auth=1") {
		t.Errorf("after the confirmation: %s", to)
	}
}

func TestViewersSeeButCannotChange(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	id := account(t, b.signIn(mara), "active")
	storetest.Update(t, s.DB, func(tx *store.Tx) error {
		a, err := tx.AccountOfAny(t.Context(), shippost.AccountID(id))
		if err != nil {
			return err
		}
		members, err := tx.Members(t.Context(), a.Workspace)
		if err != nil {
			return err
		}
		_, err = tx.SetRole(t.Context(), a.Workspace, members[0].User, shippost.Owner, shippost.Viewer)
		return err
	})
	home := b.get("/")
	if account(t, home, "active") != id || len(home.find("form", "action", "/connect/tiktok")) != 0 || len(home.find("a", "href", "/accounts/"+id+"/disconnect")) != 0 {
		t.Errorf("home:\n%s", home.text)
	}
	if p := b.post("/accounts/"+id+"/disconnect", nil); p.StatusCode != 403 || p.code() != "not_allowed" {
		t.Errorf("disconnect: %s %s", p.Status, p.code())
	}
	if p := b.post("/connect/tiktok", url.Values{"account": {id}}); p.StatusCode != 403 || p.code() != "not_allowed" {
		t.Errorf("connect: %s %s", p.Status, p.code())
	}
}

func TestErrorsForPeopleAndPrograms(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	p := b.get("/nothing")
	if p.StatusCode != 404 || p.says("h1") != "Nothing here" || p.code() != "page_not_found" || !strings.Contains(p.text, p.Header.Get("X-Request-Id")) {
		t.Errorf("a person: %s\n%s", p.Status, p.text)
	}
	p = b.send("GET", "/nothing", nil, "Accept", "application/json")
	if p.StatusCode != 404 || p.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(p.text, `"code":"page_not_found"`) {
		t.Errorf("a program: %s %s", p.Status, p.text)
	}
	for _, header := range []string{"Bearer sp_wrong", "Bearer", "Basic YTpi", "sp_wrong"} {
		p = b.send("GET", "/", nil, "Accept", "*/*", "Authorization", header)
		if p.StatusCode != 401 {
			t.Errorf("Authorization %q: %s", header, p.Status)
		}
	}
	for range 30 {
		b.post("/sign-in/tiktok", nil)
	}
	p = b.post("/sign-in/tiktok", nil)
	if p.StatusCode != 429 || p.Header.Get("Retry-After") != "900" || p.says("h1") != "Too many tries" {
		t.Errorf("too many sign-ins: %s, Retry-After %q", p.Status, p.Header.Get("Retry-After"))
	}
}
