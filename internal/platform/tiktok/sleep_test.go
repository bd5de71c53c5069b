package tiktok

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A wait that begins by a clock that is months behind ends soon after the clock was put right, and never before its time.
func TestSleepUntil_ClockPutRight(t *testing.T) {
	t.Parallel()
	for _, right := range []time.Duration{5 * time.Second, 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var off atomic.Int64
			off.Store(int64(-50 * 24 * time.Hour))
			c := &Client{now: func() time.Time { return time.Now().Add(time.Duration(off.Load())).Round(0) }}
			began := time.Now()
			at := began.Add(time.Minute).Round(0)
			time.AfterFunc(right, func() { off.Store(0) })
			if err := c.sleepUntil(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			if took, due := time.Since(began), max(right, time.Minute); took < due || took > due+longestSleep {
				t.Errorf("put right after %s the wait took %s, want %s and hardly more", right, took, due)
			}
		})
	}
}
