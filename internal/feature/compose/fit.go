package compose

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Limits are the rules that hold for an account now.
type Limits struct {
	Rules    shippost.Rules
	Asked    bool // the platform told what this creator may do; without, the account's own limits are missing
	Converts bool // this server can make files anew that do not fit
}

// Fit is how a file stands to the rules of an account.
type Fit struct {
	Media    shippost.MediaID
	Fits     bool
	Problems []shippost.Problem // about the file alone
	Recipe   *shippost.Recipe   // how it would be made anew; nil when there is nothing to gain, or no help
}

// Limits returns the rules of an account as data: what Validate, the editor's hints and the publisher go by.
func (c *Composer) Limits(ctx context.Context, actor shippost.Actor, id shippost.AccountID) (Limits, error) {
	l, _, err := c.limits(ctx, actor, id)
	return l, err
}

func (c *Composer) limits(ctx context.Context, actor shippost.Actor, id shippost.AccountID) (l Limits, m material, err error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return l, m, err
	}
	var account shippost.Account
	err = c.db.View(ctx, func(tx *store.Tx) (err error) {
		account, err = tx.Account(ctx, actor.Workspace, id)
		return err
	})
	if err != nil {
		return l, m, err
	}
	m.account = &account
	if account.Status == shippost.AccountActive {
		m.creatorAnswer = c.ask(ctx, account, When{})
	}
	l.Rules, l.Asked = c.rulesFor(m), len(m.doubts) == 0 && account.Status == shippost.AccountActive
	l.Converts = c.converter != nil
	return l, m, ctx.Err()
}

// rulesFor returns the rules of a platform that tells them, for the creator as far as is known.
func (c *Composer) rulesFor(m material) shippost.Rules {
	if m.account == nil {
		return nil
	}
	if teller, ok := platform.Can[platform.RuleTeller](c.platforms[m.account.Platform]); ok {
		return teller.Rules(m.creator)
	}
	return nil
}

// Fit holds one file against the rules of an account.
func (c *Composer) Fit(ctx context.Context, actor shippost.Actor, account shippost.AccountID, file shippost.MediaID) (Fit, error) {
	fit, _, err := c.fitOne(ctx, actor, account, file)
	return fit, err
}

func (c *Composer) fitOne(ctx context.Context, actor shippost.Actor, account shippost.AccountID, file shippost.MediaID) (Fit, shippost.Media, error) {
	_, m, err := c.limits(ctx, actor, account)
	if err != nil {
		return Fit{}, shippost.Media{}, err
	}
	var media shippost.Media
	err = c.db.View(ctx, func(tx *store.Tx) (err error) {
		media, err = tx.Media(ctx, actor.Workspace, file)
		return err
	})
	if err != nil {
		return Fit{}, media, err
	}
	m.media = []*shippost.Media{&media}
	return c.fits(m)[0], media, nil
}

// Convert begins to make a file anew so that it fits an account. A file that fits in the form that conversions make is a Conflict
// with code already_fits; one that no conversion can help, not_convertible.
func (c *Composer) Convert(ctx context.Context, actor shippost.Actor, account shippost.AccountID, file shippost.MediaID) (shippost.Conversion, error) {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return shippost.Conversion{}, err
	}
	fit, media, err := c.fitOne(ctx, actor, account, file)
	switch {
	case err != nil:
		return shippost.Conversion{}, err
	case fit.Recipe != nil && c.converter == nil:
		return shippost.Conversion{}, shippost.Errorf(shippost.Unavailable, "conversion_unavailable",
			"This server cannot convert videos, because ffmpeg is not installed on it. Export the video so that it fits, then upload it.").With(shippost.RemedyReplaceMedia)
	case fit.Recipe != nil:
		return c.converter.Convert(ctx, actor, file, *fit.Recipe)
	case media.Kind == shippost.Video && fit.Fits:
		return shippost.Conversion{}, shippost.Errorf(shippost.Conflict, "already_fits", "This video fits as it is; there is nothing to convert.")
	default:
		return shippost.Conversion{}, shippost.Errorf(shippost.Conflict, "not_convertible", "No conversion can make this file fit. Choose another one.").With(shippost.RemedyReplaceMedia)
	}
}

// fits returns how each file of a draft stands to the rules. Files that are not there are left out. It is pure.
func (c *Composer) fits(m material) []Fit {
	rules := c.rulesFor(m)
	list := make([]Fit, 0, len(m.media))
	for _, file := range m.media {
		if file == nil {
			continue
		}
		fit := Fit{Media: file.ID}
		_, fit.Problems = judgeMedia([]*shippost.Media{file})
		if len(fit.Problems) == 0 && m.account != nil {
			if pf, ok := c.platforms[m.account.Platform]; ok {
				fit.Problems = ofFiles(pf.Validate(platform.Draft{Media: []shippost.Media{*file}}, m.creator))
			}
		}
		fit.Fits = !shippost.Blocking(fit.Problems)
		if recipe, needed, ok := platform.MakeRecipe(rules, *file); needed && ok {
			fit.Recipe = &recipe
		}
		list = append(list, fit)
	}
	return list
}

// ofFiles returns those problems that are about single files.
func ofFiles(problems []shippost.Problem) []shippost.Problem {
	var list []shippost.Problem
	for _, p := range problems {
		if p.Field == "media_ids[0]" {
			list = append(list, p)
		}
	}
	return list
}
