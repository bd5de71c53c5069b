package compose

import (
	"testing"
	"time"
)

// TestWindow holds the planner against counting by hand.
func TestWindow(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	hours := func(list ...int) (times []time.Time) {
		for _, h := range list {
			times = append(times, start.Add(time.Duration(h)*time.Hour))
		}
		return times
	}
	w := window{most: 3, span: 24 * time.Hour}
	for _, c := range []struct {
		name             string
		others           []int
		wanted, earliest int
		free             int // where there is room; the wanted hour when it is not full
	}{
		{"nobody else", nil, 50, 0, 50},
		{"two before", []int{48, 49}, 50, 0, 50},
		{"three before, one a day ago", []int{26, 48, 49}, 50, 0, 50},
		{"three before", []int{47, 48, 49}, 50, 0, 71},
		{"around it, earlier is nearer", []int{49, 50, 51}, 49, 0, 27},
		{"earlier has passed", []int{49, 50, 51}, 49, 48, 73},
		{"three after within the day", []int{51, 52, 53}, 50, 0, 29},
		{"after, each alone too far", []int{60, 70, 80}, 50, 0, 50},
		{"two days full", []int{30, 40, 50, 60, 70, 80}, 55, 54, 84},
	} {
		at := w.free(hours(c.others...), hours(c.wanted)[0], hours(c.earliest)[0])
		if want := hours(c.free)[0]; !at.Equal(want) {
			t.Errorf("%s: room at hour %v, want %d", c.name, at.Sub(start).Hours(), c.free)
		}
		if w.full(hours(c.others...), at) {
			t.Errorf("%s: there is no room at hour %v", c.name, at.Sub(start).Hours())
		}
	}
}
