package publish

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestLink: the status of a post never names its id (TikTok contract 10, trap 7). Its message does, and may come at any time
// after the commit: the link is there all the same, learnt once, and nothing is asked any more.
func TestLink(t *testing.T) {
	t.Parallel()
	const id7, link7 = "7300000000000000007", "https://tiktok.example/@ada/video/7300000000000000007"
	public := platform.Event{Name: "post.publish.publicly_available", State: platform.Published, PostID: id7, Visible: platform.VisibleNow}
	blind := func(b *bubble) {
		b.platform.failWith(func(op string, _ shippost.AccountID) error {
			if op == "status" {
				return says(op, "token")
			}
			return nil
		})
	}
	for name, c := range map[string]struct {
		process time.Duration // until the status says that it is out
		before  func(b *bubble)
		later   time.Duration // when the message comes
	}{
		"after the post was seen to be out": {2 * time.Second, func(*bubble) {}, 0},
		"after asking came to its end":      {2 * time.Second, func(*bubble) {}, askForIDs},
		"while the platform works on it":    {time.Hour, func(*bubble) {}, 0},
		"while nobody can ask":              {time.Hour, blind, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.halt()
				b.LetTimePass()
				b.platform.nameless, b.platform.process = true, c.process
				b.start()
				c.before(b)
				post := b.schedule(b.account(), "tide", 2*time.Minute, time.Hour)
				b.pass(12 * time.Minute)
				b.clock.step(c.later)
				b.pass(20 * time.Minute)
				if p := b.post(post); p.Permalink != "" || len(p.PlatformIDs) != 0 {
					b.t.Fatalf("before the message the link is %q", p.Permalink)
				}
				tell := func(e platform.Event) {
					storetest.Update(b.t, b.db, func(tx *store.Tx) error {
						a := b.attempts(post)[0]
						account, err := tx.AccountOfAny(b.t.Context(), a.Account)
						if err != nil {
							return err
						}
						e.Kind, e.Subject, e.PublishID = platform.EventPost, account.Subject, a.PublishID
						return b.Desk().Told(b.t.Context(), tx, shippost.TikTok, e)
					})
				}
				tell(public)
				b.pass(50 * time.Minute)
				again := public
				again.PostID = "7300000000000000008" // of a draft that was posted a second time: ours is the first
				tell(again)
				b.pass(time.Minute)
				p, a := b.post(post), b.attempts(post)[0]
				if p.Status != shippost.PostPosted || p.Permalink != link7 || len(p.PlatformIDs) != 1 || p.PlatformIDs[0] != id7 {
					b.t.Errorf("the post is %s with the ids %q and the link %q; want %q", p.Status, p.PlatformIDs, p.Permalink, link7)
				}
				if !a.NextPollAt.IsZero() || b.count(post, shippost.EntryPostPosted) != 1 {
					b.t.Errorf("it is asked again at %v, and told posted %d times", a.NextPollAt, b.count(post, shippost.EntryPostPosted))
				}
			})
		})
	}
}
