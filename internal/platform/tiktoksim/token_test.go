package tiktoksim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

func TestTokenAnswer(t *testing.T) {
	w := begin(t, registered)
	a := w.exchange(w.consent("mara.moves").Get("code"))
	if a.HTTP != 200 || a.ExpiresIn != 86400 || a.RefreshExpiresIn != 31536000 || a.TokenType != "Bearer" ||
		!strings.HasPrefix(a.AccessToken, "act.") || !strings.HasPrefix(a.RefreshToken, "rft.") || a.Scope != "user.info.basic,video.publish" {
		t.Errorf("answered %d %s", a.HTTP, a.Raw)
	}
	if strings.Contains(a.Raw, `"data"`) {
		t.Errorf("the answer is not flat: %s", a.Raw)
	}
}

func TestTokenLifetimes(t *testing.T) {
	for _, c := range []struct {
		name            string
		change          func(*tiktoksim.TokenKnobs)
		access, refresh int64
	}{
		{"24h_365d", func(k *tiktoksim.TokenKnobs) { k.Lifetimes = "24h_365d" }, 86400, 31536000},
		{"2h_180d", func(k *tiktoksim.TokenKnobs) { k.Lifetimes = "2h_180d" }, 7200, 15552000},
		{"custom", func(k *tiktoksim.TokenKnobs) {
			k.Lifetimes, k.AccessLifetime, k.RefreshLifetime = "custom", tiktoksim.Duration(time.Minute), tiktoksim.Duration(time.Hour)
		}, 60, 3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { c.change(&k.Token) })
			tokens, _ := w.Connect("mara.moves")
			if tokens.ExpiresIn != c.access || tokens.RefreshExpiresIn != c.refresh {
				t.Errorf("lives %d and %d s, want %d and %d", tokens.ExpiresIn, tokens.RefreshExpiresIn, c.access, c.refresh)
			}
			w.MoveClock(time.Duration(c.access)*time.Second - time.Second)
			w.want(w.api(tokens.AccessToken, creatorInfo, ""), 200, "ok")
			w.MoveClock(time.Second)
			w.want(w.api(tokens.AccessToken, creatorInfo, ""), 401, "access_token_invalid")
		})
	}
}

func TestTokenErrorStatus(t *testing.T) {
	for _, status := range []int{200, 400, 401} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { k.Token.ErrorStatus = status })
			a := w.refresh("rft.unknown")
			if a.HTTP != status || a.Error != "invalid_grant" || !strings.Contains(a.Raw, `"log_id":"`) {
				t.Errorf("answered %d %s", a.HTTP, a.Raw)
			}
		})
	}
}

func TestRefreshRotation(t *testing.T) {
	t.Run("the old token dies at once", func(t *testing.T) {
		w := begin(t)
		old, _ := w.Connect("mara.moves")
		a := w.refresh(old.RefreshToken)
		if a.Error != "" || a.RefreshToken == old.RefreshToken || a.AccessToken == old.AccessToken || a.OpenID != old.OpenID {
			t.Fatalf("the refresh answered %s", a.Raw)
		}
		if again := w.refresh(old.RefreshToken); again.Error != "invalid_grant" {
			t.Errorf("the old token answered %s", again.Raw)
		}
		w.want(w.api(old.AccessToken, creatorInfo, ""), 200, "ok")
		w.want(w.api(a.AccessToken, creatorInfo, ""), 200, "ok")
	})
	t.Run("grace", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Token.OldRefreshGrace = tiktoksim.Duration(time.Minute) })
		old, _ := w.Connect("mara.moves")
		w.refresh(old.RefreshToken)
		w.MoveClock(59 * time.Second)
		if a := w.refresh(old.RefreshToken); a.Error != "" {
			t.Errorf("inside the grace: %s", a.Raw)
		}
		w.MoveClock(time.Second)
		if a := w.refresh(old.RefreshToken); a.Error != "invalid_grant" {
			t.Errorf("after the grace: %s", a.Raw)
		}
	})
	t.Run("never", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Token.Rotate = "never" })
		old, _ := w.Connect("mara.moves")
		for range 3 {
			if a := w.refresh(old.RefreshToken); a.RefreshToken != old.RefreshToken || a.Error != "" {
				t.Fatalf("answered %s", a.Raw)
			}
		}
	})
	t.Run("sometimes", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Token.Rotate = "sometimes" })
		tokens, _ := w.Connect("mara.moves")
		current, rotations := tokens.RefreshToken, 0
		for range 40 {
			a := w.refresh(current)
			if a.RefreshToken != current {
				rotations++
			}
			current = a.RefreshToken
		}
		if rotations == 0 || rotations == 40 {
			t.Errorf("rotated %d times of 40", rotations)
		}
	})
	t.Run("the old access token dies too", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Token.OldAccessDies = true })
		old, _ := w.Connect("mara.moves")
		w.refresh(old.RefreshToken)
		w.want(w.api(old.AccessToken, creatorInfo, ""), 401, "access_token_invalid")
	})
}

