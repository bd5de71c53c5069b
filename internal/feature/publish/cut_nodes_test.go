package publish_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/quota"
)

// watched counts the uploads that are under way.
type watched struct {
	platform.Platform
	open, ever *atomic.Int64
}

// Unwrap gives the abilities of the platform.
func (w *watched) Unwrap() platform.Platform { return w.Platform }

func (w *watched) Stage(ctx context.Context, p platform.Payload, l platform.Ledger) (platform.Staged, error) {
	w.open.Add(1)
	w.ever.Add(1)
	staged, err := w.Platform.Stage(ctx, p, l)
	if err != nil {
		w.open.Add(-1)
		return nil, err
	}
	return &watchedStaged{Staged: staged, w: w}, nil
}

func (w *watched) Commit(ctx context.Context, staged platform.Staged) (platform.Outcome, error) {
	return w.Platform.Commit(ctx, staged.(*watchedStaged).Staged)
}

type watchedStaged struct {
	platform.Staged
	w    *watched
	over atomic.Bool
}

func (s *watchedStaged) Close() error {
	err := s.Staged.Close()
	if !s.over.Swap(true) {
		s.w.open.Add(-1)
	}
	return err
}

// P16: a disconnect on one node cuts the uploads that run on another one. When it returns none is open any more, TikTok gets
// no further byte, and nothing ever appears; posts of other accounts go out.
func TestPromise_P16_DisconnectCutsUploadsOnAnotherNode(t *testing.T) {
	t.Parallel()
	var open, ever [2]atomic.Int64
	n := atomic.Int64{}
	set := laneSet{wrap: func(_ *lane, p platform.Platform) platform.Platform {
		i := n.Add(1) - 1
		return &watched{p, &open[i%2], &ever[i%2]}
	}}
	eachLane(t, set, func(t *testing.T, l *lane) {
		w := l.platform.(*watched)
		desk := l.elsewhere("node_b")
		if l.db.Engine() == "sqlite" {
			desk = l.connect // there is no other node; the same holds on the one
		}
		leaves, stays := l.account(t, "leaves"), l.account(t, "stays")
		due := l.now().Add(30 * time.Second)
		going := []shippost.Post{l.queue(t, leaves, "must not appear", due)}
		kept := l.queue(t, stays, "appears", due)
		staged := func(p shippost.Post, _ []shippost.Attempt) bool { return p.Phase == shippost.PhaseStaged }
		for _, p := range append(going, kept) {
			l.until(t, p.ID, staged)
		}
		if w.open.Load() != 2 {
			t.Fatalf("%d uploads are open", w.open.Load())
		}
		if _, err := desk.Disconnect(t.Context(), l.actor, leaves.ID); err != nil {
			t.Fatal(err)
		}
		if got := w.open.Load(); got != 1 {
			t.Errorf("%d uploads are open when the disconnect returns, want the other account's alone", got)
		}
		before := len(l.requestsOf("leaves"))
		for _, p := range going {
			post, attempts := l.read(t, p.ID)
			if post.Status != shippost.PostFailed || len(attempts) != 1 || attempts[0].State != shippost.AttemptDead || attempts[0].StopToldAt.IsZero() {
				t.Errorf("%s %+v", post.Status, attempts)
			}
		}
		l.move(time.Until(due.Add(-time.Duration(l.ahead.Load()))) + time.Second)
		l.until(t, kept.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Status == shippost.PostPosted })
		if len(l.live("must not appear")) != 0 || len(l.live("appears")) != 1 {
			t.Errorf("viewers see %v and %v", l.live("must not appear"), l.live("appears"))
		}
		if after := len(l.requestsOf("leaves")); after != before {
			t.Errorf("%d requests for the account after its disconnect had returned", after-before)
		}
	})
}

// A person who gets no answer asks again, of another node perhaps. Each of the requests is told the same, and none of them before
// the upload has ended.
func TestPromise_P16_DisconnectAskedAgain(t *testing.T) {
	t.Parallel()
	set := laneSet{wrap: func(_ *lane, p platform.Platform) platform.Platform {
		return &watched{p, new(atomic.Int64), new(atomic.Int64)}
	}}
	eachLane(t, set, func(t *testing.T, l *lane) {
		uploads := l.platform.(*watched).open
		leaves := l.account(t, "leaves")
		post := l.queue(t, leaves, "must not appear", l.now().Add(30*time.Second))
		l.until(t, post.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Phase == shippost.PhaseStaged })
		desks := []*connect.Desk{l.connect, l.connect}
		if l.db.Engine() != "sqlite" {
			desks[1] = l.elsewhere("node_b")
		}
		start, answers := make(chan struct{}), make(chan error)
		for n := range 6 {
			go func() {
				<-start
				_, err := desks[n%2].Disconnect(t.Context(), l.actor, leaves.ID)
				if err == nil && uploads.Load() != 0 {
					err = errors.New("the upload was still open when the disconnect returned")
				}
				answers <- err
			}()
		}
		close(start)
		for range 6 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if live := l.live("must not appear"); len(live) != 0 {
			t.Errorf("viewers see %v", live)
		}
	})
}

// elsewhere is how another node disconnects accounts. It serves people and publishes nothing.
func (l *lane) elsewhere(node shippost.NodeID) *connect.Desk {
	platforms := map[shippost.PlatformName]platform.Platform{shippost.TikTok: l.platform}
	other := publish.New(publish.Options{DB: l.db, Node: node, Platforms: platforms, Vault: l.vault, Files: l.library, Sealer: l.sealer,
		Quota: quota.New(l.db), Now: l.now, Log: l.log})
	return connect.New(connect.Options{DB: l.db, Auth: auth.New(auth.Options{DB: l.db, Now: l.now, Log: l.log}), Platforms: platforms, Sealer: l.sealer,
		Vault: l.vault, Posts: other.Desk(), PublicURL: "http://localhost:8080", Now: l.now, Log: l.log})
}

// requestsOf returns what TikTok was asked for a creator.
func (l *lane) requestsOf(handle string) (names []string) {
	for _, e := range l.sim.Journal(0) {
		if e.Kind == "request" && e.Creator == handle {
			names = append(names, e.Name)
		}
	}
	return names
}
