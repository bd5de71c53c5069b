package tiktok

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

const (
	desktopRedirect = "http://localhost:8080/callback/tiktok"
	webRedirect     = "https://post.example.com/callback/tiktok"
	verifier        = "shippost-verifier-0123456789-abcdefghijklmnopqrstuvwxyz"
)

// The published vector: hex, where RFC 7636 has base64url.
func TestChallengeIsHex(t *testing.T) {
	if got := challenge(verifier); got != "4063a5307e16762b433ac02517975e823d2ee2792e7686204c648d071288c995" {
		t.Errorf("challenge = %s", got)
	}
}

func TestAuthorizeURL(t *testing.T) {
	c := api(t, http.NotFound)
	scopes := []string{scopeBasic, scopePublish}
	web, err := url.Parse(c.AuthorizeURL(platform.AuthRequest{State: "st", RedirectURI: webRedirect, Scopes: scopes, Ask: true}))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"client_key": {tiktoksim.DefaultClientKey}, "response_type": {"code"}, "scope": {"user.info.basic,video.publish"},
		"redirect_uri": {webRedirect}, "state": {"st"}, "disable_auto_auth": {"1"}}
	if got := web.Query(); got.Encode() != want.Encode() {
		t.Errorf("web: %v, want %v", got, want)
	}
	desktop, err := url.Parse(c.AuthorizeURL(platform.AuthRequest{State: "st", RedirectURI: desktopRedirect, Scopes: scopes, Verifier: verifier}))
	if err != nil {
		t.Fatal(err)
	}
	if q := desktop.Query(); q.Get("code_challenge") != challenge(verifier) || q.Get("code_challenge_method") != "S256" || q.Get("disable_auto_auth") != "0" {
		t.Errorf("desktop: %v", q)
	}
	for uri, pkce := range map[string]bool{webRedirect: false, desktopRedirect: true, "http://127.0.0.1:4000/callback/tiktok": true, "%": false} {
		if c.UsesPKCE(uri) != pkce {
			t.Errorf("PKCE for %s is not %v", uri, pkce)
		}
	}
}

// consent allows everything on TikTok's page and returns the code.
func (b *bench) consent(r platform.AuthRequest) string {
	b.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(b.AuthorizeURL(r), url.Values{"creator": {mara}, "scope": r.Scopes, "decision": {"allow"}})
	if err != nil {
		b.t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		b.t.Fatalf("%s: %v", resp.Status, err)
	}
	if got := back.Query().Get("state"); got != r.State || back.Query().Get("code") == "" {
		b.t.Fatalf("came back with %v", back.Query())
	}
	return back.Query().Get("code")
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]platform.AuthRequest{
		"web":     {RedirectURI: webRedirect},
		"desktop": {RedirectURI: desktopRedirect, Verifier: verifier},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r.State, r.Scopes, r.Ask = "a state", []string{scopeBasic, scopePublish}, true
			code := b.consent(r)
			grant, err := b.Exchange(t.Context(), code, r.Verifier, r.RedirectURI)
			if err != nil {
				t.Fatal(err)
			}
			if grant.Access.IsZero() || grant.Refresh.IsZero() || grant.AccessExpiresIn != 24*time.Hour || grant.RefreshExpiresIn != 365*24*time.Hour ||
				!slices.Equal(grant.Scopes, r.Scopes) {
				t.Errorf("grant %+v", grant)
			}
			who, err := b.Identify(t.Context(), grant.Access, grant.Scopes)
			if err != nil || who.Subject != grant.Subject || who.Name != "Mara Lindqvist" || who.Handle != mara || who.AvatarURL == "" {
				t.Errorf("identity %+v, %v", who, err)
			}
			if _, err := b.Exchange(t.Context(), code, r.Verifier, r.RedirectURI); codeOf(err) != codeInvalidGrant {
				t.Errorf("the code a second time: %v", err)
			}
			again := b.consent(r)
			if _, err := b.Exchange(t.Context(), again, r.Verifier, r.RedirectURI+"/"); codeOf(err) != "invalid_request" {
				t.Errorf("another redirect: %v", err)
			}
			if r.Verifier != "" {
				if _, err := b.Exchange(t.Context(), b.consent(r), strings.ToUpper(verifier), r.RedirectURI); codeOf(err) != "invalid_request" {
					t.Errorf("another verifier: %v", err)
				}
			}
			b.log.holdsNone(t, code, grant.Access.Reveal(), grant.Refresh.Reveal())
		})
	}
}

