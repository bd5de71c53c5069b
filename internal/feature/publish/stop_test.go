package publish_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// cancel cancels a post as a person does, who learns that it has been handed over.
func (g *gallery) cancel(t *testing.T, p *publish.Publisher, id shippost.PostID) {
	t.Helper()
	composer := compose.New(compose.Options{DB: g.db, Publisher: p.Desk()})
	for range 2 { // asking again changes nothing
		got, err := composer.Cancel(t.Context(), g.actor, id, 0)
		e := shippost.AsError(err)
		if e.Code != "already_handed_over" || e.Kind != shippost.Conflict || e.Remedy != shippost.RemedyWait || got.Phase != shippost.PhaseStopping {
			t.Fatalf("cancelling answered %v, phase %s", err, got.Phase)
		}
	}
}

func committed(_ shippost.Post, list []shippost.Attempt) bool {
	return len(list) == 1 && list[0].State.Committed()
}

func aCancel(e tiktoksim.Entry) bool { return e.Kind == "request" && e.Name == "cancel" }

// TestC25_StoppedPhotos asks to stop photos past the point of no return, in each way in which TikTok may meet that. They
// are cancelled or posted by what TikTok says; whatever it says, no other attempt follows.
func TestC25_StoppedPhotos(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		knobs   func(*tiktoksim.Knobs)
		when    func(*gallery, shippost.Post, []shippost.Attempt) bool
		end     shippost.PostStatus
		fetches int // how many photos TikTok has got whole
		cancels int
		why     string // what the attempt died of
	}{
		{name: "before the first fetch", end: shippost.PostCancelled, cancels: 1, why: "publish_cancelled",
			knobs: func(k *tiktoksim.Knobs) { k.Pull.StartAfter = tiktoksim.Duration(time.Hour) }},
		{name: "TikTok goes on and finds the gate closed", end: shippost.PostCancelled, cancels: 1, why: "photo_pull_failed",
			knobs: func(k *tiktoksim.Knobs) {
				k.Pull.StartAfter, k.Pull.CancelIneffective = tiktoksim.Duration(2*time.Second), true
			}},
		{name: "the first wish is lost on the way", end: shippost.PostCancelled, cancels: 2, why: "publish_cancelled",
			knobs: func(k *tiktoksim.Knobs) {
				k.Pull.StartAfter = tiktoksim.Duration(time.Hour)
				k.Faults = []tiktoksim.Fault{{Endpoint: "cancel", At: "before_effect", Do: "reset", Times: 1}}
			}},
		{name: "TikTok is busy at first", end: shippost.PostCancelled, cancels: 2, why: "publish_cancelled",
			knobs: func(k *tiktoksim.Knobs) {
				k.Pull.StartAfter = tiktoksim.Duration(time.Hour)
				k.Faults = []tiktoksim.Fault{{Endpoint: "cancel", At: "before_effect", Do: "status", Status: 503, Times: 1}}
			}},
		{name: "TikTok has everything", end: shippost.PostPosted, cancels: 1, fetches: 3,
			knobs: func(k *tiktoksim.Knobs) { k.Processing.Delay = tiktoksim.Duration(4 * time.Second) },
			when:  func(g *gallery, _ shippost.Post, _ []shippost.Attempt) bool { return g.fetched() == 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachGallery(t, c.knobs, func(t *testing.T, g *gallery) {
				p, h, _ := g.node(t, "node_a")
				g.serve(h)
				post := g.queue(t, p, time.Second)
				g.until(t, post.ID, func(p shippost.Post, list []shippost.Attempt) bool {
					return committed(p, list) && (c.when == nil || c.when(g, p, list))
				})
				g.cancel(t, p, post.ID)
				done, attempts := g.until(t, post.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Status == c.end })
				inits, _ := g.requests(anInit)
				cancels, _ := g.requests(aCancel)
				if inits != 1 || len(attempts) != 1 || cancels != c.cancels || g.fetched() != c.fetches {
					t.Errorf("%d inits, %d attempts, %d cancels, %d fetches", inits, len(attempts), cancels, g.fetched())
				}
				if c.end == shippost.PostPosted {
					g.checkOnce(t)
					return
				}
				if a := attempts[0]; a.Death != "D5" || a.Failure == nil || a.Failure.Code != c.why || done.Failure != nil || len(g.sim.Posts()) != 0 {
					t.Errorf("attempt %+v %+v, post %+v, seen %+v", a, a.Failure, done.Failure, g.sim.Posts())
				}
			})
		})
	}
}

