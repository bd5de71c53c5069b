package tiktok

import (
	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

const inboxField = "options.tiktok.to_inbox"

// inboxInit is the body of inbox/video/init (TikTok contract 4.6): nothing but the file can be sent along.
type inboxInit struct {
	SourceInfo sourceInfo `json:"source_info"`
}

// inbox reports whether a payload goes to the creator's inbox, and not to the profile.
func inbox(p platform.Payload) bool { return p.Options.TikTok != nil && p.Options.TikTok.ToInbox }

// agreed makes sure that the creator agreed to what is sent; a draft asks nothing else.
func agreed(p platform.Payload) error {
	if p.Options.TikTok == nil || !p.Options.TikTok.Consent {
		return shippost.Errorf(shippost.Invalid, "choices_missing", "Agree to TikTok's declaration first.").At("options.tiktok").With(shippost.RemedyEdit)
	}
	return nil
}

// inboxVideo says what a draft of a video cannot take along.
func (p *problems) inboxVideo(d platform.Draft) {
	if d.Caption != "" {
		p.warn("caption_not_sent", "caption", shippost.RemedyNone, "TikTok takes no caption with a draft of a video. Write it in the TikTok app when you finish the post.")
	}
}
