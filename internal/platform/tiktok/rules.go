package tiktok

import (
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

var _ platform.RuleTeller = (*Client)(nil)

// Rules implements platform.RuleTeller: the limits of TikTok contract 4.4, 4.5 and 4.12, and the creator's own.
func (*Client) Rules(creator shippost.Creator) shippost.Rules {
	longest, whose := maxDuration, shippost.FromPlatform
	if limit := creator.MaxVideoDuration; limit > 0 {
		longest, whose = limit, shippost.FromAccount
	}
	rule := func(code string, kind shippost.MediaKind, about, unit string, least, most *float64, fixable bool) shippost.Rule {
		return shippost.Rule{Code: code, Kind: kind, About: about, Unit: unit, Min: least, Max: most,
			Severity: shippost.Block, Source: shippost.FromPlatform, Fixable: fixable}
	}
	words := func(code string, kind shippost.MediaKind, about string, oneOf []string) shippost.Rule {
		r := rule(code, kind, about, "", nil, nil, true)
		r.OneOf = oneOf
		return r
	}
	length := rule("video_too_long", shippost.Video, shippost.RuleDuration, "ms", nil, milliseconds(longest), true)
	length.Source = whose
	short := shippost.Rule{Code: "video_very_short", Kind: shippost.Video, About: shippost.RuleDuration, Unit: "ms", Min: milliseconds(minDuration),
		Severity: shippost.Warn, Source: shippost.Observed}
	return shippost.Rules{
		rule("too_many_videos", shippost.Video, shippost.RuleCount, "files", num(1), num(1), false),
		words("container_unsupported", shippost.Video, shippost.RuleContainer, containers),
		words("codec_unsupported", shippost.Video, shippost.RuleVideoCodec, videoCodecs),
		rule("media_too_large", shippost.Video, shippost.RuleSize, "bytes", num(1), num(maxSize), true),
		rule("picture_too_small", shippost.Video, shippost.RuleShortSide, "pixels", num(minSide), nil, true),
		rule("picture_too_large", shippost.Video, shippost.RuleLongSide, "pixels", nil, num(maxSide), true),
		rule("frame_rate", shippost.Video, shippost.RuleFrameRate, "fps", num(minFrames-frameSlack), num(maxFrames+frameSlack), true),
		length, short,
		rule("caption_too_long", shippost.Video, shippost.RuleCaption, "utf16", nil, num(captionUnits), false),

		rule("too_many_photos", shippost.Photo, shippost.RuleCount, "files", num(1), num(maxPhotos), false),
		words("photo_format", shippost.Photo, shippost.RuleContainer, photoForms), // made to fit when uploaded
		rule("photo_too_large", shippost.Photo, shippost.RuleSize, "bytes", num(1), num(maxPhotoSize), true),
		rule("picture_too_large", shippost.Photo, shippost.RuleLongSide, "pixels", nil, num(photoLong), true),
		rule("picture_too_large", shippost.Photo, shippost.RuleShortSide, "pixels", nil, num(photoShort), true),
		rule("caption_too_long", shippost.Photo, shippost.RuleCaption, "utf16", nil, num(descriptionUnits), false),
		rule("title_too_long", shippost.Photo, shippost.RuleTitle, "utf16", nil, num(titleUnits), false),
	}
}

func num(n float64) *float64 { return &n }

func milliseconds(d time.Duration) *float64 { return num(float64(d.Milliseconds())) }

// limit returns the bounds of a rule as Rules has it, for sentences.
func (p *problems) limit(kind shippost.MediaKind, about string) shippost.Rule {
	r, _ := p.rules.About(kind, about)
	return r
}
