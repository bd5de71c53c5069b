package publish

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
)

// TestR14_Herd: a thousand posts of 500 accounts fall due within one minute. All but ten are handed over within ten
// seconds of their time, none early, each once, and the platform's limits are kept for each account.
func TestR14_Herd(t *testing.T) {
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		inBubbleOn(t, fresh, func(b *bubble) {
			const posts, accounts = 1000, 500
			list := make([]shippost.Account, accounts)
			for i := range list {
				list[i] = b.account()
			}
			var ids []shippost.PostID
			for i := range posts {
				ids = append(ids, b.schedule(list[i%accounts], fmt.Sprint(i), 5*time.Minute+time.Duration(i*60/posts)*time.Second, time.Hour))
			}
			b.pass(8 * time.Minute)
			var late []time.Duration
			live := b.live()
			for _, id := range ids {
				p := b.post(id)
				if p.Status != shippost.PostPosted || p.CommittedAt.Before(p.Due.At) || live[p.Caption] != 1 {
					t.Errorf("post %s is %s, committed at %s, due at %s, %d times out", p.Caption, p.Status, p.CommittedAt, p.Due.At, live[p.Caption])
				}
				late = append(late, p.Lateness())
			}
			slices.Sort(late)
			if p99 := late[posts*99/100-1]; p99 > 10*time.Second {
				t.Errorf("of 100 posts 99 were handed over within %s, want 10 s", p99)
			}
			checkBudgets(t, b.platform.requests())
		})
	})
}
