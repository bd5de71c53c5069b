package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// TakeHit counts a request under a scope unless limit of them lie within the window before now. When they do it
// returns the instant at which the next one is free. Nodes that ask at the same time come one after the other.
func (t *Tx) TakeHit(ctx context.Context, scope string, limit int, window time.Duration) (taken bool, free time.Time, err error) {
	if t.db.engine == Postgres {
		// Rows that do not exist yet cannot be locked; the scope itself is, until the transaction ends.
		if _, err := t.exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 7240176))", scope); err != nil {
			return false, free, err
		}
	}
	now := t.Now()
	// A hit far in the future was made by a clock that has been put right since, and must not block for that long.
	err = t.value(ctx, []any{at(&free)}, "SELECT at FROM quota_hits WHERE scope = $1 AND at > $2 AND at <= $3 ORDER BY at DESC LIMIT 1 OFFSET $4",
		scope, moment(now.Add(-window)), moment(now.Add(window)), limit-1)
	if err == nil {
		return false, free.Add(window), nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return false, free, err
	}
	_, err = t.exec(ctx, "INSERT INTO quota_hits (scope, at, until) VALUES ($1, $2, $3)", scope, moment(now), moment(now.Add(window)))
	return err == nil, free, err
}

// SweepHits removes hits that no longer count, and says how many.
func (t *Tx) SweepHits(ctx context.Context) (int64, error) {
	n, err := t.exec(ctx, "DELETE FROM quota_hits WHERE until <= $1", moment(t.Now()))
	if err != nil {
		return 0, fmt.Errorf("sweep quota hits: %w", err)
	}
	return n, nil
}
