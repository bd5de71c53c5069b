package compose

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
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

// TestWindow_AgainstCounting compares with a count of every span, over plans of any kind.
func TestWindow_AgainstCounting(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		w := window{most: rapid.IntRange(1, 4).Draw(t, "most"), span: time.Duration(rapid.IntRange(1, 9).Draw(t, "span")) * time.Hour}
		var times []time.Time
		for _, h := range rapid.SliceOfN(rapid.IntRange(0, 40), 0, 25).Draw(t, "hours") {
			times = append(times, start.Add(time.Duration(h)*time.Hour))
		}
		slices.SortFunc(times, time.Time.Compare)
		counted := func(at time.Time) bool {
			all := slices.Clone(times)
			for _, from := range append(all, at) {
				n := 0
				for _, t := range times {
					if !t.Before(from) && t.Before(from.Add(w.span)) {
						n++
					}
				}
				if !from.After(at) && at.Before(from.Add(w.span)) && n >= w.most {
					return true
				}
			}
			return false
		}
		hour := func(h int) time.Time { return start.Add(time.Duration(h) * time.Hour) }
		wanted, earliest := rapid.IntRange(-5, 45).Draw(t, "wanted"), rapid.IntRange(-60, 45).Draw(t, "earliest")
		earliest = min(earliest, wanted)
		if got, want := w.full(times, hour(wanted)), counted(hour(wanted)); got != want {
			t.Fatalf("full at hour %d: %v, want %v", wanted, got, want)
		}
		nearest := 0
		for counted(hour(wanted-nearest)) || wanted-nearest < earliest {
			if !counted(hour(wanted + nearest)) {
				break
			}
			nearest++
		}
		at := w.free(times, hour(wanted), hour(earliest))
		if counted(at) || at.Before(hour(earliest)) || at.Sub(hour(wanted)).Abs() != time.Duration(nearest)*time.Hour {
			t.Fatalf("room at %v hours, want %d from hour %d and not before %d", at.Sub(start).Hours(), nearest, wanted, earliest)
		}
	})
}
