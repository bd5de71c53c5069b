package tiktok

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
)

// videoInit is the body of video/init (TikTok contract 4.4). Absent toggles would mean "allowed", so none is left out.
type videoInit struct {
	PostInfo struct {
		Title          string `json:"title,omitempty"`
		PrivacyLevel   string `json:"privacy_level"`
		DisableComment bool   `json:"disable_comment"`
		DisableDuet    bool   `json:"disable_duet"`
		DisableStitch  bool   `json:"disable_stitch"`
		CoverMS        int64  `json:"video_cover_timestamp_ms"`
		BrandContent   bool   `json:"brand_content_toggle"`
		BrandOrganic   bool   `json:"brand_organic_toggle"`
		AIGC           bool   `json:"is_aigc"`
	} `json:"post_info"`
	SourceInfo sourceInfo `json:"source_info"`
}

// sourceInfo announces an upload.
type sourceInfo struct {
	Source    string `json:"source"`
	VideoSize int64  `json:"video_size"`
	ChunkSize int64  `json:"chunk_size"`
	Count     int64  `json:"total_chunk_count"`
}

func upload(cut plan) sourceInfo { return sourceInfo{"FILE_UPLOAD", cut.size, cut.chunk, cut.count} }

func initBody(p platform.Payload, cut plan) (videoInit, error) {
	var b videoInit
	o := p.Options.TikTok
	// Validate asks these questions long before. Nothing may be sent without an answer, whatever went wrong until here.
	if o == nil || o.PrivacyLevel == "" || !o.Consent || o.AllowComment == nil || o.AllowDuet == nil || o.AllowStitch == nil ||
		o.YourBrand == nil || o.BrandedContent == nil {
		return b, shippost.Errorf(shippost.Invalid, "choices_missing", "Answer TikTok's questions about this post first.").
			At("options.tiktok").With(shippost.RemedyEdit)
	}
	b.PostInfo.Title, b.PostInfo.PrivacyLevel = p.Caption, o.PrivacyLevel
	b.PostInfo.DisableComment, b.PostInfo.DisableDuet, b.PostInfo.DisableStitch = !*o.AllowComment, !*o.AllowDuet, !*o.AllowStitch
	b.PostInfo.CoverMS, b.PostInfo.AIGC = o.CoverMS, o.AIGenerated
	b.PostInfo.BrandContent, b.PostInfo.BrandOrganic = *o.BrandedContent, *o.YourBrand
	b.SourceInfo = upload(cut)
	return b, nil
}

// open sends the one init request of a video's attempt and has the receipt stored.
func (c *Client) open(ctx context.Context, p platform.Payload, cut plan, ledger platform.Ledger) (shippost.Receipt, error) {
	if inbox(p) {
		if err := agreed(p); err != nil {
			return shippost.Receipt{}, err
		}
		q := call{op: "inbox.init", path: "/v2/post/publish/inbox/video/init/", body: inboxInit{upload(cut)}}
		return c.init(ctx, p, q, callTimeout, ledger)
	}
	body, err := initBody(p, cut)
	if err != nil {
		return shippost.Receipt{}, err
	}
	q := call{op: "video.init", path: "/v2/post/publish/video/init/", body: body}
	return c.init(ctx, p, q, callTimeout, ledger)
}

// init sends the one init request of an attempt and has the receipt stored. One for a video must name an upload.
func (c *Client) init(ctx context.Context, p platform.Payload, q call, patience time.Duration, ledger platform.Ledger) (shippost.Receipt, error) {
	token, err := p.Tokens.Token(ctx)
	if err != nil {
		return shippost.Receipt{}, err
	}
	if err := ledger.Intend(ctx); err != nil {
		return shippost.Receipt{}, err
	}
	receipt := shippost.Receipt{OpenedAt: c.now()}
	var data struct {
		PublishID string `json:"publish_id"`
		UploadURL string `json:"upload_url"`
	}
	sending, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q.client, q.method = c.clients.Once(), http.MethodPost
	logID, err := c.do(sending, q, token, &data)
	if err != nil {
		return shippost.Receipt{}, c.renewed(ctx, p.Tokens, token, err)
	}
	receipt.PublishID, receipt.UploadURL = data.PublishID, shippost.NewSecret(data.UploadURL)
	answer := platform.Error{Op: q.op, Reach: platform.Answered, Status: http.StatusOK, LogID: logID}
	pulled := p.Media[0].Kind == shippost.Photo
	if receipt.PublishID == "" || data.UploadURL == "" && !pulled {
		answer.Err = errors.New("the answer names no upload")
		return shippost.Receipt{}, &answer
	}
	if !pulled && !c.mayUploadTo(data.UploadURL) {
		answer.Code = platform.CodeUploadForeign
		return shippost.Receipt{}, &answer
	}
	return receipt, ledger.Opened(ctx, receipt)
}

// renewed gets a new token after an init that was refused for its token, so that the next attempt finds a good one.
// The init itself is not repeated: there is one for each attempt, ever (reliability I10).
func (c *Client) renewed(ctx context.Context, tokens platform.Tokens, refused shippost.Secret, err error) error {
	if !tokenInvalid(err) {
		return err
	}
	err = judged(ctx, tokens, refused, err, platform.CodeTokenReplaced)
	if e := platform.AsError(err); e == nil || e.Code != platform.CodeTokenReplaced {
		return err
	}
	if _, renewErr := tokens.Renew(ctx, refused); renewErr != nil {
		return renewErr
	}
	return err
}

// mayUploadTo reports whether TikTok's upload address leads to TikTok: what we send there is an unpublished video.
func (c *Client) mayUploadTo(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Host == "" {
		return false
	}
	return slices.ContainsFunc(c.uploadHosts, func(rule string) bool {
		if _, _, err := net.SplitHostPort(rule); err == nil {
			return onLoopback(u) && u.Host == rule
		}
		port := u.Port()
		return u.Scheme == "https" && (port == "" || port == "443") && outbound.HostMatches(rule, strings.ToLower(u.Hostname()))
	})
}
