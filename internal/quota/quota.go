// Package quota keeps requests to others under their limits, counted in the database so that all nodes share them.
package quota

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Limiter counts requests in sliding windows: in no stretch of time as long as the window are there more than the
// limit. It may be used from many goroutines and nodes at once.
type Limiter struct{ db *store.DB }

// New returns a limiter that counts in db.
func New(db *store.DB) *Limiter { return &Limiter{db: db} }

// Take asks for one request under a scope ("tiktok|init|acc_…"), at most limit of which may lie within any window.
// When ok it has been counted, whether it is then made or not. Otherwise retryAfter, more than zero, says when
// another is free; somebody else may take that one.
func (l *Limiter) Take(ctx context.Context, scope string, limit int, window time.Duration) (ok bool, retryAfter time.Duration, err error) {
	err = l.db.Update(ctx, func(tx *store.Tx) error {
		ok, retryAfter, err = l.TakeIn(ctx, tx, scope, limit, window)
		return err
	})
	return ok && err == nil, retryAfter, err
}

// TakeIn is Take inside a transaction: the request counts once that is committed. On PostgreSQL whoever asks for the
// same scope waits for its end; take several scopes in the same order everywhere.
func (l *Limiter) TakeIn(ctx context.Context, tx *store.Tx, scope string, limit int, window time.Duration) (ok bool, retryAfter time.Duration, err error) {
	if limit < 1 || window <= 0 {
		return false, 0, shippost.Errorf(shippost.Invalid, "invalid_limit", "A limit allows at least one request in some time.")
	}
	ok, free, err := tx.TakeHit(ctx, scope, limit, window)
	if err != nil || ok {
		return ok, 0, err
	}
	return false, max(free.Sub(tx.Now()), time.Millisecond), nil
}

// Sweep removes what no longer counts. Run it every few minutes on one node.
func (l *Limiter) Sweep(ctx context.Context) error {
	return l.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SweepHits(ctx)
		return err
	})
}
