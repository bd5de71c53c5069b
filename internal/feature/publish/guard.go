package publish

import (
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// refusal says why an attempt may not commit; "" lets it.
type refusal string

// Why a guard refuses.
const (
	notOurs      refusal = "not_ours"     // another node owns it, or it is no longer open
	withdrawn    refusal = "withdrawn"    // the post was cancelled or ended
	edited       refusal = "edited"       // the post changed after the attempt was planned
	disconnected refusal = "disconnected" // the account was disconnected or connected anew
	tooEarly     refusal = "too_early"    // before the due time
	tooLate      refusal = "too_late"     // the late window is over
	tooOld       refusal = "too_old"      // the platform takes no more bytes for the attempt
)

// guard decides whether an attempt may pass the point of no return, from rows that were read under lock in the
// transaction that writes the committing row (reliability §2.1, G). a is the attempt as its runner knows it.
func guard(a shippost.Attempt, row store.GuardRow, now time.Time) refusal {
	switch {
	case row.State != shippost.AttemptOpen || row.Owner != a.Owner || row.Fence != a.Fence:
		return notOurs
	case row.PostStatus != shippost.PostPublishing:
		return withdrawn
	case row.PostVersion != a.PostVersion:
		return edited
	case row.AccountStatus != shippost.AccountActive || row.AccountEpoch != a.Epoch:
		return disconnected
	case now.Before(row.DueAt.Add(-guardAhead)):
		return tooEarly
	}
	return ""
}

// mayOpen says why no init request may be sent now: never before the platform's earliest, never before the post is due
// where the platform may fetch its files at once, and nothing after the end of the late window (reliability §5).
func (r *runner) mayOpen(now time.Time) refusal {
	from := r.s.Post.Due.At
	if !r.pulled() {
		from = from.Add(-r.platform.Describe().EarliestStage)
	}
	switch {
	case now.Before(from):
		return tooEarly
	case now.After(allowedUntil(r.s.Post, r.s.Committed)):
		return tooLate
	}
	return ""
}
