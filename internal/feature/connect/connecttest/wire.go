package connecttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// wire speaks Login Kit to the simulator; it publishes nothing.
type wire struct {
	platform.Platform
	at string
}

func (w *wire) Describe() platform.Description {
	return platform.Description{Name: shippost.TikTok, Title: "TikTok", Scopes: []string{"user.info.basic", "user.info.profile", "video.publish"}}
}

func (w *wire) Classify(err error) platform.Failure {
	e := platform.AsError(err)
	switch {
	case e == nil || e.Code == "":
		return platform.Failure{Class: platform.Transient}
	case e.Code == "invalid_client" || e.Code == "invalid_request":
		return platform.Failure{Class: platform.Declined, Alarm: true}
	default:
		return platform.Failure{Class: platform.Auth}
	}
}

func (w *wire) UsesPKCE(redirectURI string) bool {
	u, err := url.Parse(redirectURI)
	return err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
}

func (w *wire) AuthorizeURL(r platform.AuthRequest) string {
	q := url.Values{"client_key": {tiktoksim.DefaultClientKey}, "response_type": {"code"}, "scope": {strings.Join(r.Scopes, ",")},
		"redirect_uri": {r.RedirectURI}, "state": {r.State}}
	if r.Ask {
		q.Set("disable_auto_auth", "1")
	}
	if r.Verifier != "" {
		sum := sha256.Sum256([]byte(r.Verifier))
		q.Set("code_challenge", hex.EncodeToString(sum[:]))
		q.Set("code_challenge_method", "S256")
	}
	return w.at + "/v2/auth/authorize/?" + q.Encode()
}

func (w *wire) Exchange(ctx context.Context, code, verifier, redirectURI string) (platform.Grant, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}}
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	var reply struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Expires int64  `json:"expires_in"`
		OpenID  string `json:"open_id"`
		Scope   string `json:"scope"`
	}
	if err := w.post(ctx, "/v2/oauth/token/", form, &reply); err != nil {
		return platform.Grant{}, err
	}
	return platform.Grant{Subject: reply.OpenID, Access: shippost.NewSecret(reply.Access), Refresh: shippost.NewSecret(reply.Refresh),
		AccessExpiresIn: time.Duration(reply.Expires) * time.Second, Scopes: strings.Split(reply.Scope, ",")}, nil
}

func (w *wire) Identify(ctx context.Context, access shippost.Secret, scopes []string) (platform.Identity, error) {
	fields := "open_id,display_name,avatar_url"
	for _, s := range scopes {
		if s == "user.info.profile" {
			fields += ",username"
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.at+"/v2/user/info/?fields="+url.QueryEscape(fields), nil)
	if err != nil {
		return platform.Identity{}, err
	}
	req.Header.Set("Authorization", "Bearer "+access.Reveal())
	var reply struct {
		Data struct {
			User struct {
				OpenID   string `json:"open_id"`
				Name     string `json:"display_name"`
				Username string `json:"username"`
				Avatar   string `json:"avatar_url"`
			} `json:"user"`
		} `json:"data"`
	}
	if err := w.do(req, &reply); err != nil {
		return platform.Identity{}, err
	}
	u := reply.Data.User
	return platform.Identity{Subject: u.OpenID, Name: u.Name, Handle: u.Username, AvatarURL: u.Avatar}, nil
}

func (w *wire) Revoke(ctx context.Context, access shippost.Secret) error {
	return w.post(ctx, "/v2/oauth/revoke/", url.Values{"token": {access.Reveal()}}, nil)
}

func (w *wire) post(ctx context.Context, path string, form url.Values, into any) error {
	form.Set("client_key", tiktoksim.DefaultClientKey)
	form.Set("client_secret", tiktoksim.DefaultClientSecret)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.at+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(req, into)
}

func (w *wire) do(req *http.Request, into any) error {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return &platform.Error{Op: req.URL.Path, Reach: platform.NotSent, Err: err}
	}
	defer func() { _ = res.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		return &platform.Error{Op: req.URL.Path, Reach: platform.Maybe, Err: err}
	}
	var flat struct {
		Error json.RawMessage `json:"error"`
	}
	_ = json.Unmarshal(body.Bytes(), &flat) // an empty answer is a good one
	var code string
	if json.Unmarshal(flat.Error, &code) == nil && code != "" || res.StatusCode/100 != 2 {
		return &platform.Error{Op: req.URL.Path, Reach: platform.Answered, Status: res.StatusCode, Code: code}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body.Bytes(), into); err != nil {
		return fmt.Errorf("%s: %w", req.URL.Path, err)
	}
	return nil
}
