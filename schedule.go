package shippost

import (
	"fmt"
	"strings"
	"time"
)

// Fold chooses between the two instants of a wall-clock time that happens twice, when clocks are put back.
type Fold string

// The folds. An empty fold means that nobody chose.
const (
	FoldNone    Fold = ""
	FoldEarlier Fold = "earlier"
	FoldLater   Fold = "later"
)

// Due is when a post is to go out: the wall-clock time a person chose, and the instant it means.
type Due struct {
	Local  string        // "2006-01-02T15:04:05", the wall clock in Zone; "" for a draft without a time
	Zone   string        // IANA name, "Europe/Zurich"
	Fold   Fold          // the choice made when Local happens twice
	At     time.Time     // UTC; whole milliseconds
	Offset time.Duration // of Zone's clocks from UTC at that instant; east is positive
	Rules  string        // the version of the zone database that made the wall clock an instant; see ZoneRules
}

// IsZero reports whether no time was chosen.
func (d Due) IsZero() bool { return d.At.IsZero() }

// Same reports whether two times read the same and mean the same instant, whichever rules they were reckoned by.
func (d Due) Same(o Due) bool {
	return d.Local == o.Local && d.Zone == o.Zone && d.Fold == o.Fold && d.At.Equal(o.At)
}

// Choice is one of the times that somebody may have meant by a wall-clock time that is skipped or happens twice.
type Choice struct {
	Local string    `json:"local"`
	Fold  Fold      `json:"fold,omitempty"`
	At    time.Time `json:"at"` // with the zone's offset
}

// LocalLayout is the form of a wall-clock time.
const LocalLayout = "2006-01-02T15:04:05"

// DueAt returns the Due of an instant seen in a zone ("" means UTC). Unknown zones are Invalid.
func DueAt(at time.Time, zone string) (Due, error) {
	loc, err := loadZone(zone)
	if err != nil {
		return Due{}, err
	}
	at = at.Truncate(time.Millisecond)
	local := at.In(loc).Format(LocalLayout)
	due := Due{Local: local, Zone: loc.String(), At: at.UTC(), Offset: offsetAt(at, loc), Rules: ZoneRules()}
	if _, second, n := instants(local, loc); n == 2 {
		due.Fold = FoldEarlier
		if !at.Before(second) {
			due.Fold = FoldLater
		}
	}
	return due, nil
}

// DueLocal returns the Due of a wall-clock time in a zone. A time that is skipped when clocks are put forward is
// Invalid with code nonexistent_local_time and offers the neighbours; one that happens twice is Invalid with code
// ambiguous_local_time, offering both, unless fold chooses (reliability §5).
func DueLocal(local, zone string, fold Fold) (Due, error) {
	if fold != FoldNone && fold != FoldEarlier && fold != FoldLater {
		return Due{}, Errorf(Invalid, "invalid_fold", "The choice for a doubled hour is \"earlier\" or \"later\".").At("due.fold")
	}
	loc, err := loadZone(zone)
	if err != nil {
		return Due{}, err
	}
	local, err = normalLocal(local)
	if err != nil {
		return Due{}, err
	}
	first, second, n := instants(local, loc)
	switch {
	case n == 0:
		before, after := gap(local, loc)
		return Due{}, Errorf(Invalid, "nonexistent_local_time",
			"%s does not exist in %s: clocks are put forward then. Choose %s or %s.",
			spoken(local), loc, neighbour(before, local), neighbour(after, local)).At("due.local").With(RemedyReschedule).
			Offering(Choice{Local: before.Format(LocalLayout), At: before}, Choice{Local: after.Format(LocalLayout), At: after})
	case n == 2 && fold == FoldNone:
		return Due{}, Errorf(Invalid, "ambiguous_local_time",
			"%s happens twice in %s: clocks are put back then. Choose the earlier (%s) or the later (%s).",
			spoken(local), loc, first.Format(time.RFC3339), second.Format(time.RFC3339)).At("due.fold").With(RemedyReschedule).
			Offering(Choice{Local: local, Fold: FoldEarlier, At: first}, Choice{Local: local, Fold: FoldLater, At: second})
	case n == 2 && fold == FoldLater:
		first = second
	case n == 1:
		fold = FoldNone
	}
	return Due{Local: local, Zone: loc.String(), Fold: fold, At: first.UTC(), Offset: offsetAt(first, loc), Rules: ZoneRules()}, nil
}

