package tiktok_test

import (
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
)

// takes is a video that TikTok takes.
func takes() shippost.Media {
	return shippost.Media{Status: shippost.MediaReady, Kind: shippost.Video, Type: "video/mp4", Size: 8 << 20,
		Facts: shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Duration: 15 * time.Second, Width: 1080, Height: 1920, FrameRate: 30}}
}

// TestValidate_Videos holds what TikTok asks of a video, its caption and its answers against the draft that breaks it. Where a
// conversion would help, the remedy says so if one can be made, and else the sentence says what to export.
func TestValidate_Videos(t *testing.T) {
	t.Parallel()
	plain, converting := signer(t), converter(t)
	creator := shippost.Creator{MaxVideoDuration: 3 * time.Minute, PrivacyOptions: []string{shippost.PrivacyFollowers, shippost.PrivacyFriends, shippost.PrivacySelf}}
	yes := true
	for _, c := range []struct {
		name   string
		change func(*platform.Draft, *shippost.TikTokOptions)
		code   string // "" for nothing to say
		block  bool
		fix    string // what to export where no conversion is at hand; "" when none would help
	}{
		{"as it should be", nil, "", false, ""},
		{"an AVI", facts(func(f *shippost.MediaFacts) { f.Container = "avi" }), "container_unsupported", true, "MP4 with H.264, 1080 × 1920 pixels, 30 frames"},
		{"ProRes", facts(func(f *shippost.MediaFacts) { f.VideoCodec = "apch" }), "codec_unsupported", true, "MP4 with H.264"},
		{"HEVC", facts(func(f *shippost.MediaFacts) { f.VideoCodec = "h265" }), "", false, ""},
		{"240 frames a second", facts(func(f *shippost.MediaFacts) { f.FrameRate = 240 }), "frame_rate", true, "60 frames per second"},
		{"12 frames a second", facts(func(f *shippost.MediaFacts) { f.FrameRate = 12 }), "frame_rate", true, "24 frames per second"},
		{"29.97", facts(func(f *shippost.MediaFacts) { f.FrameRate = 29.97 }), "", false, ""},
		{"8K", facts(func(f *shippost.MediaFacts) { f.Width, f.Height = 7680, 4320 }), "picture_too_large", true, "1920 × 1080 pixels"},
		{"a stamp", facts(func(f *shippost.MediaFacts) { f.Width, f.Height = 180, 320 }), "picture_too_small", true, "360 × 640 pixels"},
		{"a ribbon", facts(func(f *shippost.MediaFacts) { f.Width, f.Height = 20, 4000 }), "picture_too_small", true, ""},
		{"too long for this account", facts(func(f *shippost.MediaFacts) { f.Duration = 4 * time.Minute }), "video_too_long", true, "at most 3 min"},
		{"a little too long", facts(func(f *shippost.MediaFacts) { f.Duration = 180*time.Second + 1 }), "video_too_long", true, "at most 3 min"},
		{"exactly as long", facts(func(f *shippost.MediaFacts) { f.Duration = 3 * time.Minute }), "", false, ""},
		{"two seconds", facts(func(f *shippost.MediaFacts) { f.Duration = 2 * time.Second }), "video_very_short", false, ""},
		{"5 GB", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media[0].Size = 5 << 30 }, "media_too_large", true, "MP4"},
		{"an empty file", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media[0].Size = 0 }, "media_empty", true, ""},
		{"2,200 units with emoji", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Caption = strings.Repeat("🐙", 1100) }, "", false, ""},
		{"2,201 units with emoji", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Caption = strings.Repeat("🐙", 1100) + "!" }, "caption_too_long", true, ""},
		{"branded and for followers", func(_ *platform.Draft, o *shippost.TikTokOptions) {
			o.BrandedContent, o.PrivacyLevel = &yes, shippost.PrivacyFollowers
		}, "branded_followers", true, ""},
		{"branded and only me", func(_ *platform.Draft, o *shippost.TikTokOptions) {
			o.BrandedContent, o.PrivacyLevel = &yes, shippost.PrivacySelf
		}, "branded_private", true, ""},
		{"a creator who turned private", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.PrivacyLevel = shippost.PrivacyPublic }, "privacy_unavailable", true, ""},
		{"a cover at the very end", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.CoverMS = 15_000 }, "cover_beyond_end", true, ""},
		{"a cover just before it", func(_ *platform.Draft, o *shippost.TikTokOptions) { o.CoverMS = 14_999 }, "", false, ""},
		{"two videos", func(d *platform.Draft, _ *shippost.TikTokOptions) { d.Media = append(d.Media, takes()) }, "too_many_videos", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, client := range []*tiktok.Client{plain, converting} {
				o := shippost.TikTokOptions{PrivacyLevel: shippost.PrivacyFriends, AllowComment: &yes, AllowDuet: &yes, AllowStitch: &yes,
					YourBrand: new(bool), BrandedContent: new(bool), Consent: true}
				d := platform.Draft{Caption: "Tide pools", Media: []shippost.Media{takes()}}
				if c.change != nil {
					c.change(&d, &o)
				}
				d.Options.TikTok = &o
				problems := client.Validate(d, creator)
				if c.code == "" {
					if len(problems) > 0 {
						t.Errorf("got %+v", problems)
					}
					continue
				}
				if len(problems) != 1 || problems[0].Code != c.code || problems[0].Field == "" || shippost.Blocking(problems) != c.block {
					t.Fatalf("got %+v, want only %s", problems, c.code)
				}
				p := problems[0]
				if convertible := p.Remedy == shippost.RemedyConvert; convertible != (c.fix != "" && client == converting) {
					t.Errorf("the remedy is %q", p.Remedy)
				}
				if client == plain && !strings.Contains(p.Message, c.fix) {
					t.Errorf("%q does not say to export %q", p.Message, c.fix)
				}
			}
		})
	}
}

