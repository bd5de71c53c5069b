package tiktok

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// Identify asks whose grant it is. Fields that the scopes do not cover are not asked for, since TikTok refuses the
// whole question for one of them (TikTok contract 3).
func (c *Client) Identify(ctx context.Context, access shippost.Secret, scopes []string) (platform.Identity, error) {
	fields := []string{"open_id", "display_name", "avatar_url"}
	if slices.Contains(scopes, scopeProfile) {
		fields = append(fields, "username")
	}
	var data struct {
		User struct {
			OpenID      string `json:"open_id"`
			DisplayName string `json:"display_name"`
			AvatarURL   string `json:"avatar_url"`
			Username    string `json:"username"`
		} `json:"user"`
	}
	q := call{op: "user.info", client: c.clients.API(), method: http.MethodGet,
		path: "/v2/user/info/?" + url.Values{"fields": {strings.Join(fields, ",")}}.Encode()}
	if _, err := c.do(ctx, q, access, &data); err != nil {
		return platform.Identity{}, err
	}
	u := data.User
	if u.Username == "" && slices.Contains(scopes, scopePublish) {
		u.Username = c.handle(ctx, access)
	}
	return platform.Identity{Subject: u.OpenID, Name: u.DisplayName, Handle: u.Username, AvatarURL: u.AvatarURL}, nil
}

// handle asks for the name in a creator's addresses on the way that needs no scope beyond that for posting. TikTok does
// not tell it while the creator may not post, which is no reason to turn the person away; "" then.
func (c *Client) handle(ctx context.Context, access shippost.Secret) string {
	creator, err := c.Creator(ctx, onlyToken{access})
	if err != nil {
		c.log.Info("TikTok does not tell a creator's handle yet; it is read before the first post", "err", err)
	}
	return creator.Handle
}

// onlyToken is a token that nobody can renew.
type onlyToken struct{ access shippost.Secret }

// Token implements platform.Tokens.
func (t onlyToken) Token(context.Context) (shippost.Secret, error) { return t.access, nil }

// Renew implements platform.Tokens.
func (t onlyToken) Renew(context.Context, shippost.Secret) (shippost.Secret, error) {
	return shippost.Secret{}, shippost.Errorf(shippost.Reconnect, "token_refused", "TikTok does not accept the token that it just gave. Start again.")
}

// Creator asks what the creator may do now. TikTok tells that a creator cannot post with status 200 and an error code
// (TikTok contract 4.3).
func (c *Client) Creator(ctx context.Context, tokens platform.Tokens) (shippost.Creator, error) {
	var data struct {
		AvatarURL       string   `json:"creator_avatar_url"`
		Username        string   `json:"creator_username"`
		Nickname        string   `json:"creator_nickname"`
		PrivacyOptions  []string `json:"privacy_level_options"`
		CommentDisabled bool     `json:"comment_disabled"`
		DuetDisabled    bool     `json:"duet_disabled"`
		StitchDisabled  bool     `json:"stitch_disabled"`
		MaxSeconds      int64    `json:"max_video_post_duration_sec"`
	}
	q := call{op: "creator_info", client: c.clients.API(), method: http.MethodPost,
		path: "/v2/post/publish/creator_info/query/", body: struct{}{}}
	if _, err := c.ask(ctx, q, tokens, &data); err != nil {
		return shippost.Creator{}, err
	}
	return shippost.Creator{
		Handle: data.Username, Nickname: data.Nickname, AvatarURL: data.AvatarURL, PrivacyOptions: data.PrivacyOptions,
		CommentDisabled: data.CommentDisabled, DuetDisabled: data.DuetDisabled, StitchDisabled: data.StitchDisabled,
		MaxVideoDuration: time.Duration(max(data.MaxSeconds, 0)) * time.Second,
	}, nil
}

// Adjust turns off the interactions that the creator forbids by now.
func (c *Client) Adjust(o shippost.Options, creator shippost.Creator) (shippost.Options, []shippost.Problem) {
	if o.TikTok == nil {
		return o, nil
	}
	var notes []shippost.Problem
	t := *o.TikTok
	for _, i := range interactions(&t, creator) {
		if i.forbidden && *i.allow != nil && **i.allow {
			off := false
			*i.allow = &off
			notes = append(notes, i.warning())
		}
	}
	o.TikTok = &t
	return o, notes
}

// interaction is something viewers may do with a post if the creator allows it.
type interaction struct {
	field, noun string
	allow       **bool
	forbidden   bool
	videoOnly   bool // TikTok does not ask it about photos
}

func interactions(t *shippost.TikTokOptions, creator shippost.Creator) []interaction {
	return []interaction{
		{"options.tiktok.allow_comment", "comments", &t.AllowComment, creator.CommentDisabled, false},
		{"options.tiktok.allow_duet", "duets", &t.AllowDuet, creator.DuetDisabled, true},
		{"options.tiktok.allow_stitch", "stitches", &t.AllowStitch, creator.StitchDisabled, true},
	}
}

func (i interaction) warning() shippost.Problem {
	return shippost.Problem{Code: i.noun + "_off", Field: i.field, Severity: shippost.Warn, Remedy: shippost.RemedyOpenTikTok,
		Message: "This account has " + i.noun + " turned off in TikTok, so the post goes out without them."}
}
