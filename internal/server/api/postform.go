package api

import (
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
)

// NewPost is a post as it is asked for.
type NewPost struct {
	Account    string   `json:"account_id,omitempty" maxLength:"64" doc:"The account the post goes to. Required."`
	Group      string   `json:"group_id,omitempty" maxLength:"64" doc:"The same for posts composed together: grp_ and 26 characters of Crockford's base 32."`
	Media      []string `json:"media_ids,omitempty" maxItems:"50" doc:"One video, or photos in their order."`
	Caption    string   `json:"caption,omitempty" maxLength:"10000" doc:"TikTok takes up to 2200 UTF-16 units with a video, 4000 with photos."`
	LateWindow string   `json:"late_window,omitempty" enum:"0,15m,1h,6h,24h" doc:"How long after its due time the post may still go out. The workspace's own when left out."`
	When
	Labels  []string    `json:"label_ids,omitempty" maxItems:"50" doc:"At most 10 of the workspace's labels."`
	Options PostAnswers `json:"options,omitempty"`
}

// When is when a post is to go out.
type When struct {
	DueAt time.Time `json:"due_at,omitzero" doc:"The instant. Give this or due."`
	Due   Due       `json:"due,omitzero" doc:"The wall-clock time. Give this or due_at."`
}

// PostAnswers are the choices that only the platform of the account knows, as they are asked for.
type PostAnswers struct {
	TikTok *TikTokAnswers `json:"tiktok,omitempty"`
}

// TikTokAnswers answers TikTok's questions. None of the legal ones has a default.
type TikTokAnswers struct {
	PrivacyLevel   *string `json:"privacy_level,omitempty" maxLength:"64" example:"SELF_ONLY" doc:"One of the creator's own privacy_options."`
	AllowComment   *bool   `json:"allow_comment,omitempty"`
	AllowDuet      *bool   `json:"allow_duet,omitempty" doc:"Not asked for photos."`
	AllowStitch    *bool   `json:"allow_stitch,omitempty" doc:"Not asked for photos."`
	YourBrand      *bool   `json:"your_brand,omitempty" doc:"The post promotes the creator's own business."`
	BrandedContent *bool   `json:"branded_content,omitempty" doc:"The post is a paid partnership with a third party."`
	AIGenerated    *bool   `json:"ai_generated,omitempty"`
	CoverMS        *int64  `json:"cover_ms,omitempty" minimum:"0" maximum:"86400000" doc:"The frame of a video that becomes its cover, in milliseconds."`
	ToInbox        *bool   `json:"to_inbox,omitempty" doc:"Send a draft to the creator's TikTok inbox instead of posting. Only where the operator allows it; of the questions only consent is asked then."`
	Title          *string `json:"title,omitempty" maxLength:"500" doc:"A headline beside the caption, photos only. TikTok takes up to 90 UTF-16 units."`
	PhotoCover     *int    `json:"photo_cover_index,omitempty" minimum:"0" maximum:"34" doc:"The photo that becomes the cover, 0 for the first."`
	AutoMusic      *bool   `json:"auto_music,omitempty" doc:"TikTok adds music of its choice, photos only."`
	Consent        bool    `json:"consent,omitempty" doc:"The creator agreed to the declaration; see getCreator."`
}

// PostChange is what is to be different about a post.
type PostChange struct {
	Version    int64    `json:"version,omitempty" minimum:"1" doc:"As If-Match."`
	Media      []string `json:"media_ids,omitempty" maxItems:"50"`
	Caption    *string  `json:"caption,omitempty" maxLength:"10000"`
	Group      string   `json:"group_id,omitempty" maxLength:"64" doc:"The same for posts composed together. A post that has one keeps it."`
	LateWindow string   `json:"late_window,omitempty" enum:"0,15m,1h,6h,24h"`
	When
	Options PostAnswers `json:"options,omitempty" doc:"Answers that are left out stay."`
}

func (in NewPost) draft() (compose.Draft, error) {
	if err := validGroup(in.Group); err != nil {
		return compose.Draft{}, err
	}
	d := compose.Draft{Account: shippost.AccountID(in.Account), Group: shippost.GroupID(in.Group), Media: mediaIDs(in.Media), Caption: in.Caption,
		When: in.when(), LateWindow: window(in.LateWindow), Labels: labelIDs(in.Labels)}
	if t := in.Options.TikTok; t != nil {
		d.Options.TikTok = t.answers()
	}
	return d, nil
}

// validGroup returns what is wrong with a group's id that somebody made; none is none.
func validGroup(id string) error {
	if id != "" && !shippost.ValidID("grp_", id) {
		return shippost.Errorf(shippost.Invalid, "invalid_group_id", "A group id is grp_ and 26 characters.").At("group_id")
	}
	return nil
}

func (t TikTokAnswers) answers() *shippost.TikTokOptions {
	o := &shippost.TikTokOptions{AllowComment: t.AllowComment, AllowDuet: t.AllowDuet, AllowStitch: t.AllowStitch,
		YourBrand: t.YourBrand, BrandedContent: t.BrandedContent, Consent: t.Consent}
	if t.PrivacyLevel != nil {
		o.PrivacyLevel = *t.PrivacyLevel
	}
	if t.AIGenerated != nil {
		o.AIGenerated = *t.AIGenerated
	}
	if t.CoverMS != nil {
		o.CoverMS = *t.CoverMS
	}
	if t.ToInbox != nil {
		o.ToInbox = *t.ToInbox
	}
	if t.Title != nil {
		o.Title = *t.Title
	}
	if t.PhotoCover != nil {
		o.PhotoCoverIndex = *t.PhotoCover
	}
	if t.AutoMusic != nil {
		o.AutoMusic = *t.AutoMusic
	}
	return o
}

func (in PostChange) change() (compose.Change, error) {
	if err := validGroup(in.Group); err != nil {
		return compose.Change{}, err
	}
	c := compose.Change{Group: shippost.GroupID(in.Group), Media: mediaIDs(in.Media), Caption: in.Caption, When: in.when(), LateWindow: window(in.LateWindow)}
	if t := in.Options.TikTok; t != nil {
		c.TikTok = &compose.TikTokChange{PrivacyLevel: t.PrivacyLevel, AllowComment: t.AllowComment, AllowDuet: t.AllowDuet, AllowStitch: t.AllowStitch,
			YourBrand: t.YourBrand, BrandedContent: t.BrandedContent, AIGenerated: t.AIGenerated, CoverMS: t.CoverMS,
			ToInbox: t.ToInbox, Title: t.Title, PhotoCover: t.PhotoCover, AutoMusic: t.AutoMusic, Consent: t.Consent}
	}
	return c, nil
}

func (in When) when() compose.When {
	return compose.When{At: in.DueAt, Local: in.Due.Local, Zone: in.Due.Zone, Fold: shippost.Fold(in.Due.Fold)}
}

func mediaIDs(ids []string) []shippost.MediaID {
	if ids == nil {
		return nil
	}
	return convert(ids, func(id string) shippost.MediaID { return shippost.MediaID(id) })
}

// windows are the late windows by the words that stand for them.
var windows = map[string]time.Duration{"0": 0, "15m": 15 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour, "24h": 24 * time.Hour}

// window returns a chosen late window; nil when none was.
func window(word string) *time.Duration {
	if d, ok := windows[word]; ok {
		return &d
	}
	return nil
}
