package compose

import (
	"slices"
	"time"

	"ship-post.com/shippost"
)

// When is the due time as somebody wrote it: an instant, or a wall-clock time in a zone. The zero When is no time.
type When struct {
	At    time.Time
	Local string
	Zone  string
	Fold  shippost.Fold
}

// IsZero reports whether no time was written.
func (w When) IsZero() bool { return w == When{} }

// resolve returns the instant that is meant. A time that passed less than a minute ago means now, so that "post now"
// and a slow form need nothing special. was is the time a post had before; an instant is shown in its zone.
func (w When) resolve(now time.Time, was shippost.Due) (shippost.Due, []shippost.Problem) {
	if w.IsZero() {
		return shippost.Due{}, nil
	}
	due, field, err := w.read(was)
	if err != nil {
		return shippost.Due{}, []shippost.Problem{problem(shippost.AsError(err))}
	}
	if age := now.Sub(due.At); age >= 0 && age < justNow {
		due, err = shippost.DueAt(now, due.Zone)
	}
	switch {
	case err != nil:
	case due.At.Before(now.Truncate(time.Millisecond)):
		err = shippost.Errorf(shippost.Invalid, "time_in_past", "This time has already passed. Choose a later one.").
			At(field).With(shippost.RemedyReschedule)
	case due.At.After(now.Add(Horizon)):
		err = shippost.Errorf(shippost.Invalid, "too_far_ahead", "Posts can be scheduled up to a year ahead. Choose an earlier time.").
			At(field).With(shippost.RemedyReschedule)
	default:
		return due, nil
	}
	return shippost.Due{}, []shippost.Problem{problem(shippost.AsError(err))}
}

func (w When) read(was shippost.Due) (due shippost.Due, field string, err error) {
	switch {
	case !w.At.IsZero() && w != When{At: w.At}:
		return due, "", shippost.Errorf(shippost.Invalid, "two_times", "Give the time either as due_at or as due, not as both.").At("due")
	case !w.At.IsZero():
		due, err = shippost.DueAt(w.At, was.Zone)
		return due, "due_at", err
	case w.Zone == "":
		return due, "", shippost.Errorf(shippost.Invalid, "zone_required",
			"Say in which time zone the time is meant, such as \"Europe/Zurich\".").At("due.zone")
	default:
		due, err = shippost.DueLocal(w.Local, w.Zone, w.Fold)
		return due, "due.local", err
	}
}

// LateWindows are the late windows a person may choose (reliability §5).
var LateWindows = []time.Duration{0, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// lateWindow returns what is wrong with a chosen late window; nil is nothing chosen.
func lateWindow(w *time.Duration) []shippost.Problem {
	if w == nil || slices.Contains(LateWindows, *w) {
		return nil
	}
	return []shippost.Problem{{Code: "invalid_late_window", Field: "late_window", Remedy: shippost.RemedyEdit, Severity: shippost.Block,
		Message: "A post may be late by nothing, 15 minutes, 1 hour, 6 hours or 24 hours. Choose one of these."}}
}

// problem is an error as one of several things that are wrong.
func problem(e *shippost.Error) shippost.Problem {
	return shippost.Problem{Code: e.Code, Field: e.Field, Message: e.Message, Remedy: e.Remedy, Severity: shippost.Block, Choices: e.Choices}
}