func TestRefreshLifetimeRestarts(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keep expiry %v", keep), func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { k.Token.KeepRefreshExpiry = keep })
			tokens, _ := w.Connect("mara.moves")
			w.MoveClock(24 * time.Hour)
			want := int64(31536000)
			if keep {
				want -= 86400
			}
			if a := w.refresh(tokens.RefreshToken); a.RefreshExpiresIn != want {
				t.Errorf("the refresh token lives %d s, want %d", a.RefreshExpiresIn, want)
			}
		})
	}
}

// TestRefreshAnswerDropped: the token has rotated, the client never hears.
func TestRefreshAnswerDropped(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Token.DropAnswers = 1 })
	tokens, _ := w.Connect("mara.moves")
	form := app("grant_type", "refresh_token", "refresh_token", tokens.RefreshToken)
	if _, err := w.tryForm(tokenPath, form); err == nil {
		t.Fatal("the answer arrived")
	}
	if a := w.refresh(tokens.RefreshToken); a.Error != "invalid_grant" {
		t.Errorf("the old token answered %s after a lost rotation", a.Raw)
	}
	next, _ := w.Connect("mara.moves")
	if a := w.refresh(next.RefreshToken); a.Error != "" {
		t.Errorf("the second refresh was dropped or refused: %s", a.Raw)
	}
}

func TestRefreshAnswerForms(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Token.OmitRefreshToken, k.Token.Rotate = true, "never" })
	tokens, _ := w.Connect("mara.moves")
	if a := w.refresh(tokens.RefreshToken); a.RefreshToken != "" || a.AccessToken == "" {
		t.Errorf("answered %s, want no refresh_token", a.Raw)
	}
	w.knobs(func(k *tiktoksim.Knobs) { k.Token.OmitRefreshToken, k.Token.FieldOrder = false, "documented" })
	first := w.refresh(tokens.RefreshToken).Raw
	w.knobs(func(k *tiktoksim.Knobs) { k.Token.FieldOrder = "reversed" })
	second := w.refresh(tokens.RefreshToken).Raw
	if !strings.HasPrefix(first, `{"access_token"`) || !strings.HasPrefix(second, `{"token_type"`) {
		t.Errorf("the orders are %s and %s", first, second)
	}
	w.knobs(func(k *tiktoksim.Knobs) { k.Token.FieldOrder = "random" })
	if a := w.refresh(tokens.RefreshToken); a.AccessToken == "" || a.RefreshToken == "" {
		t.Errorf("in random order: %s", a.Raw)
	}
}

func TestReauthorizationMayKillOlderTokens(t *testing.T) {
	w := begin(t)
	first := w.connect("mara.moves")
	w.connect("mara.moves")
	w.want(w.api(first, creatorInfo, ""), 200, "ok")
	w.knobs(func(k *tiktoksim.Knobs) { k.Token.ReauthorizeKillsOld = true })
	w.connect("mara.moves")
	w.want(w.api(first, creatorInfo, ""), 401, "access_token_invalid")
}

