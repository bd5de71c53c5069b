package publish

import (
	"math/rand/v2"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

const (
	// maxCommitted is how many attempts of a post may pass the point of no return (reliability C14).
	maxCommitted = 3
	// maxUnknown is how often an unknown code is tried before it counts as a refusal (reliability §7, K7).
	maxUnknown = 3
	// guardAhead is how long before the due time a committing row may be written, so that many are written at once.
	guardAhead = time.Second
	// resumeMargin is how long an upload URL must live past the planned commit to be worth resuming (reliability C5).
	resumeMargin = 10 * time.Minute
	// minLead is how early even a tiny file is staged.
	minLead = 20 * time.Second
	// leadMargin is added to the expected time of the transfer.
	leadMargin = 30 * time.Second
	// creatorFresh is how old the creator's permissions may be at the commit.
	creatorFresh = time.Minute
	// giveUpAsking is when an attempt that the platform never finished becomes unknown (reliability C13).
	giveUpAsking = 72 * time.Hour
	// askLate is how often an attempt that became unknown is asked about all the same, and lateTruth until when after its commit.
	askLate, lateTruth = 6 * time.Hour, 14 * 24 * time.Hour
	// askForIDs is how long after publication we ask for the id of a public post.
	askForIDs = 24 * time.Hour
)

// stageAt returns when staging of size bytes should begin for a post due at that time: early enough for the transfer, and
// for those after it in its account's crowd to begin after it, never before the platform's earliest. fixed is when posts of
// the account are due that are opened at that time and no other, in order: it makes way for them.
func stageAt(due time.Time, size int64, p platform.Platform, crowd, fixed []time.Time) time.Time {
	lead := minLead
	if pacer, ok := platform.Can[platform.Pacer](p); ok {
		// Twice the estimate: a line that was fast a while ago may be busy now.
		lead = max(minLead, 2*pacer.Lead(size)+leadMargin)
	}
	start := due
	for i, later := range crowd {
		// What is due soon after this one needs its own turn before that.
		start = earlier(start, later.Add(-time.Duration(i+1)*initTurn))
	}
	return latest(makeWay(start.Add(-lead), fixed), due.Add(-p.Describe().EarliestStage))
}

// makeWay returns the latest time until at from which the account's budget of init requests has a minute that none of the
// fixed ones needs. Those that are more than the budget allows are opened one after the other.
func makeWay(at time.Time, fixed []time.Time) time.Time {
	opened := make([]time.Time, len(fixed))
	for i, due := range fixed {
		opened[i] = due
		if i >= initsPerMinute {
			opened[i] = latest(due, opened[i-initsPerMinute].Add(time.Minute))
		}
	}
	for _, t := range slices.Backward(opened) {
		if at.Sub(t).Abs() <= time.Minute {
			at = t.Add(-time.Minute - time.Second)
		}
	}
	return at
}

// initTurn is how long each post of an account has the account's budget of init requests to itself: a little more than
// the budget would give it, so that nobody has to wait for the budget.
const initTurn = time.Minute/initsPerMinute + time.Second

// allowedUntil is the last instant at which an attempt of the post may commit: the late window for the first one, an hour
// more for further attempts after one that the platform failed (reliability §5).
func allowedUntil(p shippost.Post, committedBefore int) time.Time {
	until := p.Deadline()
	if committedBefore > 0 {
		until = p.Due.At.Add(p.LateWindow + shippost.RetryGrace)
	}
	return until
}

// resumable reports whether an open attempt's upload URL lives long enough past the planned commit.
func resumable(a shippost.Attempt, now, due time.Time) bool {
	commit := due
	if now.After(commit) {
		commit = now
	}
	return a.OpenedAt.Add(uploadLife).After(commit.Add(resumeMargin))
}

// backoff returns how long to wait before try n (1 for the first repeat): full jitter, 5 s growing to 5 min.
func backoff(n int) time.Duration {
	ceiling := 5 * time.Minute
	if n < 7 {
		ceiling = min(ceiling, 5*time.Second<<max(n-1, 0))
	}
	return time.Second + rand.N(ceiling)
}

// pollAfter returns how long to wait before status question number n, counting from 0 (TikTok contract 4.9). The first
// questions come quickly, since small files are often through within seconds.
func pollAfter(n int) time.Duration {
	var wait time.Duration
	switch {
	case n < 2:
		wait = 2 * time.Second
	case n < 8:
		wait = 5 * time.Second
	case n < 16:
		wait = 15 * time.Second
	case n < 46:
		wait = time.Minute
	default:
		wait = 5 * time.Minute
	}
	return wait + rand.N(wait/5)
}

// idsAfter returns how long to wait before asking for the id of a published post after n questions: a link that comes soon
// is there soon, and one that never comes, as that of a private post, costs a hundred questions in a day.
func idsAfter(n int) time.Duration {
	return min(3*time.Second<<min(n, 10), 15*time.Minute)
}
