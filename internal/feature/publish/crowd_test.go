package publish

import (
	"fmt"
	"testing"
	"time"

	"ship-post.com/shippost"
)

// Many posts of one account at one instant are all staged in time, although the platform lets us open four a minute: each
// is begun earlier by as much as those after it need.
func TestCrowd_AllOnTheSecond(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   func(i int) time.Duration // from when it is written to its due time
	}{
		{"at one instant", func(int) time.Duration { return 2 * time.Hour }},
		{"one after the other", func(i int) time.Duration { return 2*time.Hour + time.Duration(i)*time.Second }},
		{"the later ones were written first", func(i int) time.Duration { return 2*time.Hour - time.Duration(i)*time.Second }},
		{"soon, the later ones written last", func(i int) time.Duration { return 12*time.Minute + time.Duration(i)*time.Second }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				const crowd = 20
				account := b.account()
				var ids []shippost.PostID
				for i := range crowd {
					ids = append(ids, b.schedule(account, fmt.Sprint(i), c.in(i), time.Hour))
				}
				alone := b.schedule(b.account(), "alone", 2*time.Hour, time.Hour)
				b.pass(3 * time.Hour)
				for _, id := range append(ids, alone) {
					p := b.post(id)
					if p.Status != shippost.PostPosted || p.Lateness() != 0 || len(b.attempts(id)) != 1 {
						t.Errorf("post %s is %s, %s late, after %d attempts; want it posted on the second by one", p.Caption, p.Status, p.Lateness(), len(b.attempts(id)))
					}
					if early := p.Due.At.Sub(b.attempts(id)[0].InitSentAt); early > 40*time.Minute {
						t.Errorf("post %s was opened %s early", p.Caption, early)
					}
				}
				if early := 2*time.Hour - minLead; !b.attempts(alone)[0].InitSentAt.Before(b.post(alone).CreatedAt.Add(early+10*time.Second)) ||
					b.attempts(alone)[0].InitSentAt.Before(b.post(alone).CreatedAt.Add(early)) {
					t.Errorf("a post alone was opened at %s, want about %s before it is due", b.attempts(alone)[0].InitSentAt, minLead)
				}
				checkBudget(t, b.platform.requests(), "init", initsPerMinute)
			})
		})
	}
}

// The last request of a large file begins when it must, whatever else is to be asked shortly before the due time.
func TestSlowLastRequestIsInTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.platform.settle = 100 * time.Second
		account := b.account()
		var ids []shippost.PostID
		for i := range 12 {
			ids = append(ids, b.schedule(account, fmt.Sprint(i), 10*time.Minute, time.Hour))
		}
		b.pass(20 * time.Minute)
		for _, id := range ids {
			// Those that were staged less than two minutes ahead cannot be in time on such a line.
			p := b.post(id)
			if early := p.Due.At.Sub(b.attempts(id)[0].InitSentAt); p.Status != shippost.PostPosted || early > 2*time.Minute && p.Lateness() != 0 {
				t.Errorf("post %s, opened %s early, is %s, %s late", p.Caption, early, p.Status, p.Lateness())
			}
		}
	})
}

// checkBudgets holds requests against the platform's limits for each account and minute.
func checkBudgets(t *testing.T, asked []request) {
	t.Helper()
	for op, most := range map[string]int{"init": 6, "status": 30, "creator": 20} {
		checkBudget(t, asked, op, most)
	}
}

// checkBudget fails when there were more requests of a kind for one account than most in any minute.
func checkBudget(t *testing.T, asked []request, op string, most int) {
	t.Helper()
	of := map[shippost.AccountID][]time.Time{}
	for _, r := range asked {
		if r.op == op {
			of[r.account] = append(of[r.account], r.at.truly)
		}
	}
	for _, list := range of {
		for i, at := range list {
			if i >= most && at.Sub(list[i-most]) < time.Minute {
				t.Errorf("more than %d requests of kind %s in the minute before %s", most, op, at)
			}
		}
	}
}
