package tiktoksim_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestConsentFromPageToTokens signs in as a browser does: page, form,
// callback, exchange; with PKCE as a desktop app.
func TestConsentFromPageToTokens(t *testing.T) {
	w := begin(t, registered)
	q := authorizeQuery("redirect_uri", desktopRedirect, "code_challenge", challenge, "code_challenge_method", "S256", "state", "a b&c")
	resp, page := w.page("/v2/auth/authorize/?" + q.Encode())
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, `action="/v2/auth/authorize/?`) {
		t.Fatalf("the page answered %d: %s", resp.StatusCode, page)
	}
	back := w.decide(q, url.Values{"creator": {"mara.moves"}, "scope": {"video.publish"}, "decision": {"allow"}})
	if back.Get("state") != "a b&c" || back.Get("scopes") != "user.info.basic,video.publish" || back.Has("error") {
		t.Fatalf("the callback got %v", back)
	}
	if !strings.ContainsAny(back.Get("code"), "*!") {
		t.Errorf("the code %q has none of the signs that show double decoding", back.Get("code"))
	}
	a := w.exchange(back.Get("code"), "redirect_uri", desktopRedirect, "code_verifier", verifier)
	if a.Error != "" || a.Scope != "user.info.basic,video.publish" || a.TokenType != "Bearer" || a.OpenID == "" {
		t.Fatalf("the exchange answered %s", a.Raw)
	}
	w.want(w.api(a.AccessToken, creatorInfo, ""), 200, "ok")
}

func (w *world) page(path string, cookies ...*http.Cookie) (*http.Response, string) {
	w.t.Helper()
	r, _ := http.NewRequest(http.MethodGet, w.URL+path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	resp, text, err := w.do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, text
}

func TestCreatorMayGrantLess(t *testing.T) {
	w := begin(t, registered)
	q := authorizeQuery("scope", "user.info.basic,user.info.profile,video.publish,video.upload")
	back := w.decide(q, url.Values{"creator": {"quiet.kiln"}, "scope": {"video.upload", "video.list"}, "decision": {"allow"}})
	if got, want := back.Get("scopes"), "user.info.basic,video.upload"; got != want {
		t.Errorf("granted %q, want %q: basic is locked, the rest as chosen, nothing unasked", got, want)
	}
}

func TestDenyReturnsAccessDenied(t *testing.T) {
	w := begin(t, registered)
	w.knobs(func(k *tiktoksim.Knobs) { k.Authorize.DenyErrorType = "user_cancelled" })
	back := w.decide(authorizeQuery(), url.Values{"creator": {"mara.moves"}, "decision": {"deny"}})
	if back.Get("error") != "access_denied" || back.Get("error_description") == "" || back.Get("error_type") != "user_cancelled" || back.Get("state") != "xyz" || back.Has("code") {
		t.Errorf("the callback got %v", back)
	}
}

func TestSandboxTurnsStrangersAway(t *testing.T) {
	w := begin(t, registered)
	w.knobs(func(k *tiktoksim.Knobs) { k.App.Sandbox, k.App.Targets = true, []string{"quiet.kiln"} })
	if back := w.consent("mara.moves"); back.Get("error") != "access_denied" || back.Get("error_type") != "non_sandbox_target" {
		t.Errorf("a stranger's callback got %v", back)
	}
	if back := w.consent("quiet.kiln"); back.Get("code") == "" {
		t.Errorf("a target user's callback got %v", back)
	}
}

func TestUnknownCreatorIsAskedAgain(t *testing.T) {
	w := begin(t, registered)
	r, _ := http.NewRequest(http.MethodPost, w.URL+"/v2/auth/authorize/?"+authorizeQuery().Encode(), strings.NewReader("decision=allow&other=nobody"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, page, err := w.do(r)
	if err != nil || resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, `role="alert"`) {
		t.Errorf("answered %v %v", resp, err)
	}
}

// TestAutoAuth shows when a browser's session skips the consent page.
func TestAutoAuth(t *testing.T) {
	for _, c := range []struct {
		name, knob, disable string
		granted             bool
		skips               bool
	}{
		{"session and 0", "session", "0", false, true},
		{"session and absent", "session", "", false, true},
		{"session and 1", "session", "1", true, false},
		{"granted before", "granted", "0", true, true},
		{"not granted before", "granted", "0", false, false},
		{"never", "never", "0", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t, registered)
			w.knobs(func(k *tiktoksim.Knobs) { k.Authorize.AutoAuth = c.knob })
			cookie := w.signIn("mara.moves")
			if c.granted {
				w.connect("mara.moves")
			}
			resp, _ := w.page("/v2/auth/authorize/?"+authorizeQuery("disable_auto_auth", c.disable).Encode(), cookie)
			if skipped := resp.StatusCode == http.StatusFound; skipped != c.skips {
				t.Fatalf("answered %d, want the page skipped: %v", resp.StatusCode, c.skips)
			}
			if u, err := resp.Location(); c.skips && (err != nil || u.Query().Get("code") == "") {
				t.Errorf("went to %v", u)
			}
		})
	}
}

