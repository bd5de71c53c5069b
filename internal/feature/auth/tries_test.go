package auth

import (
	"fmt"
	"testing"
	"time"
)

func TestTriesRememberABoundedNumberOfSenders(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c := NewTries(1, time.Hour, 100)
	for i := range 10_000 {
		c.Count(fmt.Sprint("sender ", i), now)
	}
	if len(c.counts) > 100 || len(c.order) != len(c.counts) {
		t.Errorf("%d senders and %d places remembered, want at most 100", len(c.counts), len(c.order))
	}
	if wait := c.Count("sender 9999", now.Add(time.Minute)); wait != 59*time.Minute {
		t.Errorf("the latest sender waits %s, want 59m", wait)
	}
	if wait := c.Count("sender 9999", now.Add(time.Hour)); wait != 0 {
		t.Errorf("after the window it waits %s", wait)
	}
	// What was right is given back, and to look counts nothing.
	few := NewTries(2, time.Minute, 10)
	for range 5 {
		if few.Wait("a", now) != 0 || few.Count("a", now) != 0 {
			t.Error("what was given back is counted")
		}
		few.Forgive("a")
	}
	few.Count("a", now)
	few.Count("a", now.Add(time.Second))
	if wait := few.Wait("a", now.Add(time.Second)); wait != 59*time.Second {
		t.Errorf("with nothing left it waits %s", wait)
	}
	few.Forgive("b")
	if few.Wait("b", now) != 0 || few.Wait("a", now.Add(time.Minute)) != 0 {
		t.Error("somebody waits for nothing")
	}
	if len(c.counts) != 1 {
		t.Errorf("%d senders remembered after their window", len(c.counts))
	}
}
