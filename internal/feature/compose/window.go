package compose

import "time"

// window is a limit that a platform counts over a time that rolls: at most so many within any span of that length.
type window struct {
	most int
	span time.Duration
}

// full reports whether one more at an instant would be one too many. times are the others, in order.
func (w window) full(times []time.Time, at time.Time) bool {
	// Any span with the instant in it begins with it or with one that comes before.
	for _, from := range append([]time.Time{at}, times...) {
		if from.After(at) || !from.After(at.Add(-w.span)) {
			continue
		}
		n := 0
		for _, t := range times {
			if !t.Before(from) && t.Before(from.Add(w.span)) {
				n++
			}
		}
		if n >= w.most {
			return true
		}
	}
	return false
}

// free returns the instant nearest to the wanted one, and not before the earliest, at which there is room.
func (w window) free(times []time.Time, wanted, earliest time.Time) time.Time {
	if !w.full(times, wanted) {
		return wanted
	}
	// Room begins when one of them no longer counts, and ends just before it would be one too many again.
	best := wanted.Add(2 * w.span)
	if n := len(times); n > 0 && times[n-1].Add(w.span).After(best) {
		best = times[n-1].Add(w.span)
	}
	for _, t := range times {
		for _, at := range []time.Time{t.Add(w.span), t.Add(-w.span)} {
			if !at.Before(earliest) && at.Sub(wanted).Abs() < best.Sub(wanted).Abs() && !w.full(times, at) {
				best = at
			}
		}
	}
	return best
}
