package auth

import (
	"sync"
	"time"
)

// Tries counts what was refused or costs something, in fixed windows, for a bounded number of senders. It lives in memory and outside
// any transaction: a count must not vanish with the transaction that failed. Each node counts for itself.
type Tries struct {
	limit  int
	window time.Duration
	room   int

	mu     sync.Mutex
	counts map[string]*count
	order  []string // senders by the beginning of their window, so that the oldest are dropped first
}

type count struct {
	began time.Time
	n     int
}

// NewTries returns a count of at most limit in a window for each of room senders.
func NewTries(limit int, window time.Duration, room int) *Tries {
	return &Tries{limit: limit, window: window, room: room, counts: map[string]*count{}}
}

// Count counts once more and returns how long its sender must wait: 0 while it is within the limit.
func (t *Tries) Count(sender string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
	c := t.counts[sender]
	if c == nil {
		c = &count{began: now}
		t.counts[sender] = c
		t.order = append(t.order, sender)
	}
	c.n++
	if c.n <= t.limit {
		return 0
	}
	return c.began.Add(t.window).Sub(now)
}

// Wait returns how long a sender must wait who used up the limit, without counting: 0 while there is room.
func (t *Tries) Wait(sender string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
	c := t.counts[sender]
	if c == nil || c.n < t.limit {
		return 0
	}
	return c.began.Add(t.window).Sub(now)
}

// Forgive takes back one count of a sender, for what turned out to be right.
func (t *Tries) Forgive(sender string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.counts[sender]; c != nil && c.n > 0 {
		c.n--
	}
}

// forget drops the senders whose window is over, and the oldest when there are too many.
func (t *Tries) forget(now time.Time) {
	for len(t.order) > 0 {
		first := t.order[0]
		if len(t.order) < t.room && now.Sub(t.counts[first].began) < t.window {
			return
		}
		delete(t.counts, first)
		t.order = t.order[1:]
	}
}