// TestC25_AnotherNodeTellsOfTheStop ends the node between the person's wish and TikTok: the wish is in the database.
func TestC25_AnotherNodeTellsOfTheStop(t *testing.T) {
	t.Parallel()
	knobs := func(k *tiktoksim.Knobs) { k.Pull.StartAfter = tiktoksim.Duration(time.Hour) }
	eachGallery(t, knobs, func(t *testing.T, g *gallery) {
		p, h, stop := g.node(t, "node_a")
		g.serve(h)
		post := g.queue(t, p, time.Second)
		g.until(t, post.ID, committed)
		stop()
		g.cancel(t, p, post.ID)
		if n, _ := g.requests(aCancel); n != 0 {
			t.Fatalf("%d cancels were sent by a node that has ended", n)
		}
		g.node(t, "node_b")
		g.until(t, post.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Status == shippost.PostCancelled })
		var kinds []shippost.EntryKind
		storetest.View(t, g.db, func(tx *store.Tx) error {
			list, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: g.actor.Workspace, Post: post.ID, Limit: 100})
			for _, e := range list {
				if e.Kind == shippost.EntryPostStopping || e.Kind == shippost.EntryPostCancelled {
					kinds = append(kinds, e.Kind)
				}
			}
			return err
		})
		if len(kinds) != 2 || kinds[1] != shippost.EntryPostStopping || kinds[0] != shippost.EntryPostCancelled {
			t.Errorf("the journal tells of %v, the newest first", kinds)
		}
	})
}

// TestC27_NoPhotoIsGivenOutAfterADisconnect: TikTok knows the addresses when the creator leaves, and finds them shut.
func TestC27_NoPhotoIsGivenOutAfterADisconnect(t *testing.T) {
	t.Parallel()
	knobs := func(k *tiktoksim.Knobs) { k.Pull.StartAfter = tiktoksim.Duration(2 * time.Second) }
	eachGallery(t, knobs, func(t *testing.T, g *gallery) {
		p, h, _ := g.node(t, "node_a")
		g.serve(h)
		post := g.queue(t, p, time.Second)
		g.until(t, post.ID, committed)
		storetest.Update(t, g.db, func(tx *store.Tx) error { return p.Desk().AccountEnded(t.Context(), tx, g.account) })
		// The account itself still is connected here, so that TikTok can be asked what it made of it.
		_, attempts := g.until(t, post.ID, func(_ shippost.Post, list []shippost.Attempt) bool { return list[0].State == shippost.AttemptDead })
		if a := attempts[0]; a.Failure == nil || a.Failure.Code != "photo_pull_failed" || g.fetched() != 0 {
			t.Errorf("%d photos were given out, the attempt ended of %+v", g.fetched(), a.Failure)
		}
	})
}

// TestC25_AVideoCannotBeStopped: its bytes are at TikTok, and nothing is told or promised.
func TestC25_AVideoCannotBeStopped(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		post := l.queue(t, l.account(t, "racer"), "as written", l.now().Add(time.Second))
		l.until(t, post.ID, func(_ shippost.Post, list []shippost.Attempt) bool { return committed(shippost.Post{}, list) })
		got, err := l.composer.Cancel(t.Context(), l.actor, post.ID, 0)
		if !shippost.IsCode(err, "already_handed_over") || got.Phase == shippost.PhaseStopping || shippost.AsError(err).Remedy == shippost.RemedyWait {
			t.Errorf("cancelling answered %v, phase %s", err, got.Phase)
		}
		l.until(t, post.ID, posted)
	})
}
