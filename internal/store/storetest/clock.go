package storetest

import (
	"sync"
	"time"
)

// Clock is a clock that stands still until a test moves it. It may be used from many goroutines at once.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows start, cut to the microsecond that a database keeps.
func NewClock(start time.Time) *Clock { return &Clock{now: start.Truncate(time.Microsecond)} }

// Now returns what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
