package publish

import (
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// disposition is what becomes of a post after something went wrong before the point of no return, or after the platform
// gave a committed attempt up.
type disposition struct {
	Status  shippost.PostStatus // queued, failed, missed or cancelled
	Wake    time.Time           // for queued: when to look again
	Hold    *shippost.Hold      // for queued: what it waits for, if a person should know
	Failure *shippost.Failure   // for failed
	Resume  bool                // the open attempt is worth resuming: it is not to be buried
	Alarm   bool                // an operator must look
}

// dispose decides what becomes of a post whose attempt failed. tries counts the failures of the present attempt, 1 for
// the first; gone says that the platform no longer takes bytes for it (reliability §7).
func dispose(s situation, f platform.Failure, now time.Time, tries int, gone bool) disposition {
	until := allowedUntil(s.Post, s.Committed)
	d := disposition{Status: shippost.PostQueued, Alarm: f.Alarm}
	open := s.Attempt != nil && s.Attempt.State == shippost.AttemptOpen
	switch {
	case f.Ask:
		// The creator may change it back, or whoever wrote the post may choose anew; then it is looked at at once.
		d.Wake, d.Hold = now.Add(atLeast(askAgainAfter, f.RetryAfter)), hold(f, now)
	case f.Class == platform.Content || f.Class == platform.Declined:
		return disposition{Status: shippost.PostFailed, Failure: f.Post(), Alarm: f.Alarm}
	case f.Class == platform.Unknown:
		if s.Unknown+1 >= maxUnknown {
			return disposition{Status: shippost.PostFailed, Failure: f.Post(), Alarm: true}
		}
		d.Wake = now.Add(atLeast(backoff(s.Unknown+1), f.RetryAfter))
	case f.Class == platform.Rate:
		d.Wake = now.Add(atLeast(time.Minute+backoff(1), f.RetryAfter))
		if f.Code == codeOwnBudget {
			d.Wake = now.Add(f.RetryAfter) // nobody asked us for a pause
		}
	case f.Class == platform.Quota:
		d.Wake = now.Add(atLeast(time.Hour, f.RetryAfter))
		d.Hold = hold(f, now)
	case f.Class == platform.Auth:
		d.Wake = now.Add(time.Minute)
		d.Hold = hold(f, now)
	default:
		d.Wake = now.Add(atLeast(backoff(s.Dead+tries), f.RetryAfter))
		d.Resume = open && !gone && resumable(*s.Attempt, d.Wake, s.Post.Due.At)
	}
	// The last chance is just before the window ends; after it the post is missed, which decide finds.
	if last := until.Add(-5 * time.Second); d.Wake.After(last) && now.Before(last) && d.Hold == nil {
		d.Wake = last
	} else if d.Wake.After(until) {
		d.Wake = until.Add(time.Second)
	}
	return d
}

// afterRefusal decides what becomes of a post whose committed attempt the platform gave up for good. Only a reason of
// the transient kind allows another attempt, three in all, within the window (reliability C14, C15).
func afterRefusal(s situation, f platform.Failure, now time.Time) disposition {
	committed := s.Committed + 1
	until := allowedUntil(s.Post, committed)
	if f.After != platform.Transient || committed >= maxCommitted || now.After(until) {
		return disposition{Status: shippost.PostFailed, Failure: f.Post(), Alarm: f.Alarm}
	}
	return disposition{Status: shippost.PostQueued, Wake: earlier(now.Add(backoff(committed)), until), Alarm: f.Alarm}
}

// askAgainAfter is how long a post that a person must look at waits until it is tried as it is.
const askAgainAfter = 15 * time.Minute

func hold(f platform.Failure, now time.Time) *shippost.Hold {
	return &shippost.Hold{Code: f.Code, Message: f.Message, Remedy: f.Remedy, Since: now}
}

func atLeast(d, least time.Duration) time.Duration { return max(d, least) }
