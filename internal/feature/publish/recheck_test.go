package publish

import (
	"fmt"
	"testing"
	"time"

	"ship-post.com/shippost"
)

// However many posts of an account are due at one instant, none goes out that the creator stopped allowing in the last
// minute but a second, and the platform is not asked more often than it lets us.
func TestRecheck_EveryPostOfACrowd(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{true, false} {
		t.Run(fmt.Sprint("allowed ", allowed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				const crowd, due = 20, 2 * time.Hour
				account := b.account()
				var ids []shippost.PostID
				for i := range crowd {
					ids = append(ids, b.schedule(account, fmt.Sprint(i), due, time.Hour))
				}
				b.pass(due - creatorFresh + time.Second)
				b.platform.mu.Lock()
				b.platform.private = !allowed
				b.platform.mu.Unlock()
				began := len(b.platform.requests())
				b.pass(creatorFresh)
				want := shippost.PostQueued
				if allowed {
					b.pass(5 * time.Minute)
					want = shippost.PostPosted
				}
				for _, id := range ids {
					if p := b.post(id); p.Status != want || p.Lateness() != 0 {
						t.Errorf("post %s is %s, %s late; want it %s", p.Caption, p.Status, p.Lateness(), want)
					}
				}
				asked := 0
				for _, r := range b.platform.requests()[began:] {
					if r.op == "creator" {
						asked++
					}
				}
				if asked == 0 || allowed && asked > 6 {
					t.Errorf("the creator was asked about %d times in the last minute, want one answer for all and one for each that is begun then", asked)
				}
				checkBudgets(t, b.platform.requests())
			})
		})
	}
}
