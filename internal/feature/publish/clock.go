package publish

import (
	"context"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// No safety of the publisher rests on a clock, but its punctuality does: a clock that was set wrong would send posts
// early. So the wall clock is compared with the monotonic one, with the latest time that the database has seen and with
// what the platforms' answers say; when it cannot be right, nothing is sent until two good readings (reliability §5).
const (
	clockBack    = time.Minute      // further back than this the clock never goes by itself
	clockSkew    = 2 * time.Minute  // further off than this it is wrong
	clockEvery   = time.Minute      // how often all of it is compared
	clockGlance  = time.Second      // how often the wall clock is compared with the monotonic one
	clockGood    = 2                // good readings that end a hold
	platformTold = 10 * time.Minute // how long what a platform said about the time counts
	firstAnswer  = 3 * time.Second  // how long a start waits for a platform to say what time it is
	farAhead     = 5 * time.Minute  // further ahead of ours no clock is that may be right, nor what was written by one
)

// clockKey is where the database keeps the latest time that any node has seen.
const clockKey = "clock_seen"

// reading is what is known of the time at one moment. Zero fields are not known.
type reading struct {
	Wall     time.Time
	Expected time.Time // what the wall clock should show, by the reading before and the monotonic clock
	Seen     time.Time // the latest time that the database has seen
	Platform time.Time // what the platform's clock shows
}

// judgeClock says what is wrong with the wall clock; "" for nothing.
func judgeClock(r reading) string {
	if !r.Expected.IsZero() {
		switch step := r.Wall.Sub(r.Expected); {
		case step < -clockBack:
			return "clock_went_back"
		case step > clockSkew:
			return "clock_jumped"
		}
	}
	if !r.Platform.IsZero() {
		if r.Wall.Sub(r.Platform).Abs() > clockSkew {
			return "clock_wrong"
		}
		return "" // who agrees with the platform need not care what another node once wrote
	}
	if !r.Seen.IsZero() && r.Wall.Before(r.Seen.Add(-clockBack)) {
		return "clock_went_back"
	}
	return ""
}

// clock watches the wall clock.
type clock struct {
	now     func() time.Time
	elapsed func() time.Duration
	told    func() time.Time // the platforms' time, zero when not known

	mu      sync.Mutex
	wall    time.Time // the latest reading, zero before the first
	at      time.Duration
	seen    time.Time
	wrong   string // why publishing is held; "" when it is not
	since   time.Time
	good    int           // comparisons since the latest bad reading
	changed chan struct{} // closed when publishing is held, or is no longer
}

func newClock(now func() time.Time, elapsed func() time.Duration, told func() time.Time) *clock {
	return &clock{now: now, elapsed: elapsed, told: told, changed: make(chan struct{})}
}

// read takes a reading and returns what is wrong with it.
func (c *clock) read() string {
	r := reading{Wall: c.now(), Seen: c.seen, Platform: c.told()}
	at := c.elapsed()
	if !c.wall.IsZero() {
		r.Expected = c.wall.Add(at - c.at)
	}
	c.wall, c.at = r.Wall, at
	return judgeClock(r)
}

// look takes a reading, begins a hold when it is bad, and returns what is wrong with it.
func (c *clock) look() string {
	wrong := c.read()
	if wrong == "" {
		return ""
	}
	c.good = 0
	if c.wrong == "" {
		// What the database has seen has said its part. When the clock is put right it may lie before that.
		c.wrong, c.since, c.seen = wrong, c.wall, time.Time{}
		c.turn()
	}
	return wrong
}

// trusted looks at the clock and reports whether it may be gone by.
func (c *clock) trusted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look()
	return c.wrong == ""
}

// compare is trusted with the latest time that the database has seen. While publishing is held it counts good readings,
// which end the hold.
func (c *clock) compare(seen time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.wrong != ""
	if !held {
		c.seen = seen
	}
	if c.look() != "" || !held {
		return
	}
	if c.good++; c.good == clockGood {
		c.wrong = ""
		c.turn()
	}
}

func (c *clock) turn() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// state returns why and since when publishing is held, and a channel that is closed when that changes.
func (c *clock) state() (wrong string, since time.Time, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong, c.since, c.changed
}

