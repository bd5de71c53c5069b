package publish

import (
	"context"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// recovery is how a platform lets us find out about a commit whose answer was lost.
type recovery string

const (
	queryable recovery = "queryable" // it can be asked what became of an attempt
	natural   recovery = "natural"   // it cannot, but the same request again is the same post
	fenced    recovery = "fenced"    // it cannot, but it refuses a twin
	untold    recovery = "unknown"   // nothing tells
)

// classed is a double of one recovery class, which loses the answer to its first commit.
type classed struct {
	*double
	class  recovery
	effect bool // the first commit had its effect before its answer was lost

	// guarded by double.mu
	commits, out int
	sure         bool // an answer said that the post is there
}

func (c *classed) Commit(_ context.Context, staged platform.Staged) (platform.Outcome, error) {
	s := staged.(*doubleStaged)
	if err := c.call("commit", s.p.Account); err != nil {
		return platform.Outcome{}, err
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commits++
	t := c.taken[s.receipt.PublishID]
	first := c.commits == 1
	if !first || c.effect {
		switch {
		case t.committed.truly.IsZero():
			t.committed = now
			c.out++
		case c.class == natural, c.class == fenced:
			// Recognised, or refused as a twin: either way there is one post.
		default:
			c.out++
		}
	}
	if first {
		return platform.Outcome{LastByteAt: now.product}, &platform.Error{Op: "commit", Reach: platform.Maybe, Code: platform.CodeNetwork}
	}
	c.sure = true
	return platform.Outcome{LastByteAt: now.product, Accepted: true}, nil
}

func (c *classed) Confirm(ctx context.Context, p platform.Payload) (platform.Verdict, error) {
	if c.class == queryable {
		return c.double.Confirm(ctx, p)
	}
	if err := c.call("status", p.Account); err != nil {
		return platform.Verdict{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := platform.Verdict{State: platform.Processing, Have: -1, Evidence: "{}"}
	switch {
	case c.sure:
		v.State, v.PostIDs = platform.Published, []string{"7" + p.Receipt.PublishID}
	case c.class != untold:
		v.State = platform.Incomplete // the same attempt may be finished: its commit is harmless a second time
	}
	return v, nil
}

// Each class brings an ambiguous commit to its honest end: one post where the platform helps, a person's decision where
// it does not, and in no case a second attempt.
func TestRecoveryClasses(t *testing.T) {
	t.Parallel()
	for _, class := range []recovery{queryable, natural, fenced, untold} {
		for name, effect := range map[string]bool{"it had its effect": true, "it had none": false} {
			t.Run(string(class)+"/"+name, func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(b *bubble) {
					c := &classed{double: b.platform, class: class, effect: effect}
					b.halt()
					b.LetTimePass()
					b.platforms[shippost.TikTok] = c
					b.start()
					id := b.schedule(b.account(), "maybe", 2*time.Minute, time.Hour)
					b.pass(10 * time.Minute)
					want, out := shippost.PostPosted, 1
					if class == untold {
						if p := b.post(id); p.Status != shippost.PostPublishing {
							t.Errorf("before three days are over the post is %s", p.Status)
						}
						b.clock.step(73 * time.Hour)
						b.pass(10 * time.Minute)
						want, out = shippost.PostUnconfirmed, map[bool]int{true: 1}[effect]
					}
					if p := b.post(id); p.Status != want {
						t.Errorf("the post is %s (%+v), want %s", p.Status, p.Failure, want)
					}
					inits := 0
					for _, r := range b.platform.requests() {
						if r.op == "init" {
							inits++
						}
					}
					c.mu.Lock()
					defer c.mu.Unlock()
					if c.out != out || inits != 1 || class == untold && c.commits != 1 {
						t.Errorf("%d posts are out after %d commits and %d inits, want %d of one attempt", c.out, c.commits, inits, out)
					}
				})
			})
		}
	}
}
