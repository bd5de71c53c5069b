package compose_test

import (
	"context"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// door says what keeps a platform from fetching files.
type door struct{ problem *shippost.Problem }

func (d *door) Problems(context.Context) []shippost.Problem {
	if d.problem == nil {
		return nil
	}
	return []shippost.Problem{*d.problem}
}

// TestForecast_Inputs breaks each thing that a post needs, one at a time: the look ahead finds it, with its light and its one remedy.
func TestForecast_Inputs(t *testing.T) {
	t.Parallel()
	answered := func(code string) error {
		return &platform.Error{Op: "creator_info", Reach: platform.Answered, Code: code}
	}
	wrong := shippost.Problem{Code: "clock_wrong", Message: "The clock of this server cannot be right.", Remedy: shippost.RemedyOperator, Severity: shippost.Block}
	noDoor := shippost.Problem{Code: "photos_need_public_address", Field: "media_ids", Message: "No public address.", Remedy: shippost.RemedyOperator, Severity: shippost.Block}
	for name, c := range map[string]struct {
		breaks func(d *desk, at *door, health *[]shippost.Problem)
		photo  bool
		light  shippost.Light
		code   string
		remedy shippost.Remedy
	}{
		"a dead token, as is known": {breaks: func(d *desk, _ *door, _ *[]shippost.Problem) {
			a := d.account
			a.Status, a.StatusReason = shippost.AccountReconnect, "refresh_refused"
			storetest.Update(d.t, d.db, func(tx *store.Tx) error { _, err := tx.SetAccountStatus(d.t.Context(), a, a.Epoch); return err })
		}, light: shippost.Red, code: "needs_reconnect", remedy: shippost.RemedyReconnect},
		"a dead token, as is found when it is used": {breaks: func(d *desk, _ *door, _ *[]shippost.Problem) {
			d.studio.err = shippost.Errorf(shippost.Reconnect, "needs_reconnect", "Connect it again.").With(shippost.RemedyReconnect)
		}, light: shippost.Red, code: "needs_reconnect", remedy: shippost.RemedyReconnect},
		"a missing scope": {breaks: func(d *desk, _ *door, _ *[]shippost.Problem) { d.studio.err = answered("scope") },
			light: shippost.Red, code: "scope", remedy: shippost.RemedyReconnect},
		"a cap of the platform": {breaks: func(d *desk, _ *door, _ *[]shippost.Problem) { d.studio.err = answered("cap") }, light: shippost.Red, code: "cap"},
		"a full day": {breaks: func(d *desk, _ *door, _ *[]shippost.Problem) {
			d.studio.daily = 1
			d.queued(func(g *compose.Draft) { g.When = compose.When{At: noon.Add(29 * time.Hour)} })
		}, light: shippost.Yellow, code: "day_full", remedy: shippost.RemedyReschedule},
		"an inbox full of drafts": {breaks: func(d *desk, _ *door, _ *[]shippost.Problem) {
			d.studio.draftScope = "video.upload"
			storetest.Update(d.t, d.db, func(tx *store.Tx) error {
				_, err := tx.SQL().ExecContext(d.t.Context(), "UPDATE posts SET options = replace(options, '\"tiktok\":{', '\"tiktok\":{\"to_inbox\":true,') WHERE id <> ''")
				return err
			})
			for range 4 {
				draft := d.good(func(g *compose.Draft) { g.When = compose.When{At: noon.Add(30 * time.Hour)} })
				draft.Options.TikTok.ToInbox = true
				if _, err := d.Create(d.t.Context(), d.actor, draft, compose.Once{}); err != nil {
					d.t.Fatal(err)
				}
			}
			late := d.good(func(g *compose.Draft) { g.When = compose.When{At: noon.Add(60 * time.Hour)} })
			late.Options.TikTok.ToInbox = true
			w, err := d.Create(d.t.Context(), d.actor, late, compose.Once{})
			if err != nil {
				d.t.Fatal(err)
			}
			storetest.Update(d.t, d.db, func(tx *store.Tx) error { // as an import would bring it
				_, err := tx.SQL().ExecContext(d.t.Context(), "UPDATE posts SET due_at = $1 WHERE id = $2", noon.Add(30*time.Hour).UnixMicro(), string(w.Post.ID))
				return err
			})
		}, light: shippost.Yellow, code: "too_many_drafts", remedy: shippost.RemedyReschedule},
		"a wrong clock": {breaks: func(_ *desk, _ *door, health *[]shippost.Problem) { *health = []shippost.Problem{wrong} },
			light: shippost.Red, code: "clock_wrong", remedy: shippost.RemedyOperator},
		"no address for photos": {breaks: func(_ *desk, at *door, _ *[]shippost.Problem) { at.problem = &noDoor }, photo: true,
			light: shippost.Red, code: "photos_need_public_address", remedy: shippost.RemedyOperator},
		"no address for photos, of a video": {breaks: func(_ *desk, at *door, _ *[]shippost.Problem) { at.problem = &noDoor }, light: shippost.Green},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := &door{}
			var health []shippost.Problem
			d := setUp(t, storetest.SQLite, func(o *compose.Options) {
				o.Reach, o.Health = at, func(context.Context) []shippost.Problem { return health }
			})
			p := d.queued(func(g *compose.Draft) {
				g.When = compose.When{At: noon.Add(30 * time.Hour)}
				if c.photo {
					g.Media = []shippost.MediaID{d.picture()}
				}
			})
			look := func(light shippost.Light, code string, remedy shippost.Remedy) {
				t.Helper()
				if err := d.Forecast(t.Context()); err != nil {
					t.Fatal(err)
				}
				found, err := d.Forecasts(t.Context(), d.actor, []shippost.PostID{p.ID})
				f := found[p.ID]
				if err != nil || f.Light != light || (code == "") != (len(f.Problems) == 0) || code != "" && (f.Problems[0].Code != code || f.Problems[0].Remedy != remedy || f.Problems[0].Message == "") {
					t.Errorf("the forecast is %+v, %v; want %s for %s", f, err, light, code)
				}
			}
			d.clock.Advance(7 * time.Hour)
			look(shippost.Green, "", "")
			c.breaks(d, at, &health)
			d.clock.Advance(22*time.Hour + time.Minute)
			look(c.light, c.code, c.remedy)
		})
	}
}
