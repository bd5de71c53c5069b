package compose

import "time"

// window is a limit that a platform counts over a time that rolls: at most so many within any span of that length.
type window struct {
	most int
	span time.Duration
}

// full reports whether one more at an instant would be one too many. times are the others, in order.
func (w window) full(times []time.Time, at time.Time) bool {
	full := false
	w.crowds(times, func(after, before time.Time) bool {
		full = at.After(after) && at.Before(before)
		return !full && !after.After(at)
	})
	return full
}

// free returns the instant nearest to the wanted one, and not before the earliest, at which there is room.
func (w window) free(times []time.Time, wanted, earliest time.Time) time.Time {
	// The stretch without room that the wanted instant lies in, made of crowds that overlap, and the first room from the earliest on.
	var low, high, begins, ends time.Time
	first := earliest
	w.crowds(times, func(after, before time.Time) bool {
		if after.Before(ends) {
			ends = before
		} else {
			begins, ends = after, before
		}
		if wanted.After(begins) && wanted.Before(ends) {
			low, high = begins, ends
		}
		if first.After(begins) && first.Before(ends) {
			first = ends
		}
		return true
	})
	switch {
	case high.IsZero():
		return wanted
	case low.Before(earliest):
		if high.Before(first) {
			return first
		}
		return high
	case wanted.Sub(low) < high.Sub(wanted):
		return low
	default:
		return high
	}
}

// crowds tells the stretches of time, both ends left out, in which one more would be one too many, in order; they may overlap. It
// stops when it is told false. Any as many as the limit that lie within one span forbid what lies within a span of all of them.
func (w window) crowds(times []time.Time, tell func(after, before time.Time) bool) {
	for i := 0; i+w.most <= len(times); i++ {
		first, last := times[i], times[i+w.most-1]
		if last.Sub(first) < w.span && !tell(last.Add(-w.span), first.Add(w.span)) {
			return
		}
	}
}
