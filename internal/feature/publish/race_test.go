package publish_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
)

// race is one post, and somebody who changes their mind around its instant.
type race struct {
	handle string
	post   shippost.Post
	err    error // what they were told
}

// around has somebody do something to each of a few posts that are due at one instant, from well before the committing
// rows are written until after the last bytes have left. It returns once every post has ended.
func (l *lane) around(t *testing.T, do func(context.Context, *race) error) []*race {
	t.Helper()
	const herd = 14
	var races []*race
	due := l.now().Add(3 * time.Second)
	for i := range herd {
		r := &race{handle: fmt.Sprintf("racer%02d", i)}
		r.post = l.queue(t, l.account(t, r.handle), "as written by "+r.handle, due)
		races = append(races, r)
	}
	var all sync.WaitGroup
	for i, r := range races {
		at := due.Add(-1300*time.Millisecond + time.Duration(i)*120*time.Millisecond)
		all.Go(func() {
			select {
			case <-time.After(at.Sub(l.now())):
				r.err = do(t.Context(), r)
			case <-t.Context().Done():
				r.err = t.Context().Err()
			}
		})
	}
	all.Wait()
	early, late := 0, 0
	for _, r := range races {
		r.post, _ = l.until(t, r.post.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Status.Ended() })
		switch {
		case r.err == nil:
			early++
		case shippost.IsKind(r.err, shippost.Conflict):
			late++
		default:
			t.Errorf("%s was told %v", r.handle, r.err)
		}
	}
	t.Logf("%d were in time, %d too late", early, late)
	return races
}

// only checks that viewers see a post once, with this caption, and nothing else of its creator.
func (l *lane) only(t *testing.T, r *race, caption string) {
	t.Helper()
	var seen []string
	for _, p := range l.sim.Posts() {
		if p.Creator == r.handle {
			seen = append(seen, p.Caption)
		}
	}
	if len(seen) != 1 || seen[0] != caption || r.post.Caption != caption || r.post.Status != shippost.PostPosted {
		t.Errorf("%s was told %v; viewers see %q, the product shows %q as %s", r.handle, r.err, seen, r.post.Caption, r.post.Status)
	}
}

// none checks that viewers see nothing of a creator.
func (l *lane) none(t *testing.T, r *race) {
	t.Helper()
	for _, p := range l.sim.Posts() {
		if p.Creator == r.handle {
			t.Errorf("%s was told %v and the product shows %s, but viewers see %q", r.handle, r.err, r.post.Status, p.Caption)
		}
	}
}

// TestC24_C25_CancelAroundTheInstant: a cancelled post is never seen; one that could not be cancelled is.
func TestC24_C25_CancelAroundTheInstant(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		races := l.around(t, func(ctx context.Context, r *race) error {
			_, err := l.composer.Cancel(ctx, l.actor, r.post.ID, 0)
			return err
		})
		for _, r := range races {
			if r.err == nil {
				if l.none(t, r); r.post.Status != shippost.PostCancelled {
					t.Errorf("%s was told that it is cancelled; it is %s", r.handle, r.post.Status)
				}
				continue
			}
			l.only(t, r, "as written by "+r.handle)
		}
	})
}

// TestC26_EditAroundTheInstant: what was saved is what is posted, or the edit was refused.
func TestC26_EditAroundTheInstant(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		races := l.around(t, func(ctx context.Context, r *race) error {
			caption := "changed by " + r.handle
			_, err := l.composer.Edit(ctx, l.actor, r.post.ID, compose.Change{Caption: &caption, TikTok: &compose.TikTokChange{Consent: true}})
			return err
		})
		for _, r := range races {
			if r.err == nil {
				l.only(t, r, "changed by "+r.handle)
			} else {
				l.only(t, r, "as written by "+r.handle)
			}
		}
	})
}

// TestC26_RescheduleAroundTheInstant: a post that was moved goes out at its new time and not before.
func TestC26_RescheduleAroundTheInstant(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		races := l.around(t, func(ctx context.Context, r *race) error {
			_, err := l.composer.Reschedule(ctx, l.actor, r.post.ID, 0, compose.When{At: l.now().Add(3 * time.Second)})
			return err
		})
		for _, r := range races {
			l.only(t, r, "as written by "+r.handle)
			for _, p := range l.sim.Posts() {
				if p.Creator == r.handle && p.LastByteAt.Before(r.post.Due.At) {
					t.Errorf("%s was told %v; the last byte left %s before the time shown", r.handle, r.err, r.post.Due.At.Sub(p.LastByteAt))
				}
			}
		}
	})
}

// TestC27_DisconnectAroundTheInstant: a disconnected account sends nothing more. What was handed over before is followed as
// far as that is possible, and never called failed while viewers see it.
func TestC27_DisconnectAroundTheInstant(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		races := l.around(t, func(ctx context.Context, r *race) error {
			_, err := l.connect.Disconnect(ctx, l.actor, r.post.Account)
			return err
		})
		lost := 0
		for _, r := range races {
			if r.err != nil {
				t.Errorf("%s could not disconnect: %v", r.handle, r.err)
			}
			switch r.post.Status {
			case shippost.PostFailed:
				if l.none(t, r); r.post.Failure.Code != "disconnected" {
					t.Errorf("%s failed of %s", r.handle, r.post.Failure.Code)
				}
			case shippost.PostPosted:
				l.only(t, r, "as written by "+r.handle)
			case shippost.PostUnconfirmed:
				lost++
			default:
				t.Errorf("%s ended as %s", r.handle, r.post.Status)
			}
		}
		// No call was made with a token of an account after it was disconnected.
		for _, e := range l.sim.Journal(0) {
			if e.Kind == "request" && (e.Status == 401 || e.Code == "access_token_invalid") {
				t.Errorf("%s asked %s with a token that was given back", e.Creator, e.Name)
			}
		}
		t.Logf("%d were handed over before and cannot be followed", lost)
	})
}

// TestC27_DeleteAroundTheInstant: media that a post needs is not taken away under it.
func TestC27_DeleteAroundTheInstant(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		races := l.around(t, func(ctx context.Context, r *race) error {
			return l.library.Delete(ctx, l.actor, l.video.ID)
		})
		for _, r := range races {
			l.only(t, r, "as written by "+r.handle)
		}
		if p := l.sim.Posts(); len(p) != len(races) || p[0].SHA256 != l.video.SHA256 {
			t.Errorf("%d posts for %d", len(p), len(races))
		}
	})
}
