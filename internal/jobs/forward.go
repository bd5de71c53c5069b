package jobs

import (
	"context"
	"fmt"
	"time"

	"ship-post.com/shippost/internal/store"
)

const (
	// forwardEvery is how often nodes look for what a wrong clock put off.
	forwardEvery = time.Minute
	// readyWithin is how far ahead the time of a job that is ready may lie, and retryWithin that of one that failed: no job that is
	// ready waits, and none that failed for a day. Mail waits for hours, which is why it is not less.
	readyWithin, retryWithin = 10 * time.Minute, 24 * time.Hour
)

// putOff are the jobs that have their time from a clock that was far ahead. What is scheduled has it on purpose, and keeps it.
const putOff = "state = 'available' AND scheduled_at > $1 OR state = 'retryable' AND scheduled_at > $2"

// BringForward has jobs run now that a clock that was far ahead put off, and returns how many. They would be waited for, and
// while a unique one waits it is not inserted anew. By a wrong clock it does nothing: one that is behind takes every job for one of those.
func (c *Client) BringForward(ctx context.Context) (int64, error) {
	if c.trusted != nil && !c.trusted(ctx) {
		return 0, nil
	}
	now := c.now()
	ready, retry := c.stored(now.Add(readyWithin)), c.stored(now.Add(retryWithin))
	var found int64 // there is hardly ever one, and on SQLite who only reads keeps nobody waiting
	err := c.db.SQL().QueryRowContext(ctx, "SELECT count(*) FROM river_job WHERE "+putOff, ready, retry).Scan(&found)
	if err != nil {
		return 0, fmt.Errorf("look for jobs that were put off: %w", err)
	}
	if found == 0 {
		return 0, nil
	}
	result, err := c.db.SQL().ExecContext(ctx, "UPDATE river_job SET scheduled_at = $3 WHERE "+putOff, ready, retry, c.stored(now))
	if err != nil {
		return 0, fmt.Errorf("bring jobs forward: %w", err)
	}
	return result.RowsAffected()
}

// stored returns an instant as River keeps it.
func (c *Client) stored(at time.Time) any {
	if c.db.Engine() == store.SQLite {
		return at.UTC().Format("2006-01-02 15:04:05.000")
	}
	return at
}
