package tiktok

import (
	"fmt"
	"math"
	"slices"
	"strconv"
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
	options := shippost.TikTokOptions{}
	if d.Options.TikTok != nil {
		options = *d.Options.TikTok
	}
	limits := creator
	if options.ToInbox {
		limits.MaxVideoDuration = 0 // a draft may be longer; it is cut in the app
	}
	p := problems{rules: c.Rules(limits), converts: c.converts}
	photos := p.media(d)
	switch {
	case photos:
		p.album(d, options)
	case options.ToInbox:
		p.inboxVideo(d)
	default:
		p.caption(d.Caption, captionUnits)
		p.cover(options, d.Media)
		p.photoOnly(options)
	}
	if options.ToInbox {
		if !c.drafts {
			p.block("drafts_off", inboxField, shippost.RemedyOperator, "This server does not send drafts to the TikTok inbox. Whoever runs it can switch that on.")
		}
	} else {
		p.privacy(options, creator)
		if c.unaudited && options.PrivacyLevel != "" && options.PrivacyLevel != shippost.PrivacySelf {
			p.block("unaudited_private_only", "options.tiktok.privacy_level", shippost.RemedyEdit,
				"TikTok has not audited this server's app yet: until then posts can be visible to yourself only, and the account must be private. Choose \"Only you\".")
		}
		p.interactions(d, options, creator)
		p.disclosure(options)
	}
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
type problems struct {
	list     []shippost.Problem
	rules    shippost.Rules
	converts bool   // files can be made to fit here
	field    string // of the file that is judged
}

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

// media judges the files and reports whether they are photos.
func (p *problems) media(d platform.Draft) (photos bool) {
	n := count(d.Media, shippost.Photo)
	switch {
	case len(d.Media) == 0:
		p.block("media_missing", mediaField, shippost.RemedyReplaceMedia, "Choose a video, or up to %d photos.", maxPhotos)
		return false
	case n > 0 && n < len(d.Media):
		p.block("media_mixed", mediaField, shippost.RemedyReplaceMedia, "A TikTok post has one video or photos, never both. Make two posts of it.")
		return false
	case n > maxPhotos:
		p.block("too_many_photos", mediaField, shippost.RemedyReplaceMedia, "A TikTok post has at most %d photos; this one has %d.", maxPhotos, n)
		return true
	case n == 0 && len(d.Media) > 1:
		p.block("too_many_videos", mediaField, shippost.RemedyReplaceMedia, "A TikTok post has one video; this one has %d.", len(d.Media))
		return false
	}
	for i, m := range d.Media {
		p.field = mediaField + "[" + strconv.Itoa(i) + "]"
		if p.usable(m) {
			if m.Kind == shippost.Photo {
				p.photo(m)
			} else {
				p.video(m)
			}
		}
	}
	return n > 0
}

// usable notes what is known to be wrong with a file, and reports whether it can be judged further.
func (p *problems) usable(m shippost.Media) bool {
	for _, found := range m.Problems {
		found.Field = p.field
		p.list = append(p.list, found)
	}
	switch m.Status {
	case shippost.MediaReady:
		return true
	case shippost.MediaReceiving, shippost.MediaChecking:
		p.block("media_not_ready", p.field, shippost.RemedyWait, "The %s is still on its way. Wait until it is here and checked.", noun(m))
	case shippost.MediaDeleted:
		p.block("media_deleted", p.field, shippost.RemedyReplaceMedia, "The %s was deleted. Choose another one.", noun(m))
	default:
		if !shippost.Blocking(m.Problems) {
			p.block("media_unusable", p.field, shippost.RemedyReplaceMedia, "This file cannot be used. Choose another one.")
		}
	}
	return false
}

func noun(m shippost.Media) string {
	if m.Kind == shippost.Photo {
		return "photo"
	}
	return "video"
}

func count(media []shippost.Media, kind shippost.MediaKind) int {
	n := 0
	for _, m := range media {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

// video judges a video by the rules. What a conversion can mend says so, or what to export instead where none can be made.
func (p *problems) video(m shippost.Media) {
	f := m.Facts
	if r := p.limit(shippost.Video, shippost.RuleContainer); !slices.Contains(r.OneOf, f.Container) {
		p.unfit(m, r, "TikTok takes MP4, MOV and WebM; this file is %s.", orUnknown(f.Container))
	}
	if r := p.limit(shippost.Video, shippost.RuleVideoCodec); !slices.Contains(r.OneOf, f.VideoCodec) {
		p.unfit(m, r, "TikTok takes H.264, H.265, VP8 and VP9; this video is %s.", orUnknown(f.VideoCodec))
	}
	switch r := p.limit(shippost.Video, shippost.RuleSize); {
	case m.Size <= 0:
		p.block("media_empty", p.field, shippost.RemedyReplaceMedia, "The file is empty.")
	case !r.Allows(float64(m.Size)):
		p.unfit(m, r, "The video has %s; TikTok takes %d GB.", gigabytes(m.Size), maxSize>>30)
	case m.Size > safeSize:
		p.warn("media_very_large", p.field, shippost.RemedyReplaceMedia, "The video has %s; TikTok may refuse more than %.0f GB.", gigabytes(m.Size), safeSize/1e9)
	}
	p.picture(m)
	p.duration(m)
}

func (p *problems) picture(m shippost.Media) {
	f := m.Facts
	small, large := p.limit(shippost.Video, shippost.RuleShortSide), p.limit(shippost.Video, shippost.RuleLongSide)
	switch {
	case f.Width <= 0 || f.Height <= 0:
		p.warn("picture_unknown", p.field, shippost.RemedyReplaceMedia, "The size of the picture could not be read; TikTok takes sides of %.0f to %.0f pixels.", *small.Min, *large.Max)
	case !small.Allows(float64(min(f.Width, f.Height))):
		p.unfit(m, small, "The picture has %d × %d pixels; TikTok needs at least %.0f on each side.", f.Width, f.Height, *small.Min)
	case !large.Allows(float64(max(f.Width, f.Height))):
		p.unfit(m, large, "The picture has %d × %d pixels; TikTok takes at most %.0f on each side.", f.Width, f.Height, *large.Max)
	}
	if r := p.limit(shippost.Video, shippost.RuleFrameRate); f.FrameRate > 0 && !r.Allows(f.FrameRate) {
		p.unfit(m, r, "The video has %s frames per second; TikTok takes %d to %d.",
			strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", f.FrameRate), "0"), "."), minFrames, maxFrames)
	}
}

func (p *problems) duration(m shippost.Media) {
	d, r := m.Facts.Duration, p.limit(shippost.Video, shippost.RuleDuration)
	longest := time.Duration(math.MaxInt64)
	if r.Max != nil {
		longest = time.Duration(*r.Max) * time.Millisecond
	}
	own := r.Source == shippost.FromAccount
	switch {
	case d <= 0:
		p.warn("duration_unknown", p.field, shippost.RemedyReplaceMedia, "The length of the video could not be read; TikTok may refuse it.")
	case own && d > longest && spoken(d) == spoken(longest):
		p.unfit(m, r, "The video lasts a little longer than the %s that this account may post.", spoken(longest))
	case own && d > longest:
		p.unfit(m, r, "The video lasts %s; this account may post %s.", spoken(d), spoken(longest))
	case d > longest:
		p.unfit(m, r, "The video lasts %s; TikTok takes at most %s.", spoken(d), spoken(longest))
	case d < minDuration:
		p.warn("video_very_short", p.field, shippost.RemedyReplaceMedia, "The video lasts %s; TikTok often refuses less than %s.", spoken(d), spoken(minDuration))
	}
}

// unfit notes that a file breaks a rule, with the way out.
func (p *problems) unfit(m shippost.Media, r shippost.Rule, format string, args ...any) {
	recipe, _, ok := platform.MakeRecipe(p.rules, m)
	remedy, hint := shippost.RemedyReplaceMedia, ""
	switch {
	case !r.Fixable || !ok:
	case p.converts:
		remedy = shippost.RemedyConvert
	default:
		hint = " " + export(recipe)
	}
	p.block(r.Code, p.field, remedy, "%s%s", fmt.Sprintf(format, args...), hint)
}

// export says in a sentence what to export instead of a file that does not fit.
func export(r shippost.Recipe) string {
	text := fmt.Sprintf("Export it as MP4 with H.264, %d × %d pixels, %s frames per second", r.Width, r.Height,
		strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", r.FrameRate), "0"), "."))
	if r.Length > 0 {
		text += ", at most " + spoken(r.Length)
	}
	return text + "."
}

// CaptionUnits counts a caption as TikTok does: in UTF-16 code units, so that an emoji counts two.
func CaptionUnits(caption string) int { return len(utf16.Encode([]rune(caption))) }

func (p *problems) caption(caption string, limit int) {
	if !utf8.ValidString(caption) {
		p.block("caption_invalid", "caption", shippost.RemedyEdit, "The caption holds characters that cannot be sent. Type it again.")
		return
	}
	if n := CaptionUnits(caption); n > limit {
		p.block("caption_too_long", "caption", shippost.RemedyEdit, "The caption has %d characters; TikTok takes %d. Most emoji count as two.", n, limit)
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
		return "Only you"
	}
}

func (p *problems) interactions(d platform.Draft, o shippost.TikTokOptions, creator shippost.Creator) {
	photos := count(d.Media, shippost.Photo) > 0
	for _, i := range interactions(&o, creator) {
		switch {
		case photos && i.videoOnly:
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
