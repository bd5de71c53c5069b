package publish

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Desk is where the rest of the product tells the publisher what changed, inside the transaction that changes it.
type Desk struct{ p *Publisher }

// Desk returns the publisher's desk.
func (p *Publisher) Desk() *Desk { return &Desk{p} }

// Queued plans when the publisher looks at a post that became queued, or whose time or content changed.
func (d *Desk) Queued(ctx context.Context, tx *store.Tx, post *shippost.Post) error {
	account, err := tx.Account(ctx, post.Workspace, post.Account)
	if err != nil {
		return err
	}
	size, err := tx.PostSize(ctx, post.ID)
	if err != nil {
		return err
	}
	wake := d.p.now()
	if platform, ok := d.p.platforms[account.Platform]; ok {
		wake = stageAt(post.Due.At, size, platform)
	}
	if err := tx.SetWake(ctx, post.ID, wake); err != nil {
		return err
	}
	tx.OnCommit(func() { nudge(d.p.due) })
	return nil
}

// Withdraw ends the living attempt of a post, if there is one, because the post is cancelled or changed. Past the point
// of no return it fails with Conflict and code already_handed_over, and nothing may change.
func (d *Desk) Withdraw(ctx context.Context, tx *store.Tx, post shippost.Post, why string) error {
	a, ok, err := tx.LivingAttempt(ctx, post.ID)
	if err != nil || !ok {
		return err
	}
	if a.State.Committed() {
		return shippost.Errorf(shippost.Conflict, "already_handed_over",
			"This post has been handed to the platform already; it can no longer be changed or stopped here.")
	}
	proof, _ := proveDead(a, facts{Now: d.p.now(), Kind: shippost.Video, Why: why})
	if err := d.p.bury(ctx, tx, &a, proof, nil); err != nil {
		return err
	}
	tx.OnCommit(func() { d.p.interrupt(post.ID) })
	return nil
}

// AccountEnded fails all posts of an account that was disconnected, except those past the point of no return, which
// keep being followed as far as that is possible without a token.
func (d *Desk) AccountEnded(ctx context.Context, tx *store.Tx, account shippost.Account) error {
	posts, err := tx.UnfinishedPosts(ctx, account.ID)
	if err != nil {
		return err
	}
	for _, post := range posts {
		if err := d.Withdraw(ctx, tx, post, "disconnected"); shippost.IsCode(err, "already_handed_over") {
			continue
		} else if err != nil {
			return err
		}
		was := post.Status
		post.Status, post.Phase, post.Hold = shippost.PostFailed, shippost.PhaseNone, nil
		post.Failure = &shippost.Failure{Code: "disconnected", Remedy: shippost.RemedyReconnect,
			Message: "The account was disconnected before this post went out. Nothing was sent."}
		if err := d.p.savePost(ctx, tx, &post, was, time.Time{}); err != nil {
			return err
		}
		if err := tx.Record(ctx, d.p.entry(shippost.EntryPostFailed, post, nil, map[string]any{"code": "disconnected"})); err != nil {
			return err
		}
	}
	return nil
}

// AccountReady looks at all waiting posts of an account again, because it was connected anew.
func (d *Desk) AccountReady(ctx context.Context, tx *store.Tx, account shippost.Account) error {
	if err := tx.WakeHeldPosts(ctx, account.ID, d.p.now()); err != nil {
		return err
	}
	tx.OnCommit(func() { nudge(d.p.due) })
	return nil
}
