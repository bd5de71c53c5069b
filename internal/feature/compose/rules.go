package compose

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// rulesKey is where the installation keeps the version of the zone rules that its waiting posts were reckoned by.
const rulesKey = "zone_rules"

// rulesBatch is how many posts are looked at in one transaction.
const rulesBatch = 500

// KeepWallClocks reckons future posts anew when this program has later zone rules than the installation has seen: the
// wall clock stays, and where that is another instant now, the post moves and the journal says so. Run it before
// publishing begins. An older program beside a newer one changes nothing.
func (c *Composer) KeepWallClocks(ctx context.Context) error {
	rules, seen := shippost.ZoneRules(), ""
	err := c.db.View(ctx, func(tx *store.Tx) (err error) {
		seen, err = tx.Meta(ctx, rulesKey)
		return err
	})
	if err != nil || seen >= rules {
		return err
	}
	moved, after := 0, shippost.PostID("")
	for {
		var posts []shippost.Post
		err := c.db.View(ctx, func(tx *store.Tx) (err error) {
			posts, err = tx.PostsReckonedBefore(ctx, rules, tx.Now(), after, rulesBatch)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range posts {
			after = p.ID
			if due, err := p.Due.Reckon(); err != nil {
				c.log.Error("a zone of a waiting post is not in the zone database any more; the post keeps its instant", "post", p.ID, "zone", p.Due.Zone)
			} else if !due.Same(p.Due) {
				if err := c.move(ctx, p.Workspace, p.ID); err != nil {
					return err
				}
				moved++
			}
		}
		if len(posts) < rulesBatch {
			break
		}
	}
	c.log.Info("the time zone rules are new; waiting posts keep their wall-clock time", "rules", rules, "before", seen, "moved", moved)
	return c.db.Update(ctx, func(tx *store.Tx) error { return tx.SetMeta(ctx, rulesKey, rules) })
}

// move gives a post the instant that its wall clock means by the present rules, unless it is on its way already.
func (c *Composer) move(ctx context.Context, ws shippost.WorkspaceID, id shippost.PostID) error {
	return c.db.Update(ctx, func(tx *store.Tx) error {
		before, err := tx.LockPost(ctx, ws, id)
		if err != nil || before.Status != shippost.PostQueued && before.Status != shippost.PostPublishing {
			return err
		}
		p := before
		if p.Due, err = before.Due.Reckon(); err != nil || p.Due.Same(before.Due) {
			return err
		}
		// What is past the point of no return went by the old rules; nothing can be done about it.
		if err := c.publisher.Withdraw(ctx, tx, before, string(shippost.EntryPostMoved)); shippost.IsCode(err, "already_handed_over") {
			return nil
		} else if err != nil {
			return err
		}
		p.Status, p.Phase, p.Hold, p.UpdatedAt = shippost.PostQueued, shippost.PhaseNone, nil, tx.Now()
		ok, err := tx.UpdatePost(ctx, &p, before.Status, false)
		if err == nil && !ok {
			err = shippost.Errorf(shippost.Internal, "lost_lock", "post %s changed under its lock", id)
		}
		if err != nil {
			return err
		}
		err = tx.Record(ctx, shippost.Entry{Workspace: p.Workspace, Kind: shippost.EntryPostMoved, Actor: shippost.System(p.Workspace),
			Account: p.Account, Post: p.ID, Data: map[string]any{"zone": p.Due.Zone, "local": p.Due.Local, "rules": p.Due.Rules,
				"from": before.Due.At.Format(time.RFC3339Nano), "to": p.Due.At.Format(time.RFC3339Nano)}})
		if err != nil {
			return err
		}
		return c.publisher.Queued(ctx, tx, &p)
	})
}
