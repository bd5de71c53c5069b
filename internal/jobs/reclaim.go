package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ship-post.com/shippost/internal/store"
)

const (
	// reclaimEvery is how often nodes look for jobs of dead ones.
	reclaimEvery = 5 * time.Second
	// deadAfter is how long a node may show no life before its jobs are run elsewhere. It is the publisher's lease.
	deadAfter = 15 * time.Second
)

// reclaimer makes jobs runnable again that a dead node left behind, long before River takes them for stuck by their age
// alone: a person waits for the check of their upload. SQLite needs none of that, see takeOver. It also brings forward what
// a wrong clock put off.
type reclaimer struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

// beginReclaiming starts the reclaimer of a client, which looks at once and until endReclaiming.
func (c *Client) beginReclaiming(ctx context.Context) {
	ctx, c.reclaimer.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.reclaimer.done.Go(func() {
		tick := time.NewTicker(reclaimEvery)
		defer tick.Stop()
		for round := 0; ; round++ {
			if round%int(forwardEvery/reclaimEvery) == 0 {
				if n, err := c.BringForward(ctx); err != nil && ctx.Err() == nil {
					c.log.Error("cannot look for jobs that a wrong clock put off; trying again", "err", err)
				} else if n > 0 {
					c.log.Info("jobs that a wrong clock put off run now", "jobs", n)
				}
			}
			if n, err := c.Reclaim(ctx); err != nil && ctx.Err() == nil {
				c.log.Error("cannot look for jobs of nodes that are gone; trying again", "err", err)
			} else if n > 0 {
				c.log.Info("jobs of a node that is gone run again", "jobs", n)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

func (c *Client) endReclaiming() {
	if c.reclaimer.stop != nil {
		c.reclaimer.stop()
	}
	c.reclaimer.done.Wait()
}

// Reclaim makes running jobs runnable whose node shows no life any more, and returns how many. The node may only be
// slow; then a job runs twice, which every job must bear. On SQLite, and by a wrong clock, it does nothing.
func (c *Client) Reclaim(ctx context.Context) (int64, error) {
	if c.db.Engine() == store.SQLite || c.trusted != nil && !c.trusted(ctx) {
		return 0, nil
	}
	dead := c.db.Now().Add(-deadAfter)
	result, err := c.db.SQL().ExecContext(ctx, `UPDATE river_job SET
		state = CASE WHEN attempt >= max_attempts THEN 'discarded' ELSE 'available' END::river_job_state,
		finalized_at = CASE WHEN attempt >= max_attempts THEN now() END
		WHERE state = 'running' AND attempted_at < $1
		AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = attempted_by[array_upper(attempted_by, 1)] AND n.beat_at > $2)`,
		dead, dead.UnixMicro())
	if err != nil {
		return 0, fmt.Errorf("take over jobs of dead nodes: %w", err)
	}
	return result.RowsAffected()
}
