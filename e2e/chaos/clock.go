package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"ship-post.com/shippost/client"
)

// undetectable is how far a clock may be off without anybody being able to tell (spec R13): a clock that is ahead by no
// more makes posts early by as much. A clock that is further ahead must not make a byte early at all.
const undetectable = 2 * time.Minute

// stillFelt is how long after a clock was set what was decided before may still arrive at the platform.
const stillFelt = 5 * time.Second

// setting is how far the clock of a node was off from one moment to another. While it was being set both may be true, so
// settings that follow each other overlap.
type setting struct {
	node     string
	off      time.Duration
	from, to time.Time // to is zero while it lasts
}

// earliness returns by how much a byte may have left too early at an instant, by how far clocks were off without anybody
// being able to tell.
func earliness(settings []setting, at time.Time) time.Duration {
	var most time.Duration
	for _, s := range settings {
		felt := !at.Before(s.from) && (s.to.IsZero() || !at.After(s.to.Add(stillFelt)))
		if felt && s.off <= undetectable {
			most = max(most, s.off)
		}
	}
	return most
}

// clock is the file by which the node's clock is off; see internal/chaos.
func (n *node) clock() string { return filepath.Join(n.folder, "clock") }

// setClock sets the clock of a node so far off, zero to be right.
func (w *world) setClock(n *node, off time.Duration) error {
	began := time.Now()
	fresh := n.clock() + ".new"
	if err := os.WriteFile(fresh, []byte(off.String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(fresh, n.clock()); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.settings {
		if s := &w.settings[i]; s.node == n.name && s.to.IsZero() {
			s.to = time.Now()
		}
	}
	w.settings = append(w.settings, setting{node: n.name, off: off, from: began})
	return nil
}

// clocks is how things stand with the clocks of a world.
type clocks struct {
	wrong bool // one of them is set wrong
	sets  int  // how often any was set
}

// mattered reports whether a clock was wrong at any moment between two looks.
func (c clocks) mattered(later clocks) bool { return c.wrong || c != later }

// clocksNow returns how things stand with the clocks.
func (w *world) clocksNow() clocks {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := clocks{sets: len(w.settings)}
	for _, s := range w.settings {
		c.wrong = c.wrong || s.to.IsZero() && s.off != 0
	}
	return c
}

// ofClock reports whether the product refused by the time that it believed in.
func ofClock(err error) bool {
	return client.HasCode(err, "time_in_past") || client.HasCode(err, "too_far_ahead")
}

// wrongly returns how far a clock is set off: by what nobody can tell, by up to an hour, or by up to 400 days, forward or
// back (R13).
func wrongly(r *rand.Rand) time.Duration {
	ranges := [][2]time.Duration{{time.Second, undetectable}, {undetectable + time.Second, time.Hour}, {time.Hour, 400 * 24 * time.Hour}}
	in := ranges[r.IntN(len(ranges))]
	off := in[0] + time.Duration(r.Int64N(int64(in[1]-in[0])+1)).Truncate(time.Second)
	if r.IntN(2) == 0 {
		return -off
	}
	return off
}

// setClocks sets the clock of a node, or of all, one or more times while the posts of a round are under way, and puts it
// right again after some seconds. It goes on after the posts have ended, so that the next round finds clocks that are right.
func (w *world) setClocks(ctx context.Context, seed uint64) (err error) {
	r := rand.New(rand.NewPCG(seed, 6))
	victims := w.nodes
	if r.IntN(2) == 0 {
		victims = w.nodes[r.IntN(len(w.nodes)):][:1]
	}
	set := func(off time.Duration) error {
		for _, n := range victims {
			if err := w.setClock(n, off); err != nil {
				return err
			}
		}
		return nil
	}
	wait := func(from, to time.Duration) {
		select {
		case <-ctx.Done():
		case <-time.After(from + time.Duration(r.Int64N(int64(to-from)))):
		}
	}
	wait(0, 4*time.Second) // uploads, hand-overs and questions are under way
	for range 1 + r.IntN(3) {
		if ctx.Err() != nil {
			break
		}
		if err := set(wrongly(r)); err != nil {
			return err
		}
		wait(500*time.Millisecond, 8*time.Second)
	}
	return set(0)
}

// ofHold is what a node writes to its log when it holds publishing because of its clock.
var ofHold = []byte("the clock of this machine cannot be right")

// clockFigures returns how often clocks were set wrong, and how often that held publishing on a node.
func (w *world) clockFigures() (sets, holds int, err error) {
	if !w.clocks {
		return 0, 0, nil
	}
	for _, s := range w.settings {
		if s.off != 0 {
			sets++
		}
	}
	for _, n := range w.nodes {
		text, err := os.ReadFile(filepath.Join(n.folder, "log"))
		if err != nil {
			return 0, 0, fmt.Errorf("log of node %s: %w", n.name, err)
		}
		holds += bytes.Count(text, ofHold)
	}
	return sets, holds, nil
}
