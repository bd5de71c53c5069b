package compose_test

import (
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestDraftsForTheInboxHaveRoomForFive plans drafts around one day: in any 24 hours there are at most five.
func TestDraftsForTheInboxHaveRoomForFive(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, ...storetest.Option) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setUp(t, open)
			plan := func(in time.Duration) error {
				draft := d.good()
				draft.Options.TikTok.ToInbox = true
				draft.When = compose.When{At: noon.Add(in)}
				_, err := d.Create(t.Context(), d.actor, draft, compose.Once{})
				return err
			}
			for n := range 5 {
				if err := plan(time.Duration(10+n) * time.Hour); err != nil {
					t.Fatalf("draft %d: %v", n+1, err)
				}
			}
			for _, c := range []struct {
				in   time.Duration
				room bool
			}{{12 * time.Hour, false}, {33 * time.Hour, false}, {34*time.Hour + time.Minute, true}} {
				err := plan(c.in)
				if err != nil {
					// Where there is room, a draft fits.
					free := shippost.AsError(err).Choices
					if len(free) != 1 || free[0].Local == "" || shippost.AsError(err).Field != "due_at" {
						t.Errorf("after %s: %+v", c.in, shippost.AsError(err))
						continue
					}
					again := d.good(func(g *compose.Draft) { g.When = compose.When{At: free[0].At} })
					again.Options.TikTok.ToInbox = true
					if v, err := d.Validate(t.Context(), d.actor, again); err != nil || len(others(v.Problems)) != 0 {
						t.Errorf("at the free time: %+v, %v", others(v.Problems), err)
					}
				}
				if (err == nil) != c.room || err != nil && (!shippost.IsCode(err, "too_many_drafts") || !shippost.IsKind(err, shippost.Wait)) {
					t.Errorf("after %s: %v, want room: %v", c.in, err, c.room)
				}
			}
			late := d.good()
			late.Options.TikTok.ToInbox, late.When = true, compose.When{At: noon.Add(12 * time.Hour)}
			verdict, err := d.Validate(t.Context(), d.actor, late)
			if problems := others(verdict.Problems); err != nil || len(problems) != 1 || problems[0].Code != "too_many_drafts" || problems[0].Remedy != shippost.RemedyReschedule || len(problems[0].Choices) != 1 || problems[0].Severity != shippost.Block {
				t.Errorf("asked beforehand: %+v, %v", verdict, err)
			}
			// The calendar shows the day, which has all the drafts it may.
			if full, err := d.FullDays(t.Context(), d.actor, "2026-05-01", "UTC", 3); err != nil || len(full) != 1 || !full[0].Drafts || full[0].Peak != 5 || full[0].Most != 5 || full[0].Over || full[0].Date != "2026-05-02" {
				t.Errorf("full days: %+v, %v", full, err)
			}
			other := d.good() // posts to the profile are not concerned
			other.When = compose.When{At: noon.Add(12 * time.Hour)}
			if _, err := d.Create(t.Context(), d.actor, other, compose.Once{}); err != nil {
				t.Errorf("a post to the profile: %v", err)
			}
		})
	}
}

// TestInboxNeedsTheCreatorsLeave: drafts are offered where the operator allows them, and go only where the creator does too.
func TestInboxNeedsTheCreatorsLeave(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	ask := func(want compose.Inbox) {
		t.Helper()
		got, err := d.Inbox(t.Context(), d.actor, d.account.ID)
		if err != nil || got != want {
			t.Errorf("inbox %+v, %v; want %+v", got, err, want)
		}
	}
	refused := func() bool {
		t.Helper()
		draft := d.good()
		draft.Options.TikTok.ToInbox = true
		verdict, err := d.Validate(t.Context(), d.actor, draft)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(verdict.Problems, func(p shippost.Problem) bool {
			return p.Code == "drafts_not_allowed" && p.Severity == shippost.Block && p.Remedy == shippost.RemedyReconnect
		})
	}
	ask(compose.Inbox{Most: 5})
	d.studio.draftScope = "video.upload" // which the account has
	ask(compose.Inbox{Offered: true, Granted: true, Most: 5})
	if refused() {
		t.Error("a draft is refused although the creator allowed it")
	}
	draft := d.good()
	draft.Options.TikTok.ToInbox = true
	if _, err := d.Create(t.Context(), d.actor, draft, compose.Once{}); err != nil {
		t.Fatal(err)
	}
	ask(compose.Inbox{Offered: true, Granted: true, Most: 5}) // it is planned, and not there yet
	d.clock.Advance(2 * time.Hour)
	ask(compose.Inbox{Offered: true, Granted: true, Waiting: 1, Most: 5})
	d.studio.draftScope = "video.drafts"
	ask(compose.Inbox{Offered: true, Waiting: 1, Most: 5})
	if !refused() {
		t.Error("a draft is taken without the creator's leave")
	}
	if _, err := d.Inbox(t.Context(), shippost.Actor{Kind: shippost.ActorUser, Workspace: d.actor.Workspace, Role: shippost.Viewer}, d.account.ID); !shippost.IsKind(err, shippost.Forbidden) {
		t.Errorf("who only reads was told: %v", err)
	}
}
