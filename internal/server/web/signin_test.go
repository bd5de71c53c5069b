package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// P2: from "Continue with TikTok" to the first page, and out again.
func TestPromise_P02_SignInAndOut(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	if to := b.leaves(b.get("/")); to != "/sign-in" {
		t.Errorf("a stranger is sent to %s", to)
	}
	card := b.get("/sign-in")
	if card.StatusCode != 200 || card.says("button") != "Continue with TikTok" || len(card.find("a", "href", "/privacy-policy")) == 0 || len(card.find("a", "href", "/terms")) == 0 {
		t.Errorf("sign-in page %s:\n%s", card.Status, card.text)
	}
	back := b.get(b.travel(card, "/sign-in/tiktok", mara))
	if to := b.leaves(back); to != "/" {
		t.Errorf("after the sign-in: %s", to)
	}
	var session *http.Cookie
	for _, c := range back.Cookies() {
		if c.Name == "shippost" {
			session = c
		}
	}
	if session == nil || !session.HttpOnly || session.Secure || session.SameSite != http.SameSiteLaxMode || session.Path != "/" ||
		session.Domain != "" || session.MaxAge != 30*24*3600 || len(session.Value) != 43 {
		t.Fatalf("cookie %+v", session)
	}
	if got := b.cookies(); got != "shippost" {
		t.Errorf("cookies after the sign-in: %s", got)
	}
	home := b.get("/")
	if home.StatusCode != 200 || len(home.find("div", "id", "app")) != 1 || s.account(t, shippost.AccountActive) == "" {
		t.Errorf("home %s:\n%s", home.Status, home.text)
	}
	out := b.post("/sign-out", nil)
	if to := b.leaves(out); to != "/sign-in" || !strings.Contains(out.Header.Get("Clear-Site-Data"), `"cookies"`) || b.cookies() != "" {
		t.Errorf("signed out to %s, %q, cookies %q", to, out.Header.Get("Clear-Site-Data"), b.cookies())
	}
	// S3: the cookie that somebody copied is worth nothing.
	thief := s.open(t)
	if p := thief.send("GET", "/", nil, "Cookie", "shippost="+session.Value); b.leaves(p) != "/sign-in" {
		t.Errorf("a copied cookie still opens %s", p.Header.Get("Location"))
	}
	if p := b.post("/sign-out", nil); b.leaves(p) != "/sign-in" {
		t.Errorf("signing out twice: %s", p.Status)
	}
}