func TestRevoke(t *testing.T) {
	w := begin(t)
	hooks := w.receiver()
	tokens, _ := w.Connect("mara.moves")
	id := w.api(tokens.AccessToken, videoInit, videoBody(100)).Data.PublishID
	if a := w.oauth("/v2/oauth/revoke/", app("token", tokens.AccessToken)); a.HTTP != 200 || a.Raw != "" {
		t.Fatalf("revoke answered %d %q", a.HTTP, a.Raw)
	}
	w.want(w.api(tokens.AccessToken, creatorInfo, ""), 401, "access_token_invalid")
	if a := w.refresh(tokens.RefreshToken); a.Error != "invalid_grant" {
		t.Errorf("the refresh token answered %s", a.Raw)
	}
	if a := w.oauth("/v2/oauth/revoke/", app("token", tokens.AccessToken)); a.Error != "invalid_grant" {
		t.Errorf("a second revoke answered %s", a.Raw)
	}
	next := w.connect("mara.moves")
	w.wantStatus(next, id, "FAILED", "auth_removed")
	hooks.want("authorization.removed", `{"reason":5}`)
	w.knobs(func(k *tiktoksim.Knobs) { k.Token.RevokeBody = "object" })
	if a := w.oauth("/v2/oauth/revoke/", app("token", next)); a.HTTP != 200 || a.Raw != "{}" {
		t.Errorf("revoke answered %d %q", a.HTTP, a.Raw)
	}
}

func TestClientCredentialsCannotPost(t *testing.T) {
	w := begin(t)
	a := w.oauth(tokenPath, app("grant_type", "client_credentials"))
	if !strings.HasPrefix(a.AccessToken, "clt.") || a.ExpiresIn != 7200 || a.TokenType != "Bearer" {
		t.Fatalf("answered %s", a.Raw)
	}
	w.want(w.api(a.AccessToken, creatorInfo, ""), 401, "access_token_invalid")
}

func TestTokenRequestErrors(t *testing.T) {
	w := begin(t, registered)
	for _, c := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"no grant type", nil, "invalid_request"},
		{"unknown grant type", []string{"grant_type", "password"}, "unsupported_grant_type"},
		{"no code", []string{"grant_type", "authorization_code", "redirect_uri", webRedirect}, "invalid_request"},
		{"no redirect", []string{"grant_type", "authorization_code", "code", "x"}, "invalid_request"},
		{"unknown code", []string{"grant_type", "authorization_code", "code", "x", "redirect_uri", webRedirect}, "invalid_grant"},
		{"no refresh token", []string{"grant_type", "refresh_token"}, "invalid_request"},
		{"access token as refresh token", []string{"grant_type", "refresh_token", "refresh_token", w.connect("mara.moves")}, "invalid_grant"},
		{"no secret", []string{"grant_type", "refresh_token", "refresh_token", "x", "client_secret", ""}, "invalid_request"},
		{"wrong secret before wrong grant", []string{"grant_type", "password", "client_secret", "x"}, "invalid_client"},
		{"unknown field before wrong secret", []string{"scope", "x", "client_secret", "x"}, "invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := w.oauth(tokenPath, app(c.fields...)); a.Error != c.want {
				t.Errorf("answered %q (%s), want %q", a.Error, a.Description, c.want)
			}
		})
	}
	if a := w.oauth("/v2/oauth/revoke/", app()); a.Error != "invalid_request" {
		t.Errorf("revoke without a token answered %s", a.Raw)
	}
}

// TestCodeDiesWithADefiniteAnswer: a code that failed once is used up.
func TestCodeDiesWithADefiniteAnswer(t *testing.T) {
	w := begin(t, registered)
	code := w.consent("mara.moves").Get("code")
	if a := w.exchange(code, "redirect_uri", desktopRedirect); a.Description != "Redirect_uri is not matched with the uri when requesting code." {
		t.Errorf("a wrong redirect answered %s", a.Raw)
	}
	if a := w.exchange(code); a.Error != "invalid_grant" {
		t.Errorf("the second try answered %s", a.Raw)
	}
}

// tryForm posts a form that may get no answer.
func (w *world) tryForm(path string, form url.Values) (string, error) {
	r, _ := http.NewRequest(http.MethodPost, w.URL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, text, err := w.do(r)
	return text, err
}
