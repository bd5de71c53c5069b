package publish_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestCutLineIsResumedBeforeTheDueTime: the line is cut twice while the last bytes of an upload are held back. Each time the
// upload is resumed at once, so that at the due time nothing but the last bytes is missing.
func TestCutLineIsResumedBeforeTheDueTime(t *testing.T) {
	t.Parallel()
	content, err := film()
	must(t, err)
	set := laneSet{knobs: func(k *tiktoksim.Knobs) {
		k.Faults = []tiktoksim.Fault{{Endpoint: "upload", At: "mid_body", AfterBytes: int64(len(content)) - 4<<10, Do: "reset", Times: 2}}
	}}
	eachLane(t, set, func(t *testing.T, l *lane) {
		post := l.queue(t, l.account(t, "cut"), "held", l.now().Add(14*time.Second))
		due := post.Due.At
		p, attempts := l.until(t, post.ID, ended)
		if p.Status != shippost.PostPosted || len(attempts) != 1 || len(l.live("held")) != 1 || p.CommittedAt.Before(due) {
			t.Fatalf("the post is %s after %d attempts, live %d times", p.Status, len(attempts), len(l.live("held")))
		}
		var puts []time.Time
		for _, e := range l.sim.Journal(0) {
			if e.Kind == "request" && e.Name == "upload" {
				puts = append(puts, e.At)
			}
		}
		if len(puts) != 3 || !puts[2].Before(due) {
			t.Errorf("uploads began at %v, due at %v; want all three before that", puts, due)
		}
	})
}
