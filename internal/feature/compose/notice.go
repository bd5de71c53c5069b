package compose

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

const (
	withdrawnTime = 3 * 24 * time.Hour  // how long everybody is told that a post was taken down
	withdrawnDue  = 31 * 24 * time.Hour // posts that were due before that are left to mail and journal
)

// Notices tells a workspace what it should know wherever somebody is: that posts of it will not go out as things are, that a post
// was taken down, that a platform is about to end our access to an account. Nothing when all is well.
func (c *Composer) Notices(ctx context.Context, actor shippost.Actor) (list []shippost.Notice, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		list = nil
		for _, look := range []func(context.Context, *store.Tx, shippost.WorkspaceID) ([]shippost.Notice, error){atRisk, withdrawn, accessEnding} {
			found, err := look(ctx, tx, actor.Workspace)
			if err != nil {
				return err
			}
			list = append(list, found...)
		}
		return nil
	})
	return list, err
}

func atRisk(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID) ([]shippost.Notice, error) {
	n, since, err := tx.AtRisk(ctx, ws)
	if err != nil || n == 0 {
		return nil, err
	}
	message := "A scheduled post will not go out as things are."
	if n > 1 {
		message = count(n, "scheduled post") + " will not go out as things are."
	}
	return []shippost.Notice{{Code: "posts_at_risk", Message: message, Remedy: shippost.RemedyEdit, Since: since}}, nil
}

func withdrawn(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID) ([]shippost.Notice, error) {
	posts, err := tx.WithdrawnPosts(ctx, ws, tx.Now().Add(-withdrawnTime), tx.Now().Add(-withdrawnDue), 100)
	if err != nil || len(posts) == 0 {
		return nil, err
	}
	notice := shippost.Notice{Code: "post_withdrawn", Message: "Viewers can no longer see a post on TikTok: it was taken down, or made private in the app.",
		Remedy: shippost.RemedyOpenTikTok, Since: posts[0].WithdrawnAt, Post: posts[0].ID}
	if len(posts) > 1 {
		notice.Message, notice.Post = "Viewers can no longer see "+count(len(posts), "post")+" on TikTok: they were taken down, or made private in the app.", ""
	}
	return []shippost.Notice{notice}, nil
}

func accessEnding(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID) (list []shippost.Notice, err error) {
	ends, err := tx.EndingAccess(ctx, ws, tx.Now().Add(shippost.AccessNotice))
	if err != nil || len(ends) == 0 {
		return nil, err
	}
	for _, id := range slices.SortedFunc(maps.Keys(ends), func(a, b shippost.AccountID) int { return cmp.Or(ends[a].Compare(ends[b]), cmp.Compare(a, b)) }) {
		account, err := tx.Account(ctx, ws, id)
		if err != nil {
			return nil, err
		}
		list = append(list, shippost.Notice{Code: "access_ends", Message: "TikTok ends ShipPost’s access to " + nameOf(account) + " on " + day(ends[id]) + ". Connect it again before, and nothing is interrupted.",
			Remedy: shippost.RemedyReconnect, Since: ends[id].Add(-shippost.AccessNotice), Account: id})
	}
	return list, nil
}

// outlives warns of a time at which a platform will have ended our access to the account.
func outlives(ctx context.Context, tx *store.Tx, p shippost.Post) ([]shippost.Problem, error) {
	if p.Due.IsZero() || p.Status != shippost.PostQueued {
		return nil, nil
	}
	end, soon, err := tx.AccessEnd(ctx, p.Account, tx.Now().Add(shippost.AccessNotice))
	if err != nil || !soon || p.Due.At.Before(end) {
		return nil, err
	}
	return []shippost.Problem{{Code: "access_ends", Field: "account_id", Severity: shippost.Warn, Remedy: shippost.RemedyReconnect,
		Message: "TikTok ends ShipPost’s access to this account on " + day(end) + ", before this post is due. Connect the account again until then."}}, nil
}

func nameOf(a shippost.Account) string {
	if a.Handle != "" {
		return "@" + a.Handle
	}
	return a.Name
}

// day writes a date for people.
func day(at time.Time) string { return at.UTC().Format("2 January 2006") }
