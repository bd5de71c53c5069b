package compose_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestPlanner_WarnsAndOffersATime plans more posts than TikTok takes: the check warns, names the nearest time with room, and
// refuses nothing; the days of the account say the same.
func TestPlanner_WarnsAndOffersATime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := setUp(t, func(*testing.T, ...storetest.Option) *store.DB {
			return storetest.SQLite(t, storetest.At(func() time.Time { return noon }))
		})
		if db.Engine() == store.Postgres {
			d = setUp(t, storetest.Postgres)
		}
		d.studio.daily, d.studio.creators = 3, 2
		at := func(in time.Duration) func(*compose.Draft) {
			return func(g *compose.Draft) {
				g.When = compose.When{Local: noon.Add(in).Format(shippost.LocalLayout), Zone: "UTC"}
			}
		}
		for _, in := range []time.Duration{10 * time.Hour, 11 * time.Hour, 12 * time.Hour} {
			d.queued(at(in))
		}
		check := func(draft compose.Draft) []shippost.Problem {
			v, err := d.Validate(t.Context(), d.actor, draft)
			if err != nil {
				t.Fatal(err)
			}
			return others(v.Problems)
		}
		got := check(d.good(at(11*time.Hour + 30*time.Minute)))
		if len(got) != 1 || got[0].Code != "day_full" || got[0].Severity != shippost.Warn || got[0].Remedy != shippost.RemedyReschedule || len(got[0].Choices) != 1 {
			t.Fatalf("got %+v", got)
		}
		// Earlier there is room nowhere: all earlier times share their day with the three.
		if free := got[0].Choices[0]; !free.At.Equal(noon.Add(34*time.Hour)) || free.Local != "2026-05-02T22:00:00" {
			t.Errorf("the free time is %+v", free)
		}
		if got := check(d.good(at(34 * time.Hour))); len(got) != 0 {
			t.Errorf("at the free time: %+v", got)
		}
		// A post does not stand in its own way.
		draft := d.good(at(10*time.Hour + 5*time.Minute))
		draft.Post = d.queued(at(34 * time.Hour)).ID
		if got := check(draft); len(got) != 1 {
			t.Errorf("moving a post into the full day: %+v", got)
		}
		// A warning is no refusal, and whoever saves is told the same.
		hint := func(what string, w compose.Written, err error) shippost.Post {
			t.Helper()
			if got := others(w.Problems); err != nil || len(got) != 1 || got[0].Code != "day_full" || len(got[0].Choices) != 1 || !got[0].Choices[0].At.Equal(noon.Add(35*time.Hour)) {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
			return w.Post
		}
		when := compose.When{Local: noon.Add(11*time.Hour + 30*time.Minute).Format(shippost.LocalLayout), Zone: "UTC"}
		w, err := d.Create(t.Context(), d.actor, d.good(at(11*time.Hour+30*time.Minute)), compose.Once{})
		fourth := hint("created", w, err)
		w, err = d.Reschedule(t.Context(), d.actor, fourth.ID, 0, compose.When{Local: noon.Add(60 * time.Hour).Format(shippost.LocalLayout), Zone: "UTC"})
		if got := others(w.Problems); err != nil || len(got) != 0 {
			t.Errorf("moved to where there is room: %+v, %v", got, err)
		}
		w, err = d.Reschedule(t.Context(), d.actor, fourth.ID, 0, when)
		hint("moved back", w, err)
		window := time.Hour
		w, err = d.Edit(t.Context(), d.actor, fourth.ID, compose.Change{LateWindow: &window})
		hint("edited", w, err)
		draft = d.good(at(50 * time.Hour))
		draft.Post = fourth.ID
		if got := check(draft); len(got) != 0 {
			t.Errorf("moving a post out of the full day: %+v", got)
		}
		days, err := d.AccountDays(t.Context(), d.actor, d.account.ID, "2026-05-01", "UTC", 3)
		if err != nil || len(days) != 3 {
			t.Fatalf("%+v, %v", days, err)
		}
		if a := days[0]; a.Posts != 3 || a.Over || days[1].Posts != 2 || !days[1].Over || days[1].Free.IsZero() || days[2].Posts != 0 || days[2].Over {
			t.Errorf("the days are %+v", days)
		}
		// The day before is within its limit by itself and is told as nearly full; the fourth makes a day of 24 hours too full.
		full, err := d.FullDays(t.Context(), d.actor, "2026-04-01", "UTC", 62)
		if err != nil || len(full) != 2 || full[0].Date != "2026-05-01" || full[0].Over || full[0].Peak != 3 || full[0].Most != 3 || full[0].Post != "" {
			t.Fatalf("full days: %+v, %v", full, err)
		}
		if f := full[1]; f.Date != "2026-05-02" || !f.Over || f.Peak != 4 || f.Account != d.account.ID || f.Post == "" || !f.Due.At.Equal(f.Free) || f.Due.Local == "" {
			t.Errorf("the day that is too full: %+v", f)
		}
		draft = d.good(func(g *compose.Draft) { g.When = compose.When{Local: full[1].Due.Local, Zone: "UTC"} })
		draft.Post = full[1].Post
		if got := check(draft); len(got) != 0 {
			t.Errorf("at the time that the calendar offers: %+v", got)
		}
		stranger := storetest.Workspace(t, d.db)
		if full, err := d.FullDays(t.Context(), stranger, "2026-05-01", "UTC", 31); err != nil || len(full) != 0 {
			t.Errorf("a stranger sees %+v, %v", full, err)
		}
		if _, err := d.FullDays(t.Context(), d.actor, "May", "UTC", 31); !shippost.IsKind(err, shippost.Invalid) {
			t.Errorf("a month as a date: %v", err)
		}
		// Two other creators post around then, which is all that an app before its audit may serve.
		for range 2 {
			other := storetest.Account(t, d.db, d.actor)
			d.queued(func(g *compose.Draft) { g.Account = other.ID }, at(52*time.Hour))
		}
		if got := check(d.good(at(53 * time.Hour))); len(got) != 1 || got[0].Code != "creators_full" || got[0].Severity != shippost.Warn {
			t.Errorf("a third creator: %+v", got)
		} else if free := got[0].Choices; len(free) != 1 || !free[0].At.Equal(noon.Add(76*time.Hour)) || free[0].Local != "2026-05-04T16:00:00" {
			t.Errorf("a third creator is offered %+v", free)
		}
		if got := check(d.good(at(76 * time.Hour))); len(got) != 0 {
			t.Errorf("a day after the two: %+v", got)
		}
		d.studio.daily, d.studio.creators = 15, 0
		for range 4 {
			d.queued(at(100 * time.Hour))
		}
		if got := check(d.good(at(100 * time.Hour))); len(got) != 1 || got[0].Code != "minute_full" || len(got[0].Choices) != 1 || !got[0].Choices[0].At.Equal(noon.Add(100*time.Hour-time.Minute)) && !got[0].Choices[0].At.Equal(noon.Add(100*time.Hour+time.Minute)) {
			t.Errorf("a fifth post of the same minute: %+v", got)
		} else if got := check(d.good(at(got[0].Choices[0].At.Sub(noon)))); len(got) != 0 {
			t.Errorf("a minute away: %+v", got)
		}
	})
}
