package tiktoksim

import (
	"container/heap"
	"sync"
	"time"
)

// Clock is the simulator's settable clock. Every window of the contract (60 s,
// 1 h, 24 h, 72 h, 365 d) runs on it, so a year passes in one call. It starts
// at the base clock and runs at its speed until it is moved or frozen.
// It is safe for concurrent use.
type Clock struct {
	base func() time.Time

	mu     sync.Mutex
	offset time.Duration
	frozen bool
	at     time.Time // the time shown while frozen
	timers timerHeap
	last   uint64 // sequence number of the newest timer
	wake   *time.Timer
	closed bool

	// firing lets one goroutine at a time run due timers, so that effects
	// happen in the order of their times.
	firing sync.Mutex
}

// timer is one pending callback; fn receives the instant it was due, which is
// earlier than now when the clock has jumped over it.
type timer struct {
	at    time.Time
	seq   uint64
	fn    func(at time.Time)
	index int
	clock *Clock
}

func newClock(base func() time.Time) *Clock {
	c := &Clock{base: base}
	c.wake = time.AfterFunc(time.Hour, c.runDue)
	return c
}

// Now returns the simulator's time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.frozen {
		return c.at
	}
	return c.base().Add(c.offset).Round(0).UTC()
}

// Set moves the clock to t, forwards or backwards. Timers that fall due run
// before Set returns.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	c.at = t.UTC()
	c.offset = t.Sub(c.base())
	c.mu.Unlock()
	c.runDue()
}

// Advance moves the clock by d and runs the timers that fall due.
func (c *Clock) Advance(d time.Duration) {
	c.Set(c.Now().Add(d))
}

// Freeze stops the clock where it is; only Set and Advance move it then.
func (c *Clock) Freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.frozen {
		c.at, c.frozen = c.now(), true
		c.arm()
	}
}

// Thaw lets a frozen clock run on from the time it shows.
func (c *Clock) Thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen {
		c.offset, c.frozen = c.at.Sub(c.base()), false
		c.arm()
	}
}

// Frozen reports whether the clock stands still.
func (c *Clock) Frozen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frozen
}

// Next returns when the next planned effect is due, if there is one.
func (c *Clock) Next() (at time.Time, planned bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return time.Time{}, false
	}
	return c.timers[0].at, true
}

// after runs fn once the clock has reached the instant at.
func (c *Clock) after(at time.Time, fn func(at time.Time)) *timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	t := &timer{at: at, seq: c.last, fn: fn, clock: c}
	if c.closed {
		t.index = -1
		return t
	}
	heap.Push(&c.timers, t)
	c.arm()
	return t
}

// sleep waits until the clock has moved by d, or stop is closed first.
func (c *Clock) sleep(d time.Duration, stop <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	reached := make(chan struct{})
	t := c.after(c.Now().Add(d), func(time.Time) { close(reached) })
	select {
	case <-reached:
		return true
	case <-stop:
		t.stop()
		return false
	}
}

func (t *timer) stop() {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if t.index >= 0 && !t.clock.closed {
		heap.Remove(&t.clock.timers, t.index)
	}
}

// arm sets the one real timer to the earliest simulated one; c.mu is held.
func (c *Clock) arm() {
	if c.closed || c.frozen && (len(c.timers) == 0 || c.timers[0].at.After(c.at)) || len(c.timers) == 0 {
		c.wake.Stop()
		return
	}
	c.wake.Reset(max(0, c.timers[0].at.Sub(c.now())))
}

// runDue runs every timer whose time has come, earliest first.
func (c *Clock) runDue() {
	// Also when none seems to be due: the last one may be running elsewhere, and whoever moved the clock waits for it.
	c.firing.Lock()
	defer c.firing.Unlock()
	for {
		c.mu.Lock()
		if c.closed || len(c.timers) == 0 || c.timers[0].at.After(c.now()) {
			c.arm()
			c.mu.Unlock()
			return
		}
		t := heap.Pop(&c.timers).(*timer)
		c.mu.Unlock()
		t.fn(t.at)
	}
}

// due reports whether a timer waits to be run.
func (c *Clock) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && len(c.timers) > 0 && !c.timers[0].at.After(c.now())
}

func (c *Clock) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.timers = nil
	c.wake.Stop()
}

// timerHeap orders timers by time, then by the order they were asked for.
type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
