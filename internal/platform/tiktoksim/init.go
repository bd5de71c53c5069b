package tiktoksim

import (
	"bytes"
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
)

// postInfo is the text and the choices of a post. JSON tags are those of
// post_info in video/init; photos fill it from their own form.
type postInfo struct {
	Caption        string  `json:"title"`
	Headline       string  `json:"-"` // the short title of photos
	Privacy        string  `json:"-"`
	DisableComment bool    `json:"disable_comment"`
	DisableDuet    bool    `json:"disable_duet"`
	DisableStitch  bool    `json:"disable_stitch"`
	CoverMS        float64 `json:"video_cover_timestamp_ms"`
	BrandContent   bool    `json:"brand_content_toggle"`
	BrandOrganic   bool    `json:"brand_organic_toggle"`
	IsAIGC         bool    `json:"is_aigc"`
	AutoAddMusic   bool    `json:"-"`
}

// forbid adds what the account forbids anyway (TikTok contract 4.4).
func (i *postInfo) forbid(a *account) {
	i.DisableComment = i.DisableComment || a.CommentDisabled
	i.DisableDuet = i.DisableDuet || a.DuetDisabled || a.Private
	i.DisableStitch = i.DisableStitch || a.StitchDisabled || a.Private
}

const (
	maxCaption     = 2200
	maxHeadline    = 90
	maxDescription = 4000
	maxPhotos      = 35
)

// utf16Len counts UTF-16 code units, in which TikTok measures text.
func utf16Len(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// checkPrivacy applies the privacy rules of a direct post in the contract's
// order: known value, unaudited app, the creator's options. s.mu is held.
func (c *call) checkPrivacy(level *string, branded bool) *apiError {
	k, a := c.k, c.account
	missing := level == nil || *level == ""
	if missing && k.Rules.PrivacyEnum && k.Init.MissingPrivacy == "invalid_params" {
		return invalid(k, msgPostInfo)
	}
	if !missing && k.Rules.PrivacyEnum && !slices.Contains(privacyLevels, *level) {
		return invalid(k, msgPostInfo)
	}
	if branded && k.Init.BrandedSelfOnly == "refuse" && !missing && *level == selfOnly {
		return invalid(k, msgPostInfo)
	}
	if k.Rules.Unaudited && !k.App.Audited && (!a.Private || missing || *level != selfOnly) {
		return errUnaudited
	}
	if k.Rules.PrivacyOption && (missing || !slices.Contains(a.privacyOptions(), *level)) {
		return errPrivacy
	}
	return nil
}

// checkPullURL applies the rules a URL must meet at init (TikTok contract 4.8).
func (s *Server) checkPullURL(k *Knobs, text string) *apiError {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return invalid(k, msgSourceInfo)
	}
	if k.Rules.PullURL && (u.Scheme != "https" || net.ParseIP(u.Hostname()) != nil || u.User != nil) {
		return invalid(k, msgSourceInfo)
	}
	if k.Rules.URLOwnership && !slices.ContainsFunc(s.properties, func(p string) bool { return owns(p, text, u) }) {
		return errOwnership
	}
	return nil
}

// owns reports whether a verified property covers a URL. A domain covers itself
// and its sub-domains; a prefix covers URLs that begin with the exact text.
func owns(property, text string, u *url.URL) bool {
	if strings.HasPrefix(property, "https://") {
		return strings.HasPrefix(text, property)
	}
	host := strings.ToLower(u.Hostname())
	domain := strings.ToLower(property)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// unknownFields notes in the journal which fields the API ignored, for they
// are usually mistakes; the real API says nothing.
func (c *call) unknownFields(v any) {
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		c.note("ignored", err.Error())
	}
}
