package publish

import (
	"context"
	"sync"
	"time"

	"ship-post.com/shippost/internal/store"
)

// A clock that may be gone by to publish may be wrong all the same: at a start at which no platform answers nothing speaks
// against one that is far ahead. A post cannot wait for more. What is removed for its age can: it is gone for good, and nobody
// misses an hour. So more is asked for it.
const (
	sureGap   = 2 * 24 * time.Hour // how far behind the clock the latest time may lie that was sure; the shortest undo is seven days
	sureAfter = 24 * time.Hour     // how long a clock that nothing speaks for must have gone without a jump
	sureWait  = 10 * time.Second   // how long may be waited for somebody to know
)

// sureKey is where the database keeps the latest time that was sure. clock_seen will not do: it is written by every clock that
// publishing goes by, and so the second start by a wrong one would find it right.
const sureKey = "clock_sure"

// clockSure reports whether a clock that publishing goes by is right for what cannot be taken back: a platform says so, or it
// goes on from a time that was sure, or it has been steady for a day. The last is for servers that no platform answers, which
// would else never remove anything again once they were off for longer than sureGap; a clock that is wrong is seen by people
// within a day, and an hour is no longer than many a network is away after a power cut. One that is behind removes nothing early.
func clockSure(wall, told, last time.Time, steady time.Duration) bool {
	return !told.IsZero() || !last.IsZero() && wall.Sub(last) < sureGap || steady >= sureAfter
}

// steadiness is how long the clock has gone without a jump, as far as somebody asked.
type steadiness struct {
	mu    sync.Mutex
	until <-chan struct{} // closed at the next hold: another one means that there was one
	since time.Duration
}

// of returns for how long there was no hold.
func (s *steadiness) of(until <-chan struct{}, now time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until != until {
		s.until, s.since = until, now
	}
	return now - s.since
}

// ClockSure reports whether the wall clock is right enough to remove for good what outlived its time. When nothing is known it
// asks a platform. It takes up to ten seconds; whoever hears no asks again in an hour.
func (p *Publisher) ClockSure(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, sureWait)
	defer cancel()
	if !p.ClockTrusted(ctx) {
		return false
	}
	_, _, until := p.clock.state()
	steady := p.steady.of(until, p.elapsed())
	last, err := p.clockNoted(ctx, sureKey)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		p.log.Error("cannot tell whether the clock is right; nothing is removed for its age until the next time", "err", err)
		return false
	}
	if !clockSure(p.now(), p.toldTime(), last, steady) {
		p.askTime(ctx)
	}
	// What a platform said just now may be that the clock is wrong.
	if !p.clock.trusted() || !clockSure(p.now(), p.toldTime(), last, steady) {
		p.log.Info("nobody knows yet whether the clock of this machine is right; nothing is removed for its age until then", "clock", p.now())
		return false
	}
	err = p.db.Update(ctx, func(tx *store.Tx) error { return tx.SetMeta(ctx, sureKey, noted(p.now())) })
	if err != nil && ctx.Err() == nil {
		p.log.Error("cannot note that the clock is right", "err", err)
	}
	return true
}