func codeOf(err error) string {
	if e := platform.AsError(err); e != nil {
		return e.Code
	}
	return ""
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		knobs   func(*tiktoksim.Knobs)
		life    time.Duration
		rotated bool
		named   bool // the answer has a refresh token
	}{
		"rotated":                 {func(*tiktoksim.Knobs) {}, 24 * time.Hour, true, true},
		"the same one":            {func(k *tiktoksim.Knobs) { k.Token.Rotate = "never" }, 24 * time.Hour, false, true},
		"without a refresh token": {func(k *tiktoksim.Knobs) { k.Token.Rotate, k.Token.OmitRefreshToken = "never", true }, 24 * time.Hour, false, false},
		"in reverse order":        {func(k *tiktoksim.Knobs) { k.Token.FieldOrder = "reversed" }, 24 * time.Hour, true, true},
		"shorter":                 {func(k *tiktoksim.Knobs) { k.Token.Lifetimes = "2h_180d" }, 2 * time.Hour, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.knobs)
			pair, err := b.sim.Connect(mara)
			if err != nil {
				t.Fatal(err)
			}
			old := shippost.NewSecret(pair.RefreshToken)
			grant, err := b.Refresh(t.Context(), old)
			if err != nil || grant.Access.IsZero() || grant.Access.Reveal() == pair.AccessToken || grant.AccessExpiresIn != c.life || grant.Subject != pair.OpenID {
				t.Fatalf("%+v, %v", grant, err)
			}
			if grant.Refresh.IsZero() == c.named || c.named && (grant.Refresh == old) == c.rotated {
				t.Errorf("refresh token %v, rotated %v", grant.Refresh.IsZero(), grant.Refresh != old)
			}
			_, err = b.Refresh(t.Context(), old)
			if dead := codeOf(err) == codeInvalidGrant; dead != c.rotated {
				t.Errorf("the old one again: %v", err)
			}
		})
	}
}

// The body decides: TikTok has answered errors with 200, 400 and 401.
func TestOAuthErrorsComeWithAnyStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 401} {
		b := newBench(t, func(k *tiktoksim.Knobs) { k.Token.ErrorStatus = status })
		if _, err := b.Refresh(t.Context(), shippost.NewSecret("rft.unknown")); codeOf(err) != codeInvalidGrant || b.Classify(err).Class != platform.Auth {
			t.Errorf("status %d: %v", status, err)
		}
		if err := b.Revoke(t.Context(), shippost.NewSecret("act.unknown")); err != nil {
			t.Errorf("status %d: revoking what is dead: %v", status, err)
		}
	}
}

func TestOddOAuthAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   string
	}{
		"an error object":       {200, `{"error":{"code":"invalid_grant","message":"m"}}`, codeInvalidGrant},
		"no token and no error": {200, `{"expires_in":1}`, ""},
		"nothing":               {200, ``, ""},
		"a page":                {200, `<html>log in to the airport</html>`, ""},
		"an array":              {200, `[]`, ""},
		"a gateway":             {502, `bad gateway`, ""},
	} {
		client := api(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		grant, err := client.Refresh(t.Context(), shippost.NewSecret("rft.canary"))
		if err == nil || codeOf(err) != c.code || !grant.Access.IsZero() {
			t.Errorf("%s: %+v, %v; want code %q", name, grant, err, c.code)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %q tells the token", name, err)
		}
	}
	huge := api(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"access_token":"` + strings.Repeat("x", bodyLimit) + `"}`))
	})
	if _, err := huge.Refresh(t.Context(), shippost.NewSecret("rft.x")); platform.AsError(err) == nil || platform.AsError(err).Reach != platform.Maybe {
		t.Errorf("an answer without end: %v", err)
	}
	odd := api(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"access_token":"act.1","expires_in":"3600","refresh_expires_in":-5,"scope":"video.publish user.info.basic,","new":{"field":[1]}}`))
	})
	if g, err := odd.Refresh(t.Context(), shippost.NewSecret("rft.x")); err != nil || g.AccessExpiresIn != time.Hour || g.RefreshExpiresIn != 0 ||
		!slices.Equal(g.Scopes, []string{scopeBasic, scopePublish}) {
		t.Errorf("odd numbers: %+v, %v", g, err)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"empty", "object"} {
		b := newBench(t, func(k *tiktoksim.Knobs) { k.Token.RevokeBody = body })
		token, _ := b.tokens.Token(t.Context())
		for range 2 {
			if err := b.Revoke(t.Context(), token); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		}
		if n := b.effects("authorization_removed"); n != 1 {
			t.Errorf("%s: removed %d times", body, n)
		}
		b.fault(tiktoksim.Fault{Endpoint: "revoke", At: "before_effect", Do: "status", Status: 503})
		if err := b.Revoke(t.Context(), token); err == nil || b.Classify(err).Class != platform.Transient {
			t.Errorf("%s: while TikTok is down: %v", body, err)
		}
	}
}

