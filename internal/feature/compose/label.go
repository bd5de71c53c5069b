package compose

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Label gives a post these labels in the place of those it had, whatever state it is in: nothing of what is sent changes.
func (c *Composer) Label(ctx context.Context, actor shippost.Actor, id shippost.PostID, labels []shippost.LabelID) error {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return err
	}
	return c.db.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.LockPost(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if err := label(ctx, tx, p, labels); err != nil {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Workspace: p.Workspace, Kind: shippost.EntryPostLabelled, Actor: actor, Account: p.Account, Post: p.ID,
			Data: map[string]any{"labels": len(labels)}})
	})
}

func label(ctx context.Context, tx *store.Tx, p shippost.Post, labels []shippost.LabelID) error {
	if len(labels) > shippost.MaxPostLabels {
		return shippost.Errorf(shippost.Invalid, "too_many_labels", "A post has at most %d labels.", shippost.MaxPostLabels).At("label_ids").With(shippost.RemedyEdit)
	}
	return tx.SetPostLabels(ctx, p.Workspace, p.ID, labels)
}

// Labels returns which labels posts of the workspace have, by post.
func (c *Composer) Labels(ctx context.Context, actor shippost.Actor, posts []shippost.PostID) (found map[shippost.PostID][]shippost.LabelID, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		found, err = tx.PostLabels(ctx, actor.Workspace, posts)
		return err
	})
	return found, err
}
