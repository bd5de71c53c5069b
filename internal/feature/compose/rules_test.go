package compose_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// reckonedBefore makes a post look as if a program with older zone rules had scheduled it, when Pyongyang's clocks stood
// half an hour further west.
func (d *desk) reckonedBefore(p shippost.Post) {
	d.t.Helper()
	storetest.Update(d.t, d.db, func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(d.t.Context(), "UPDATE posts SET due_at = due_at + 1800000000, due_rules = '2014j' WHERE id = $1", string(p.ID))
		return err
	})
}

func TestKeepWallClocks(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		d := setUp(t, func(*testing.T, ...storetest.Option) *store.DB { return db })
		in := func(zone, local string) shippost.Post {
			return d.queued(func(g *compose.Draft) { g.When = compose.When{Local: local, Zone: zone} })
		}
		waiting, staged, committed := in("Asia/Pyongyang", "2026-05-02T09:00:00"), in("Asia/Pyongyang", "2026-05-02T10:00:00"), in("Asia/Pyongyang", "2026-05-02T11:00:00")
		same, late := in("Europe/Zurich", "2026-05-02T09:00:00"), in("Asia/Pyongyang", "2026-05-01T21:01:00")
		for _, p := range []shippost.Post{waiting, staged, committed, late} {
			d.reckonedBefore(p)
		}
		d.attempt(staged, shippost.AttemptOpen)
		d.attempt(committed, shippost.AttemptCommitting)
		clock.Advance(time.Hour) // the last one is being published late; its time is not moved under it

		for range 2 { // the second start finds nothing to do
			if err := d.KeepWallClocks(t.Context()); err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]struct {
				before shippost.Post
				moved  time.Duration
				status shippost.PostStatus
			}{
				"waiting":   {waiting, 0, shippost.PostQueued},
				"staged":    {staged, 0, shippost.PostQueued},
				"committed": {committed, 30 * time.Minute, shippost.PostPublishing},
				"same":      {same, 0, shippost.PostQueued},
				"late":      {late, 30 * time.Minute, shippost.PostQueued},
			} {
				got := d.get(c.before.ID)
				if want := c.before.Due.At.Add(c.moved); !got.Due.At.Equal(want) || got.Due.Local != c.before.Due.Local || got.Status != c.status {
					t.Errorf("%s: due %s (%s), %s; want %s, %s", name, got.Due.At, got.Due.Local, got.Status, want, c.status)
				}
			}
		}
		if got := d.get(waiting.ID); got.Version != waiting.Version+1 || got.Due.Rules != shippost.ZoneRules() || got.Due.Offset != 9*time.Hour {
			t.Errorf("the moved post is %+v, version %d", got.Due, got.Version)
		}
		moves := 0
		storetest.View(t, d.db, func(tx *store.Tx) error {
			entries, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: d.actor.Workspace, Limit: 1000})
			for _, e := range entries {
				if e.Kind != shippost.EntryPostMoved {
					continue
				}
				moves++
				if e.Data["local"] == "" || e.Data["from"] == e.Data["to"] || e.Actor.Kind != shippost.ActorSystem {
					t.Errorf("the journal says %v by %v", e.Data, e.Actor)
				}
			}
			attempts, aerr := tx.Attempts(t.Context(), staged.ID)
			if len(attempts) != 1 || attempts[0].State != shippost.AttemptDead || attempts[0].Death != "D4" {
				t.Errorf("the upload for the old instant is %+v, want it dead", attempts)
			}
			if aerr != nil {
				return aerr
			}
			return err
		})
		if moves != 2 {
			t.Errorf("%d entries tell of moved posts, want 2", moves)
		}
	})
}

// During an upgrade a node of the release before must not move posts back.
func TestKeepWallClocks_OlderProgram(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	p := d.queued(func(g *compose.Draft) { g.When = compose.When{Local: "2026-05-02T09:00:00", Zone: "Asia/Pyongyang"} })
	d.reckonedBefore(p)
	storetest.Update(t, d.db, func(tx *store.Tx) error { return tx.SetMeta(t.Context(), "zone_rules", "2999a") })
	if err := d.KeepWallClocks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.get(p.ID); got.Version != p.Version {
		t.Errorf("the post moved to %s", got.Due.At)
	}
}