// signIn gives the cookie of a browser in which a creator has signed in, and
// has refused this app.
func (w *world) signIn(handle string) *http.Cookie {
	w.t.Helper()
	form := url.Values{"creator": {handle}, "decision": {"deny"}}
	r, _ := http.NewRequest(http.MethodPost, w.URL+"/v2/auth/authorize/?"+authorizeQuery().Encode(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, _, err := w.do(r)
	if err != nil || len(resp.Cookies()) != 1 || !resp.Cookies()[0].HttpOnly {
		w.t.Fatalf("signing in set no cookie: %v %v", resp, err)
	}
	return resp.Cookies()[0]
}

// TestErrorPageNeverRedirects shows that a bad request stays on TikTok.
func TestErrorPageNeverRedirects(t *testing.T) {
	w := begin(t, registered)
	cookie := w.signIn("mara.moves")
	for _, c := range []struct{ name, field, value string }{
		{"foreign redirect", "redirect_uri", "https://evil.example/"},
		{"wrong client", "client_key", "other"},
		{"scope with a space", "scope", "user.info.basic video.publish"},
		{"no scope", "scope", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, page := w.page("/v2/auth/authorize/?"+authorizeQuery(c.field, c.value, "disable_auto_auth", "0").Encode(), cookie)
			if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" || !strings.Contains(page, c.field) {
				t.Errorf("answered %d to %q", resp.StatusCode, resp.Header.Get("Location"))
			}
		})
	}
	resp, _ := w.page("/v2/auth/authorize/?" + authorizeQuery().Encode() + "&state=second")
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a doubled parameter answered %d", resp.StatusCode)
	}
}

// TestRedirectMatching compares byte for byte, but for a desktop app's port.
func TestRedirectMatching(t *testing.T) {
	w := begin(t, registered)
	for uri, ok := range map[string]bool{
		webRedirect:          true,
		webRedirect + "/":    false,
		webRedirect + "?x=1": false,
		"https://www.app.example.test/callback/tiktok":     false,
		"https://app.example.test:443/callback/tiktok":     false,
		"HTTPS://app.example.test/callback/tiktok":         false,
		"http://localhost:1/callback/tiktok":               true,
		"http://localhost:65535/callback/tiktok":           true,
		"http://localhost:65536/callback/tiktok":           false,
		"http://localhost:/callback/tiktok":                false,
		"http://localhost/callback/tiktok":                 false,
		"http://127.0.0.1:4711/callback/tiktok":            false,
		"http://localhost:80@evil.example/callback/tiktok": false,
		"http://localhost:http/callback/tiktok":            false,
	} {
		got := authorize("redirect_uri", uri, "code_challenge", challenge, "code_challenge_method", "S256")(w)
		if (got == "") != ok {
			t.Errorf("%s: problem %q, want accepted: %v", uri, got, ok)
		}
	}
}

func TestRedirectRegistration(t *testing.T) {
	long := "https://example.test/" + strings.Repeat("x", 500)
	for _, c := range []struct {
		uri     string
		desktop bool
		ok      bool
	}{
		{"https://example.test/cb", false, true},
		{"http://example.test/cb", false, false},
		{"https://example.test/cb?x=1", false, false},
		{"https://example.test/cb#x", false, false},
		{"https://example.test:*/cb", false, false},
		{"/cb", false, false},
		{long, false, false},
		{"http://localhost:8080/cb", true, true},
		{"https://127.0.0.1:*/cb", true, true},
		{"http://localhost/cb", true, false},
		{"http://example.test:80/cb", true, false},
		{"ftp://localhost:80/cb", true, false},
	} {
		s, err := tiktoksim.New(tiktoksim.Options{Dir: t.TempDir(), Redirects: []tiktoksim.Redirect{{URI: c.uri, Desktop: c.desktop}}})
		if (err == nil) != c.ok {
			t.Errorf("%q (desktop %v): %v, want accepted: %v", c.uri, c.desktop, err, c.ok)
		}
		if s != nil {
			s.Close()
		}
	}
	eleven := slices.Repeat([]tiktoksim.Redirect{{URI: "https://example.test/cb"}}, 11)
	if _, err := tiktoksim.New(tiktoksim.Options{Redirects: eleven}); err == nil {
		t.Error("eleven redirect URIs were accepted")
	}
}

// TestChallengeForm: a base64url challenge passes the page and fails only at
// the exchange, as implementers have seen.
func TestChallengeForm(t *testing.T) {
	const base64url = "QGOlMH4WditDOsAlF5dehR0u4nkudoYgTGSNBxKIyZU"
	for _, c := range []struct{ name, challenge, verifier, want string }{
		{"hex", challenge, verifier, ""},
		{"base64url", base64url, verifier, "invalid_request"},
		{"upper-case hex", strings.ToUpper(challenge), verifier, "invalid_request"},
		{"no verifier", challenge, "", "invalid_request"},
		{"short verifier", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "foo", "invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t, registered)
			q := w.consent("mara.moves", "redirect_uri", desktopRedirect, "code_challenge", c.challenge, "code_challenge_method", "S256")
			a := w.exchange(q.Get("code"), "redirect_uri", desktopRedirect, "code_verifier", c.verifier)
			if a.Error != c.want {
				t.Errorf("the exchange answered %q (%s), want %q", a.Error, a.Description, c.want)
			}
		})
	}
	w := begin(t, registered)
	if got := authorize("redirect_uri", desktopRedirect, "code_challenge", challenge, "code_challenge_method", "plain")(w); got != "code_challenge_method" {
		t.Errorf("method plain: problem %q", got)
	}
	if a := w.exchange(w.consent("mara.moves").Get("code"), "code_verifier", verifier); a.Error != "" {
		t.Errorf("an unneeded verifier of a web app was refused: %s", a.Raw)
	}
}
