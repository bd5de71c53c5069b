package vault

import (
	"time"

	"github.com/riverqueue/river"
)

// KeepEvery is how often the job of Periodic runs, and IntentLife how long a living node's refresh is waited for.
const (
	KeepEvery  = keepEvery
	IntentLife = intentLife
)

// PeriodicEvery is Periodic at another rhythm, for tests that cannot wait for it.
func PeriodicEvery(every time.Duration) []*river.PeriodicJob { return periodic(every) }

// Place names where a token is stored, for its seal.
var Place = place
