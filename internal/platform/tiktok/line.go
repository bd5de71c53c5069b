package tiktok

import (
	"sync"
	"time"
)

// line estimates how long transfers take on the way to TikTok, all uploads of this process together.
type line struct {
	mu      sync.Mutex
	rate    float64 // bytes per second over all transfers
	active  int
	waiting int64 // bytes of staged files that have not left
}

// firstRate is what a line is taken for before anything was sent: a slow home connection.
const firstRate = 1 << 20

func newLine() *line { return &line{rate: firstRate} }

// expect notes bytes that are going to leave; a negative number takes them back.
func (l *line) expect(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting += n
}

// lead returns how long before its due time a file should begin to move, if all that waits moves with it.
func (l *line) lead() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(float64(l.waiting) / l.rate * float64(time.Second))
}

// begin notes a transfer under way; the function it returns ends it, with the bytes that it moved.
func (l *line) begin(now time.Time) (end func(n int64, at time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active++
	var once sync.Once
	return func(n int64, at time.Time) { once.Do(func() { l.saw(n, at.Sub(now)) }) }
}

func (l *line) saw(n int64, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Each of the transfers that run together gets a share of the line.
	sample := float64(n) / max(took.Seconds(), 1e-3) * float64(l.active)
	l.active--
	if n < 100_000 {
		return // too little to tell
	}
	l.rate = max(firstRate/8, l.rate*0.8+sample*0.2)
}
