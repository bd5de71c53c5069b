package auth

import (
	"sync"
	"time"
)

// tries counts what was refused, in fixed windows, for a bounded number of senders. It lives in memory and outside
// any transaction: a count must not vanish with the transaction that failed. Each node counts for itself.
type tries struct {
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

func newTries(limit int, window time.Duration, room int) *tries {
	return &tries{limit: limit, window: window, room: room, counts: map[string]*count{}}
}

// failed counts a refusal and returns how long its sender must wait: 0 while it is within the limit.
func (t *tries) failed(sender string, now time.Time) time.Duration {
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

// forget drops the senders whose window is over, and the oldest when there are too many.
func (t *tries) forget(now time.Time) {
	for len(t.order) > 0 {
		first := t.order[0]
		if len(t.order) < t.room && now.Sub(t.counts[first].began) < t.window {
			return
		}
		delete(t.counts, first)
		t.order = t.order[1:]
	}
}
