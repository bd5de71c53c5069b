package compose_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// bothEngines opens a desk on each database.
func bothEngines(t *testing.T, test func(*testing.T, *desk)) {
	for name, open := range map[string]func(*testing.T, ...storetest.Option) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setUp(t, open))
		})
	}
}

func dueAt(at string) func(*compose.Draft) {
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	return func(d *compose.Draft) { d.When = compose.When{At: when} }
}

func TestCalendar_CountsByTheDaysOfTheZone(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T, d *desk) {
		// Clocks go back on 25 October 2026 in Zurich: 2:30 comes twice.
		before := d.queued(dueAt("2026-10-24T21:59:00Z")) // 23:59 the day before
		first := d.queued(dueAt("2026-10-25T00:30:00Z"))
		second := d.queued(dueAt("2026-10-25T01:30:00Z"))
		d.queued(dueAt("2026-10-25T22:59:00Z")) // 23:59
		d.queued(dueAt("2026-10-25T23:00:00Z")) // midnight of the next
		cancelled := d.queued(dueAt("2026-10-25T10:00:00Z"))
		if _, err := d.Cancel(t.Context(), d.actor, cancelled.ID, 0); err != nil {
			t.Fatal(err)
		}
		ask := compose.Timetable{From: "2026-10-24", Days: 3, Zone: "Europe/Zurich", Keep: 2}
		days, err := d.Calendar(t.Context(), d.actor, ask)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct {
			hours float64
			count int
			first shippost.PostID
		}{{24, 1, before.ID}, {25, 4, first.ID}, {24, 1, ""}} {
			day := days[i]
			if got := day.End.Sub(day.Start).Hours(); got != want.hours || len(day.Spans) != 1 || day.Spans[0].Count != want.count {
				t.Errorf("%s has %v hours and %+v, want %+v", day.Date, got, day.Spans, want)
				continue
			}
			if got := day.Spans[0].Posts; len(got) != min(2, want.count) || want.first != "" && got[0].ID != want.first || len(got[0].Media) != 1 {
				t.Errorf("%s begins with %+v", day.Date, got)
			}
		}
		if states := days[1].Spans[0].States; states[shippost.PostQueued] != 3 || states[shippost.PostCancelled] != 1 {
			t.Errorf("states %v", states)
		}

		ask.From, ask.Days, ask.ByHour, ask.Statuses = "2026-10-25", 1, true, []shippost.PostStatus{shippost.PostQueued}
		days, err = d.Calendar(t.Context(), d.actor, ask)
		if err != nil {
			t.Fatal(err)
		}
		spans := days[0].Spans
		if len(spans) != 3 || spans[0].Posts[0].ID != first.ID || spans[1].Posts[0].ID != second.ID {
			t.Fatalf("the two hours that read 2 o'clock are one: %+v", spans)
		}
		if apart := spans[1].Start.Sub(spans[0].Start); apart != time.Hour {
			t.Errorf("they are %v apart", apart)
		}
		ask.Accounts = []shippost.AccountID{"acc_other"}
		if days, err = d.Calendar(t.Context(), d.actor, ask); err != nil || len(days[0].Spans) != 0 {
			t.Errorf("of another account: %+v, %v", days, err)
		}
		stranger := storetest.Workspace(t, d.db)
		ask.Accounts = nil
		if days, err = d.Calendar(t.Context(), stranger, ask); err != nil || len(days[0].Spans) != 0 {
			t.Errorf("a stranger sees %+v, %v", days, err)
		}
	})
}

