package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"ship-post.com/shippost/internal/app"
)

// options is what a run is told.
type options struct {
	seed     uint64
	random   int      // rounds with kills at random moments, per engine
	storms   int      // rounds with a bad network, per engine
	cuts     int      // power cuts; SQLite only
	disks    int      // rounds for each way in which a disk fails; SQLite only
	clocks   int      // rounds with clocks that are set wrong, per engine
	pauses   []string // fault points at which a node is stopped beyond its lease
	length   int      // rounds of a world
	parallel int
	only     string
	keep     string
	chain    int // fault points per round: the node is killed at one after the other
	out      interface{ Write([]byte) (int, error) }
	points   []string // nil: all of the product
	engines  []string // nil: both
}

// step is one round and what breaks in it.
type step struct {
	points  []string // fault points at which the node is killed, one after the other
	hit     int      // which pass of each of them
	pause   bool     // SIGSTOP at the first instead, and go on long after the lease is over
	random  bool     // kills at random moments
	storm   bool     // the network is bad
	trouble bool     // the platform has a bad minute
	disk    string   // with what each change of a file fails, for seconds
	clock   bool     // clocks are set wrong, and right again
}

// String names the step as a report does.
func (s step) String() string {
	var what []string
	switch {
	case s.pause:
		what = append(what, "pause at "+s.points[0])
	case len(s.points) > 0:
		what = append(what, fmt.Sprintf("kill at %s, pass %d", strings.Join(s.points, " then "), s.hit))
	}
	if s.random {
		what = append(what, "kills at random")
	}
	if s.storm {
		what = append(what, "bad network")
	}
	if s.disk != "" {
		what = append(what, "disk answers "+s.disk)
	}
	if s.clock {
		what = append(what, "clocks set wrong")
	}
	if s.trouble {
		what = append(what, "platform in trouble")
	}
	if len(what) == 0 {
		return "undisturbed"
	}
	return strings.Join(what, ", ")
}

// campaign is a world and the steps it goes through.
type campaign struct {
	setup
	engine string
	steps  []step
}

// tally is what a campaign brought.
type tally struct {
	verdict
	rounds, kills int
	ends          int            // good ends in the middle of the work
	sets, holds   int            // clocks that were set wrong, and how often that held publishing
	reached       map[string]int // fault point: how often the program was killed or paused there
	passed        map[string]int // fault point: how often the program passed it
	err           error
}

// people is how many creators a world has: enough to stay within what one account may do in a minute and a day, and
// no multiple of the number of posts in a round, so that everybody meets every kind.
const people = 31

// play goes through all steps of a campaign.
func (c campaign) play(ctx context.Context, binary, folder string, clips clips, log func(string, ...any)) (t tally) {
	t.reached, t.passed = map[string]int{}, map[string]int{}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.err = err
		return t
	}
	w, err := open(ctx, c.setup, binary, folder, clips, log)
	if err != nil {
		t.err = err
		return t
	}
	defer func() {
		t.err = errors.Join(t.err, w.close())
		if t.err == nil { // the logs are enough of a world without a fault
			t.err = os.RemoveAll(filepath.Join(folder, "media"))
		}
		var err error
		if t.sets, t.holds, err = w.clockFigures(); err != nil {
			t.err = errors.Join(t.err, err)
		}
		for _, n := range w.nodes {
			t.kills += n.killed()
			t.ends += n.replaced()
			for _, order := range n.carriedOut() { // at its very end
				point, _, _ := strings.Cut(order, "=")
				t.reached[point]++
			}
		}
	}()
	steps := c.steps
	for i := 0; i < len(steps); i++ {
		s := steps[i]
		if ctx.Err() != nil {
			return t
		}
		began := time.Now()
		if err := w.step(ctx, i, s, &t); err != nil {
			t.err = errors.Join(t.err, fmt.Errorf("%s, round %d (%s): %w", c.name, i, s, err))
			return t
		}
		log("%s: round %d of %d, %s: %.1f s", c.name, i+1, len(steps), s, time.Since(began).Seconds())
		t.rounds++
		if i == len(steps)-1 && i < len(c.steps)+maxRepeats {
			steps = append(steps, c.unreached(t.reached)...)
		}
	}
	// The last word is for all posts together: whatever came late counts too.
	t.verdict, err = w.check(ctx)
	t.err = errors.Join(t.err, err)
	return t
}

// maxRepeats bounds the rounds for fault points that the stories of their round did not lead to.
const maxRepeats = 8

// ofConversions are passed when a video is made anew, which is no part of every round because it takes long.
var ofConversions = []string{"media.made_anew", "media.conversion_adopted"}

