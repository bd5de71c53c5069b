package compose

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Declaration is a text a creator agrees to right before the button that posts (TikTok contract 7).
type Declaration struct {
	Version string // names the text for ever; the consent ledger keeps it
	Text    string
	Links   []Link // words of the text and where they lead
}

// Link is a part of a text that leads somewhere.
type Link struct {
	Words string
	URL   string
}

// The wording is TikTok's own. A change of text is a new version.
var (
	musicUsage     = Link{"Music Usage Confirmation", "https://www.tiktok.com/legal/page/global/music-usage-confirmation/en"}
	brandedContent = Link{"Branded Content Policy", "https://www.tiktok.com/legal/page/global/bc-policy/en"}

	plainDeclaration = Declaration{"tiktok-music-2026-11",
		"By posting, you agree to TikTok's Music Usage Confirmation", []Link{musicUsage}}
	brandedDeclaration = Declaration{"tiktok-branded-2026-11",
		"By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation.", []Link{brandedContent, musicUsage}}
)

// Declarations returns the texts a post with ordinary and one with branded content asks consent to.
func Declarations() (ordinary, branded Declaration) { return plainDeclaration, brandedDeclaration }

// declaration returns the text that belongs to the options.
func declaration(o shippost.Options) Declaration {
	if t := o.TikTok; t != nil && t.BrandedContent != nil && *t.BrandedContent {
		return brandedDeclaration
	}
	return plainDeclaration
}

// recordConsent writes into the ledger what was agreed to, by whom and under which words.
func recordConsent(ctx context.Context, tx *store.Tx, actor shippost.Actor, p shippost.Post, m material) error {
	nickname := m.creator.Nickname
	if nickname == "" {
		nickname = m.account.Name
	}
	c := shippost.Consent{ID: shippost.NewConsentID(tx.Now()), Post: p.ID, PostVersion: p.Version, User: actor.User, Account: p.Account,
		Nickname: nickname, Wording: declaration(p.Options).Version, Caption: p.Caption, Options: p.Options, At: tx.Now()}
	for _, file := range m.media {
		c.Media = append(c.Media, file.SHA256)
	}
	return tx.InsertConsent(ctx, &c)
}