// untilTrusted waits for a clock that may be gone by; it reports false when ctx ended first.
func (c *clock) untilTrusted(ctx context.Context) bool {
	for {
		if c.trusted() {
			return ctx.Err() == nil
		}
		wrong, _, changed := c.state()
		if wrong == "" {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// toldTime returns what the platforms' latest answers say the time is, zero when none came lately.
func (p *Publisher) toldTime() time.Time {
	for _, pf := range p.platforms {
		if teller, ok := platform.Can[platform.TimeTeller](pf); ok {
			if at, ago, ok := teller.Heard(); ok && ago < platformTold {
				return at.Add(ago)
			}
		}
	}
	return time.Time{}
}

// clockLane watches the clock. While publishing is held it asks a platform for the time.
func (p *Publisher) clockLane(ctx context.Context) {
	next := p.elapsed() + clockEvery
	for pause(ctx, clockGlance, nil) {
		p.clock.trusted()
		if p.elapsed() >= next {
			next = p.elapsed() + clockEvery
			p.compareClocks(ctx)
		}
		p.announce(ctx)
	}
}

// firstTime compares all clocks before anything is decided. What the database has seen says nothing about a clock that is
// ahead; by one that is, everything would be missed at once. Only a platform knows, and when none answers soon the clock is
// gone by.
func (p *Publisher) firstTime(ctx context.Context) {
	soon, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	p.askTime(soon)
	p.compareClocks(ctx)
	p.begun.Do(func() { close(p.compared) })
}

// ClockTrusted reports whether the wall clock may be gone by: nothing speaks against it. Before Run has asked for the time at its
// start nobody knows; that is waited for until ctx ends. Neither a platform nor the database need have answered by then: what
// cannot be taken back asks ClockSure.
func (p *Publisher) ClockTrusted(ctx context.Context) bool {
	select {
	case <-p.compared:
		return p.clock.trusted()
	case <-ctx.Done():
		return false
	}
}

// bringForward has done now what a clock that was far ahead, ours or that of a node that is gone, put off to a time that nobody
// has in mind, and after a hold what waits of what was due meanwhile.
func (p *Publisher) bringForward(ctx context.Context) error {
	now := p.now()
	if !p.clock.trusted() {
		return nil
	}
	var due time.Time
	if p.behind {
		due = now
	}
	err := p.db.Update(ctx, func(tx *store.Tx) error { return tx.BringForward(ctx, now, due, askLate+farAhead) })
	p.behind = p.behind && err != nil
	return err
}

// compareClocks compares all clocks, and notes in the database what time it is.
func (p *Publisher) compareClocks(ctx context.Context) {
	if wrong, _, _ := p.clock.state(); wrong != "" {
		p.behind = true
		p.askTime(ctx)
	}
	seen, err := p.clockNoted(ctx, clockKey)
	if err == nil {
		p.clock.compare(seen)
		if p.clock.trusted() {
			err = p.bringForward(ctx)
		}
		if err == nil && p.clock.trusted() {
			err = p.db.Update(ctx, func(tx *store.Tx) error {
				return tx.SetMeta(ctx, clockKey, noted(p.now()))
			})
		}
	}
	if err != nil && ctx.Err() == nil {
		p.log.Error("cannot compare the clock with the database's; trying again", "err", err)
	}
}

// clockNoted returns the time that the database keeps by a name, zero for none.
func (p *Publisher) clockNoted(ctx context.Context, key string) (at time.Time, err error) {
	err = p.db.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Meta(ctx, key)
		if err != nil || text == "" {
			return err
		}
		at, err = time.Parse(time.RFC3339Nano, text)
		return err
	})
	return at, err
}

// noted is how the database keeps a time by a name.
func noted(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func (p *Publisher) askTime(ctx context.Context) {
	for name, pf := range p.platforms {
		if teller, ok := platform.Can[platform.TimeTeller](pf); ok {
			if err := teller.AskTime(ctx); err != nil {
				p.log.Info("a platform did not say what time it is", "platform", name, "err", err)
			}
		}
	}
}

// announce tells the operator when publishing is held and when it goes on.
func (p *Publisher) announce(ctx context.Context) {
	wrong, _, _ := p.clock.state()
	told := p.announced
	if wrong == told {
		return
	}
	kind, code := shippost.EntryPublisherAlarm, wrong
	if wrong == "" {
		kind, code = shippost.EntryPublisherResumed, told
		p.log.Info("the clock is right again; publishing goes on")
		nudge(p.due)
	} else {
		p.log.Error("the clock of this machine cannot be right; nothing is published until it is", "code", wrong, "clock", p.now(), "platform", p.toldTime())
	}
	err := p.db.Update(ctx, func(tx *store.Tx) error {
		return tx.Record(ctx, shippost.Entry{Kind: kind, At: p.now(), Actor: shippost.System(""), Data: map[string]any{"code": code}})
	})
	if err != nil {
		return // the next round tries again; the log has it
	}
	p.announced = wrong
}
