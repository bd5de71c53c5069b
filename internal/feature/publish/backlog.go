package publish

import (
	"context"
	"time"

	"ship-post.com/shippost/internal/store"
)

// After downtime many posts of an account are late at once. They go out oldest first and a minute apart, so that they do
// not look like spam (reliability §5).
const (
	backlogAfter = time.Minute // a post this late belongs to a backlog
	backlogApart = time.Minute // between two commits of an account
)

// late reports whether a post belongs to a backlog.
func (s situation) late(now time.Time) bool { return now.After(s.Post.Due.At.Add(backlogAfter)) }

// queue returns how long a late post waits before an attempt is planned, because others of its account come first.
func (p *Publisher) queue(ctx context.Context, s situation) (wait time.Duration, err error) {
	now := p.now()
	if !s.late(now) {
		return 0, nil
	}
	var before int
	err = p.db.View(ctx, func(tx *store.Tx) (err error) {
		before, err = tx.PostsBefore(ctx, s.Account.ID, s.Post.Due.At, platformUnavailable)
		return err
	})
	if err != nil || before == 0 {
		return 0, err
	}
	// Somebody must look again just after the window, to say that the post was missed.
	left := max(allowedUntil(s.Post, s.Committed).Sub(now)+time.Second, time.Second)
	return min(time.Duration(min(before, 10))*backlogApart, left), nil
}

// turn returns until when a late post must wait with its commit because another one of its account has just gone; the
// zero time when it need not.
func (r *runner) turn(ctx context.Context, tx *store.Tx, now time.Time) (time.Time, error) {
	if !r.s.late(now) {
		return time.Time{}, nil
	}
	last, err := tx.LastCommit(ctx, r.s.Account.ID, now.Add(-backlogApart))
	if err != nil || last.IsZero() {
		return time.Time{}, err
	}
	return last.Add(backlogApart), nil
}
