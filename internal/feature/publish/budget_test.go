package publish

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestBudgets_TwoNodes: two nodes on one PostgreSQL publish for the same accounts, and in no minute does the platform see
// more requests for one of them than it allows: 6 inits, 30 questions about a post, 20 about the creator.
func TestBudgets_TwoNodes(t *testing.T) {
	t.Parallel()
	url, keys := storetest.PostgresURL(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, clock: &steppedClock{}}
		b.platform = newDouble(b.clock.Now)
		b.platform.process = 3 * time.Minute
		sealer, err := seal.CreateOrLoad(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		var open []*store.DB
		for _, node := range []shippost.NodeID{"node_one", "node_two"} {
			db, err := store.Open(t.Context(), store.Options{URL: url, Now: b.clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, db)
			p := New(Options{DB: db, Node: node, Platforms: map[shippost.PlatformName]platform.Platform{shippost.TikTok: b.platform},
				Vault: newDoubleVault(db, sealer), Files: doubleFiles{}, Sealer: sealer, Quota: quota.New(db), Now: b.clock.Now, Log: slog.New(slog.DiscardHandler)})
			b.db, b.Publisher = db, p
			go func() { ended <- p.Run(ctx) }()
		}
		b.actor = storetest.Workspace(t, b.db)
		b.video = b.file(shippost.Video)
		var ids []shippost.PostID
		for i := range 2 {
			account := b.account()
			for j := range 12 {
				ids = append(ids, b.schedule(account, fmt.Sprint(i, "/", j), 2*time.Minute+time.Duration(j%3)*time.Second, time.Hour))
			}
		}
		b.pass(40 * time.Minute)
		nodes := map[shippost.NodeID]int{}
		for _, id := range ids {
			if p := b.post(id); p.Status != shippost.PostPosted {
				t.Errorf("post %s is %s, want posted", p.Caption, p.Status)
			}
			for _, a := range b.attempts(id) {
				nodes[a.Owner]++
			}
		}
		if len(nodes) != 2 {
			t.Errorf("the attempts were made by %v, want both nodes", nodes)
		}
		checkBudgets(t, b.platform.requests())
		stop()
		for range open {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		for _, db := range open {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