// Reckon returns d by the zone rules of this program: the wall clock stays, the instant may move. A wall-clock time that
// no longer exists goes forward by the hole it fell into; of one that has come to happen twice it is the earlier.
// Fractions of a second stay.
func (d Due) Reckon() (Due, error) {
	if d.IsZero() || d.Local == "" {
		return d, nil
	}
	loc, err := loadZone(d.Zone)
	if err != nil {
		return d, err
	}
	naive, err := time.Parse(LocalLayout, d.Local)
	if err != nil {
		return d, err
	}
	first, second, n := instants(d.Local, loc)
	switch {
	case n == 0:
		// As the clocks stood before the hole, the wall clock would read this.
		before, _ := gap(d.Local, loc)
		first = naive.Add(-offsetAt(before, loc))
	case n == 2 && d.Fold == FoldLater:
		first = second
	}
	return DueAt(first.Add(time.Duration(d.At.Nanosecond())), d.Zone)
}

// DayStart returns the instant at which a date ("2006-01-02") begins in a zone ("" means UTC). A day whose midnight is
// skipped begins after the hole; one whose midnight comes twice begins with the first. A date that a zone left out whole
// begins, and ends, where the next one begins.
func DayStart(date, zone string) (time.Time, error) {
	loc, err := loadZone(zone)
	if err != nil {
		return time.Time{}, err
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return time.Time{}, Errorf(Invalid, "invalid_date", "A date is written like 2006-01-02.").At("date")
	}
	midnight := date + "T00:00:00"
	first, _, n := instants(midnight, loc)
	if n == 0 {
		_, first = gap(midnight, loc)
	}
	return first.UTC(), nil
}

func offsetAt(at time.Time, loc *time.Location) time.Duration {
	_, seconds := at.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}

// normalLocal accepts a wall-clock time with or without seconds and returns it with seconds.
func normalLocal(local string) (string, error) {
	for _, layout := range []string{LocalLayout, "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, local); err == nil && !strings.ContainsAny(local, ".,") {
			return t.Format(LocalLayout), nil
		}
	}
	return "", Errorf(Invalid, "invalid_local_time", "A time is written like 2006-01-02T15:04:05, without a zone.").At("due.local")
}

// instants returns the instants whose wall clock in loc reads local: none, one, or two in order.
func instants(local string, loc *time.Location) (first, second time.Time, n int) {
	naive, err := time.Parse(LocalLayout, local)
	if err != nil {
		return first, second, 0
	}
	// Offsets change by at most a day (Samoa skipped one); all offsets in force around the time are candidates.
	seen := map[int]bool{}
	for h := -26; h <= 26; h++ {
		_, offset := naive.Add(time.Duration(h) * time.Hour).In(loc).Zone()
		if seen[offset] {
			continue
		}
		seen[offset] = true
		at := naive.Add(-time.Duration(offset) * time.Second).In(loc)
		if at.Format(LocalLayout) != local {
			continue
		}
		n++
		switch {
		case n == 1:
			first = at
		case at.Before(first):
			first, second = at, first
		default:
			second = at
		}
	}
	return first, second, n
}

// gap returns the wall-clock times just before and just after the hole that local falls into.
func gap(local string, loc *time.Location) (before, after time.Time) {
	naive, _ := time.Parse(LocalLayout, local)
	low, high := naive.Add(-26*time.Hour), naive.Add(26*time.Hour)
	// Between low and high the offset grows once; find the instant where it does.
	for high.Sub(low) > time.Second {
		mid := low.Add(high.Sub(low) / 2)
		if mid.In(loc).Format(LocalLayout) < local {
			low = mid
		} else {
			high = mid
		}
	}
	after = high.Truncate(time.Second).In(loc)
	return after.Add(-time.Second), after
}

// neighbour names a time beside a hole: with its day only where that is another one (midnight, or a skipped day).
func neighbour(t time.Time, local string) string {
	if text := t.Format(LocalLayout); !strings.HasPrefix(local, text[:len("2006-01-02")]) {
		return spoken(text)
	}
	return t.Format("15:04:05")
}

func spoken(local string) string {
	t, _ := time.Parse(LocalLayout, local)
	return fmt.Sprintf("%s, %s", t.Format("2 January 2006"), t.Format("15:04:05"))
}