// Nothing is asked for that the granted scopes do not cover; TikTok would refuse the whole question.
func TestIdentifyAsksWhatTheScopesCover(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct {
		scopes []string
		handle string
		asked  int // questions about the creator
	}{
		{[]string{scopeBasic}, "", 0},
		{[]string{scopeBasic, scopeProfile}, mara, 0},
		{[]string{scopeBasic, scopePublish}, mara, 1},
	} {
		pair, err := b.sim.Connect(mara, c.scopes...)
		if err != nil {
			t.Fatal(err)
		}
		before := len(b.requests("creator_info"))
		who, err := b.Identify(t.Context(), shippost.NewSecret(pair.AccessToken), c.scopes)
		if err != nil || who.Handle != c.handle || who.Subject != pair.OpenID || len(b.requests("creator_info"))-before != c.asked {
			t.Errorf("%v: %+v, %v", c.scopes, who, err)
		}
	}
	// Somebody who may not post just now is still somebody.
	pair, err := b.sim.Connect("loud.party", scopeBasic, scopePublish)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := b.Identify(t.Context(), shippost.NewSecret(pair.AccessToken), []string{scopeBasic, scopePublish}); err != nil || who.Subject != pair.OpenID || who.Handle != "" {
		t.Errorf("a banned creator: %+v, %v", who, err)
	}
}

// TikTok says "cannot post now" with status 200 and an error code.
func TestCreator(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	juno, err := b.Creator(t.Context(), b.connect("juno.sketches"))
	if err != nil || juno.Handle != "juno.sketches" || juno.Nickname != "Juno" || !juno.CommentDisabled || !juno.DuetDisabled || !juno.StitchDisabled ||
		juno.MaxVideoDuration != 3*time.Minute || !slices.Contains(juno.PrivacyOptions, shippost.PrivacyPublic) {
		t.Errorf("%+v, %v", juno, err)
	}
	kiln, err := b.Creator(t.Context(), b.connect("quiet.kiln"))
	if err != nil || slices.Contains(kiln.PrivacyOptions, shippost.PrivacyPublic) || kiln.CommentDisabled {
		t.Errorf("%+v, %v", kiln, err)
	}
	if err := b.sim.PutCreator(tiktoksim.Creator{Handle: "app.capped", AppCapped: true}); err != nil {
		t.Fatal(err)
	}
	for handle, want := range map[string]platform.Class{"daily.dose": platform.Quota, "app.capped": platform.Quota, "loud.party": platform.Declined} {
		_, err := b.Creator(t.Context(), b.connect(handle))
		if e := platform.AsError(err); e == nil || e.Status != http.StatusOK || b.Classify(err).Class != want {
			t.Errorf("%s: %v, want status 200 and class %s", handle, err, want)
		}
	}
}

// A question whose token is refused is asked once more with another token, and no more often.
func TestQuestionsAreRepeatedWithANewToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.tokens.access = []string{"act.dead"}
	if _, err := b.Creator(t.Context(), b.tokens); err != nil || b.tokens.renewed != 1 {
		t.Errorf("%v after %d renewals", err, b.tokens.renewed)
	}
	b.tokens.renew = func() (string, error) { return "act.dead.too", nil }
	b.tokens.access = []string{"act.dead"}
	if _, err := b.Creator(t.Context(), b.tokens); codeOf(err) != platform.CodeTokenRefused || !b.Classify(err).Withdrawn || b.tokens.renewed != 2 {
		t.Errorf("%v after %d renewals", err, b.tokens.renewed)
	}
	b.tokens.renew = nil
	if _, err := b.Creator(t.Context(), b.tokens); !shippost.IsKind(err, shippost.Reconnect) || b.Classify(err).Class != platform.Auth {
		t.Errorf("without another token: %v", err)
	}
}