// S5: each attack on the way back is refused with a page, nobody is signed in, and no token is kept.
func TestAttacksOnTheReturnLeaveNothing(t *testing.T) {
	set := func(address, name, value string) string {
		u, _ := url.Parse(address)
		q := u.Query()
		if value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	start := func(b *browser) string { return b.leaves(b.submit(b.get("/sign-in"), "/sign-in/tiktok")) }
	agreed := func(b *browser, creator string) string {
		return b.site.Consent(b.t, start(b), creator, "allow").String()
	}
	for _, c := range []struct {
		name   string
		attack func(victim, attacker *browser) string // the address the victim's browser opens
		code   string
		status int
	}{
		{"no state", func(v, _ *browser) string { return set(agreed(v, mara), "state", "") }, "sign_in_unknown", 403},
		{"invented state", func(v, _ *browser) string { return set(agreed(v, mara), "state", auth.NewToken().Reveal()) }, "sign_in_unknown", 403},
		{"huge state", func(v, _ *browser) string { return set(agreed(v, mara), "state", strings.Repeat("x", 5000)) }, "sign_in_unknown", 403},
		{"nothing at all", func(*browser, *browser) string { return "/callback/tiktok" }, "sign_in_unknown", 403},
		{"login CSRF: the attacker's return in the victim's browser", func(v, a *browser) string {
			start(v) // the victim has a cookie of a flow of their own
			return agreed(a, kiln)
		}, "sign_in_elsewhere", 403},
		{"the same, and the victim never began", func(_, a *browser) string { return agreed(a, kiln) }, "sign_in_elsewhere", 403},
		{"expired state", func(v, _ *browser) string {
			back := agreed(v, mara)
			v.site.Clock.Advance(10 * time.Minute)
			return back
		}, "sign_in_expired", 403},
		{"code of another flow", func(v, a *browser) string {
			foreign, _ := url.Parse(agreed(a, kiln))
			return set(agreed(v, mara), "code", foreign.Query().Get("code"))
		}, "code_refused", 403},
		{"invented code", func(v, _ *browser) string { return set(agreed(v, mara), "code", "canary-code") }, "code_refused", 403},
		{"no code", func(v, _ *browser) string { return set(agreed(v, mara), "code", "") }, "code_missing", 403},
		{"changed redirect", func(v, _ *browser) string {
			to := set(start(v), "redirect_uri", "http://localhost:1/callback/tiktok")
			back, _ := url.Parse(v.site.Consent(v.t, to, mara, "allow").String())
			return "/callback/tiktok?" + back.RawQuery
		}, "code_refused", 403},
		{"consent denied", func(v, _ *browser) string { return v.site.Consent(v.t, start(v), mara, "deny").String() }, "access_denied", 403},
		{"not a test user", func(v, _ *browser) string {
			return set(v.site.Consent(v.t, start(v), mara, "deny").String(), "error_type", "non_sandbox_target")
		}, "not_a_test_user", 403},
		{"error beside a good code", func(v, _ *browser) string { return set(agreed(v, mara), "error", "access_denied") }, "access_denied", 403},
		{"TikTok is broken", func(v, _ *browser) string {
			return set(v.site.Consent(v.t, start(v), mara, "deny").String(), "error", "server_error")
		}, "platform_unavailable", 503},
		{"our app is broken", func(v, _ *browser) string {
			return set(v.site.Consent(v.t, start(v), mara, "deny").String(), "error", "invalid_scope")
		}, "app_misconfigured", 503},
		{"state twice", func(v, _ *browser) string { return agreed(v, mara) + "&state=other" }, "malformed_return", 422},
		{"code twice", func(v, _ *browser) string { return agreed(v, mara) + "&code=other" }, "malformed_return", 422},
		{"damaged escape", func(v, _ *browser) string { return agreed(v, mara) + "&x=%zz" }, "malformed_return", 422},
		{"other platform", func(v, _ *browser) string {
			return strings.Replace(agreed(v, mara), "/callback/tiktok", "/callback/elsewhere", 1)
		}, "platform_not_found", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, false)
			victim, attacker := s.open(t), s.open(t)
			address := c.attack(victim, attacker)
			p := victim.send("GET", address+separator(address)+"error_description="+url.QueryEscape("<script>canary</script>"), nil, "Sec-Fetch-Site", "cross-site")
			if p.StatusCode != c.status || p.code() != c.code || p.says("h1") == "" || len(p.find("a", "class", "button main wide")) != 1 {
				t.Errorf("answer %s, code %q; want %d, %s:\n%s", p.Status, p.code(), c.status, c.code, p.text)
			}
			if strings.Contains(p.text, "canary") {
				t.Error("the page repeats what a stranger wrote")
			}
			if strings.Contains(" "+victim.cookies()+" ", " shippost ") {
				t.Error("somebody is signed in")
			}
			if n := s.Vault.Stored(); n != 0 {
				t.Errorf("%d tokens stored", n)
			}
			storetest.Update(t, s.DB, func(tx *store.Tx) error {
				if nobody, err := tx.ClaimFirstUser(t.Context(), "usr_probe"); !nobody || err != nil {
					t.Errorf("a user was made: %v, %v", nobody, err)
				}
				return nil
			})
		})
	}
}

func separator(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
}

// S5: a state is spent by its first use, also when somebody else burns it.
func TestReturnCountsOnce(t *testing.T) {
	s := serve(t, false)
	b := s.open(t)
	back := b.travel(b.get("/sign-in"), "/sign-in/tiktok", mara)
	stolen := s.open(t)
	head := b.send("HEAD", back, nil)
	if head.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %s", head.Status)
	}
	flow := b.jar.Cookies(must(url.Parse(s.public)))[0]
	b.leaves(b.get(back))
	if p := stolen.send("GET", back, nil, "Cookie", flow.Name+"="+flow.Value); p.code() != "sign_in_used" {
		t.Errorf("replayed with the right cookie: %s %s", p.Status, p.code())
	}
	if p := b.get(back); p.code() != "sign_in_used" {
		t.Errorf("reloaded: %s %s", p.Status, p.code())
	}
	if n := s.Vault.Stored(); n != 1 {
		t.Errorf("%d tokens stored, want 1", n)
	}

	burnt := s.open(t)
	back = burnt.travel(burnt.get("/sign-in"), "/sign-in/tiktok", kiln)
	if p := s.open(t).get(back); p.code() != "sign_in_elsewhere" {
		t.Errorf("in another browser: %s %s", p.Status, p.code())
	}
	if p := burnt.get(back); p.code() != "sign_in_used" {
		t.Errorf("after another browser tried it: %s %s", p.Status, p.code())
	}
}

