package web_test

import (
	"bytes"
	"crypto/tls"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/feature/usage"
	"ship-post.com/shippost/internal/server/listen"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
	"ship-post.com/shippost/ui"
)

// counted is a site that counts its page views, behind a proxy in 192.0.2.0/24 that takes HTTPS in.
type counted struct {
	t      *testing.T
	db     *store.DB
	book   *usage.Book
	front  http.Handler
	cookie string
}

func counting(t *testing.T, db *store.DB, clock *storetest.Clock, on bool) *counted {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	c := &counted{t: t, db: db, book: usage.New(usage.Options{DB: db, On: on, Now: clock.Now, Log: log})}
	keeper := auth.New(auth.Options{DB: db, Now: clock.Now, Log: log})
	owner := storetest.Workspace(t, db)
	storetest.Update(t, db, func(tx *store.Tx) error {
		ticket, err := keeper.Open(t.Context(), tx, auth.Entrance{User: owner.User, Workspace: owner.Workspace})
		c.cookie = "__Host-shippost=" + ticket.Cookie.Reveal()
		return err
	})
	const public = "https://posts.example"
	pages, err := web.New(web.Options{Auth: keeper, Passkeys: passkey.New(passkey.Options{DB: db, PublicURL: public, Now: clock.Now}), Usage: c.book, App: ui.Dist(),
		PublicURL: public, Now: clock.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	front, err := listen.New(listen.Options{PublicURL: public, Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Page: pages.Page, Now: clock.Now, Log: log},
		listen.Routes{Web: pages.Handler()})
	if err != nil {
		t.Fatal(err)
	}
	c.front = front.Handler()
	return c
}

func (c *counted) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	r := httptest.NewRequest(method, "https://posts.example/", strings.NewReader(body))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.TLS, r.RemoteAddr = nil, "192.0.2.7:1"
	r.Header.Set("Accept", "text/html")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 canary-agent")
	r.Header.Set("X-Forwarded-For", "198.51.100.77")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Peer" {
			r.RemoteAddr, r.TLS = headers[i+1], &tls.ConnectionState{}
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	c.front.ServeHTTP(w, r)
	return w
}

// rows are what was counted: network, browser and page of each.
func (c *counted) rows() (list []string) {
	c.t.Helper()
	c.book.Flush(c.t.Context())
	rows, err := c.db.SQL().QueryContext(c.t.Context(), "SELECT network, browser, page FROM page_views")
	if err != nil {
		c.t.Fatal(err)
	}
	for rows.Next() {
		var network, browser, page string
		if err := rows.Scan(&network, &browser, &page); err != nil {
			c.t.Fatal(err)
		}
		list = append(list, network+" "+browser+" "+page)
	}
	if err := rows.Close(); err != nil {
		c.t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// P10: whoever views whatever, what is written is a shortened network, a family of browser and the
// pattern of a page. No address, id, query or header stands anywhere in the database.
func TestPromise_P10_NothingThatNamesSomebodyIsWritten(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		c := counting(t, db, clock, true)
		giant := "Mozilla/5.0 canary-agent " + strings.Repeat("Chrome/1 ", 3000)
		for path, headers := range map[string][]string{
			"/privacy-policy?canary-query=1": nil,
			"/privacy-policy/2026-11-24":     {"X-Forwarded-For", "2001:db8:aaaa:bbbb::77"},
			"/terms":                         {"User-Agent", giant},
			"/posts/canary-id?x=canary":      {"Cookie", c.cookie},
			"/":                              {"Cookie", c.cookie, "X-Forwarded-For", "10.1.2.77, 198.51.100.77"},
			"/settings/review":               {"Cookie", c.cookie, "User-Agent", "canary\x01\xff'); DROP TABLE page_views; --"},
			// A stranger that is no proxy says where it comes from.
			"/privacy-policy/2026-11-26": {"Peer", "203.0.113.77:5", "X-Forwarded-For", "8.8.8.77"},
			// Not counted: what is no page, what needs a sign-in, and who does not want to be.
			"/canary/nothing/%00\x00\n":     nil,
			"/calendar":                     nil,
			"/favicon.svg":                  nil,
			"/terms/2026-11-24":             {"Sec-GPC", "1"},
			"/privacy-policy/../canary":     nil,
			"/terms/2026-11-24/changes":     {"DNT", "1"},
			"/privacy-policy/canary-no-day": nil,
		} {
			c.send("GET", path, "", headers...)
		}
		c.send("HEAD", "/terms", "")
		// The app tells of its screens, and of nothing else.
		for body, want := range map[string]int{"/library/{id}": 204, "/": 204, "/library/canary-id": 422, "/page-view": 422, "": 422, "/admin": 422,
			"/posts/{id}\x00": 422, strings.Repeat("/canary", 9000): 422} {
			if w := c.send("POST", "/page-view", body, "Cookie", c.cookie); w.Code != want {
				t.Errorf("%.20q answers %d, want %d", body, w.Code, want)
			}
		}
		for what, w := range map[string]*httptest.ResponseRecorder{
			"a stranger":    c.send("POST", "/page-view", "/posts", "Accept", "*/*"),
			"another site":  c.send("POST", "/page-view", "/posts", "Cookie", c.cookie, "Sec-Fetch-Site", "cross-site"),
			"a wrong key":   c.send("POST", "/page-view", "/posts", "Authorization", "Bearer sp_canary"),
			"another verb":  c.send("PUT", "/page-view", "/posts", "Cookie", c.cookie),
			"without a way": c.send("GET", "/page-view", "/posts", "Cookie", c.cookie),
		} {
			if w.Code < 300 {
				t.Errorf("%s: %d", what, w.Code)
			}
		}
		c.send("POST", "/page-view", "/posts", "Cookie", c.cookie, "Sec-GPC", "1")
		want := []string{
			"198.51.100.0/24 Chrome /terms", // a browser that says it often
			"198.51.100.0/24 Firefox /", "198.51.100.0/24 Firefox /", "198.51.100.0/24 Firefox /library/{id}", "198.51.100.0/24 Firefox /posts/{id}",
			"198.51.100.0/24 Firefox /privacy-policy", "198.51.100.0/24 Program /settings/review",
			"2001:db8:aaaa::/48 Firefox /privacy-policy/{day}", "203.0.113.0/24 Firefox /privacy-policy/{day}",
		}
		slices.Sort(want)
		if got := c.rows(); !slices.Equal(got, want) {
			t.Errorf("counted\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		all := storetest.Dump(t, db)
		for _, never := range []string{"canary", "100.77", "113.77", "::77", "bbbb", "8.8.8", "10.1.2", "Gecko"} {
			for line := range strings.Lines(all) {
				if strings.Contains(line, never) {
					t.Errorf("the database says %q: %s", never, line)
				}
			}
		}
	})
}

// P10: one person's app tells of a screen a second and no more, and switched off nothing at all is written.
func TestPromise_P10_CountingHasALimitAndASwitch(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		c := counting(t, db, clock, true)
		for i := range 70 {
			w := c.send("POST", "/page-view", "/posts", "Cookie", c.cookie)
			if want := map[bool]int{true: 204, false: 429}[i < 60]; w.Code != want {
				t.Fatalf("view %d answers %d", i, w.Code)
			}
		}
		clock.Advance(time.Minute)
		if w := c.send("POST", "/page-view", "/posts", "Cookie", c.cookie); w.Code != 204 {
			t.Errorf("a minute later: %d", w.Code)
		}
		if n := len(c.rows()); n != 61 {
			t.Errorf("%d page views are counted", n)
		}
		if err := c.book.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		off := counting(t, db, clock, false)
		before := len(off.rows())
		off.send("GET", "/terms", "")
		off.send("GET", "/", "", "Cookie", off.cookie)
		if w := off.send("POST", "/page-view", "/posts", "Cookie", off.cookie); w.Code != 204 {
			t.Errorf("switched off: %d", w.Code)
		}
		if n := len(off.rows()); n != before {
			t.Errorf("switched off, %d page views are written", n-before)
		}
	})
}

// P10: no page of ours can load anything from elsewhere, and what is shipped does not ask for it.
func TestPromise_P10_NothingIsLoadedFromElsewhere(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	c := counting(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, true)
	for _, path := range []string{"/", "/sign-in", "/terms", "/nothing"} {
		policy := c.send("GET", path, "", "Cookie", c.cookie).Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") {
			t.Errorf("%s: %q", path, policy)
		}
		for directive := range strings.SplitSeq(policy, "; ") {
			name, sources, _ := strings.Cut(directive, " ")
			for source := range strings.FieldsSeq(sources) {
				if strings.HasSuffix(name, "-src") && source != "'self'" && source != "'none'" && source != "blob:" {
					t.Errorf("%s: %s lets %s in", path, name, source)
				}
			}
		}
	}
	loads := regexp.MustCompile(`(?:src|href)="(?:https?:)?//|url\(["']?(?:https?:)?//|@import`)
	seen := 0
	err := fs.WalkDir(ui.Dist(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".css") && !strings.HasSuffix(name, ".html") {
			return err
		}
		seen++
		text, err := fs.ReadFile(ui.Dist(), name)
		if found := loads.Find(text); found != nil {
			t.Errorf("%s loads from elsewhere: %s", name, text[bytes.Index(text, found):][:60])
		}
		return err
	})
	if err != nil || seen < 2 {
		t.Fatalf("%d files, %v", seen, err)
	}
}
