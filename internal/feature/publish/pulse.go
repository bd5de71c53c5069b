package publish

import (
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// pulses knows which other nodes show life. It goes by our monotonic clock and by whether their beats move, not by the time that
// a beat tells: two clocks may be minutes apart while both count as right.
type pulses struct {
	looked time.Duration // when we last looked
	seen   map[shippost.NodeID]pulse
}

// pulse is the latest beat of a node.
type pulse struct {
	beat  time.Time     // as the node told it
	since time.Duration // when we saw it first
}

// look takes all nodes as they are now and returns the others that have shown no life for a lease. now is zero while our wall
// clock may not be gone by; otherwise a beat that no clock can have made lately counts at once, so that a start need not watch who
// is long gone. After we could not look ourselves for a lease, the database being away for example, all have theirs before them.
func (p *pulses) look(nodes []store.Node, own shippost.NodeID, now time.Time, elapsed time.Duration) (silent []shippost.NodeID) {
	before := p.seen
	if elapsed-p.looked >= lease {
		before = nil
	}
	p.looked, p.seen = elapsed, make(map[shippost.NodeID]pulse, len(nodes))
	for _, n := range nodes {
		if n.ID == own {
			continue
		}
		latest, known := before[n.ID]
		if !known || !latest.beat.Equal(n.BeatAt) {
			latest = pulse{n.BeatAt, elapsed}
		}
		p.seen[n.ID] = latest
		if elapsed-latest.since >= lease || !now.IsZero() && n.BeatAt.Before(now.Add(-farAhead-lease)) {
			silent = append(silent, n.ID)
		}
	}
	return silent
}
