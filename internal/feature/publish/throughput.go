package publish

import (
	"sync"
	"time"
)

// throughput estimates how fast files reach the platform, from the transfers of this process.
type throughput struct {
	mu   sync.Mutex
	mean float64 // bytes a second
}

// firstGuess is assumed before the first transfer: a slow domestic line, 2 MB/s.
const firstGuess = 2e6

func newThroughput() *throughput { return &throughput{mean: firstGuess} }

// rate returns the present estimate in bytes a second.
func (t *throughput) rate() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mean
}

// saw takes a finished transfer into account. Small ones say more about latency than about the line and are left out.
func (t *throughput) saw(bytes int64, took time.Duration) {
	if bytes < 1<<20 || took <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mean += (float64(bytes)/took.Seconds() - t.mean) / 4
}
