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
