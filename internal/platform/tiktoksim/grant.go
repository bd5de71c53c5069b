package tiktoksim

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// Scopes of TikTok contract 1.3, with what the consent page says about each.
var scopeTexts = []struct{ Name, Text string }{
	{"user.info.basic", "Read your profile info (avatar, display name)"},
	{"user.info.profile", "Read your username, bio and profile link"},
	{"user.info.stats", "Read your follower, following, likes and video counts"},
	{"video.publish", "Post content to your profile"},
	{"video.upload", "Send drafts to your inbox"},
	{"video.list", "Read your public videos"},
}

func knownScopes() []string {
	var names []string
	for _, s := range scopeTexts {
		names = append(names, s.Name)
	}
	return names
}

// grant is one consent of a creator. Removing the app ends all of them.
type grant struct {
	account *account
	scopes  []string
	removed bool
}

type tokenKind int

const (
	accessToken tokenKind = iota
	refreshToken
	clientToken
)

// token is an issued token of any kind; values are keys of Server.tokens.
type token struct {
	kind    tokenKind
	grant   *grant
	expires time.Time
	// latest is the value of the grant's newest access token, kept on its
	// refresh token so that a refresh can end it.
	latest string
	// rotated is set once a newer refresh token exists; the old one works
	// until the grace is over.
	rotated time.Time
}

// Tokens is what the token endpoint hands out.
type Tokens struct {
	AccessToken      string `json:"access_token"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshToken     string `json:"refresh_token"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	OpenID           string `json:"open_id"`
	Scope            string `json:"scope"`
	TokenType        string `json:"token_type"`
}

// secret returns a random opaque value; tails with signs that are special in
// URLs show clients that decode or encode a value once too often.
func secret(prefix, tail string) string {
	b := make([]byte, 24)
	rand.Read(b) // never fails since Go 1.24
	return prefix + base64.RawURLEncoding.EncodeToString(b) + tail
}

// lifetimes are how long access and refresh tokens live.
func (k *Knobs) lifetimes() (access, refresh time.Duration) {
	const day = 24 * time.Hour
	switch k.Token.Lifetimes {
	case "2h_180d":
		return 2 * time.Hour, 180 * day
	case "custom":
		return time.Duration(k.Token.AccessLifetime), time.Duration(k.Token.RefreshLifetime)
	}
	return day, 365 * day
}

// consent records that the creator allowed the scopes. s.mu is held.
func (s *Server) consent(a *account, scopes []string, k *Knobs) *grant {
	if k.Token.ReauthorizeKillsOld {
		for _, t := range s.tokens {
			if t.grant != nil && t.grant.account == a {
				t.grant.removed = true
			}
		}
	}
	a.granted = slices.Clone(scopes)
	g := &grant{account: a, scopes: slices.Clone(scopes)}
	a.grants = append(slices.DeleteFunc(a.grants, func(g *grant) bool { return g.removed }), g)
	return g
}

// issue makes a fresh pair of tokens for a grant. s.mu is held.
func (s *Server) issue(g *grant, k *Knobs, now time.Time) (access, refresh string) {
	accessLife, refreshLife := k.lifetimes()
	access, refresh = secret("act.", "!4735.va"), secret("rft.", "!4769.va")
	s.tokens[access] = &token{kind: accessToken, grant: g, expires: now.Add(accessLife)}
	s.tokens[refresh] = &token{kind: refreshToken, grant: g, expires: now.Add(refreshLife), latest: access}
	return access, refresh
}

// Connect gives tokens for a creator as if they had just allowed the scopes on
// the consent page: the quick way for tests and benchmarks with many accounts.
// Without scopes it grants all that the app is approved for.
func (s *Server) Connect(handle string, scopes ...string) (Tokens, error) {
	k, now := s.knobs.Load(), s.clock.Now()
	if len(scopes) == 0 {
		scopes = s.scopes
	}
	for _, scope := range scopes {
		if !slices.Contains(s.scopes, scope) {
			return Tokens{}, fmt.Errorf("the app is not approved for scope %q", scope)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[handle]
	if a == nil {
		return Tokens{}, fmt.Errorf("there is no creator @%s", handle)
	}
	g := s.consent(a, scopes, k)
	access, refresh := s.issue(g, k, now)
	s.journal.add(Entry{Kind: "control", Name: "connected", At: now, Creator: a.Handle, OpenID: a.OpenID,
		Detail: Detail{"token": fingerprint(access), "refresh_token": fingerprint(refresh), "scopes": scopes}})
	return s.describe(access, refresh, now), nil
}

// describe writes a pair of tokens as the token endpoint does. s.mu is held.
func (s *Server) describe(access, refresh string, now time.Time) Tokens {
	at, rt := s.tokens[access], s.tokens[refresh]
	return Tokens{
		AccessToken: access, ExpiresIn: int64(at.expires.Sub(now).Seconds()),
		RefreshToken: refresh, RefreshExpiresIn: int64(rt.expires.Sub(now).Seconds()),
		OpenID: at.grant.account.OpenID, Scope: joinScopes(at.grant.scopes), TokenType: "Bearer",
	}
}

// Reasons of authorization.removed (TikTok contract 6.3).
const (
	removedByUser      = 1
	removedByDeveloper = 5
)

// RemoveApp takes the app off the creator's permission list: every token dies,
// running posts end as auth_removed, and authorization.removed is sent with
// the reason (0 to 5, TikTok contract 6.3).
func (s *Server) RemoveApp(handle string, reason int) error {
	if reason < 0 || reason > 5 {
		return fmt.Errorf("reason %d is not one of 0 to 5", reason)
	}
	s.mu.Lock()
	a := s.accounts[handle]
	if a == nil {
		s.mu.Unlock()
		return fmt.Errorf("there is no creator @%s", handle)
	}
	running := s.removeGrants(a)
	s.mu.Unlock()
	s.afterRemoval(a, running, reason)
	return nil
}

// removeGrants ends all consents of a creator and returns the running posts
// that end with them. s.mu is held.
func (s *Server) removeGrants(a *account) []*publish {
	for _, g := range a.grants {
		g.removed = true
	}
	a.grants, a.granted = nil, nil
	if !s.knobs.Load().Rules.AuthRemoved {
		return nil
	}
	var running []*publish
	for _, p := range a.publishes {
		if !p.ended() {
			running = append(running, p)
		}
	}
	return running
}

func (s *Server) afterRemoval(a *account, running []*publish, reason int) {
	now := s.clock.Now()
	s.journal.add(Entry{Kind: "effect", Name: "authorization_removed", At: now, Creator: a.Handle, OpenID: a.OpenID,
		Detail: Detail{"reason": reason}})
	for _, p := range running {
		s.fail(p, "auth_removed", now)
	}
	s.emit(a, "authorization.removed", map[string]any{"reason": reason}, now)
}
