package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestCancelRace cancels posts around their due time, when the last bytes are about to leave. Whatever the answer was, it
// holds: cancelled never goes out, and already_handed_over goes out once.
func TestCancelRace(t *testing.T) {
	t.Parallel()
	race(t, func(p *person, post client.Post) string {
		_, err := p.CancelPost(t.Context(), post.ID)
		switch {
		case err == nil:
			return "cancelled"
		case client.HasCode(err, "already_handed_over"):
			return post.Caption
		default:
			t.Errorf("cancel: %v", err)
			return ""
		}
	})
}

// TestEditRace changes captions around the due time. A saved change is what goes out; a refused one is not. A change needs
// a new attempt, so it may go out a little later.
func TestEditRace(t *testing.T) {
	t.Parallel()
	race(t, func(p *person, post client.Post) string {
		words := "Changed " + post.ID
		options := post.Options
		options.TikTok.Consent = true
		_, err := p.EditPost(t.Context(), post.ID, client.Change{Caption: &words, Options: options})
		switch {
		case err == nil:
			return words
		case client.HasCode(err, "already_handed_over"):
			return post.Caption
		default:
			t.Errorf("edit: %v", err)
			return ""
		}
	})
}

// race schedules posts of several creators for one instant and does something to each around the moment in which the
// hand-over is decided, a second before. do returns the caption that must go out, or "cancelled".
func race(t *testing.T, do func(*person, client.Post) string) {
	t.Helper()
	const creators = 16 // with one post each: TikTok takes few inits a minute of one creator
	w := begin(t, func(o *tiktoksim.Options) {
		for i := range creators {
			o.Creators = append(o.Creators, tiktoksim.Creator{Handle: fmt.Sprintf("creator%d", i)})
		}
	})
	type racer struct {
		*person
		media string
		post  client.Post
		want  string
	}
	var racers []*racer
	for i := range creators {
		p := w.creator(t, fmt.Sprintf("creator%d", i))
		m, err := p.upload(t.Context(), shortClip(t, i))
		must(t, err)
		racers = append(racers, &racer{person: p, media: m.ID})
	}
	due := time.Now().Add(12 * time.Second)
	for i, r := range racers {
		draft := r.draft(r.media, 0)
		draft.DueAt, draft.Caption = due, fmt.Sprintf("Caption %d", i)
		var err error
		r.post, err = r.CreatePost(t.Context(), draft, "")
		must(t, err)
	}
	for _, r := range racers {
		_, err := r.until(t.Context(), r.post.ID, "publishing/staged", "publishing/committing", "publishing/processing", "posted")
		must(t, err)
	}
	var all sync.WaitGroup
	for i, r := range racers {
		at := due.Add(-1300*time.Millisecond + time.Duration(i)*600*time.Millisecond/time.Duration(len(racers)))
		switch i {
		case 0:
			at = due.Add(-2 * time.Second) // in time for certain
		case len(racers) - 1:
			at = due // too late for certain
		}
		all.Go(func() {
			select {
			case <-time.After(time.Until(at)):
				r.want = do(r.person, r.post)
			case <-t.Context().Done():
			}
		})
	}
	all.Wait()
	kept := map[bool]int{}
	for _, r := range racers {
		post, err := r.until(t.Context(), r.post.ID, "posted", "cancelled")
		must(t, err)
		var seen []string
		for _, p := range w.sim.Posts() {
			if id := publishID(t, r.person, post); p.PublishID == id {
				seen = append(seen, p.Caption)
			}
		}
		kept[r.want == r.post.Caption]++
		switch {
		case r.want == "cancelled" && (post.Status != "cancelled" || len(seen) != 0):
			t.Errorf("told cancelled, but it is %s and viewers see %q", post.Status, seen)
		case r.want != "cancelled" && (post.Status != "posted" || len(seen) != 1 || seen[0] != r.want || post.Caption != r.want):
			t.Errorf("told %q, but it is %s with %q and viewers see %q", r.want, post.Status, post.Caption, seen)
		}
	}
	published := 0
	for _, r := range racers {
		if r.want != "cancelled" {
			published++
		}
	}
	if n := len(w.sim.Posts()); n != published {
		t.Errorf("%d posts are public, want %d", n, published)
	}
	if kept[true] == 0 || kept[false] == 0 {
		t.Errorf("%d came too late, %d in time: that was no race", kept[true], kept[false])
	}
}

// publishID is TikTok's name for the attempt that got furthest.
func publishID(t *testing.T, p *person, post client.Post) string {
	t.Helper()
	attempts, err := p.Attempts(t.Context(), post.ID)
	must(t, err)
	if len(attempts) == 0 {
		return ""
	}
	return attempts[len(attempts)-1].PublishID
}
