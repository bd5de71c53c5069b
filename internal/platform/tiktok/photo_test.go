package tiktok_test

import (
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// sound is a photo that TikTok takes.
func sound() shippost.Media {
	return shippost.Media{Status: shippost.MediaReady, Kind: shippost.Photo, Type: "image/jpeg", Size: 1 << 20,
		Facts: shippost.MediaFacts{Container: "jpeg", Width: 1080, Height: 1350}}
}

func album35(n int) []shippost.Media {
	list := make([]shippost.Media, n)
	for i := range list {
		list[i] = sound()
	}
	return list
}

// TestValidate_Photos holds what TikTok asks of photos against the draft that breaks it.
func TestValidate_Photos(t *testing.T) {
	t.Parallel()
	client := signer(t)
	for _, c := range []struct {
		name   string
		change func(*platform.Draft, *shippost.TikTokOptions)
		code   string // "" for nothing to say
		block  bool
	}{
		{"as it should be", nil, "", false},
		{"35 photos", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media = album35(35) }, "", false},
		{"36 photos", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media = album35(36) }, "too_many_photos", true},
		{"a video among them", func(d *platform.Draft, _ *shippost.TikTokOptions) {
			d.Media = append(d.Media, shippost.Media{Status: shippost.MediaReady, Kind: shippost.Video})
		}, "media_mixed", true},
		{"a PNG", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media[1].Facts.Container = "png" }, "photo_format", true},
		{"a WebP", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media[1].Facts.Container = "webp" }, "", false},
		{"a large file", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media[1].Size = 20_000_001 }, "photo_too_large", true},
		{"standing 1080p", func(d *platform.Draft, _ *shippost.TikTokOptions) {
			d.Media[1].Facts.Width, d.Media[1].Facts.Height = 1080, 1920
		}, "", false},
		{"lying 1080p", func(d *platform.Draft, _ *shippost.TikTokOptions) {
			d.Media[1].Facts.Width, d.Media[1].Facts.Height = 1920, 1080
		}, "", false},
		{"a square of 1254", func(d *platform.Draft, _ *shippost.TikTokOptions) {
			d.Media[1].Facts.Width, d.Media[1].Facts.Height = 1254, 1254
		}, "picture_too_large", true},
		{"one pixel", func(d *platform.Draft, _ *shippost.TikTokOptions) {
			d.Media[1].Facts.Width, d.Media[1].Facts.Height = 1, 1
		}, "photo_very_small", false},
		{"not checked yet", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media[1].Status = shippost.MediaChecking }, "media_not_ready", true},
		{"4000 units", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Caption = strings.Repeat("🌊", 2000) }, "", false},
		{"4001 units", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Caption = strings.Repeat("🌊", 2000) + "a" }, "caption_too_long", true},
		{"a title of 90 units", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.Title = strings.Repeat("🌊", 45) }, "", false},
		{"a title of 91 units", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.Title = strings.Repeat("🌊", 45) + "a" }, "title_too_long", true},
		{"the last one as cover", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.PhotoCoverIndex = 1 }, "", false},
		{"a cover that is not there", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.PhotoCoverIndex = 2 }, "cover_no_photo", true},
		{"a cover before the first", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.PhotoCoverIndex = -1 }, "cover_no_photo", true},
		{"a moment as cover", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.CoverMS = 1000 }, "cover_for_videos", false},
		{"made by AI", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.AIGenerated = true }, "ai_label_on_photos", false},
		{"a draft where none is allowed", func(_ *platform.Draft, o *shippost.TikTokOptions) {
			*o = shippost.TikTokOptions{ToInbox: true, Consent: true}
		}, "drafts_off", true},
		{"comments not answered", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.AllowComment = nil }, "comments_missing", true},
		{"branded and private", func(_ *platform.Draft, o *shippost.TikTokOptions) {
			yes := true
			o.BrandedContent, o.PrivacyLevel = &yes, shippost.PrivacySelf
		}, "branded_private", true},
		{"a video with a title", func(d *platform.Draft, o *shippost.TikTokOptions) {
			no := false
			d.Media, o.Title, o.AllowDuet, o.AllowStitch = []shippost.Media{{Status: shippost.MediaReady, Kind: shippost.Video, Type: "video/mp4", Size: 1 << 20,
				Facts: shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", Duration: 9e9, Width: 720, Height: 1280, FrameRate: 30}}}, "Hello", &no, &no
		}, "title_for_photos", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			yes, no := true, false
			o := shippost.TikTokOptions{PrivacyLevel: shippost.PrivacyPublic, AllowComment: &yes, YourBrand: &no, BrandedContent: &no, Consent: true}
			d := platform.Draft{Caption: "Market day", Media: []shippost.Media{sound(), sound()}}
			if c.change != nil {
				c.change(&d, &o)
			}
			d.Options.TikTok = &o
			problems := client.Validate(d, shippost.Creator{})
			switch {
			case c.code == "" && len(problems) > 0:
				t.Errorf("got %+v", problems)
			case c.code != "" && (len(problems) != 1 || problems[0].Code != c.code || problems[0].Field == "" || problems[0].Message == ""):
				t.Errorf("got %+v, want only %s", problems, c.code)
			case shippost.Blocking(problems) != c.block:
				t.Errorf("blocking is %v, want %v", !c.block, c.block)
			}
		})
	}
}
