package tiktoksim

import (
	"encoding/json"
)

// photoInit is the body of content/init. is_aigc is read at the top level only
// (TikTok contract 4.5).
type photoInit struct {
	MediaType  string     `json:"media_type"`
	PostMode   string     `json:"post_mode"`
	IsAIGC     bool       `json:"is_aigc"`
	PostInfo   *photoPost `json:"post_info"`
	SourceInfo *struct {
		Source     string   `json:"source"`
		Images     []string `json:"photo_images"`
		CoverIndex *int     `json:"photo_cover_index"`
	} `json:"source_info"`
}

// photoPost is the post_info of content/init.
type photoPost struct {
	Title          string  `json:"title"`
	Description    string  `json:"description"`
	Privacy        *string `json:"privacy_level"`
	DisableComment bool    `json:"disable_comment"`
	AutoAddMusic   bool    `json:"auto_add_music"`
	BrandContent   bool    `json:"brand_content_toggle"`
	BrandOrganic   bool    `json:"brand_organic_toggle"`
}

const (
	directPost  = "DIRECT_POST"
	mediaUpload = "MEDIA_UPLOAD"
)

// photoScopes are the scopes that open content/init: they depend on the mode.
func photoScopes(body []byte) []string {
	var b struct {
		PostMode string `json:"post_mode"`
	}
	if json.Unmarshal(body, &b) == nil {
		switch b.PostMode {
		case directPost:
			return []string{"video.publish"}
		case mediaUpload:
			return []string{"video.upload"}
		}
	}
	return []string{"video.publish", "video.upload"}
}

// photoInit starts a carousel, as a direct post or as a draft.
func (c *call) photoInit() (any, *apiError) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	var body photoInit
	malformed := c.read(&body, msgPostInfo)
	draft := body.PostMode == mediaUpload
	if e := c.photoStanding(draft); e != nil {
		return nil, e
	}
	if malformed != nil {
		return nil, malformed
	}
	c.unknownFields(&photoInit{})
	if c.k.Rules.PhotoFields && (body.MediaType != "PHOTO" || body.PostMode != directPost && !draft) {
		return nil, invalid(c.k, "The media type or post mode is invalid")
	}
	if body.SourceInfo == nil || c.k.Rules.PostInfo && body.PostInfo == nil {
		return nil, invalid(c.k, msgPostInfo)
	}
	if body.PostInfo == nil {
		body.PostInfo = &photoPost{}
	}
	c.note("post_info", json.RawMessage(rawField(c.body, "post_info")))
	info := postInfo{Caption: body.PostInfo.Description, Headline: body.PostInfo.Title}
	if c.k.Rules.CaptionLength && (utf16Len(info.Headline) > maxHeadline || utf16Len(info.Caption) > maxDescription) {
		return nil, invalid(c.k, msgPostInfo)
	}
	if !draft {
		if e := c.photoChoices(&body, &info); e != nil {
			return nil, e
		}
	}
	return c.photoSource(&body, draft, info)
}

// photoStanding is why the creator cannot have this carousel now. s.mu is held.
func (c *call) photoStanding(draft bool) *apiError {
	if !draft {
		return c.s.standing(c.account, c.k, c.now)
	}
	if e := c.draftStanding(); e != nil {
		return e
	}
	if c.k.Rules.AppVersion && c.account.AppVersionTooOld {
		return errAppVersion
	}
	return nil
}

// photoChoices takes what only a direct post has. s.mu is held.
func (c *call) photoChoices(body *photoInit, info *postInfo) *apiError {
	from := body.PostInfo
	if e := c.checkPrivacy(from.Privacy, from.BrandContent); e != nil {
		return e
	}
	if from.Privacy != nil {
		info.Privacy = *from.Privacy
	}
	info.DisableComment, info.AutoAddMusic = from.DisableComment, from.AutoAddMusic
	info.BrandContent, info.BrandOrganic = from.BrandContent, from.BrandOrganic
	info.IsAIGC = body.IsAIGC
	info.forbid(c.account)
	return nil
}

// photoSource checks the images' URLs and starts the pull. s.mu is held.
func (c *call) photoSource(body *photoInit, draft bool, info postInfo) (any, *apiError) {
	from := body.SourceInfo
	if c.k.Rules.PhotoFields && from.Source != "PULL_FROM_URL" || len(from.Images) == 0 {
		return nil, invalid(c.k, msgSourceInfo)
	}
	if c.k.Rules.PhotoCount && len(from.Images) > maxPhotos {
		return nil, invalid(c.k, msgSourceInfo)
	}
	cover := 0
	if from.CoverIndex != nil {
		cover = *from.CoverIndex
	}
	if outside := cover < 0 || cover >= len(from.Images); outside || from.CoverIndex == nil {
		if c.k.Rules.PhotoCover {
			return nil, invalid(c.k, msgSourceInfo)
		}
		cover = 0
	}
	for _, u := range from.Images {
		if e := c.s.checkPullURL(c.k, u); e != nil {
			return nil, e
		}
	}
	prefix := "p_pub_url~v2."
	if draft {
		prefix = "p_inbox_url~v2."
	}
	p := c.s.newPublish(c, prefix, "photo", draft, true, info)
	p.urls, p.cover = from.Images, cover
	c.s.effect(p, "init_accepted", c.now, Detail{"urls": len(p.urls)})
	c.startPull(p)
	return initAnswer{PublishID: p.id}, nil
}
