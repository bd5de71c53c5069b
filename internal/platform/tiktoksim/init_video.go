package tiktoksim

import (
	"encoding/json"
)

// videoInit is the body of video/init and inbox/video/init.
type videoInit struct {
	PostInfo   *videoPost  `json:"post_info"`
	SourceInfo *sourceInfo `json:"source_info"`
}

// videoPost is the post_info of video/init.
type videoPost struct {
	postInfo
	Privacy *string `json:"privacy_level"`
}

type sourceInfo struct {
	Source          string `json:"source"`
	VideoURL        string `json:"video_url"`
	VideoSize       int64  `json:"video_size"`
	ChunkSize       int64  `json:"chunk_size"`
	TotalChunkCount int64  `json:"total_chunk_count"`
}

type initAnswer struct {
	PublishID string `json:"publish_id"`
	UploadURL string `json:"upload_url,omitempty"`
}

// videoInit starts a direct post of a video (TikTok contract 4.4).
func (c *call) videoInit() (any, *apiError) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if e := c.s.standing(c.account, c.k, c.now); e != nil {
		return nil, e
	}
	var body videoInit
	if e := c.read(&body, msgPostInfo); e != nil {
		return nil, e
	}
	c.unknownFields(&videoInit{})
	if body.PostInfo == nil {
		if c.k.Rules.PostInfo {
			return nil, invalid(c.k, msgPostInfo)
		}
		body.PostInfo = &videoPost{}
	}
	info := body.PostInfo.postInfo
	c.note("post_info", json.RawMessage(rawField(c.body, "post_info")))
	if c.k.Rules.CaptionLength && utf16Len(info.Caption) > maxCaption {
		return nil, invalid(c.k, msgPostInfo)
	}
	if e := c.checkPrivacy(body.PostInfo.Privacy, info.BrandContent); e != nil {
		return nil, e
	}
	if body.PostInfo.Privacy != nil {
		info.Privacy = *body.PostInfo.Privacy
	}
	info.forbid(c.account)
	return c.source(body.SourceInfo, false, info)
}

// inboxInit starts a draft of a video (TikTok contract 4.6). A post_info is
// ignored, not refused.
func (c *call) inboxInit() (any, *apiError) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if e := c.draftStanding(); e != nil {
		return nil, e
	}
	var body struct {
		SourceInfo *sourceInfo `json:"source_info"`
	}
	if e := c.read(&body, msgSourceInfo); e != nil {
		return nil, e
	}
	c.unknownFields(&videoInit{})
	return c.source(body.SourceInfo, true, postInfo{})
}

// draftStanding is why a creator cannot get another draft now. s.mu is held.
func (c *call) draftStanding() *apiError {
	if c.k.Rules.Banned && c.account.Banned {
		return errBanned
	}
	if c.k.Rules.PendingDrafts && c.account.drafts(c.k, c.now) >= c.k.Limits.PendingDrafts {
		return errDrafts
	}
	return nil
}

// source checks where the bytes come from and starts the transfer. s.mu is held.
func (c *call) source(from *sourceInfo, draft bool, info postInfo) (any, *apiError) {
	if from == nil {
		return nil, invalid(c.k, msgSourceInfo)
	}
	known := from.Source == "FILE_UPLOAD" || from.Source == "PULL_FROM_URL"
	switch {
	case c.k.Rules.Source && !known:
		return nil, invalid(c.k, msgSourceInfo)
	case from.Source == "PULL_FROM_URL", !known && from.VideoURL != "":
		return c.pullSource(from, draft, info)
	}
	return c.fileSource(from, draft, info)
}

func (c *call) fileSource(from *sourceInfo, draft bool, info postInfo) (any, *apiError) {
	c.note("source", Detail{"video_size": from.VideoSize, "chunk_size": from.ChunkSize, "total_chunk_count": from.TotalChunkCount})
	if e := c.k.checkPlan(from.VideoSize, from.ChunkSize, from.TotalChunkCount); e != nil {
		return nil, e
	}
	prefix := "v_pub_file~v2-1."
	if draft {
		prefix = "v_inbox_file~v2."
	}
	p := c.s.newPublish(c, prefix, "video", draft, false, info)
	u := c.s.newUpload(p, from)
	c.s.effect(p, "init_accepted", c.now, Detail{"upload": fingerprint(u.token)})
	return initAnswer{PublishID: p.id, UploadURL: c.s.uploadURL(u, c.r)}, nil
}

func (c *call) pullSource(from *sourceInfo, draft bool, info postInfo) (any, *apiError) {
	if from.VideoURL == "" {
		return nil, invalid(c.k, msgSourceInfo)
	}
	if e := c.s.checkPullURL(c.k, from.VideoURL); e != nil {
		return nil, e
	}
	prefix := "v_pub_url~v2."
	if draft {
		prefix = "v_inbox_url~v2."
	}
	p := c.s.newPublish(c, prefix, "video", draft, true, info)
	p.urls = []string{from.VideoURL}
	c.s.effect(p, "init_accepted", c.now, Detail{"urls": 1})
	c.startPull(p)
	return initAnswer{PublishID: p.id}, nil
}

// checkPlan applies the chunk rules of TikTok contract 4.7.
func (k *Knobs) checkPlan(size, chunk, count int64) *apiError {
	mb := int64(1 << 20)
	if k.Init.DecimalUnits {
		mb = 1_000_000
	}
	gb := 1 << 10 * mb
	if k.Init.DecimalUnits {
		gb = 1000 * mb
	}
	if size <= 0 || k.Rules.VideoSize && size > 4*gb {
		return invalid(k, msgSourceInfo)
	}
	if k.Rules.ChunkSize {
		small := size < 5*mb
		inRange := chunk >= 5*mb && chunk <= 64*mb
		switch {
		case chunk <= 0, small && chunk != size, !small && !inRange, count == 1 && chunk != size, size/chunk == 1 && chunk != size:
			return invalid(k, msgChunkSize)
		}
	}
	if k.Rules.ChunkCount && (count <= 0 || count > 1000 || chunk > 0 && count != size/chunk) {
		return invalid(k, msgChunkCount)
	}
	return nil
}

// rawField returns one member of a JSON object as it was sent.
func rawField(body []byte, name string) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields[name] == nil {
		return []byte("null")
	}
	return fields[name]
}