// leadingTo returns a fault point, after the one that must have struck before it can be passed.
func leadingTo(point string) []string {
	before := map[string]string{"publish.buried": "publish.init_intended", "vault.refused": "vault.answered", "publish.resumed": "publish.committing",
		"publish.taken_over": "publish.committing"}
	if first, ok := before[point]; ok {
		return []string{first, point}
	}
	return []string{point}
}

// unreached returns a step for each fault point at which nothing was killed, though it should have been.
func (c campaign) unreached(reached map[string]int) []step {
	var list []step
	for _, s := range c.steps {
		for _, p := range s.points {
			if reached[p] == 0 && s.hit == 1 && !s.random {
				list = append(list, step{points: leadingTo(p), hit: 1, trouble: !s.pause, pause: s.pause})
			}
		}
	}
	return list
}

// step plays one round while something breaks.
func (w *world) step(ctx context.Context, number int, s step, t *tally) error {
	if err := w.prepare(ctx, s); err != nil {
		return err
	}
	breaking, done := context.WithCancel(ctx)
	var breakers sync.WaitGroup
	var failures [5]error
	seed := w.rand.Uint64()
	if s.random {
		breakers.Go(func() { failures[0] = w.killAtRandom(breaking, seed) })
	}
	if s.storm {
		breakers.Go(func() { failures[1] = w.way.storm(breaking, seed) })
	}
	if s.disk != "" {
		breakers.Go(func() { failures[3] = w.failDisk(breaking, s.disk, seed) })
	}
	if s.clock {
		breakers.Go(func() { failures[4] = w.setClocks(breaking, seed) })
	}
	var frozen bool
	if s.pause {
		breakers.Go(func() { frozen, failures[2] = w.freeze(ctx, breaking) })
	}
	timeout := 3 * time.Minute // on a small machine with much else to do
	if s.clock {
		timeout = 10 * time.Minute // a hold takes two or three
	} else if w.database != "" || s.storm || s.disk != "" {
		timeout = 5 * time.Minute
	}
	rd := &round{w: w, number: number, timeout: timeout, spread: 3 * time.Second,
		large:   number%3 == 0 || slices.Contains(s.points, "publish.progressed"),
		convert: number%6 == 1 || slices.ContainsFunc(s.points, func(p string) bool { return slices.Contains(ofConversions, p) })}
	stories, err := rd.play(ctx)
	done()
	breakers.Wait()
	if err = errors.Join(err, errors.Join(failures[:]...)); err != nil {
		return err
	}
	if err := w.connectAgain(ctx, stories); err != nil {
		return err
	}
	if s.clock && !s.random && len(rd.locked) > 0 {
		// Nobody was killed with new tokens in hand, and what a clock shows is no reason (reliability §8).
		return fmt.Errorf("access was lost to the accounts of %s", strings.Join(rd.locked, ", "))
	}
	if frozen {
		t.reached[s.points[0]]++
	}
	for _, n := range w.nodes {
		for _, order := range n.carriedOut() {
			point, _, _ := strings.Cut(order, "=")
			t.reached[point]++
		}
		if err := n.trouble(); err != nil {
			return err
		}
		passed, err := n.passed()
		if err != nil {
			return err
		}
		for name, times := range passed {
			t.passed[name] += times
		}
	}
	v, err := w.check(ctx)
	if err == nil && len(v.found) > 0 {
		err = errors.New(strings.Join(v.found, "\n"))
	}
	return err
}

// connectAgain connects the accounts that were disconnected in a round, for the next posts of their creators.
func (w *world) connectAgain(ctx context.Context, stories []*story) error {
	for _, s := range stories {
		if s.told != "disconnected" {
			continue
		}
		if err := (&round{w: w}).insist(ctx, s.owner, func(ctx context.Context) error {
			return app.ConnectAgain(ctx, s.owner.home, w.publicURL, s.owner.handle, s.owner.account)
		}); err != nil {
			return err
		}
	}
	return nil
}

