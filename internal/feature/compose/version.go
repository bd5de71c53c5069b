package compose

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Limits of what is kept of a post's past.
const (
	MaxVersions = 100             // of one post; the oldest go
	oneSitting  = 2 * time.Minute // of the clock; what one hand saves of a draft within it is one change
)

// keepVersions writes down what a post was and what it is, in the transaction that changes it. What a draft became while
// somebody was typing is one version.
func keepVersions(ctx context.Context, tx *store.Tx, actor shippost.Actor, before, after shippost.Post) error {
	by := before.CreatedBy
	if before.Version > 1 {
		by = "" // who made it what it was is not known, if it was not written down then
	}
	first := versionOf(before, by, "", before.UpdatedAt)
	if err := tx.KeepVersion(ctx, &first); err != nil {
		return err
	}
	next := versionOf(after, actor.User, actor.Key, after.UpdatedAt)
	if err := tx.KeepVersion(ctx, &next); err != nil {
		return err
	}
	if after.Status == shippost.PostDraft {
		if err := tx.JoinVersions(ctx, &next, after.UpdatedAt.Truncate(oneSitting)); err != nil {
			return err
		}
	}
	return tx.TrimVersions(ctx, after.ID, MaxVersions)
}

func versionOf(p shippost.Post, by shippost.UserID, key shippost.APIKeyID, at time.Time) shippost.PostVersion {
	if o := p.Options.TikTok; o != nil {
		// Consent is given to what is sent and kept in its own ledger; no version carries it.
		without := *o
		without.Consent = false
		p.Options.TikTok = &without
	}
	return shippost.PostVersion{Post: p.ID, Version: p.Version, By: by, Key: key, At: at, Status: p.Status, Media: p.Media, Caption: p.Caption, Options: p.Options,
		Due: shippost.Due{Local: p.Due.Local, Zone: p.Due.Zone, Fold: p.Due.Fold}}
}

// Versions returns what a post was after each change, the latest first and what it is among them, and what those who made the
// changes are called.
func (c *Composer) Versions(ctx context.Context, actor shippost.Actor, id shippost.PostID) (list []shippost.PostVersion, names map[shippost.UserID]string, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, nil, err
	}
	names = map[shippost.UserID]string{}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		p, err := tx.Post(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if list, err = tx.Versions(ctx, id); err == nil && len(list) == 0 {
			list = []shippost.PostVersion{versionOf(p, p.CreatedBy, "", p.CreatedAt)}
		}
		for _, v := range list {
			if _, asked := names[v.By]; asked || v.By == "" || err != nil {
				continue
			}
			var user shippost.User
			user, err = tx.User(ctx, v.By)
			names[v.By] = user.Name
		}
		return err
	})
	return list, names, err
}
