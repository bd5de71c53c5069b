package publish

import "time"

// LetTimePass makes the publisher take its wall clock for right whatever else says, for tests that let hours pass at once
// while the real ones of the monotonic clock and of a simulator do not. Call it before Run.
func (p *Publisher) LetTimePass() {
	start, last := p.now(), time.Time{}
	p.clock.now = func() time.Time {
		last = p.now()
		return last
	}
	// Both are read one after the other, under the clock's lock.
	p.clock.elapsed = func() time.Duration { return last.Sub(start) }
	p.clock.told = func() time.Time { return time.Time{} }
}
