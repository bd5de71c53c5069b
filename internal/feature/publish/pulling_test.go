package publish

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/platform"
)

// pulling is a double that fetches photos itself: it is told of them at their due time.
type pulling struct {
	*double
	slow   time.Duration // how long an init takes to be answered
	again  func()        // called when an attempt that is open is waited for, right before its committing row
	mu     sync.Mutex
	opened []instants // when it could first be told, for each init request
	dues   []time.Time
}

func (*pulling) Pulls(kind shippost.MediaKind) bool { return kind == shippost.Photo }

// Stage does nothing for photos before they are due. Videos are the double's.
func (d *pulling) Stage(ctx context.Context, p platform.Payload, ledger platform.Ledger) (platform.Staged, error) {
	if p.Media[0].Kind != shippost.Photo {
		return d.double.Stage(ctx, p, ledger)
	}
	return &pulledStaged{d: d, ledger: ledger, doubleStaged: doubleStaged{d: d.double, p: p, receipt: p.Receipt}}, nil
}

type pulledStaged struct {
	doubleStaged
	d      *pulling
	ledger platform.Ledger
}

// Wait opens the attempt at the due time.
func (s *pulledStaged) Wait(ctx context.Context) error {
	if !s.receipt.IsZero() {
		if s.d.again != nil {
			s.d.again()
		}
		return nil
	}
	if !pause(ctx, s.p.Due.Sub(s.d.product()), nil) {
		return ctx.Err()
	}
	if err := s.ledger.Intend(ctx); err != nil {
		return err
	}
	now := s.d.now()
	s.d.mu.Lock()
	s.d.opened, s.d.dues = append(s.d.opened, now), append(s.d.dues, s.p.Due)
	s.d.mu.Unlock()
	if s.d.slow > 0 && !pause(ctx, s.d.slow, nil) {
		return ctx.Err()
	}
	if err := s.d.call("init", s.p.Account); err != nil {
		return err
	}
	receipt := shippost.Receipt{PublishID: "p_" + string(s.p.Attempt), OpenedAt: now.product}
	s.d.double.mu.Lock()
	s.d.taken[receipt.PublishID] = &take{post: s.p.Caption, due: s.p.Due, opened: now}
	s.d.double.mu.Unlock()
	if err := s.ledger.Opened(ctx, receipt); err != nil {
		return err
	}
	s.receipt = receipt
	return nil
}

func (d *pulling) Commit(ctx context.Context, staged platform.Staged) (platform.Outcome, error) {
	if photos, ok := staged.(*pulledStaged); ok {
		staged = &photos.doubleStaged
	}
	return d.double.Commit(ctx, staged)
}

// pulls has the platform fetch photos.
func (b *bubble) pulls() *pulling {
	b.halt()
	d := &pulling{double: b.platform}
	b.platforms[shippost.TikTok] = d
	b.Publisher.gate = gate.New(gate.Options{DB: b.db, URL: "https://photos.example", Now: b.clock.Now})
	b.start()
	return d
}

// TestSlowPhotosHoldUpNothing: the platform takes a minute to answer each init of photos, which leave when they are due. A
// video that is due then, before and after goes out on the second, whether it is of the same account or of another one.
func TestSlowPhotosHoldUpNothing(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"planned long before": false, "photos that come when the videos have been looked at": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				d := b.pulls()
				d.slow = time.Minute
				due := b.db.Now().Add(30 * time.Minute)
				busy, video := b.account(), b.video
				var photos, videos []shippost.PostID
				for i, after := range []time.Duration{-time.Second, 0, time.Second, 30 * time.Second, 2 * time.Minute} {
					in := time.Until(due.Add(after))
					videos = append(videos, b.schedule(busy, fmt.Sprint("of the same account ", i), in, time.Hour), b.schedule(b.account(), fmt.Sprint("video ", i), in, time.Hour))
				}
				if late {
					b.pass(25 * time.Minute)
				}
				b.video = b.file(shippost.Photo)
				for i := range 100 { // more than any lane does at once
					account := busy
					if i >= initsPerMinute {
						account = b.account()
					}
					photos = append(photos, b.schedule(account, fmt.Sprint("photos ", i), time.Until(due), time.Hour))
				}
				b.video = video
				b.pass(time.Until(due) + 20*time.Minute)
				for _, id := range videos {
					if p := b.post(id); p.Status != shippost.PostPosted || p.Lateness() != 0 {
						t.Errorf("%s is %s, %s late", p.Caption, p.Status, p.Lateness())
					}
				}
				for _, id := range photos {
					if p := b.post(id); p.Status != shippost.PostPosted || p.Lateness() != d.slow {
						t.Errorf("%s is %s, %s late; want what the platform took", p.Caption, p.Status, p.Lateness())
					}
				}
				checkBudgets(t, b.platform.requests())
			})
		})
	}
}

// TestR12_PhotoPolicy: whatever fails and however often the process starts anew, the platform is not told of photos before
// they are due, no gate opens before that, nothing is begun after the window, and whoever missed a post is told once.
func TestR12_PhotoPolicy(t *testing.T) {
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		rapid.Check(t, func(r *rapid.T) {
			windows := []time.Duration{0, 15 * time.Minute, time.Hour}
			dues := rapid.SliceOfN(rapid.IntRange(0, 3600), 1, 8).Draw(r, "due")
			window := rapid.SampledFrom(windows).Draw(r, "window")
			stops := rapid.SliceOfN(rapid.IntRange(1, 1200), 0, 4).Draw(r, "stops")
			failing := rapid.Float64Range(0, 0.9).Draw(r, "failing")
			oneAccount := rapid.Bool().Draw(r, "one account")
			chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 2))
			var faults []string
			inBubbleOn(t, fresh, func(b *bubble) {
				accuse := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
				d := b.pulls()
				b.video = b.file(shippost.Photo)
				b.platform.failWith(func(op string, _ shippost.AccountID) error {
					if chance.Float64() >= failing || op == "time" || op == "commit" { // a gate that opens cannot fail
						return nil
					}
					return []error{down(op), says(op, "slow_down"), says(op, "cap"), down(op)}[chance.IntN(4)]
				})
				account := b.account()
				var ids []shippost.PostID
				for i, due := range dues {
					if !oneAccount {
						account = b.account()
					}
					ids = append(ids, b.schedule(account, fmt.Sprint(i), time.Duration(due)*time.Second, window))
				}
				b.stopAndGo(stops)
				b.pass(90 * time.Minute)
				b.platform.failWith(nil)
				b.pass(150 * time.Minute)

				d.mu.Lock()
				for i, at := range d.opened {
					if at.product.Before(d.dues[i]) {
						accuse("the platform was told of photos %s before they were due", d.dues[i].Sub(at.product))
					}
				}
				d.mu.Unlock()
				live := b.live()
				for _, id := range ids {
					p := b.post(id)
					for _, a := range b.attempts(id) {
						// The committing row is what opens the gate.
						if !a.GuardedAt.IsZero() && a.GuardedAt.Before(p.Due.At) {
							accuse("the gate of post %s opened %s before it was due", p.Caption, p.Due.At.Sub(a.GuardedAt))
						}
						if end := p.Deadline(); a.InitSentAt.After(end) || a.GuardedAt.After(end) {
							accuse("attempt %d of post %s was begun at %s and opened its gate at %s, allowed until %s", a.Number, p.Caption, a.InitSentAt, a.GuardedAt, end)
						}
					}
					missed, out := b.count(id, shippost.EntryPostMissed), live[p.Caption]
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
