package publish

import (
	"context"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

const (
	watchEvery = 30 * time.Second
	// overdueAfter is how long after its late window a post without an end is overdue (reliability I6).
	overdueAfter = 5 * time.Minute
)

// watchLane flags posts that should have ended by now. It trusts nothing else of the publisher: whatever keeps a post
// from its end, somebody is told.
func (p *Publisher) watchLane(ctx context.Context) {
	for {
		// By a wrong clock every post or none would be overdue.
		if p.clock.trusted() {
			if err := p.flagOverdue(ctx); err != nil && ctx.Err() == nil {
				p.log.Error("cannot look for overdue posts; trying again", "err", err)
			}
		}
		if !pause(ctx, watchEvery, nil) {
			return
		}
	}
}

// flagOverdue marks posts past their window without an end, once each, and counts those that still are.
func (p *Publisher) flagOverdue(ctx context.Context) error {
	for {
		var found []shippost.Post
		err := p.db.Update(ctx, func(tx *store.Tx) (err error) {
			now := p.now()
			if found, err = tx.MarkOverdue(ctx, now.Add(-overdueAfter), now, claimSize); err != nil {
				return err
			}
			for _, post := range found {
				code := ""
				if post.Hold != nil {
					code = post.Hold.Code
				}
				if err := tx.Record(ctx, p.entry(shippost.EntryPostOverdue, post, nil,
					map[string]any{"status": string(post.Status), "phase": string(post.Phase), "hold": code})); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, post := range found {
			p.log.Error("a post has not ended although its late window is over", "post", post.ID, "status", post.Status, "phase", post.Phase)
		}
		if len(found) < claimSize {
			break
		}
	}
	return p.db.View(ctx, func(tx *store.Tx) error {
		n, err := tx.CountOverdue(ctx)
		p.overdue.Store(int64(n))
		return err
	})
}

// lanes that must go round for the publisher to be alive.
type heart string

const (
	heartBeat     heart = "beat"
	heartDispatch heart = "dispatch"
	heartConfirm  heart = "confirm"
)

// alive notes that a lane went round.
func (p *Publisher) alive(h heart) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rounds[h] = p.elapsed()
}

// Ready returns an error unless every lane of the publisher went round lately. It says nothing about platforms.
func (p *Publisher) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range []heart{heartBeat, heartDispatch, heartConfirm} {
		at, ok := p.rounds[h]
		if !ok {
			return shippost.Errorf(shippost.Unavailable, "publisher_starting", "The publisher has not begun yet.")
		}
		if age := p.elapsed() - at; age > lease {
			return shippost.Errorf(shippost.Unavailable, "publisher_stuck", "The publisher has not done its round for %s.", age.Round(time.Second)).
				Because(fmt.Errorf("lane %s", h))
		}
	}
	return nil
}

// notices says that publishing is held, or that a platform is down. It is this node's own view.
func (p *Publisher) notices() []shippost.Notice {
	var list []shippost.Notice
	if wrong, since, _ := p.clock.state(); wrong != "" {
		list = append(list, shippost.Notice{Code: wrong, Since: since, Remedy: shippost.RemedyOperator,
			Message: "The clock of this server cannot be right, so nothing is published until it is. Whoever runs it must set the clock."})
	}
	for name, b := range p.breakers {
		if since := b.opened(); !since.IsZero() {
			list = append(list, shippost.Notice{Code: platformUnavailable, Since: since, Remedy: shippost.RemedyWait,
				Message: fmt.Sprintf("%s does not answer at present. Posts wait and go out when it does, within their late windows.", p.platforms[name].Describe().Title)})
		}
	}
	return list
}
