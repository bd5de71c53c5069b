package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func operated(o *web.Options) {
	o.Legal = legal.New(legal.Options{Operator: legal.Operator{Name: "Example Studio", Contact: "privacy@studio.example"}})
}

// account returns the id of the one account with a status.
func (s *site) account(t *testing.T, status shippost.AccountStatus) string {
	t.Helper()
	var ids []string
	storetest.View(t, s.DB, func(tx *store.Tx) error {
		rows, err := tx.SQL().QueryContext(t.Context(), "SELECT id FROM accounts WHERE status = $1", string(status))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	if len(ids) != 1 {
		t.Fatalf("accounts that are %s: %v", status, ids)
	}
	return ids[0]
}

func TestEveryPageIsSafeAndComplete(t *testing.T) {
	s := serve(t, false, operated)
	b := s.open(t)
	b.signIn(mara)
	id := s.account(t, shippost.AccountActive)
	stranger := s.open(t)
	for name, p := range map[string]page{
		"sign-in": stranger.get("/sign-in"), "privacy": stranger.get("/privacy-policy"), "terms": stranger.get("/terms"),
		"contact":   stranger.get("/contact"),
		"not found": stranger.get("/nothing"), "refused return": stranger.get("/callback/tiktok"),
		"connected": b.get("/connected/" + id), "confirm": stale(s, b),
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
			if len(p.find("style", "", "")) != 0 {
				t.Error("inline style")
			}
			for _, script := range p.find("script", "", "") {
				if attr(script, "src") == "" || script.FirstChild != nil {
					t.Error("inline script")
				}
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

// stale shows the sign-in page to somebody who signed in a while ago.
func stale(s *site, b *browser) page {
	s.Clock.Advance(time.Hour)
	return b.get("/sign-in")
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
		if attr(n, "type") != "hidden" && n.Parent.Data != "label" {
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

// P20: each text says when it was last changed, at its own address; earlier ones stay, and what changed can be seen.
func TestPromise_P20_LegalPages(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	for document, versions := range legal.Published {
		p := b.get("/" + document)
		day := p.find("time", "", "")
		if p.StatusCode != 200 || len(day) != 1 || attr(day[0], "datetime") != versions[0].Day || !strings.Contains(p.text, "Last updated") || p.says("time") != versions[0].Date() {
			t.Errorf("%s: %s, %q", document, p.Status, p.says("time"))
		}
		if strings.Contains(p.text, "mailto:") {
			t.Errorf("%s names a contact nobody set", document)
		}
		for _, v := range versions {
			old, changes := b.get("/"+document+"/"+v.Day), b.get("/"+document+"/"+v.Day+"/changes")
			if old.StatusCode != 200 || old.says("time") != v.Date() || changes.StatusCode != 200 || len(changes.find("ins", "", "")) == 0 {
				t.Errorf("%s of %s: %s, changes: %s", document, v.Day, old.Status, changes.Status)
			}
		}
		if p := b.get("/" + document + "/2020-02-02"); p.StatusCode != 404 {
			t.Errorf("a version that never was: %s", p.Status)
		}
	}
	if p := b.get("/privacy-policy"); len(p.find("table", "", "")) != 2 || len(p.find("tr", "", "")) < 20 {
		t.Errorf("the policy has %d tables with %d rows", len(p.find("table", "", "")), len(p.find("tr", "", "")))
	}
}

// P20: while a change is announced the page has the text in force and says until when, and the new one says from when.
func TestPromise_P20_TheNextTextSaysFromWhen(t *testing.T) {
	clock := storetest.NewClock(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	db := storetest.SQLite(t, storetest.At(clock.Now))
	storetest.Workspace(t, db)
	desk := legal.New(legal.Options{DB: db, Now: clock.Now})
	if err := desk.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := serve(t, false, func(o *web.Options) { o.Legal, o.Now = desk, clock.Now })
	b := s.open(t)
	says := func(path string, all ...string) {
		t.Helper()
		p := b.get(path)
		for _, want := range all {
			if !strings.Contains(p.text, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
		if len(all) == 0 && len(p.find("p", "class", "note")) != 0 {
			t.Errorf("%s still announces something", path)
		}
	}
	newest := legal.Published[legal.Policy][0].Day
	says("/privacy-policy", "24 November 2026", "until 10 December 2026", "/privacy-policy/"+newest+"/changes")
	says("/privacy-policy/"+newest, "from 10 December 2026", "Read the one in force")
	says("/terms")
	clock.Advance(legal.Notice)
	says("/privacy-policy", "26 November 2026")
	says("/privacy-policy")
}

// S7: what another site's page sends has no effect.
func TestCrossOriginFormsHaveNoEffect(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	b.signIn(mara)
	for _, path := range []string{"/sign-in/tiktok", "/sign-out", "/connect/tiktok"} {
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
	if p := b.get("/"); p.StatusCode != 200 {
		t.Errorf("signed out: %s", p.Status)
	}
	if len(s.Posts.Ended()) != 0 || s.Vault.Stored() != 1 {
		t.Errorf("%d endings, %d tokens", len(s.Posts.Ended()), s.Vault.Stored())
	}
}

func TestConnectOnPages(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	b.signIn(mara)
	done := b.leaves(b.get(b.connect(url.Values{"return_to": {"/accounts"}}, kiln, "user.info.basic")))
	p := b.get(done)
	if !strings.HasPrefix(done, "/connected/acc_") || p.says("h1") != "Quiet Kiln needs one more permission" || !strings.Contains(p.text, "post to your profile") ||
		len(p.find("a", "href", "/accounts")) != 1 {
		t.Errorf("%s:\n%s", done, p.text)
	}
	p = b.get(b.leaves(b.get(b.travel(p, "/connect/tiktok", kiln))))
	if p.says("h1") != "@quiet.kiln is connected" {
		t.Errorf("after all was allowed: %q", p.says("h1"))
	}
	// P12: to another person it is as if it were not there.
	other := s.open(t)
	other.signIn("juno.sketches")
	id := strings.TrimPrefix(strings.Split(done, "?")[0], "/connected/")
	if p := other.get("/connected/" + id); p.StatusCode != 404 || strings.Contains(p.text, "Kiln") {
		t.Errorf("a stranger sees it: %s", p.Status)
	}
}

func TestSignInHasToBeFreshToConnect(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	b.signIn(mara)
	s.Clock.Advance(time.Hour)
	if to := b.leaves(b.post("/connect/tiktok", nil)); to != "/sign-in" {
		t.Errorf("a stale sign-in is sent to %s", to)
	}
	to := b.leaves(b.post("/connect/tiktok", url.Values{"return_to": {"/accounts"}}))
	if to != "/sign-in?return_to=%2Faccounts" {
		t.Errorf("a stale sign-in that wants back is sent to %s", to)
	}
	card := b.get(to)
	if card.says("h1") != "Is it still you, Mara Lindqvist?" || card.says("button") != "Continue with TikTok" {
		t.Errorf("card:\n%s", card.text)
	}
	if p := b.get(b.travel(card, "/sign-in/tiktok", kiln)); p.code() != "other_person" {
		t.Errorf("confirmed as somebody else: %s %s", p.Status, p.code())
	}
	if to := b.leaves(b.get(b.travel(card, "/sign-in/tiktok", mara))); to != "/accounts" {
		t.Errorf("confirmed: %s", to)
	}
	if to := b.leaves(b.post("/connect/tiktok", nil)); !strings.HasPrefix(to, s.SimAt) || !strings.Contains(to, "disable_auto_auth=1") {
		t.Errorf("after the confirmation: %s", to)
	}
}

func TestViewersCannotConnect(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	b.signIn(mara)
	id := s.account(t, shippost.AccountActive)
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
