package tiktoksim

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestClockRunsMovesAndFreezes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now)
		defer c.close()
		start := c.Now()
		time.Sleep(time.Minute)
		if got := c.Now().Sub(start); got != time.Minute {
			t.Errorf("a minute took %s", got)
		}
		c.Advance(-time.Hour)
		c.Advance(25 * time.Hour)
		c.Freeze()
		time.Sleep(time.Hour)
		if got := c.Now().Sub(start); got != 24*time.Hour+time.Minute || !c.Frozen() {
			t.Errorf("the frozen clock shows start+%s", got)
		}
		c.Thaw()
		time.Sleep(time.Second)
		if got := c.Now().Sub(start); got != 24*time.Hour+time.Minute+time.Second {
			t.Errorf("after thawing it shows start+%s", got)
		}
	})
}

// TestTimersFireInOrder: by the passing of time, and by a jump, each told when
// it was due; also those that a callback plans.
func TestTimersFireInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now)
		defer c.close()
		start := c.Now()
		var fired []time.Duration
		plan := func(d time.Duration) *timer {
			return c.after(start.Add(d), func(at time.Time) { fired = append(fired, at.Sub(start)) })
		}
		plan(3 * time.Second)
		plan(time.Second)
		plan(2 * time.Hour)
		plan(time.Hour)
		plan(30 * time.Minute).stop()
		c.after(start.Add(90*time.Minute), func(at time.Time) { plan(100 * time.Minute) })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if want := []time.Duration{time.Second}; !slices.Equal(fired, want) {
			t.Errorf("after 2 s fired %v, want %v", fired, want)
		}
		c.Freeze()
		time.Sleep(time.Hour)
		c.Advance(3 * time.Hour)
		want := []time.Duration{time.Second, 3 * time.Second, time.Hour, 100 * time.Minute, 2 * time.Hour}
		if !slices.Equal(fired, want) {
			t.Errorf("fired %v, want %v", fired, want)
		}
		if _, planned := c.Next(); planned {
			t.Error("something is still planned")
		}
	})
}

func TestSleepEndsWithTheClockOrTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now)
		defer c.close()
		if !c.sleep(time.Hour, nil) {
			t.Error("sleep was stopped by nobody")
		}
		stop := make(chan struct{})
		time.AfterFunc(time.Minute, func() { close(stop) })
		before := c.Now()
		if c.sleep(time.Hour, stop) || c.Now().Sub(before) != time.Minute {
			t.Errorf("sleep ended after %s, want stopped after a minute", c.Now().Sub(before))
		}
	})
}

// TestSetWaitsForTimersUnderWay: a timer that the passing of time has begun to
// run is over when Set returns.
func TestSetWaitsForTimersUnderWay(t *testing.T) {
	c := newClock(time.Now)
	defer c.close()
	var returned atomic.Bool
	var mover sync.WaitGroup
	over := make(chan struct{})
	c.after(c.Now(), func(time.Time) {
		defer close(over)
		mover.Go(func() {
			c.Advance(time.Minute)
			returned.Store(true)
		})
		for range 1000 {
			runtime.Gosched()
		}
		if returned.Load() {
			t.Error("Set returned while a timer was still running")
		}
	})
	<-over
	mover.Wait()
}
