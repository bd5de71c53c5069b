package tiktok

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// The limits of TikTok contract 4.4 and 4.12.
const (
	captionUnits = 2200 // UTF-16 code units
	maxDuration  = 10 * time.Minute
	minDuration  = 3 * time.Second // observed, not promised
	minSide      = 360
	maxSide      = 4096
	minFrames    = 23
	maxFrames    = 60
	frameSlack   = 0.05 // a measured mean is never exact
)

var (
	containers  = []string{"mp4", "mov", "webm"}
	videoCodecs = []string{"h264", "h265", "vp8", "vp9"}
	privacies   = []string{shippost.PrivacyPublic, shippost.PrivacyFriends, shippost.PrivacyFollowers, shippost.PrivacySelf}
)

// Validate returns everything that is wrong with a draft (TikTok contract 4.4, 4.12, 7).
func (c *Client) Validate(d platform.Draft, creator shippost.Creator) []shippost.Problem {
	var p problems
	p.media(d, creator)
	p.caption(d.Caption)
	options := shippost.TikTokOptions{}
	if d.Options.TikTok != nil {
		options = *d.Options.TikTok
	}
	p.privacy(options, creator)
	p.interactions(options, creator)
	p.disclosure(options)
	p.cover(options, d.Media)
	if !options.Consent {
		p.block("consent_missing", "options.tiktok.consent", shippost.RemedyEdit,
			"Agree to TikTok's declaration: nothing is sent to TikTok without it.")
	}
	slices.SortStableFunc(p.list, func(a, b shippost.Problem) int { return rank(a) - rank(b) })
	return p.list
}

func rank(p shippost.Problem) int {
	if p.Severity == shippost.Block {
		return 0
	}
	return 1
}

// problems collects what is wrong.
type problems struct{ list []shippost.Problem }

func (p *problems) add(severity shippost.Severity, code, field string, remedy shippost.Remedy, format string, args ...any) {
	p.list = append(p.list, shippost.Problem{Code: code, Field: field, Remedy: remedy, Severity: severity, Message: fmt.Sprintf(format, args...)})
}

func (p *problems) block(code, field string, remedy shippost.Remedy, format string, args ...any) {
	p.add(shippost.Block, code, field, remedy, format, args...)
}

func (p *problems) warn(code, field string, remedy shippost.Remedy, format string, args ...any) {
	p.add(shippost.Warn, code, field, remedy, format, args...)
}

const mediaField = "media_ids"

func (p *problems) media(d platform.Draft, creator shippost.Creator) {
	photos := slices.ContainsFunc(d.Media, func(m shippost.Media) bool { return m.Kind == shippost.Photo })
	switch {
	case len(d.Media) == 0:
		p.block("media_missing", mediaField, shippost.RemedyReplaceMedia, "Choose a video.")
		return
	case photos:
		p.block("photos_unsupported", mediaField, shippost.RemedyReplaceMedia, "ShipPost posts videos to TikTok; it cannot post photos there yet.")
		return
	case len(d.Media) > 1:
		p.block("too_many_videos", mediaField, shippost.RemedyReplaceMedia, "A TikTok post has one video; this one has %d.", len(d.Media))
		return
	}
	m := d.Media[0]
	for _, found := range m.Problems {
		found.Field = mediaField
		p.list = append(p.list, found)
	}
	switch m.Status {
	case shippost.MediaReady:
		p.video(m, creator)
	case shippost.MediaReceiving, shippost.MediaChecking:
		p.block("media_not_ready", mediaField, shippost.RemedyWait, "The video is still on its way. Wait until it is here and checked.")
	case shippost.MediaDeleted:
		p.block("media_deleted", mediaField, shippost.RemedyReplaceMedia, "The video was deleted. Choose another one.")
	default:
		if !shippost.Blocking(m.Problems) {
			p.block("media_unusable", mediaField, shippost.RemedyReplaceMedia, "This file cannot be used. Choose another one.")
		}
	}
}

