package publish

import (
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestPulses(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	beats := map[shippost.NodeID]func(elapsed time.Duration) time.Time{
		"own":     func(time.Duration) time.Time { return start },
		"living":  func(at time.Duration) time.Time { return start.Add(at) },
		"behind":  func(at time.Duration) time.Time { return start.Add(at - 2*time.Minute) },
		"ahead":   func(at time.Duration) time.Time { return start.Add(at + 400*24*time.Hour) },
		"held":    func(at time.Duration) time.Time { return start.Add(at - time.Hour) },
		"dead":    func(at time.Duration) time.Time { return start.Add(min(at, 30*time.Second)) },
		"ancient": func(time.Duration) time.Time { return start.Add(-time.Hour) },
	}
	for _, c := range []struct {
		name   string
		looks  []int // seconds
		clock  bool  // ours may be gone by
		silent []shippost.NodeID
	}{
		{"a start", []int{0}, true, []shippost.NodeID{"ancient", "held"}},
		{"a start by a wrong clock", []int{0}, false, nil},
		{"a wrong clock, later", []int{0, 3, 6, 9, 12, 15}, false, []shippost.NodeID{"ancient"}},
		{"whose clock is far from ours cannot publish", []int{0, 3}, true, []shippost.NodeID{"ahead", "held"}},
		{"a start after a crash", []int{60, 63}, true, []shippost.NodeID{"ahead", "held"}},
		{"two beats later", []int{60, 63, 66}, true, []shippost.NodeID{"ahead", "ancient", "dead", "held"}},
		{"just before a lease has passed", []int{27, 30, 33, 36, 39, 42, 44}, true, []shippost.NodeID{"ahead", "ancient", "held"}},
		{"a lease after the last beat", []int{27, 30, 33, 36, 39, 42, 45}, true, []shippost.NodeID{"ahead", "ancient", "dead", "held"}},
		{"nobody could look for a lease", []int{27, 30, 45}, true, nil},
		{"nobody could look for an hour", []int{27, 30, 3630}, true, nil},
	} {
		p := pulses{}
		var got []shippost.NodeID
		for _, second := range c.looks {
			at := time.Duration(second) * time.Second
			var nodes []store.Node
			for id, beat := range beats {
				nodes = append(nodes, store.Node{ID: id, BeatAt: beat(at)})
			}
			var now time.Time
			if c.clock {
				now = start.Add(at)
			}
			got = p.look(nodes, "own", now, at)
		}
		if slices.Sort(got); !slices.Equal(got, c.silent) {
			t.Errorf("%s: silent are %v, want %v", c.name, got, c.silent)
		}
	}
}

// A node whose clock is a minute and a half behind ours, as it may be, keeps its work for as long as it lives.
func TestPulses_ClocksApart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		id := b.schedule(b.account(), "of another", 5*time.Minute, time.Hour)
		b.pass(5*time.Minute - 10*time.Second)
		storetest.Update(b.t, b.db, func(tx *store.Tx) error {
			attempts, err := tx.Attempts(b.t.Context(), id)
			if err != nil {
				return err
			}
			if err := tx.InsertNode(b.t.Context(), "node_two"); err != nil {
				return err
			}
			ok, err := tx.TakeAttempt(b.t.Context(), attempts[0], "node_two")
			if !ok {
				t.Error("the other node did not get the attempt")
			}
			return err
		})
		owner := func() shippost.NodeID { return b.attempts(id)[0].Owner }
		for range 40 {
			storetest.Update(b.t, b.db, func(tx *store.Tx) error {
				_, err := tx.SQL().ExecContext(b.t.Context(), "UPDATE nodes SET beat_at = $1 WHERE id = 'node_two'", b.db.Now().Add(-90*time.Second).UnixMicro())
				return err
			})
			b.pass(beat)
			if got := owner(); got != "node_two" {
				t.Fatalf("the attempt was taken by %s from a node that lives", got)
			}
		}
		b.pass(lease)
		if got := owner(); got != "node_one" {
			t.Errorf("a lease after the last beat the attempt is still that of %s", got)
		}
		b.pass(time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted || b.live()["of another"] != 1 {
			t.Errorf("the post is %s and %d times out", p.Status, b.live()["of another"])
		}
	})
}
