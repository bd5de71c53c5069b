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
		fourth := d.queued(at(11*time.Hour + 30*time.Minute)) // a warning is no refusal
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
		}
	})
}
