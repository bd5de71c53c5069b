package compose

import (
	"context"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Limits of what a calendar shows at once.
const (
	MaxCalendarDays  = 62
	MaxCalendarHours = 14 // days that may be asked for by the hour
)

// Timetable asks for some days of a calendar.
type Timetable struct {
	From     string // the first date, as 2006-01-02
	Days     int    // how many; at most MaxCalendarDays, by the hour MaxCalendarHours
	Zone     string // in which days begin and end
	ByHour   bool   // spans are hours instead of days
	Keep     int    // how many posts of a span are told in full
	Accounts []shippost.AccountID
	Statuses []shippost.PostStatus
	Labels   []shippost.LabelID // with one of these; empty for any
}

// Day is a day of a calendar. It has 23, 24 or 25 hours, or whatever its zone gave it.
type Day struct {
	Date       string
	Start, End time.Time
	Spans      []Span // those with posts, in order
}

// Span is a part of a day: all of it, or what one hour of the wall clock shows.
type Span struct {
	Start  time.Time
	Count  int
	States map[shippost.PostStatus]int
	Posts  []shippost.Post // the first ones
}

// Calendar returns how many posts each part of some days has, and the first of them. The cost of what is told does not
// grow with the number of posts; what is counted is read from an index.
func (c *Composer) Calendar(ctx context.Context, actor shippost.Actor, t Timetable) ([]Day, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	days, err := t.days()
	if err != nil {
		return nil, err
	}
	loc, err := shippost.Zone(t.Zone)
	if err != nil {
		return nil, err
	}
	filter := Filter{From: days[0].Start, To: days[len(days)-1].End, Accounts: t.Accounts, Statuses: t.Statuses, Labels: t.Labels}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		marks, err := tx.PostMarks(ctx, actor.Workspace, filter)
		if err != nil {
			return err
		}
		chosen := t.place(days, marks, loc)
		posts, err := tx.PostsAmong(ctx, actor.Workspace, chosen)
		if err != nil {
			return err
		}
		fill(days, posts)
		return nil
	})
	return days, err
}

func (t Timetable) days() ([]Day, error) {
	most := MaxCalendarDays
	if t.ByHour {
		most = MaxCalendarHours
	}
	if t.Days < 1 || t.Days > most {
		return nil, shippost.Errorf(shippost.Invalid, "invalid_days", "Ask for 1 to %d days.", most).At("days")
	}
	first, err := time.Parse(time.DateOnly, t.From)
	if err != nil {
		return nil, shippost.Errorf(shippost.Invalid, "invalid_date", "A date is written like 2006-01-02.").At("from")
	}
	days := make([]Day, t.Days)
	for i := range days {
		days[i].Date = first.AddDate(0, 0, i).Format(time.DateOnly)
		if days[i].Start, err = shippost.DayStart(days[i].Date, t.Zone); err != nil {
			return nil, err
		}
		if i > 0 {
			days[i-1].End = days[i].Start
		}
	}
	days[len(days)-1].End, err = shippost.DayStart(first.AddDate(0, 0, t.Days).Format(time.DateOnly), t.Zone)
	return days, err
}

// place counts marks, which are in order, into the spans of days and returns the ids of those that are told in full.
func (t Timetable) place(days []Day, marks []store.PostMark, loc *time.Location) (chosen []shippost.PostID) {
	d := 0
	for _, m := range marks {
		for d < len(days)-1 && !m.Due.Before(days[d].End) {
			d++
		}
		start := days[d].Start
		if t.ByHour {
			start = hourOf(m.Due, loc)
		}
		spans := &days[d].Spans
		if n := len(*spans); n == 0 || !(*spans)[n-1].Start.Equal(start) {
			*spans = append(*spans, Span{Start: start, States: map[shippost.PostStatus]int{}})
		}
		span := &(*spans)[len(*spans)-1]
		span.Count++
		span.States[m.Status]++
		if len(span.Posts) < t.Keep {
			span.Posts = append(span.Posts, shippost.Post{ID: m.ID})
			chosen = append(chosen, m.ID)
		}
	}
	return chosen
}

// hourOf returns when the hour that the wall clock shows began, by the offset that is in force.
func hourOf(at time.Time, loc *time.Location) time.Time {
	_, offset := at.In(loc).Zone()
	east := time.Duration(offset) * time.Second
	return at.Add(east).Truncate(time.Hour).Add(-east).UTC()
}

// fill puts the posts where their ids stand. One that was deleted since it was counted is left out.
func fill(days []Day, posts []shippost.Post) {
	known := make(map[shippost.PostID]shippost.Post, len(posts))
	for _, p := range posts {
		known[p.ID] = p
	}
	for i := range days {
		for j := range days[i].Spans {
			span := &days[i].Spans[j]
			for k, p := range span.Posts {
				span.Posts[k] = known[p.ID]
			}
			span.Posts = slices.DeleteFunc(span.Posts, func(p shippost.Post) bool { return p.ID == "" })
		}
	}
}
