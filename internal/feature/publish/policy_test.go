package publish

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ship-post.com/shippost"
)

// TestR12_Policy: whatever fails and however often the process starts anew, a video is not opened earlier than 40
// minutes before it is due, no last byte leaves before, nothing is opened after the window, and whoever missed a post is
// told so exactly once.
func TestR12_Policy(t *testing.T) {
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		rapid.Check(t, func(r *rapid.T) {
			type plan struct {
				due, window time.Duration
			}
			windows := []time.Duration{0, 15 * time.Minute, time.Hour}
			plans := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) plan {
				return plan{time.Duration(rapid.IntRange(0, 3600).Draw(r, "due")) * time.Second, rapid.SampledFrom(windows).Draw(r, "window")}
			}), 1, 8).Draw(r, "posts")
			stops := rapid.SliceOfN(rapid.IntRange(1, 1800), 0, 4).Draw(r, "stops") // seconds until a stop, and then of the rest
			failing := rapid.Float64Range(0, 0.9).Draw(r, "failing")
			transfer := time.Duration(rapid.IntRange(0, 1200).Draw(r, "transfer")) * time.Second
			oneAccount := rapid.Bool().Draw(r, "one account")
			chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
			var faults []string
			inBubbleOn(t, fresh, func(b *bubble) {
				accuse := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
				b.platform.transfer = transfer
				b.platform.failWith(func(op string, _ shippost.AccountID) error {
					// Called under the double's lock, so chance is drawn by one at a time.
					if chance.Float64() >= failing || op == "time" {
						return nil
					}
					return []error{down(op), says(op, "slow_down"), says(op, "cap"), down(op)}[chance.IntN(4)]
				})
				account := b.account()
				ids := map[shippost.PostID]plan{}
				for i, p := range plans {
					if !oneAccount {
						account = b.account()
					}
					ids[b.schedule(account, fmt.Sprint(i), p.due, p.window)] = p
				}
				b.stopAndGo(stops)
				b.pass(2 * time.Hour)
				b.platform.failWith(nil)
				b.pass(3 * time.Hour)

				b.platform.mu.Lock()
				for _, t := range b.platform.taken {
					if early := t.due.Sub(t.opened.product); early > 40*time.Minute {
						accuse("post %s was opened %s before it was due", t.post, early)
					}
					if c := t.committed.product; !c.IsZero() && c.Before(t.due) {
						accuse("post %s went out %s before it was due", t.post, t.due.Sub(c))
					}
				}
				b.platform.mu.Unlock()
				for id, plan := range ids {
					p := b.post(id)
					// After an attempt that was committed and could not be finished, others have an hour more.
					end := p.Due.At.Add(max(plan.window, shippost.MinLateWindow))
					for _, a := range b.attempts(id) {
						// A committed attempt is finished whenever that is possible; its row is what the window bounds.
						if a.InitSentAt.After(end) || a.GuardedAt.After(end) {
							accuse("attempt %d of post %s was opened at %s and committed at %s, allowed until %s", a.Number, p.Caption, a.InitSentAt, a.GuardedAt, end)
						}
						if !a.GuardedAt.IsZero() {
							end = p.Due.At.Add(plan.window + shippost.RetryGrace)
						}
					}
				}
				live := b.live()
				for id := range ids {
					p := b.post(id)
					missed := b.count(id, shippost.EntryPostMissed)
					out := live[p.Caption]
					if !p.Status.Ended() || out > 1 || (p.Status == shippost.PostPosted) != (out == 1) || (p.Status == shippost.PostMissed) != (missed == 1) {
						accuse("post %s is %s (%s), %d times out, %d times told that it was missed", p.Caption, p.Status, p.Phase, out, missed)
					}
				}
			})
			for _, f := range faults {
				r.Error(f)
			}
		})
	})
}
