package tiktoksim

import (
	"sync"
	"time"
)

// rates counts requests per token and endpoint in windows of a minute
// (TikTok contract 4.2).
type rates struct {
	mu   sync.Mutex
	seen map[string]*window
}

// window holds the times of the last minute's requests, oldest first.
type window struct{ times []time.Time }

func newRates() *rates { return &rates{seen: map[string]*window{}} }

// allow counts a request and reports whether it is within the limit; a limit
// of 0 is none.
func (rs *rates) allow(key string, limit int, k *Knobs, now time.Time) bool {
	if limit <= 0 {
		return true
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	w := rs.seen[key]
	if w == nil {
		rs.forget(now)
		w = &window{}
		rs.seen[key] = w
	}
	w.drop(k.Limits.Window == "fixed", now)
	if len(w.times) >= limit {
		if k.Limits.CountRefused {
			w.times = append(w.times[1:], now)
		}
		return false
	}
	w.times = append(w.times, now)
	return true
}

// drop forgets requests outside the window: older than a minute, or of an
// earlier clock minute when windows are fixed. Requests of the future, left by
// a clock that was set back, go too.
func (w *window) drop(fixed bool, now time.Time) {
	kept := w.times[:0]
	for _, t := range w.times {
		inside := now.Sub(t) < time.Minute
		if fixed {
			inside = t.Truncate(time.Minute).Equal(now.Truncate(time.Minute))
		}
		if inside && !t.After(now) {
			kept = append(kept, t)
		}
	}
	w.times = kept
}

// forget removes windows that have run out, whenever the map has doubled.
func (rs *rates) forget(now time.Time) {
	n := len(rs.seen)
	if n < 4096 || n&(n-1) != 0 {
		return
	}
	for key, w := range rs.seen {
		if len(w.times) == 0 || now.Sub(w.times[len(w.times)-1]) >= time.Minute {
			delete(rs.seen, key)
		}
	}
}
