package publish

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// A breaker opens when a platform fails so often, for so many accounts, that the fault is not theirs; while it is open
// one request in a while finds out whether the platform is back (reliability §7).
const (
	breakerFailures = 20
	breakerAccounts = 3
	probeEvery      = 30 * time.Second
	awayLongest     = 5 * time.Minute // that a waiting post is not looked at
)

// platformUnavailable is the code of posts that wait for a platform.
const platformUnavailable = "platform_unavailable"

// breaker stands before the requests to one platform. Its times are of the monotonic clock, which nobody sets.
type breaker struct {
	elapsed func() time.Duration
	now     func() time.Time // for people: since when it is open

	mu       sync.Mutex
	failures int
	accounts map[shippost.AccountID]bool // whose requests failed since the last that did not
	open     bool
	since    time.Time
	probe    time.Duration // when the next request may pass
	away     int           // posts that were turned away since the latest probe
}

// ahead returns how long requests must wait; 0 while the breaker is closed, or when it is time for a probe.
func (b *breaker) ahead() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return 0
	}
	return max(b.probe-b.elapsed(), 0)
}

// enter is ahead for somebody who asks at once when the answer is 0: whoever comes next waits for another probe.
func (b *breaker) enter() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return 0
	}
	if wait := b.probe - b.elapsed(); wait > 0 {
		return wait
	}
	b.probe, b.away = b.elapsed()+probeEvery, 0
	return 0
}

// note takes the outcome of a request in. It reports whether the breaker opened or closed by it.
func (b *breaker) note(account shippost.AccountID, failed bool) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !failed {
		changed = b.open
		b.failures, b.open = 0, false
		clear(b.accounts)
		return changed
	}
	b.failures++
	b.accounts[account] = true
	if b.open || b.failures < breakerFailures || len(b.accounts) < breakerAccounts {
		return false
	}
	b.open, b.since, b.probe, b.away = true, b.now(), b.elapsed()+probeEvery, 0
	return true
}

// opened returns since when the breaker is open; the zero time while it is closed.
func (b *breaker) opened() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return time.Time{}
	}
	return b.since
}

// heard tells the breaker how a request to the platform went and returns its error. Errors that no request is behind
// say nothing about the platform.
func (p *Publisher) heard(pf platform.Platform, account shippost.AccountID, err error) error {
	e := platform.AsError(err)
	if err != nil && e == nil {
		return err
	}
	failed := e != nil && pf.Classify(err).Class == platform.Transient && e.Code != platform.CodeUploadGone && e.Code != platform.CodeUploadWhole
	name := pf.Describe().Name
	if p.breakers[name].note(account, failed) {
		if failed {
			p.log.Error("the platform does not answer; posts wait until it does", "platform", name, "err", err)
			p.recordOutage(shippost.EntryPublisherAlarm, name)
		} else {
			p.log.Info("the platform answers again", "platform", name)
			p.recordOutage(shippost.EntryPublisherResumed, name)
			p.wakeHeld()
		}
	}
	return err
}

// recordOutage writes down that a platform went away or came back, so that everybody who looks at a screen learns it. The log
// has it too, should this be lost.
func (p *Publisher) recordOutage(kind shippost.EntryKind, name shippost.PlatformName) {
	p.workers.Go(func() {
		ctx := context.Background()
		err := p.db.Update(ctx, func(tx *store.Tx) error {
			return tx.Record(ctx, shippost.Entry{Kind: kind, At: p.now(), Actor: shippost.System(""), Data: map[string]any{"code": platformUnavailable, "platform": string(name)}})
		})
		if err != nil {
			p.log.Warn("cannot write down that a platform went away or came back", "platform", name, "err", err)
		}
	})
}

// wakeHeld has the posts looked at again that waited for a platform. What is lost of this comes by itself a little later.
func (p *Publisher) wakeHeld() {
	p.workers.Go(func() {
		ctx := context.Background()
		err := p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
			tx.OnCommit(func() { nudge(p.due) })
			now := p.now()
			return tx.WakeHeldFor(ctx, platformUnavailable, now, now.Add(probeEvery+awayLongest))
		})
		if err != nil {
			p.log.Warn("cannot wake the posts that waited for a platform; they come by themselves", "err", err)
		}
	})
}

// pass waits until the breaker lets a request through.
func (r *runner) pass(ctx context.Context) error {
	b := r.breakers[r.platform.Describe().Name]
	for wait := b.enter(); wait > 0; wait = b.enter() {
		if err := r.waitOut(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// depart waits until an init request may leave at this moment: by the account's budget, and past the breaker.
func (r *runner) depart(ctx context.Context) error {
	b := r.breakers[r.platform.Describe().Name]
	for {
		for wait := b.ahead(); wait > 0; wait = b.ahead() {
			r.reserved = false // what was saved up behind a breaker must not leave at once when it closes
			if err := r.waitOut(ctx, wait); err != nil {
				return err
			}
		}
		if err := r.reserveInit(ctx); err != nil {
			return err
		}
		if b.enter() == 0 {
			r.reserved = false
			return nil
		}
	}
}

// waitOut waits for a platform that does not answer. An attempt that may no longer commit after that is refused.
func (r *runner) waitOut(ctx context.Context, wait time.Duration) error {
	if !r.a.State.Committed() {
		left := allowedUntil(r.s.Post, r.s.Committed).Sub(r.now())
		if left < 0 {
			return &refusedError{tooLate}
		}
		wait = min(wait, left+time.Second)
	}
	if !pause(ctx, wait, nil) {
		return ctx.Err()
	}
	return nil
}

// turnAway is ahead for a post that is to wait. The more were turned away lately, the longer they wait, spread at random:
// one of them comes for each probe, and thousands do not keep the database busy meanwhile.
func (b *breaker) turnAway() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait := b.probe - b.elapsed()
	if !b.open || wait <= 0 {
		return 0
	}
	b.away++
	return wait + rand.N(min(time.Duration(b.away)*5*time.Second, awayLongest))
}

// unreachable returns the hold of posts that wait for a platform to come back, nil while it answers, and when to look
// again.
func (p *Publisher) unreachable(pf platform.Platform, now time.Time) (*shippost.Hold, time.Time) {
	wait := p.breakers[pf.Describe().Name].turnAway()
	if wait == 0 {
		return nil, now
	}
	return &shippost.Hold{Code: platformUnavailable, Remedy: shippost.RemedyWait, Since: now,
		Message: fmt.Sprintf("%s does not answer at present. ShipPost goes on by itself when it does.", pf.Describe().Title)}, now.Add(wait)
}
