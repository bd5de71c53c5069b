package publish

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// cutLane stops the work on attempts that were ended from elsewhere: by a request to this node, which nudges the lane, or to
// another one. Rows decide what is allowed, so nothing wrong could come of going on; but whoever ended something is told that
// nothing more is sent, and waits for that (see Desk.Quiet).
func (p *Publisher) cutLane(ctx context.Context) {
	look := p.tick
	if p.db.Engine() == store.SQLite {
		look = time.Hour // there is no other node
	}
	for {
		if err := p.cut(ctx); err != nil && ctx.Err() == nil {
			p.log.Error("cannot look for attempts that were ended elsewhere; trying again", "err", err)
		}
		if !pause(ctx, look, p.cuts) {
			return
		}
	}
}

// cut stops what this node still does for attempts that others ended, and says so once it has.
func (p *Publisher) cut(ctx context.Context) error {
	var list []store.Cut
	err := p.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = tx.Cuts(ctx, p.node)
		return err
	})
	for _, c := range list {
		if ended := p.interrupt(c.Post); ended != nil {
			select {
			case <-ended:
			case <-ctx.Done():
				return nil
			}
		}
		if err := p.db.UpdateTogether(ctx, func(tx *store.Tx) error { return tx.StopTold(ctx, c.Attempt) }); err != nil {
			return err
		}
	}
	return err
}

// Quiet waits until no node sends anything any more for the attempts of an account that were ended. A node that shows no life
// is not waited for: what it had open ended with it, or ends with its line.
func (d *Desk) Quiet(ctx context.Context, account shippost.AccountID) error {
	nudge(d.p.cuts)
	for began := d.p.elapsed(); d.p.elapsed()-began < lease; {
		var left int
		err := d.p.db.View(ctx, func(tx *store.Tx) (err error) {
			left, err = tx.CutsLeft(ctx, account, d.p.now().Add(-lease))
			return err
		})
		if err != nil || left == 0 {
			return err
		}
		if !pause(ctx, 20*time.Millisecond, nil) {
			return ctx.Err()
		}
	}
	d.p.log.Error("a node did not confirm that it stopped sending for an account that was disconnected; its requests end by themselves", "account", account)
	return nil
}
