package publish_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
)

// TestAccessRefused_NoRefresh: TikTok takes the token and says that the right to post is missing. The account must be
// connected anew at once, without any refresh that would change nothing, and then the post goes out.
func TestAccessRefused_NoRefresh(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		account := l.account(t, "narrow")
		post := l.queue(t, account, "after all", l.now().Add(time.Hour))
		l.grant(t, account, "narrow", "user.info.basic")
		tokens := l.requests("token")
		l.move(time.Hour)
		held, _ := l.until(t, post.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Hold != nil })
		broken := l.accountOf(t, account.ID)
		if held.Status != shippost.PostQueued || held.Hold.Code != "scope_not_authorized" || held.Hold.Remedy != shippost.RemedyReconnect ||
			broken.Status != shippost.AccountReconnect || broken.StatusReason != shippost.ReasonWithdrawn {
			t.Errorf("the post is %s, held by %+v, the account is %s (%s)", held.Status, held.Hold, broken.Status, broken.StatusReason)
		}
		if n := l.requests("token") - tokens; n != 0 || l.inits("narrow") != 0 {
			t.Errorf("%d refreshes and %d inits, want none", n, l.inits("narrow"))
		}
		l.reconnect(t, account.ID, "narrow")
		if p, _ := l.until(t, post.ID, ended); p.Status != shippost.PostPosted || len(l.live("after all")) != 1 {
			t.Errorf("after that the post is %s, live %d times", p.Status, len(l.live("after all")))
		}
	})
}

// requests counts the requests of a kind that reached TikTok.
func (l *lane) requests(name string) (n int) {
	for _, e := range l.sim.Journal(0) {
		if e.Kind == "request" && e.Name == name {
			n++
		}
	}
	return n
}
