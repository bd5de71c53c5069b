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

// disk answers for the files of a test.
type disk struct{ err error }

func (d *disk) Verify(context.Context, shippost.Media) error { return d.err }

// TestForecast follows a post towards its time while what it needs breaks and is mended: the light says so with one remedy, the
// journal tells when it turns red and when it no longer is, and nothing is asked more often than needed.
func TestForecast(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, ...storetest.Option) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := &disk{}
			var health []shippost.Problem
			d := setUp(t, open, func(o *compose.Options) {
				o.Files, o.Health = files, func(context.Context) []shippost.Problem { return health }
			})
			at := func(in time.Duration) func(*compose.Draft) {
				return func(g *compose.Draft) { g.When = compose.When{At: noon.Add(in)} }
			}
			far, p, sibling := d.queued(at(80*time.Hour)), d.queued(at(30*time.Hour)), d.queued(at(31*time.Hour))
			stranger := storetest.Workspace(t, d.db)
			look := func(to time.Duration) (shippost.Forecast, bool) {
				t.Helper()
				d.clock.Advance(noon.Add(to).Sub(d.clock.Now()))
				if err := d.Forecast(t.Context()); err != nil {
					t.Fatal(err)
				}
				found, err := d.Forecasts(t.Context(), d.actor, []shippost.PostID{p.ID, sibling.ID, far.ID})
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := found[far.ID]; ok {
					t.Error("a post of the day after tomorrow was looked at")
				}
				f, ok := found[p.ID]
				return f, ok
			}
			want := func(to time.Duration, light shippost.Light, code string, remedy shippost.Remedy) {
				t.Helper()
				f, ok := look(to)
				if !ok || f.Light != light || (code == "") != (len(f.Problems) == 0) || code != "" && (f.Problems[0].Code != code || f.Problems[0].Remedy != remedy || f.Problems[0].Message == "") {
					t.Errorf("after %s: %+v, want %s for %s", to, f, light, code)
				}
				// Whoever opens the app is told of what is red, and only of their own workspace.
				risks, err := d.Notices(t.Context(), d.actor)
				if err != nil || len(risks) != map[bool]int{true: 1}[light == shippost.Red] || len(risks) > 0 && (risks[0].Code != "posts_at_risk" || risks[0].Since.IsZero()) {
					t.Errorf("after %s the notices are %+v, %v", to, risks, err)
				}
				if risks, err = d.Notices(t.Context(), stranger); err != nil || len(risks) != 0 {
					t.Errorf("a stranger is told %+v, %v", risks, err)
				}
			}
			if _, ok := look(5 * time.Hour); ok {
				t.Error("looked at earlier than a day before")
			}
			d.studio.asked = 0
			want(7*time.Hour+time.Minute, shippost.Green, "", "")
			if d.studio.asked != 1 {
				t.Errorf("the platform was asked %d times about one account", d.studio.asked)
			}
			// Between the moments nothing is asked.
			d.studio.err = &platform.Error{Op: "creator_info", Reach: platform.Answered, Code: "banned"}
			want(20*time.Hour, shippost.Green, "", "")
			want(29*time.Hour, shippost.Red, "banned", "")
			d.studio.err = nil
			want(29*time.Hour+10*time.Minute, shippost.Red, "banned", "") // too soon to ask again
			want(29*time.Hour+16*time.Minute, shippost.Green, "", "")
			files.err = shippost.Errorf(shippost.Conflict, "media_changed", "The stored file is no longer the one.").With(shippost.RemedyReplaceMedia)
			want(29*time.Hour+50*time.Minute, shippost.Red, "media_changed", shippost.RemedyReplaceMedia)
			files.err = nil
			// A change of the post is looked at whatever the time; here its creator has turned private.
			caption := "new words"
			e, err := d.Edit(t.Context(), d.actor, p.ID, compose.Change{Caption: &caption, TikTok: &compose.TikTokChange{Consent: true}})
			if err != nil {
				t.Fatal(err)
			}
			d.studio.creator.PrivacyOptions = []string{shippost.PrivacyFollowers}
			want(29*time.Hour+52*time.Minute, shippost.Red, "privacy_not_offered", shippost.RemedyEdit)
			d.studio.creator.PrivacyOptions = nil
			d.clock.Advance(2 * time.Minute) // until the platform is asked again
			caption = "newer words"
			if _, err = d.Edit(t.Context(), d.actor, p.ID, compose.Change{Version: e.Post.Version, Caption: &caption, TikTok: &compose.TikTokChange{Consent: true}}); err != nil {
				t.Fatal(err)
			}
			health = []shippost.Problem{{Code: "disk_nearly_full", Message: "The disk is nearly full.", Remedy: shippost.RemedyOperator, Severity: shippost.Warn}}
			want(29*time.Hour+55*time.Minute, shippost.Yellow, "disk_nearly_full", shippost.RemedyOperator)
			var told []shippost.EntryKind
			storetest.View(t, d.db, func(tx *store.Tx) error {
				entries, err := tx.Journal(t.Context(), store.JournalQuery{Post: p.ID, Limit: 100})
				for _, e := range entries {
					if e.Kind == shippost.EntryPostAtRisk || e.Kind == shippost.EntryPostSafe {
						told = append(told, e.Kind)
					}
				}
				return err
			})
			if len(told) != 4 {
				t.Errorf("the journal tells %v, want at risk, safe, at risk, safe", told)
			}
		})
	}
}

// TestConsents_AreShown reads the ledger of a post as its owners may.
func TestConsents_AreShown(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	p := d.queued()
	list, err := d.Consents(t.Context(), d.actor, p.ID)
	if err != nil || len(list) != 1 || list[0].Caption != p.Caption || list[0].Media[0] != "ab12" {
		t.Errorf("the ledger has %+v, %v", list, err)
	}
	if len(list) == 1 && list[0].UserName == "" {
		t.Error("the ledger does not say what the person who agreed is called")
	}
	if text, ok := compose.DeclarationOf(list[0].Wording); !ok || text.Text == "" {
		t.Errorf("the wording %q has no text", list[0].Wording)
	}
	stranger := storetest.Workspace(t, d.db)
	if _, err := d.Consents(t.Context(), stranger, p.ID); !shippost.IsKind(err, shippost.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
}
