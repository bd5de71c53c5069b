package publish

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// lookBack asks once more about earlier attempts of the post that passed the point of no return and were proven dead,
// before another one does. Nothing should ever come of it. If the platform shows one of them after all, a second post
// is what must not happen now: the incident is reported and this attempt ends (I5).
func (r *runner) lookBack(ctx context.Context) error {
	if r.s.Committed == 0 {
		return nil
	}
	var earlier []shippost.Attempt
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		earlier, err = tx.Attempts(ctx, r.a.Post)
		return err
	})
	if err != nil {
		return err
	}
	for _, dead := range earlier {
		if dead.State != shippost.AttemptDead || dead.GuardedAt.IsZero() || dead.PublishID == "" {
			continue
		}
		if err := r.takeQuota(ctx, "status", statusPerMinute); err != nil {
			return err
		}
		question := (&runner{Publisher: r.Publisher, s: r.s, a: dead, options: r.options}).question()
		verdict, err := r.platform.Confirm(ctx, question)
		if err != nil {
			// Its death is proven; that the platform cannot be asked again proves nothing against it.
			r.log.Info("an earlier attempt could not be asked about again", "post", dead.Post, "attempt", dead.ID, "err", err)
			continue
		}
		if verdict.State == platform.Published || verdict.State == platform.InInbox {
			return r.incident(ctx, dead, verdict)
		}
	}
	return nil
}

// incident ends this attempt, because a dead one has published after all: the post is posted, an operator is called, and
// what is dead stays dead.
func (r *runner) incident(ctx context.Context, dead shippost.Attempt, v platform.Verdict) error {
	r.log.Error("a post came out of an attempt that was proven dead; the next attempt is stopped",
		"post", dead.Post, "attempt", dead.ID, "rule", dead.Death, "log_id", v.LogID)
	proof, ok := proveDead(r.a, facts{Now: r.now(), Kind: r.s.kind(), Why: codeRisen})
	if !ok {
		return shippost.Errorf(shippost.Internal, "no_proof", "attempt %s cannot be proven dead", r.a.ID)
	}
	err := r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		a, post := r.a, r.s.Post
		if err := r.bury(ctx, tx, &a, proof, nil); err != nil {
			return err
		}
		post.Status, post.Phase, post.Hold, post.Failure, post.PostedAt = shippost.PostPosted, shippost.PhaseNone, nil, nil, r.now()
		kind := shippost.EntryPostPosted
		if v.State == platform.InInbox {
			post.Status, kind, post.PostedAt = shippost.PostInInbox, shippost.EntryPostInbox, time.Time{}
		}
		post.CommittedAt = latest(dead.CommittedAt, dead.GuardedAt, post.Due.At)
		post.PlatformIDs, post.Permalink = v.PostIDs, v.Permalink
		if err := r.savePost(ctx, tx, &post, shippost.PostPublishing, time.Time{}); err != nil {
			return err
		}
		alarm := r.entry(shippost.EntryPublisherAlarm, post, &dead, map[string]any{"code": codeRisen, "rule": dead.Death, "log_id": v.LogID})
		if err := tx.Record(ctx, alarm); err != nil {
			return err
		}
		return tx.Record(ctx, r.entry(kind, post, &dead, map[string]any{"log_id": v.LogID}))
	})
	if err != nil {
		return err
	}
	// Whoever runs this attempt finds that it moved on.
	return errLost
}

// codeRisen is the code of the alarm about a dead attempt that published.
const codeRisen = "dead_attempt_published"
