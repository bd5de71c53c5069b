package compose

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Release ends the wait for a platform that does not say what became of a post: a person has looked and says that it is
// not out. The post has failed then and can be scheduled again. aware says that the person was told that a duplicate is
// possible; without it nothing happens. Programs cannot look, so keys may not decide. version is as in Change.
func (c *Composer) Release(ctx context.Context, actor shippost.Actor, id shippost.PostID, version int64, aware bool) (shippost.Post, error) {
	if err := actor.Require(shippost.ReleasePosts); err != nil {
		return shippost.Post{}, err
	}
	if actor.Kind != shippost.ActorUser {
		return shippost.Post{}, shippost.Errorf(shippost.Forbidden, "person_required", "Only a person who has looked can decide this. Sign in and do it there.")
	}
	var p shippost.Post
	err := c.db.Update(ctx, func(tx *store.Tx) (err error) {
		if p, err = tx.LockPost(ctx, actor.Workspace, id); err != nil {
			return err
		}
		if err := mayRevise(p, Change{Version: version}, revision{allowed: releasable}); err != nil {
			return err
		}
		if !aware {
			return shippost.Errorf(shippost.Invalid, "acknowledgement_required",
				"The post may be out all the same, and sending it again would show it twice. Look at the account first, then confirm that you know this.").
				At("duplicate_possible").With(shippost.RemedyDecide)
		}
		if err := c.publisher.Release(ctx, tx, p, actor); err != nil {
			return err
		}
		p.Status, p.Phase, p.UpdatedAt, p.CommittedAt = shippost.PostFailed, shippost.PhaseNone, tx.Now(), time.Time{}
		p.Failure = &shippost.Failure{Code: "released", Remedy: shippost.RemedyReschedule,
			Message: "The platform never said what became of this post, and somebody looked and found that it is not out. Choose a time to send it again."}
		ok, err := tx.SavePublishing(ctx, &p, shippost.PostUnconfirmed, time.Time{})
		if err == nil && !ok {
			err = shippost.Errorf(shippost.Internal, "lost_lock", "post %s changed under its lock", id)
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, actor, p, shippost.EntryPostDecided)
	})
	return p, err
}

func releasable(p shippost.Post) error {
	if p.Status == shippost.PostUnconfirmed {
		return nil
	}
	return shippost.Errorf(shippost.Conflict, "not_unconfirmed", "What became of this post is known; there is nothing to decide.")
}