// prepare starts the first node with the orders of the step. For a pause it is alone, so that the posts are its own.
func (w *world) prepare(ctx context.Context, s step) error {
	first := w.nodes[0]
	var orders []string
	faults := []any{}
	if s.trouble {
		// Each is met once: an answer that says no, and a question that nobody answers.
		faults = append(faults, map[string]any{"endpoint": "video_init", "at": "before_effect", "do": "status", "status": 503},
			map[string]any{"endpoint": "status", "at": "before_effect", "do": "reset"})
	}
	if err := w.control(ctx, http.MethodPut, "/_sim/knobs", map[string]any{"faults": faults}, nil); err != nil {
		return err
	}
	switch {
	case s.pause:
		orders = []string{s.points[0] + "=pause@1"}
		if err := w.nodes[1].end(); err != nil {
			return err
		}
	case len(s.points) > 0:
		for _, p := range s.points {
			orders = append(orders, fmt.Sprintf("%s=kill@%d", p, s.hit))
		}
	default:
		if first.orders == "" {
			return w.allUp(ctx)
		}
	}
	if err := first.end(); err != nil {
		return err
	}
	if err := first.run(ctx, orders...); err != nil {
		return err
	}
	if s.pause {
		return nil
	}
	return w.allUp(ctx)
}

// allUp starts nodes that were ended.
func (w *world) allUp(ctx context.Context) error {
	for _, n := range w.nodes {
		if n.ended() {
			if err := n.run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// killAtRandom kills nodes, or asks them to end, at moments that nobody chose, until the posts of the round have ended.
func (w *world) killAtRandom(ctx context.Context, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 3))
	for range 3 {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(r.Int64N(int64(4 * time.Second)))):
		}
		n := w.nodes[r.IntN(len(w.nodes))]
		strike := n.crash
		if r.IntN(3) == 0 {
			strike = n.replace
		}
		if err := strike(); err != nil {
			return err
		}
	}
	return nil
}

// run carries out a whole campaign plan and prints what it brought.
func (o options) run(ctx context.Context) error {
	began := time.Now()
	folder, remove, err := o.folder()
	if err != nil {
		return err
	}
	total, report, err := o.all(ctx, folder)
	fmt.Fprint(o.out, report)
	fmt.Fprintf(o.out, "time taken: %s\n", time.Since(began).Round(time.Second))
	if err == nil && len(total.found) > 0 {
		err = errors.New("the claim does not hold")
	}
	if err != nil {
		return fmt.Errorf("%w\nseed %d; logs and data: %s", err, o.seed, folder)
	}
	return remove()
}

func (o options) folder() (folder string, remove func() error, err error) {
	if o.keep != "" {
		return o.keep, func() error { return nil }, os.MkdirAll(o.keep, 0o700)
	}
	folder, err = os.MkdirTemp("", "shippost-chaos-")
	return folder, func() error { return os.RemoveAll(folder) }, err
}

// all plays the campaigns, some at once.
func (o options) all(ctx context.Context, folder string) (total tally, report string, err error) {
	log := func(format string, args ...any) { fmt.Fprintf(o.out, format+"\n", args...) }
	log("seed %d", o.seed)
	binary, err := build(ctx, folder)
	if err != nil {
		return total, "", err
	}
	clips, err := makeClips(ctx, folder)
	if err != nil {
		return total, "", err
	}
	if o.cuts > 0 && strings.Contains("SQLite, power cuts", o.only) {
		began := time.Now()
		record, err := recordRounds(ctx, binary, filepath.Join(folder, "power-cuts"), clips, o.seed, 4)
		if err == nil {
			err = record.cutPower(ctx, o.seed, o.cuts)
		}
		if err != nil {
			return total, "", fmt.Errorf("power cuts: %w", err)
		}
		log("SQLite, power cuts: %d over %s, all whole: %.1f s", o.cuts, record, time.Since(began).Seconds())
	}
	campaigns, end, err := o.plan(ctx)
	if err != nil {
		return total, "", err
	}
	tallies := make([]tally, len(campaigns))
	places := make(chan struct{}, o.parallel)
	var all sync.WaitGroup
	for i, c := range campaigns {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			tallies[i] = c.play(ctx, binary, filepath.Join(folder, strings.ReplaceAll(c.name, " ", "-")), clips, log)
			if err := tallies[i].err; err != nil {
				log("%s: FAILED: %v", c.name, err)
			}
		})
	}
	all.Wait()
	err = end()
	total = tally{reached: map[string]int{}, passed: map[string]int{}}
	for i, t := range tallies {
		total.add(t.verdict)
		total.rounds, total.kills, total.ends = total.rounds+t.rounds, total.kills+t.kills, total.ends+t.ends
		total.sets, total.holds = total.sets+t.sets, total.holds+t.holds
		for name, n := range t.reached {
			total.reached[name] += n
		}
		for name, n := range t.passed {
			total.passed[name] += n
		}
		if t.err != nil {
			err = errors.Join(err, t.err, fmt.Errorf("for testdata/seeds.txt: %s", o.line(campaigns[i].name)))
		}
	}
	return total, summary(campaigns, tallies, total), err
}
