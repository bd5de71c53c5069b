package compose

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Duplicate makes a draft with the content of a post, whatever became of that. Files that were deleted since are left out,
// and consent is not taken over: it was given for the other post.
func (c *Composer) Duplicate(ctx context.Context, actor shippost.Actor, id shippost.PostID) (Written, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return Written{}, err
	}
	p, err := c.read(ctx, actor, id)
	if err != nil {
		return Written{}, err
	}
	files, err := c.Files(ctx, actor, p.Media)
	if err != nil {
		return Written{}, err
	}
	labels, err := c.Labels(ctx, actor, []shippost.PostID{id})
	if err != nil {
		return Written{}, err
	}
	d := Draft{Account: p.Account, Caption: p.Caption, Options: p.Options, LateWindow: &p.LateWindow, Labels: labels[id]}
	for _, file := range p.Media {
		if files[file].Status != shippost.MediaDeleted {
			d.Media = append(d.Media, file)
		}
	}
	return c.Create(ctx, actor, d, Once{})
}

// Delete removes a draft for good. Any other post is a Conflict: it was promised to go out, or has a history.
func (c *Composer) Delete(ctx context.Context, actor shippost.Actor, id shippost.PostID) error {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return err
	}
	return c.db.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.LockPost(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		done, err := tx.DeleteDraft(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if !done {
			return shippost.Errorf(shippost.Conflict, "not_a_draft", "Only a draft can be deleted. A post that waits can be cancelled; one that went out stays in the history.")
		}
		return record(ctx, tx, actor, p, shippost.EntryPostDeleted)
	})
}

// Files returns those of the files that are the workspace's, deleted ones too.
func (c *Composer) Files(ctx context.Context, actor shippost.Actor, ids []shippost.MediaID) (map[shippost.MediaID]shippost.Media, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	var files map[shippost.MediaID]shippost.Media
	err := c.db.View(ctx, func(tx *store.Tx) (err error) {
		files, err = tx.MediaAmong(ctx, ids)
		return err
	})
	for id, m := range files {
		if m.Workspace != actor.Workspace {
			delete(files, id)
		}
	}
	return files, err
}

// Load is how much an account is used.
type Load = store.AccountLoad

// Loads returns how much the accounts of the workspace were used in the last 24 hours, and what waits for them.
func (c *Composer) Loads(ctx context.Context, actor shippost.Actor) (map[shippost.AccountID]Load, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	var loads map[shippost.AccountID]Load
	err := c.db.View(ctx, func(tx *store.Tx) (err error) {
		loads, err = tx.AccountLoads(ctx, actor.Workspace, tx.Now().Add(-capPeriod))
		return err
	})
	return loads, err
}

// Ending returns the accounts of the workspace to which their platform is about to end our access for good, and when.
func (c *Composer) Ending(ctx context.Context, actor shippost.Actor) (ends map[shippost.AccountID]time.Time, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		ends, err = tx.EndingAccess(ctx, actor.Workspace, tx.Now().Add(shippost.AccessNotice))
		return err
	})
	return ends, err
}

// DailyPosts returns how many posts a platform usually takes for one account within 24 hours; 0 when it does not say.
func (c *Composer) DailyPosts(name shippost.PlatformName) int {
	if p := c.platforms[name]; p != nil {
		return p.Describe().DailyPosts
	}
	return 0
}

// ScheduledLimit returns how many posts of one account may wait.
func (c *Composer) ScheduledLimit() int { return c.maxScheduled }
