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
	moved bool          // we saw another one before it, so it was made lately
}

// look takes all nodes as they are now and returns the others whose work we go on with: those that have shown no life for a
// lease, and those whose clock is so far from ours that they hold publishing. now is zero while our own may not be gone by. Who
// seems to be gone for a lease when we start need not be watched for all of one, and who is long gone not at all. But after we
// could not look ourselves for that long, the database being away for example, none of the others is taken for gone at once.
func (p *pulses) look(nodes []store.Node, own shippost.NodeID, now time.Time, elapsed time.Duration) (silent []shippost.NodeID) {
	before, first := p.seen, p.seen == nil
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
			latest = pulse{beat: n.BeatAt, since: elapsed, moved: known}
		}
		p.seen[n.ID] = latest
		far := !now.IsZero() && (n.BeatAt.Before(now.Add(-farAhead-lease)) || latest.moved && n.BeatAt.After(now.Add(farAhead)))
		old := !now.IsZero() && n.BeatAt.Before(now.Add(-lease))
		watched := elapsed - latest.since
		if watched >= lease || old && watched >= 2*beat || far && (first || latest.moved) {
			silent = append(silent, n.ID)
		}
	}
	return silent
}
