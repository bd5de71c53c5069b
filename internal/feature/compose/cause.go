package compose

import (
	"context"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Cause is a reason for which posts did not go out, or wait.
type Cause struct {
	Code     string // of the failure or hold; the status of a post that has none
	Held     bool   // the posts are queued, and go out once it is over
	Message  string // a sentence; the latest post's, where they differ
	Remedy   shippost.Remedy
	Posts    int
	Latest   time.Time // when the latest of them was touched
	Accounts []shippost.AccountID
}

// maxSetbacks is how many posts that did not go out, and how many that wait, are counted at most.
const maxSetbacks = 1000

// holdsAhead is how long before its time a post may be held at the most: publishing does not look at it earlier.
const holdsAhead = 3 * time.Hour

// Causes counts the posts that did not go out by the reason, the reason of the latest first, and those that are held now. more
// says that there are older ones that were not counted.
func (c *Composer) Causes(ctx context.Context, actor shippost.Actor, accounts []shippost.AccountID, labels []shippost.LabelID) (causes []Cause, more bool, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, false, err
	}
	ended := Filter{Accounts: accounts, Labels: labels, Limit: maxSetbacks + 1,
		Statuses: []shippost.PostStatus{shippost.PostFailed, shippost.PostMissed, shippost.PostUnconfirmed}}
	held := ended
	held.Statuses, held.Held, held.Order = []shippost.PostStatus{shippost.PostQueued}, true, DueFirst
	err = c.db.View(ctx, func(tx *store.Tx) error {
		held.To = tx.Now().Add(holdsAhead)
		held.From = held.To.Add(-holdsAhead - slices.Max(LateWindows))
		ends, err := tx.Setbacks(ctx, actor.Workspace, ended)
		if err != nil {
			return err
		}
		waits, err := tx.Setbacks(ctx, actor.Workspace, held)
		if err != nil {
			return err
		}
		more = len(ends) > maxSetbacks || len(waits) > maxSetbacks
		causes = causesOf(append(ends[:min(len(ends), maxSetbacks)], waits[:min(len(waits), maxSetbacks)]...))
		return nil
	})
	return causes, more, err
}

// causesOf counts setbacks by their reason.
func causesOf(list []store.Setback) []Cause {
	type key struct {
		code string
		held bool
	}
	at := map[key]int{}
	var causes []Cause
	for _, s := range list {
		one := Cause{Code: string(s.Status), Held: s.Status == shippost.PostQueued, Latest: s.At}
		switch {
		case one.Held && s.Hold != nil:
			one.Code, one.Message, one.Remedy = s.Hold.Code, s.Hold.Message, s.Hold.Remedy
		case s.Failure != nil:
			one.Code, one.Message, one.Remedy = s.Failure.Code, s.Failure.Message, s.Failure.Remedy
		}
		k := key{one.Code, one.Held}
		i, known := at[k]
		if !known {
			i = len(causes)
			at[k], causes = i, append(causes, one)
		}
		c := &causes[i]
		c.Posts++
		if s.At.After(c.Latest) {
			c.Latest, c.Message, c.Remedy = s.At, one.Message, one.Remedy
		}
		if !slices.Contains(c.Accounts, s.Account) {
			c.Accounts = append(c.Accounts, s.Account)
		}
	}
	// What is over comes before what may still end well.
	slices.SortStableFunc(causes, func(a, b Cause) int {
		switch {
		case a.Held != b.Held && b.Held:
			return -1
		case a.Held != b.Held:
			return 1
		case !a.Latest.Equal(b.Latest):
			return b.Latest.Compare(a.Latest)
		default:
			return strings.Compare(a.Code, b.Code)
		}
	})
	return causes
}
