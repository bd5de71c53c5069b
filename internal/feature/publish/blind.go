package publish

import (
	"context"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// A post may be with the platform while our access to its account ends. It may be out or not, and nobody can ask: that is
// what people are told. With access again, or by a message of the platform, the truth comes out after all.

// codeAccessLost is the code of posts about which nobody can be asked.
const codeAccessLost = "access_lost"

// blindPause is how long it takes until it is tried again to ask without access. Connecting the account anew ends it.
const blindPause = 10 * time.Minute

// blind reports whether the platform has the post and nobody can ask about it.
func (s situation) blind() bool { return s.Post.Hold != nil && s.Post.Hold.Code == codeAccessLost }

// blinded tells people that the platform has the post and that nobody can ask what becomes of it.
func (p *Publisher) blinded(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt, f platform.Failure) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		if f.Withdrawn {
			if err := p.vault.Withdrawn(ctx, tx, s.Account, f.Code); err != nil {
				return err
			}
		}
		if err := tx.CountPoll(ctx, a.ID, p.now().Add(blindPause), f.Post()); err != nil || s.blind() {
			return err
		}
		post := s.Post
		post.Hold = &shippost.Hold{Code: codeAccessLost, Since: p.now(), Remedy: shippost.RemedyReconnect,
			Message: fmt.Sprintf("%s has this post, but no longer lets ShipPost see what became of it. Connect the account again to find out.", pf.Describe().Title)}
		if err := p.savePost(ctx, tx, &post, shippost.PostPublishing, time.Time{}); err != nil {
			return err
		}
		return tx.Record(ctx, p.entry(shippost.EntryPostBlind, post, &a, map[string]any{"code": f.Code}))
	})
}

// sighted takes blinded back after an answer.
func (p *Publisher) sighted(ctx context.Context, s *situation, a shippost.Attempt) error {
	if !s.blind() {
		return nil
	}
	post := s.Post
	post.Hold = nil
	err := p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		if err := p.savePost(ctx, tx, &post, shippost.PostPublishing, time.Time{}); err != nil {
			return err
		}
		return tx.Record(ctx, p.entry(shippost.EntryPostReleased, post, &a, map[string]any{"code": codeAccessLost}))
	})
	if err == nil {
		s.Post = post
	}
	return err
}