func (p *problems) video(m shippost.Media, creator shippost.Creator) {
	f := m.Facts
	if !slices.Contains(containers, f.Container) {
		p.block("container_unsupported", mediaField, shippost.RemedyReplaceMedia, "TikTok takes MP4, MOV and WebM; this file is %s.", orUnknown(f.Container))
	}
	if !slices.Contains(videoCodecs, f.VideoCodec) {
		p.block("codec_unsupported", mediaField, shippost.RemedyReplaceMedia, "TikTok takes H.264, H.265, VP8 and VP9; this video is %s.", orUnknown(f.VideoCodec))
	}
	switch {
	case m.Size <= 0:
		p.block("media_empty", mediaField, shippost.RemedyReplaceMedia, "The file is empty.")
	case m.Size > maxSize:
		p.block("media_too_large", mediaField, shippost.RemedyReplaceMedia, "The video has %s; TikTok takes 4 GB.", gigabytes(m.Size))
	case m.Size > safeSize:
		p.warn("media_very_large", mediaField, shippost.RemedyReplaceMedia, "The video has %s; TikTok may refuse more than 4 GB.", gigabytes(m.Size))
	}
	p.picture(f)
	p.duration(f.Duration, creator)
}

func (p *problems) picture(f shippost.MediaFacts) {
	switch {
	case f.Width <= 0 || f.Height <= 0:
		p.warn("picture_unknown", mediaField, shippost.RemedyReplaceMedia, "The size of the picture could not be read; TikTok takes sides of %d to %d pixels.", minSide, maxSide)
	case min(f.Width, f.Height) < minSide:
		p.block("picture_too_small", mediaField, shippost.RemedyReplaceMedia, "The picture has %d × %d pixels; TikTok needs at least %d on each side.", f.Width, f.Height, minSide)
	case max(f.Width, f.Height) > maxSide:
		p.block("picture_too_large", mediaField, shippost.RemedyReplaceMedia, "The picture has %d × %d pixels; TikTok takes at most %d on each side.", f.Width, f.Height, maxSide)
	}
	if f.FrameRate > 0 && (f.FrameRate < minFrames-frameSlack || f.FrameRate > maxFrames+frameSlack) {
		p.block("frame_rate", mediaField, shippost.RemedyReplaceMedia, "The video has %s frames per second; TikTok takes %d to %d.",
			strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", f.FrameRate), "0"), "."), minFrames, maxFrames)
	}
}

func (p *problems) duration(d time.Duration, creator shippost.Creator) {
	limit := creator.MaxVideoDuration
	switch {
	case d <= 0:
		p.warn("duration_unknown", mediaField, shippost.RemedyReplaceMedia, "The length of the video could not be read; TikTok may refuse it.")
	case limit > 0 && d > limit && spoken(d) == spoken(limit):
		p.block("video_too_long", mediaField, shippost.RemedyReplaceMedia, "The video lasts a little longer than the %s that this account may post.", spoken(limit))
	case limit > 0 && d > limit:
		p.block("video_too_long", mediaField, shippost.RemedyReplaceMedia, "The video lasts %s; this account may post %s.", spoken(d), spoken(limit))
	case d > maxDuration:
		p.block("video_too_long", mediaField, shippost.RemedyReplaceMedia, "The video lasts %s; TikTok takes at most %s.", spoken(d), spoken(maxDuration))
	case d < minDuration:
		p.warn("video_very_short", mediaField, shippost.RemedyReplaceMedia, "The video lasts %s; TikTok often refuses less than %s.", spoken(d), spoken(minDuration))
	}
}

// CaptionUnits counts a caption as TikTok does: in UTF-16 code units, so that an emoji counts two.
func CaptionUnits(caption string) int { return len(utf16.Encode([]rune(caption))) }

func (p *problems) caption(caption string) {
	if !utf8.ValidString(caption) {
		p.block("caption_invalid", "caption", shippost.RemedyEdit, "The caption holds characters that cannot be sent. Type it again.")
		return
	}
	if n := CaptionUnits(caption); n > captionUnits {
		p.block("caption_too_long", "caption", shippost.RemedyEdit, "The caption has %d characters; TikTok takes %d. Most emoji count as two.", n, captionUnits)
	}
}

func (p *problems) privacy(o shippost.TikTokOptions, creator shippost.Creator) {
	const field = "options.tiktok.privacy_level"
	switch {
	case o.PrivacyLevel == "":
		p.block("privacy_missing", field, shippost.RemedyEdit, "Choose who may see this post.")
	case !slices.Contains(privacies, o.PrivacyLevel):
		p.block("privacy_unknown", field, shippost.RemedyEdit, "TikTok does not know this choice of who may see the post. Use one of %s.", strings.Join(privacies, ", "))
	case len(creator.PrivacyOptions) > 0 && !slices.Contains(creator.PrivacyOptions, o.PrivacyLevel):
		p.block("privacy_unavailable", field, shippost.RemedyEdit, "This account does not offer %q. Choose again who may see this post.", audience(o.PrivacyLevel))
	}
}

func audience(level string) string {
	switch level {
	case shippost.PrivacyPublic:
		return "Everyone"
	case shippost.PrivacyFriends:
		return "Friends"
	case shippost.PrivacyFollowers:
		return "Followers"
	default:
		return "Only me"
	}
}

func (p *problems) interactions(o shippost.TikTokOptions, creator shippost.Creator) {
	for _, i := range interactions(&o, creator) {
		switch {
		case *i.allow == nil:
			p.block(i.noun+"_missing", i.field, shippost.RemedyEdit, "Say whether viewers may use %s on this post.", i.noun)
		case **i.allow && i.forbidden:
			p.list = append(p.list, i.warning())
		}
	}
}

func (p *problems) disclosure(o shippost.TikTokOptions) {
	const field = "options.tiktok.branded_content"
	if o.YourBrand == nil {
		p.block("your_brand_missing", "options.tiktok.your_brand", shippost.RemedyEdit, "Say whether this post promotes yourself or your own business.")
	}
	switch {
	case o.BrandedContent == nil:
		p.block("branded_content_missing", field, shippost.RemedyEdit, "Say whether this post is a paid partnership.")
	case *o.BrandedContent && o.PrivacyLevel == shippost.PrivacySelf:
		p.block("branded_private", field, shippost.RemedyEdit, "Branded content visibility cannot be set to private.")
	case *o.BrandedContent && o.PrivacyLevel == shippost.PrivacyFollowers:
		p.block("branded_followers", field, shippost.RemedyEdit, "Branded content can be shown to everyone or to friends, not to followers only.")
	}
}

func (p *problems) cover(o shippost.TikTokOptions, media []shippost.Media) {
	const field = "options.tiktok.cover_ms"
	var length time.Duration
	if len(media) == 1 {
		length = media[0].Facts.Duration
	}
	switch {
	case o.CoverMS < 0:
		p.block("cover_negative", field, shippost.RemedyEdit, "The cover cannot lie before the beginning of the video.")
	case length > 0 && time.Duration(min(o.CoverMS, maxCoverMS))*time.Millisecond >= length && o.CoverMS > 0:
		p.block("cover_beyond_end", field, shippost.RemedyEdit, "The cover is taken at %s, but the video lasts %s.",
			spoken(time.Duration(min(o.CoverMS, maxCoverMS))*time.Millisecond), spoken(length))
	case o.CoverMS > maxCoverMS:
		p.block("cover_beyond_end", field, shippost.RemedyEdit, "The cover lies beyond the end of any video that TikTok takes.")
	}
}

// maxCoverMS is the largest number that TikTok reads there: an int32.
const maxCoverMS = 1<<31 - 1

// spoken writes a duration the way people say it: "45 s", "3 min 10 s".
func spoken(d time.Duration) string {
	if d < 10*time.Second && d%time.Second != 0 {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	minutes, seconds := int(d/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case minutes == 0:
		return fmt.Sprintf("%d s", seconds)
	case seconds == 0:
		return fmt.Sprintf("%d min", minutes)
	default:
		return fmt.Sprintf("%d min %d s", minutes, seconds)
	}
}

func gigabytes(n int64) string { return fmt.Sprintf("%.2f GB", float64(n)/(1<<30)) }

func orUnknown(name string) string {
	if name == "" {
		return "of an unknown kind"
	}
	return name
}
