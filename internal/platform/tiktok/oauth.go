package tiktok

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// AuthorizeURL returns the address of TikTok's consent page (TikTok contract 1.1): client_key instead of client_id,
// commas between scopes.
func (c *Client) AuthorizeURL(r platform.AuthRequest) string {
	u, _ := url.Parse(c.authorize) // New has parsed it
	q := u.Query()
	q.Set("client_key", c.key)
	q.Set("response_type", "code")
	q.Set("scope", strings.Join(r.Scopes, ","))
	q.Set("redirect_uri", r.RedirectURI)
	q.Set("state", r.State)
	q.Set("disable_auto_auth", map[bool]string{true: "1", false: "0"}[r.Ask])
	if r.Verifier != "" {
		q.Set("code_challenge", challenge(r.Verifier))
		q.Set("code_challenge_method", "S256")
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// challenge returns the PKCE challenge as TikTok wants it: lower-case hex, not the base64 of RFC 7636 (contract 1.4).
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return hex.EncodeToString(sum[:])
}

// UsesPKCE reports whether the redirect URI is one of a desktop app: only those use PKCE (TikTok contract 1.4).
func (c *Client) UsesPKCE(redirectURI string) bool {
	u, err := url.Parse(redirectURI)
	return err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
}

// Exchange turns a code, decoded once, into a grant.
func (c *Client) Exchange(ctx context.Context, code, verifier, redirectURI string) (platform.Grant, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}}
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	return c.token(ctx, "oauth.exchange", form)
}

// Refresh asks for a new pair of tokens, once.
func (c *Client) Refresh(ctx context.Context, refresh shippost.Secret) (platform.Grant, error) {
	return c.token(ctx, "oauth.refresh", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}})
}

// Revoke withdraws the grant behind an access token. One that is dead already counts as success.
func (c *Client) Revoke(ctx context.Context, access shippost.Secret) error {
	_, err := c.oauth(ctx, "oauth.revoke", "/v2/oauth/revoke/", url.Values{"token": {access.Reveal()}})
	if e := platform.AsError(err); e != nil && (e.Code == codeInvalidGrant || e.Code == codeTokenInvalid) {
		return nil
	}
	return err
}

// oauthAnswer is flat, unlike every other answer; its error is a string (TikTok contract 2.3, 2.5).
type oauthAnswer struct {
	AccessToken      string      `json:"access_token"`
	ExpiresIn        json.Number `json:"expires_in"`
	RefreshToken     string      `json:"refresh_token"`
	RefreshExpiresIn json.Number `json:"refresh_expires_in"`
	OpenID           string      `json:"open_id"`
	Scope            string      `json:"scope"`

	Error       json.RawMessage `json:"error"`
	Description string          `json:"error_description"`
	LogID       string          `json:"log_id"`
	LogID2      string          `json:"logid"`
}

// problem returns the answer's error code, "" for none.
func (a oauthAnswer) problem() string {
	var code string
	if json.Unmarshal(a.Error, &code) == nil {
		return code
	}
	var object struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(a.Error, &object) == nil && object.Code != "ok" {
		return object.Code
	}
	return ""
}

func (c *Client) token(ctx context.Context, op string, form url.Values) (platform.Grant, error) {
	a, err := c.oauth(ctx, op, "/v2/oauth/token/", form)
	if err != nil {
		return platform.Grant{}, err
	}
	if a.AccessToken == "" {
		return platform.Grant{}, &platform.Error{Op: op, Reach: platform.Answered, Status: http.StatusOK, LogID: first(a.LogID, a.LogID2),
			Err: errors.New("the answer has neither a token nor an error")}
	}
	return platform.Grant{
		Subject: a.OpenID,
		Access:  shippost.NewSecret(a.AccessToken), Refresh: shippost.NewSecret(a.RefreshToken),
		AccessExpiresIn: seconds(a.ExpiresIn), RefreshExpiresIn: seconds(a.RefreshExpiresIn),
		Scopes: splitScopes(a.Scope),
	}, nil
}

// oauth posts a form and decides on the body alone: errors come with 200, 400 and 401 (TikTok contract 2.5).
func (c *Client) oauth(ctx context.Context, op, path string, form url.Values) (oauthAnswer, error) {
	form.Set("client_key", c.key)
	form.Set("client_secret", c.secret.Reveal())
	var a oauthAnswer
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.api+path, strings.NewReader(form.Encode()))
	if err != nil {
		return a, &platform.Error{Op: op, Reach: platform.NotSent, Code: platform.CodeNetwork, Err: errors.New("not an address")}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cache-Control", "no-cache")
	resp, body, err := c.send(op, c.clients.Once(), req)
	if err != nil {
		return a, err
	}
	problem := &platform.Error{Op: op, Reach: platform.Answered, Status: resp.StatusCode, LogID: resp.Header.Get("X-Tt-Logid")}
	if len(body) > 0 && json.Unmarshal(body, &a) != nil {
		return oauthAnswer{}, withCause(problem, errors.New("the answer is not the JSON that was promised"))
	}
	problem.LogID = first(a.LogID, a.LogID2, problem.LogID)
	if problem.Code = a.problem(); problem.Code != "" {
		problem.Message = a.Description
		return oauthAnswer{}, problem
	}
	if resp.StatusCode/100 != 2 {
		return oauthAnswer{}, problem
	}
	return a, nil
}

// callTimeout bounds calls that go by the client without a limit of its own.
const callTimeout = 30 * time.Second

func seconds(n json.Number) time.Duration {
	v, err := n.Int64()
	if err != nil || v < 0 || v > 100*365*24*3600 {
		return 0
	}
	return time.Duration(v) * time.Second
}

// splitScopes reads TikTok's comma list.
func splitScopes(text string) []string {
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(list)
	return slices.Compact(list)
}
