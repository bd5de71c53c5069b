package publish_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestBudgets_TwoNodesOverHTTP: two nodes on one PostgreSQL publish for one account over a TikTok that counts strictly. It
// never says that there were too many requests, and its own record shows none.
func TestBudgets_TwoNodesOverHTTP(t *testing.T) {
	t.Parallel()
	l := &lane{}
	url := storetest.PostgresURL(t)
	open := func() *store.DB {
		db, err := store.Open(t.Context(), store.Options{URL: url, Now: l.now, Log: slog.New(slog.DiscardHandler)})
		must(t, err)
		t.Cleanup(func() { must(t, db.Close()) })
		return db
	}
	l.open(t, open(), laneSet{})
	second := open()
	platforms := map[shippost.PlatformName]platform.Platform{shippost.TikTok: l.platform}
	other := publish.New(publish.Options{DB: second, Node: "node_b", Platforms: platforms,
		Vault: l.vault, Files: l.library, Sealer: l.sealer, Quota: quota.New(second), Now: l.now, Log: l.log})
	other.LetTimePass()
	run(t, other)
	account := l.account(t, "busy")
	var ids []shippost.PostID
	due := l.now().Add(2 * time.Second)
	for i := range 10 {
		if i == 5 { // who takes a post in looks at it first
			l.composer = compose.New(compose.Options{DB: second, Platforms: platforms, Publisher: other.Desk(),
				Creators: compose.NewAsker(platforms, l.vault.For, l.now), Log: l.log})
		}
		ids = append(ids, l.queue(t, account, fmt.Sprint("post ", i), due).ID)
	}
	nodes := map[shippost.NodeID]bool{}
	for _, id := range ids {
		_, attempts := l.until(t, id, func(_ shippost.Post, list []shippost.Attempt) bool { return len(list) > 0 })
		nodes[attempts[0].Owner] = true
	}
	if len(nodes) != 2 {
		t.Errorf("the attempts were planned by %v, want both nodes", nodes)
	}
	left := func() (n int) {
		for _, id := range ids {
			if p, _ := l.read(t, id); !p.Status.Ended() {
				n++
			}
		}
		return n
	}
	// A minute of the clock that the nodes and TikTok share passes in about two seconds.
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for left() > 0 {
		select {
		case <-tick.C:
			l.move(9 * time.Second)
		case <-t.Context().Done():
			t.Fatalf("%d posts have not ended", left())
		}
	}
	for _, id := range ids {
		p, _ := l.read(t, id)
		if p.Status != shippost.PostPosted || len(l.live(p.Caption)) != 1 {
			t.Errorf("%s is %s (%+v), live %d times", p.Caption, p.Status, p.Failure, len(l.live(p.Caption)))
		}
	}
	times := map[string][]time.Time{}
	for _, e := range l.sim.Journal(0) {
		if e.Kind != "request" {
			continue
		}
		if e.Code == "rate_limit_exceeded" {
			t.Errorf("TikTok had too many requests: %s at %s", e.Name, e.At)
		}
		times[e.Name] = append(times[e.Name], e.At)
	}
	for name, most := range map[string]int{"video_init": 6, "status": 30, "creator_info": 20} {
		if len(times[name]) < len(ids) {
			t.Errorf("%d requests of kind %s for %d posts", len(times[name]), name, len(ids))
		}
		for i, at := range times[name] {
			if i >= most && at.Sub(times[name][i-most]) < time.Minute {
				t.Errorf("more than %d requests of kind %s in the minute before %s", most, name, at)
			}
		}
	}
}
