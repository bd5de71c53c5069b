package vault_test

import (
	"context"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestR19_JobTellsWithinAMinute: a node dies with the answer to a refresh that TikTok made. Nobody asks for a token; the
// queue's own rhythm finds what it left, and people are told within a minute. A token that grows old is refreshed so, too.
func TestR19_JobTellsWithinAMinute(t *testing.T) {
	t.Parallel()
	if worst := vault.KeepEvery + vault.IntentLife; worst > time.Minute {
		t.Fatalf("a node that does not answer is waited for %s, want at most a minute", worst)
	}
	engines(t, func(t *testing.T, b *bench) {
		completed := b.queue()
		// Each run of the job stands for one period. One that began before may have looked before, too.
		period := func() {
			now := time.Now()
			for e := range completed {
				if e.Job.Kind == "vault.refresh" && e.Job.AttemptedAt.After(now) {
					b.clock.Advance(vault.KeepEvery)
					return
				}
			}
		}
		period()
		if n := b.refreshes(); n != 0 {
			t.Fatalf("%d refreshes while the token was young", n)
		}
		b.clock.Advance(19 * time.Hour) // of 24
		for n := 0; b.refreshes() == 0; n++ {
			if n == 3 {
				t.Fatal("a token with a fifth of its life left was not refreshed within three periods")
			}
			period()
		}
		b.healthy()

		_, grant := b.stored()
		refresher, _ := platform.Can[platform.Refresher](b.platforms[shippost.TikTok])
		dead := shippost.NewNodeID(b.clock.Now())
		token, err := b.sealer.Open(grant.RefreshToken, vault.Place(b.account.ID, "refresh_token"))
		if err != nil {
			t.Fatal(err)
		}
		storetest.Update(t, b.db, func(tx *store.Tx) error {
			if err := tx.InsertNode(t.Context(), dead); err != nil { // on PostgreSQL nobody knows that it does not live
				return err
			}
			_, err := tx.ClaimRefresh(t.Context(), b.account.ID, grant.Version, "sent", dead, store.Patience{})
			return err
		})
		if _, err := refresher.Refresh(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		died := b.clock.Now()
		for n := 0; b.broken().IsZero(); n++ {
			if n == 4 {
				t.Fatal("nobody was told within four periods")
			}
			period()
		}
		if told := b.broken(); told.Sub(died) > time.Minute {
			t.Errorf("told at %v, the node died at %v; want it within a minute", told, died)
		}
	})
}

// By a clock that is far ahead every token looks old. None is renewed for it, and no age is written that a right clock cannot go by.
func TestKeep_NothingByAWrongClock(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, b *bench) {
		trusted, v := false, b.nodes[0]
		v.Trusted = func(context.Context) bool { return trusted }
		_, before := b.stored()
		b.clock.Advance(400 * 24 * time.Hour)
		if err := v.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, grant := b.stored(); b.refreshes() != 0 || grant.Version != before.Version {
			t.Errorf("by a wrong clock there were %d refreshes, of version %d now", b.refreshes(), grant.Version)
		}
		b.clock.Advance(19*time.Hour - 400*24*time.Hour)
		trusted = true
		if err := v.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b.refreshes() != 1 {
			t.Errorf("by a right clock there were %d refreshes of a token that grew old, want one", b.refreshes())
		}
	})
}

// queue runs the vault's jobs on a real queue, faster than in earnest, and returns what it completes.
func (b *bench) queue() <-chan *river.Event {
	b.t.Helper()
	registry := jobs.NewRegistry()
	b.nodes[0].Work(registry)
	client, err := jobs.Open(b.t.Context(), b.db, jobs.Options{Registry: registry, Periodic: vault.PeriodicEvery(200 * time.Millisecond), Log: b.nodes[0].Log})
	if err != nil {
		b.t.Fatal(err)
	}
	completed, cancel := client.Subscribe(river.EventKindJobCompleted)
	if err := client.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		cancel()
		if err := client.Stop(b.t.Context()); err != nil {
			b.t.Error(err)
		}
	})
	return completed
}
