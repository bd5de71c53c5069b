// Package publish brings due posts to their platform: exactly once, on the second, and with the truth about the outcome.
//
// A post that needs attention has a wake time. The dispatcher finds it, plans an attempt and hands it to a runner, which
// stages the bytes early, waits for the instant in process, writes the committing row and lets the last bytes go.
// The confirm lane then asks the platform until it knows. Every decision is a pure function (decide, guard, dispose,
// proveDead); every step is a compare-and-set on the attempt's row, written before the effect it allows. Correctness
// rests on those rows alone: not on a queue, a lease or a clock (reliability §2).
package publish

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// Files gives the bytes of media to the publisher.
type Files interface {
	// Open returns the bytes from offset to the end.
	Open(ctx context.Context, m shippost.Media, offset int64) (io.ReadCloser, error)
	// Verify reads the whole file and fails with code media_changed unless it is the one that was received.
	Verify(ctx context.Context, m shippost.Media) error
}

// Vault gives the tokens of accounts to the publisher.
type Vault interface {
	For(id shippost.AccountID) platform.Tokens
	// Withdrawn marks the account as one that must be connected anew, unless that has happened since.
	Withdrawn(ctx context.Context, tx *store.Tx, account shippost.Account, code string) error
}

// Options is what a Publisher needs. All fields but Gate and Transfers are required.
type Options struct {
	DB        *store.DB
	Node      shippost.NodeID
	Platforms map[shippost.PlatformName]platform.Platform
	Vault     Vault
	Files     Files
	Sealer    *seal.Sealer
	Quota     *quota.Limiter
	Gate      *gate.Gate // serves what a platform fetches itself; nil where none does
	Now       func() time.Time
	Log       *slog.Logger
	Transfers int // how many files are staged at once; 0 means 32
}

// Publisher publishes what falls due, and finishes what other processes left.
type Publisher struct {
	db        *store.DB
	node      shippost.NodeID
	platforms map[shippost.PlatformName]platform.Platform
	vault     Vault
	files     Files
	sealer    *seal.Sealer
	quota     *quota.Limiter
	gate      *gate.Gate
	now       func() time.Time
	log       *slog.Logger
	transfers *share        // a place for each file that may be staged now
	answers   answers       // about creators, which their posts share
	polls     chan struct{} // a token for each question that may be under way
	due       chan struct{} // nudges the dispatcher
	asked     chan struct{} // nudges the confirm lane
	cuts      chan struct{} // nudges the cut lane
	commits   together[*candidate]
	handovers together[*handover]
	pulses    pulses // of the beat lane

	tick      time.Duration        // how often the lanes look without being nudged
	elapsed   func() time.Duration // since New, by the monotonic clock
	clock     *clock
	breakers  map[shippost.PlatformName]*breaker
	behind    bool // publishing was held, and what that put off is not brought forward yet
	begun     sync.Once
	compared  chan struct{} // closed after the first comparison of clocks, with those that answered
	steady    steadiness    // for what asks whether the clock is sure
	announced string        // what the clock lane last told the operator
	overdue   atomic.Int64  // posts, when last counted

	mu      sync.Mutex
	running map[shippost.PostID]work
	rounds  map[heart]time.Duration // when each lane last went round
	workers sync.WaitGroup
}

// New returns a Publisher that does nothing until Run.
func New(o Options) *Publisher {
	if o.Transfers == 0 {
		o.Transfers = 32
	}
	p := &Publisher{
		db: o.DB, node: o.Node, platforms: o.Platforms, vault: o.Vault, files: o.Files, sealer: o.Sealer, quota: o.Quota, gate: o.Gate,
		now: o.Now, log: o.Log, tick: tick,
		transfers: newShare(o.Transfers),
		polls:     make(chan struct{}, 64),
		due:       make(chan struct{}, 1),
		asked:     make(chan struct{}, 1),
		breakers:  make(map[shippost.PlatformName]*breaker),
		running:   make(map[shippost.PostID]work),
		cuts:      make(chan struct{}, 1),
		rounds:    make(map[heart]time.Duration),
		commits:   together[*candidate]{order: dueFirst},
		handovers: together[*handover]{order: besideEachOther},
		compared:  make(chan struct{}),
	}
	start := time.Now()
	p.elapsed = func() time.Duration { return time.Since(start) }
	p.clock = newClock(o.Now, p.elapsed, p.toldTime)
	for name := range o.Platforms {
		p.breakers[name] = &breaker{elapsed: p.elapsed, now: o.Now, accounts: make(map[shippost.AccountID]bool)}
	}
	return p
}

// parkTime is how long a stopping publisher lets commits finish.
const parkTime = 30 * time.Second

// Run publishes until ctx ends. It then takes nothing new, lets go of attempts that can be resumed, finishes those
// past the point of no return for up to thirty seconds, and gives its place up, so that another node takes over at once.
func (p *Publisher) Run(ctx context.Context) error {
	if err := p.register(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before anything began
		}
		return err
	}
	p.firstTime(ctx)
	var lanes sync.WaitGroup
	lanes.Go(func() { p.clockLane(ctx) })
	lanes.Go(func() { p.watchLane(ctx) })
	lanes.Go(func() { p.beatLane(ctx) })
	lanes.Go(func() { p.cutLane(ctx) })
	lanes.Go(func() { p.dispatchLane(ctx) })
	lanes.Go(func() { p.confirmLane(ctx) })
	lanes.Wait()

	done := make(chan struct{})
	go func() { p.workers.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(parkTime):
		p.log.Warn("stopped while attempts were still being handed over; the next start finds out what became of them")
	}
	chaos.Point("publish.parked")
	return p.leave(context.WithoutCancel(ctx))
}

// start runs fn for a post unless the post is being worked on in this process already. It reports whether it did.
func (p *Publisher) start(ctx context.Context, id shippost.PostID, fn func(context.Context)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, busy := p.running[id]; busy {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	w := work{cancel, make(chan struct{})}
	p.running[id] = w
	p.workers.Go(func() {
		defer func() {
			cancel()
			p.mu.Lock()
			delete(p.running, id)
			p.mu.Unlock()
			close(w.ended)
		}()
		fn(ctx)
	})
	return true
}

// work is what this process does for a post.
type work struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed when it is over
}

// interrupt stops the work on a post in this process, if there is any, and returns what is closed when it is over. Rows
// decide what is allowed; this only saves sending bytes that nobody wants any more.
func (p *Publisher) interrupt(id shippost.PostID) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := p.running[id]
	if !ok {
		return nil
	}
	w.cancel()
	return w.ended
}

// nudge wakes a lane without waiting for it.
func nudge(lane chan struct{}) {
	select {
	case lane <- struct{}{}:
	default:
	}
}

// pause waits for d, or for a nudge, or for the end of ctx; it reports whether to go on.
func pause(ctx context.Context, d time.Duration, lane <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-lane:
		return true
	case <-ctx.Done():
		return false
	}
}