func facts(change func(*shippost.MediaFacts)) func(*platform.Draft, *shippost.TikTokOptions) {
	return func(d *platform.Draft, _ *shippost.TikTokOptions) { change(&d.Media[0].Facts) }
}

func converter(t testing.TB) *tiktok.Client {
	t.Helper()
	clients, err := outbound.New(tiktok.Policy(""))
	if err != nil {
		t.Fatal(err)
	}
	c, err := tiktok.New(tiktok.Options{ClientKey: "ck_test", ClientSecret: shippost.NewSecret("shippost-test-secret"), Clients: clients, Converts: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRules_AreWhatValidateGoesBy breaks each blocking rule by its own number and finds its code, so that the list that
// editors show and the check cannot drift apart.
func TestRules_AreWhatValidateGoesBy(t *testing.T) {
	t.Parallel()
	client := signer(t)
	creator := shippost.Creator{MaxVideoDuration: 90 * time.Second}
	for _, r := range client.Rules(creator) {
		if r.Severity != shippost.Block {
			continue
		}
		drafts := map[string]platform.Draft{}
		if r.Max != nil {
			drafts["above"] = breaking(r, *r.Max+1)
		}
		if r.Min != nil && *r.Min > 1 {
			drafts["below"] = breaking(r, *r.Min-1)
		}
		if r.OneOf != nil {
			drafts["another word"] = breaking(r, 0)
		}
		for how, d := range drafts {
			found := false
			for _, p := range client.Validate(d, creator) {
				found = found || p.Code == r.Code && p.Severity == shippost.Block
			}
			if !found {
				t.Errorf("%s %s %s: Validate does not say %s", r.Kind, r.About, how, r.Code)
			}
		}
		if len(drafts) == 0 {
			t.Errorf("the rule %s about %s %s has no bound", r.Code, r.Kind, r.About)
		}
	}
}

// breaking is a draft that is right but for one number.
func breaking(r shippost.Rule, n float64) platform.Draft {
	m, o := takes(), shippost.TikTokOptions{}
	if r.Kind == shippost.Photo {
		m = sound()
	}
	d := platform.Draft{}
	f := &m.Facts
	count := 1
	switch r.About {
	case shippost.RuleCount:
		count = int(n)
	case shippost.RuleContainer:
		f.Container = "other"
	case shippost.RuleVideoCodec:
		f.VideoCodec = "other"
	case shippost.RuleSize:
		m.Size = int64(n)
	case shippost.RuleShortSide:
		f.Width, f.Height = int(n), max(int(n), 1000)
	case shippost.RuleLongSide:
		f.Width, f.Height = int(n), 720
	case shippost.RuleFrameRate:
		f.FrameRate = n
	case shippost.RuleDuration:
		f.Duration = time.Duration(n) * time.Millisecond
	case shippost.RuleCaption:
		d.Caption = strings.Repeat("a", int(n))
	case shippost.RuleTitle:
		o.Title = strings.Repeat("a", int(n))
	}
	for range count {
		d.Media = append(d.Media, m)
	}
	d.Options.TikTok = &o
	return d
}
