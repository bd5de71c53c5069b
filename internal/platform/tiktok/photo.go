package tiktok

import (
	"slices"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// The limits of TikTok contract 4.5 and 4.12 for photos. "At most 1080p" is read as lying or standing.
const (
	maxPhotos        = 35
	titleUnits       = 90   // UTF-16 code units
	descriptionUnits = 4000 // UTF-16 code units
	photoLong        = 1920
	photoShort       = 1080
	maxPhotoSize     = 20_000_000
)

var photoForms = []string{"jpeg", "webp"}

// album judges what only photo posts have.
func (p *problems) album(d platform.Draft, o shippost.TikTokOptions) {
	p.caption(d.Caption, descriptionUnits)
	const title, cover = "options.tiktok.title", "options.tiktok.photo_cover_index"
	if n := CaptionUnits(o.Title); n > titleUnits {
		p.block("title_too_long", title, shippost.RemedyEdit, "The title has %d characters; TikTok takes %d. Most emoji count as two.", n, titleUnits)
	}
	if !utf8.ValidString(o.Title) {
		p.block("title_invalid", title, shippost.RemedyEdit, "The title holds characters that cannot be sent. Type it again.")
	}
	if o.PhotoCoverIndex < 0 || o.PhotoCoverIndex >= len(d.Media) {
		p.block("cover_no_photo", cover, shippost.RemedyEdit, "The cover is one of the photos, counted from 0; this post has %d.", len(d.Media))
	}
	if o.CoverMS != 0 {
		p.warn("cover_for_videos", "options.tiktok.cover_ms", shippost.RemedyEdit, "A moment of a video cannot be the cover of photos; it is not sent.")
	}
	if o.AIGenerated {
		p.warn("ai_label_on_photos", "options.tiktok.ai_generated", shippost.RemedyNone, "TikTok is told that the photos are AI-generated; whether it shows a label on photos is up to TikTok.")
	}
}

// photo judges one photo. Those that were uploaded were made to fit when they were checked; this is for all others.
func (p *problems) photo(m shippost.Media) {
	f := m.Facts
	if r := p.limit(shippost.Photo, shippost.RuleContainer); !slices.Contains(r.OneOf, f.Container) {
		p.block(r.Code, p.field, shippost.RemedyReplaceMedia, "TikTok takes photos as JPEG and WebP; this one is %s.", orUnknown(f.Container))
	}
	if r := p.limit(shippost.Photo, shippost.RuleSize); !r.Allows(float64(m.Size)) {
		p.block(r.Code, p.field, shippost.RemedyReplaceMedia, "The photo has %.1f MB; TikTok takes %.0f MB.", float64(m.Size)/1e6, maxPhotoSize/1e6)
	}
	long, short := p.limit(shippost.Photo, shippost.RuleLongSide), p.limit(shippost.Photo, shippost.RuleShortSide)
	if !long.Allows(float64(max(f.Width, f.Height))) || !short.Allows(float64(min(f.Width, f.Height))) {
		p.block(long.Code, p.field, shippost.RemedyReplaceMedia, "The photo has %d × %d pixels; TikTok takes at most %.0f × %.0f, lying or standing.",
			f.Width, f.Height, *long.Max, *short.Max)
	}
	if side := min(f.Width, f.Height); side < minSide {
		p.warn("photo_very_small", p.field, shippost.RemedyReplaceMedia, "The photo has %d × %d pixels. TikTok may refuse it, and it will look blurred.", f.Width, f.Height)
	}
}

// photoOnly warns of answers that only photos have, so that nobody waits for their effect.
func (p *problems) photoOnly(o shippost.TikTokOptions) {
	if o.Title != "" {
		p.warn("title_for_photos", "options.tiktok.title", shippost.RemedyEdit, "Only photos have a title of their own; it is not sent with a video.")
	}
	if o.PhotoCoverIndex != 0 {
		p.warn("photo_cover_for_photos", "options.tiktok.photo_cover_index", shippost.RemedyEdit, "A video has no photo as its cover; this is not sent.")
	}
	if o.AutoMusic {
		p.warn("music_for_photos", "options.tiktok.auto_music", shippost.RemedyEdit, "TikTok adds music to photos only; this is not sent with a video.")
	}
}