func TestCalendar_Refuses(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	for code, ask := range map[string]compose.Timetable{
		"invalid_days":      {From: "2026-10-01", Days: 63},
		"invalid_date":      {From: "tomorrow", Days: 1},
		"unknown_time_zone": {From: "2026-10-01", Days: 1, Zone: "Mars/Base"},
	} {
		if _, err := d.Calendar(t.Context(), d.actor, ask); !shippost.IsCode(err, code) {
			t.Errorf("%+v: %v, want %s", ask, err, code)
		}
	}
	if _, err := d.Calendar(t.Context(), d.actor, compose.Timetable{From: "2026-10-01", Days: 15, ByHour: true}); !shippost.IsCode(err, "invalid_days") {
		t.Errorf("fifteen days by the hour: %v", err)
	}
	if _, err := d.Calendar(t.Context(), shippost.Actor{}, compose.Timetable{From: "2026-10-01", Days: 1}); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
}

func TestRestore_TakesACancellationBack(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T, d *desk) {
		p := d.queued()
		d.attempt(p, shippost.AttemptOpen)
		if _, err := d.Restore(t.Context(), d.actor, p.ID, 0, compose.When{}); !shippost.IsCode(err, "not_cancelled") {
			t.Errorf("a post that waits: %v", err)
		}
		cancelled, err := d.Cancel(t.Context(), d.actor, p.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		w, err := d.Restore(t.Context(), d.actor, p.ID, cancelled.Version, compose.When{})
		if err != nil {
			t.Fatal(err)
		}
		got := d.get(p.ID)
		if got.Status != shippost.PostQueued || !got.Due.Same(p.Due) || got.Version <= cancelled.Version || got.Caption != p.Caption || !got.Options.TikTok.Consent {
			t.Errorf("restored as %+v", got)
		}
		if w.Post.Version != got.Version {
			t.Errorf("told version %d, stored %d", w.Post.Version, got.Version)
		}
		// The attempt that was withdrawn stays dead; the next one is another.
		attempts, err := d.Attempts(t.Context(), d.actor, p.ID)
		if err != nil || len(attempts) != 1 || attempts[0].State != shippost.AttemptDead {
			t.Errorf("attempts %+v, %v", attempts, err)
		}
		kinds := d.trace().Journal
		if last := kinds[len(kinds)-1]; last != shippost.EntryPostRestored {
			t.Errorf("the journal ends with %s", last)
		}
		if _, err := d.Cancel(t.Context(), d.actor, p.ID, 0); err != nil {
			t.Fatal(err)
		}
		d.clock.Advance(2 * time.Hour)
		if _, err := d.Restore(t.Context(), d.actor, p.ID, 0, compose.When{}); !shippost.IsKind(err, shippost.Invalid) {
			t.Errorf("after its time: %v", err)
		}
		later := compose.When{At: d.clock.Now().Add(time.Hour)}
		if w, err = d.Restore(t.Context(), d.actor, p.ID, 0, later); err != nil || !w.Post.Due.At.Equal(later.At) {
			t.Errorf("for a later time: %+v, %v", w.Post.Due, err)
		}
	})
}

func TestEdit_ADraftJoinsAGroupOnce(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T, d *desk) {
		w, err := d.Create(t.Context(), d.actor, d.good(func(draft *compose.Draft) { draft.When = compose.When{} }), compose.Once{})
		if err != nil {
			t.Fatal(err)
		}
		first, second := shippost.NewGroupID(d.db.Now()), shippost.NewGroupID(d.db.Now())
		if w, err = d.Edit(t.Context(), d.actor, w.Post.ID, compose.Change{Group: first}); err != nil || w.Post.Group != first || d.get(w.Post.ID).Group != first {
			t.Fatalf("joined %q, stored %q, %v", w.Post.Group, d.get(w.Post.ID).Group, err)
		}
		if _, err = d.Edit(t.Context(), d.actor, w.Post.ID, compose.Change{Group: second}); err != nil || d.get(w.Post.ID).Group != first {
			t.Errorf("a post of a group went to another one: %q, %v", d.get(w.Post.ID).Group, err)
		}
		list, _, err := d.List(t.Context(), d.actor, compose.Filter{Group: first, Limit: 9})
		if err != nil || len(list) != 1 {
			t.Errorf("the group has %d posts, %v", len(list), err)
		}
	})
}