func TestPromise_P11_CookiesOverHTTPS(t *testing.T) {
	s := serve(t, true)
	b := s.open(t)
	p := b.send("GET", "http://"+s.addr+"/sign-in", nil)
	if p.StatusCode != http.StatusPermanentRedirect || p.Header.Get("Location") != "https://posts.example/sign-in" {
		t.Errorf("another host: %s to %s", p.Status, p.Header.Get("Location"))
	}
	// The proxy passes on what a browser sent to https://posts.example.
	b.client.Transport = proxy{s.addr}
	p = b.post("/sign-in/tiktok", url.Values{"return_to": {"/"}})
	flow := p.Cookies()
	if len(flow) != 1 || flow[0].Name != "__Host-shippost-flow" || !flow[0].Secure || !flow[0].HttpOnly || flow[0].Path != "/" || flow[0].Domain != "" || flow[0].SameSite != http.SameSiteLaxMode {
		t.Errorf("flow cookie %+v", flow)
	}
	if p.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
	out := b.post("/sign-out", nil)
	for _, c := range out.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || c.MaxAge >= 0 {
			t.Errorf("dropped cookie %+v", c)
		}
	}
	// A plain-named cookie, which any neighbour host could plant, is not read.
	session := plantSession(t, s)
	if p := b.send("GET", "/", nil, "Cookie", "shippost="+session.Reveal()); b.leaves(p) != "/sign-in" {
		t.Error("a cookie without the prefix counts")
	}
	if p := b.send("GET", "/", nil, "Cookie", "__Host-shippost="+session.Reveal()); p.StatusCode != 200 {
		t.Errorf("the right cookie: %s", p.Status)
	}
}

// proxy sends requests for any https host to one address, like a proxy that takes HTTPS in.
type proxy struct{ addr string }

func (p proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = "http", p.addr
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	return http.DefaultTransport.RoundTrip(r)
}

func plantSession(t *testing.T, s *site) shippost.Secret {
	t.Helper()
	owner := storetest.Workspace(t, s.DB)
	var ticket auth.Ticket
	storetest.Update(t, s.DB, func(tx *store.Tx) (err error) {
		ticket, err = s.Auth.Open(t.Context(), tx, auth.Entrance{User: owner.User, Workspace: owner.Workspace})
		return err
	})
	return ticket.Cookie
}

// S7: wherever a link wants a person to end up, it is this site.
func TestReturnTargets(t *testing.T) {
	s := serve(t, false)
	for _, target := range []string{"//evil.example", `/\evil.example`, "https:evil.example", "https://evil.example/x", "javascript:alert(1)", "/\t/evil.example"} {
		b := s.open(t)
		card := b.get("/sign-in?return_to=" + url.QueryEscape(target))
		fields := card.find("input", "name", "return_to")
		for _, field := range fields {
			if attr(field, "value") != "/" {
				t.Errorf("%q: a form carries %q", target, attr(field, "value"))
			}
		}
		if len(fields) != 2 { // with TikTok, and with a passkey
			t.Errorf("%d forms lead on", len(fields))
		}
		if p := b.post("/sign-in/tiktok", url.Values{"return_to": {target}}); p.StatusCode != 422 || p.code() != "invalid_return_path" {
			t.Errorf("%q: %s to %q", target, p.Status, p.Header.Get("Location"))
		}
	}
	b := s.open(t)
	if to := b.leaves(b.get("/posts/post_1?x=1")); to != "/sign-in?return_to=%2Fposts%2Fpost_1%3Fx%3D1" {
		t.Errorf("a page that needs a sign-in: %s", to)
	}
	card := b.get("/sign-in?return_to=/terms%3Fa%3Db")
	if to := b.leaves(b.get(b.travel(card, "/sign-in/tiktok", mara))); to != "/terms?a=b" {
		t.Errorf("after the sign-in: %s", to)
	}
	if to := b.leaves(b.get("/sign-in?return_to=//evil.example")); to != "/" {
		t.Errorf("already signed in: %s", to)
	}
	account := s.account(t, shippost.AccountActive)
	p := b.get("/connected/" + account + "?next=//evil.example")
	if len(p.find("a", "href", "//evil.example")) != 0 || len(p.find("a", "class", "button main wide")) != 1 {
		t.Errorf("connected:\n%s", p.text)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
