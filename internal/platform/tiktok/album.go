package tiktok

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// albumTimeout bounds the init of photos. TikTok may try to fetch before it answers, and the addresses keep it waiting
// for up to 25 seconds then; giving up before that would lose the answer.
const albumTimeout = 75 * time.Second

// Pulls implements platform.Puller: TikTok takes the bytes of videos, and fetches photos.
func (*Client) Pulls(kind shippost.MediaKind) bool { return kind == shippost.Photo }

// Cancel implements platform.Canceller.
func (c *Client) Cancel(ctx context.Context, p platform.Payload) error {
	q := call{op: "cancel", client: c.clients.API(), method: http.MethodPost, path: "/v2/post/publish/cancel/",
		body: map[string]string{"publish_id": p.Receipt.PublishID}}
	_, err := c.ask(ctx, q, p.Tokens, nil)
	return err
}

// albumInit is the body of content/init (TikTok contract 4.5). Absent toggles would mean "allowed", so none is left out.
type albumInit struct {
	MediaType string `json:"media_type"`
	PostMode  string `json:"post_mode"`
	AIGC      bool   `json:"is_aigc"` // counts here, not inside post_info
	PostInfo  struct {
		Title          string `json:"title,omitempty"`
		Description    string `json:"description,omitempty"`
		PrivacyLevel   string `json:"privacy_level,omitempty"`
		DisableComment bool   `json:"disable_comment"`
		AutoMusic      bool   `json:"auto_add_music"`
		BrandContent   bool   `json:"brand_content_toggle"`
		BrandOrganic   bool   `json:"brand_organic_toggle"`
	} `json:"post_info"`
	SourceInfo struct {
		Source string   `json:"source"`
		Images []string `json:"photo_images"`
		Cover  int      `json:"photo_cover_index"`
	} `json:"source_info"`
}

func albumBody(p platform.Payload) (albumInit, error) {
	var b albumInit
	o := p.Options.TikTok
	if inbox(p) {
		if err := agreed(p); err != nil {
			return b, err
		}
		b.MediaType, b.PostMode = "PHOTO", "MEDIA_UPLOAD"
		b.PostInfo.Title, b.PostInfo.Description = o.Title, p.Caption
		return b, b.fetch(p)
	}
	// Validate asks these questions long before. Nothing may be sent without an answer, whatever went wrong until here.
	if o == nil || o.PrivacyLevel == "" || !o.Consent || o.AllowComment == nil || o.YourBrand == nil || o.BrandedContent == nil {
		return b, shippost.Errorf(shippost.Invalid, "choices_missing", "Answer TikTok's questions about this post first.").
			At("options.tiktok").With(shippost.RemedyEdit)
	}
	b.MediaType, b.PostMode, b.AIGC = "PHOTO", "DIRECT_POST", o.AIGenerated
	b.PostInfo.Title, b.PostInfo.Description, b.PostInfo.PrivacyLevel = o.Title, p.Caption, o.PrivacyLevel
	b.PostInfo.DisableComment, b.PostInfo.AutoMusic = !*o.AllowComment, o.AutoMusic
	b.PostInfo.BrandContent, b.PostInfo.BrandOrganic = *o.BrandedContent, *o.YourBrand
	return b, b.fetch(p)
}

// fetch says where the photos are.
func (b *albumInit) fetch(p platform.Payload) error {
	b.SourceInfo.Source, b.SourceInfo.Cover = "PULL_FROM_URL", p.Options.TikTok.PhotoCoverIndex
	for _, photo := range p.Media {
		address := photo.URL.Reveal()
		if !strings.HasPrefix(address, "https://") {
			return shippost.Errorf(shippost.Internal, "no_address", "a photo has no address that TikTok could fetch it from")
		}
		b.SourceInfo.Images = append(b.SourceInfo.Images, address)
	}
	return nil
}

// stageAlbum makes sure that photos can be sent as they are. An attempt that is open already is ready at once.
func (c *Client) stageAlbum(p platform.Payload, ledger platform.Ledger) (platform.Staged, error) {
	for _, photo := range p.Media {
		if photo.Kind != shippost.Photo || photo.Type != "image/jpeg" && photo.Type != "image/webp" || len(p.Media) > maxPhotos {
			return nil, shippost.Errorf(shippost.Invalid, "media_unusable", "TikTok takes 1 to %d JPEG or WebP photos in a post, and no video among them.", maxPhotos).
				At(mediaField).With(shippost.RemedyReplaceMedia)
		}
	}
	a := &album{c: c, payload: p, ledger: ledger, receipt: p.Receipt}
	if p.Receipt.IsZero() {
		var err error
		if a.body, err = albumBody(p); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// album is photos that wait for their time.
type album struct {
	c       *Client
	payload platform.Payload
	ledger  platform.Ledger
	body    albumInit

	mu      sync.Mutex
	receipt shippost.Receipt
}

// Receipt returns the receipt of the attempt; the zero one before Wait has opened it.
func (a *album) Receipt() shippost.Receipt {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.receipt
}

// Wait waits for the due time and opens the attempt. After an error it must not be called again: the one init request
// of the attempt may have left.
func (a *album) Wait(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.receipt.IsZero() {
		return nil
	}
	if err := a.c.sleepUntil(ctx, a.payload.Due); err != nil {
		return fmt.Errorf("wait for the due time: %w", err)
	}
	q := call{op: "content.init", path: "/v2/post/publish/content/init/", body: a.body}
	receipt, err := a.c.init(ctx, a.payload, q, albumTimeout, a.ledger)
	if err == nil {
		a.receipt = receipt
	}
	return err
}

// Lost is nil: nothing is held open.
func (*album) Lost() <-chan struct{} { return nil }

// commit has nothing to send: the committing row has let TikTok fetch.
func (a *album) commit() platform.Outcome { return platform.Outcome{LastByteAt: a.c.now()} }

// Close does nothing: nothing is held open.
func (a *album) Close() error { return nil }
