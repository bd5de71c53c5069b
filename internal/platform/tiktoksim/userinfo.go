package tiktoksim

import (
	"net/http"
	"slices"
	"strings"
)

// userFields are the fields of user/info by the scope that opens them.
var userFields = map[string][]string{
	"user.info.basic":   {"open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"},
	"user.info.profile": {"bio_description", "profile_deep_link", "profile_web_link", "username", "is_verified"},
	"user.info.stats":   {"follower_count", "following_count", "likes_count", "video_count"},
}

// userScope is the scope that opens a field; "" when there is no such field.
func userScope(field string) string {
	for scope, names := range userFields {
		if slices.Contains(names, field) {
			return scope
		}
	}
	return ""
}

// userInfo answers GET /v2/user/info/ (TikTok contract 3).
func (c *call) userInfo() (any, *apiError) {
	list := c.r.URL.Query().Get("fields")
	if c.k.Rules.UserFields && list == "" {
		return nil, invalid(c.k, "Fields is required")
	}
	fields := strings.Split(list, ",")
	unknown := func(f string) bool { return userScope(f) == "" }
	if c.k.Rules.UserFields && slices.ContainsFunc(fields, unknown) {
		return nil, invalid(c.k, "Fields are invalid")
	}
	fields = slices.DeleteFunc(fields, unknown)
	for _, f := range fields {
		if c.k.Rules.Scope && !slices.Contains(c.grant.scopes, userScope(f)) {
			return nil, errScope
		}
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	all := c.s.userValues(c.account, c.r)
	user := map[string]any{}
	for _, f := range fields {
		user[f] = all[f]
	}
	return map[string]any{"user": user}, nil
}

// userValues is everything user/info can tell. s.mu is held.
func (s *Server) userValues(a *account, r *http.Request) map[string]any {
	base := s.baseURL(r)
	avatar := s.avatarURL(a.Handle, r)
	videos := 0
	for _, p := range a.publishes {
		videos += len(p.posts)
	}
	return map[string]any{
		"open_id": a.OpenID, "union_id": a.UnionID, "display_name": a.Nickname,
		"avatar_url": avatar, "avatar_url_100": avatar, "avatar_large_url": avatar,
		"bio_description": a.Bio, "username": a.Handle, "is_verified": a.Verified,
		"profile_deep_link": base + "/@" + a.Handle, "profile_web_link": base + "/@" + a.Handle,
		"follower_count": a.Followers, "following_count": a.Following, "likes_count": a.Likes, "video_count": videos,
	}
}

type creatorInfo struct {
	AvatarURL       string   `json:"creator_avatar_url"`
	Username        string   `json:"creator_username"`
	Nickname        string   `json:"creator_nickname"`
	PrivacyOptions  []string `json:"privacy_level_options"`
	CommentDisabled bool     `json:"comment_disabled"`
	DuetDisabled    bool     `json:"duet_disabled"`
	StitchDisabled  bool     `json:"stitch_disabled"`
	MaxVideoSeconds int      `json:"max_video_post_duration_sec"`
}

// creatorInfo answers creator_info/query. That a creator cannot post now is
// said with HTTP 200 and empty data (TikTok contract 4.3).
func (c *call) creatorInfo() (any, *apiError) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	a := c.account
	if e := c.s.standing(a, c.k, c.now); e != nil {
		return nil, &apiError{http.StatusOK, e.code, e.message}
	}
	return creatorInfo{
		AvatarURL: c.s.avatarURL(a.Handle, c.r), Username: a.Handle, Nickname: a.Nickname,
		PrivacyOptions: a.privacyOptions(), CommentDisabled: a.CommentDisabled,
		DuetDisabled: a.DuetDisabled || a.Private, StitchDisabled: a.StitchDisabled || a.Private,
		MaxVideoSeconds: a.MaxVideoSeconds,
	}, nil
}
