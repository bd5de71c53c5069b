package publish_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store/storetest"
)

// P9: whoever follows a workspace is told once what became of each post, and nobody else is told.
func TestPromise_P09_EachEndIsToldOnce(t *testing.T) {
	t.Parallel()
	set := laneSet{knobs: func(k *tiktoksim.Knobs) {
		k.Processing.FailReason, k.Processing.FailTimes = "frame_rate_check_failed", 1
	}}
	eachLane(t, set, func(t *testing.T, l *lane) {
		feed := journal.NewFeed(l.db, l.log)
		listen := func(actor shippost.Actor, last int64) *journal.Listener {
			follower, err := feed.Listen(t.Context(), actor, last)
			must(t, err)
			t.Cleanup(follower.Close)
			return follower
		}
		stranger := storetest.Workspace(t, l.db)
		mine, theirs := listen(l.actor, 0), listen(stranger, 0)
		ends := map[shippost.PostID]shippost.EntryKind{}
		kinds := map[shippost.PostStatus]shippost.EntryKind{shippost.PostPosted: shippost.EntryPostPosted, shippost.PostFailed: shippost.EntryPostFailed}
		for _, handle := range []string{"first", "second"} { // TikTok refuses one of them
			p, _ := l.until(t, l.queue(t, l.account(t, handle), handle, l.now()).ID, ended)
			ends[p.ID] = kinds[p.Status]
		}
		cancelled := l.queue(t, l.account(t, "third"), "third", l.now().Add(time.Hour))
		_, err := l.composer.Cancel(t.Context(), l.actor, cancelled.ID, 0)
		must(t, err)
		ends[cancelled.ID] = shippost.EntryPostCancelled

		told := map[shippost.PostID]map[shippost.EntryKind]int{}
		note := func(e journal.Event) {
			if told[e.Post] == nil {
				told[e.Post] = map[shippost.EntryKind]int{}
			}
			told[e.Post][e.Kind]++
		}
		last := mine.Head
		for e := range mine.Events {
			note(e)
			last = max(last, e.Seq)
			if e.Kind == shippost.EntryPostFailed || e.Kind == shippost.EntryPostPosted {
				break // the line is cut
			}
		}
		mine.Close()
		again := listen(l.actor, last)
		for _, e := range again.Missed {
			note(e)
		}
		for told[cancelled.ID][shippost.EntryPostCancelled] == 0 {
			note(<-again.Events)
		}
		for id, kind := range ends {
			n := 0
			for _, k := range []shippost.EntryKind{shippost.EntryPostPosted, shippost.EntryPostFailed, shippost.EntryPostCancelled, shippost.EntryPostMissed, shippost.EntryPostUnconfirmed} {
				n += told[id][k]
			}
			if told[id][kind] != 1 || n != 1 {
				t.Errorf("a post came to %q, and was told %v", kind, told[id])
			}
		}
		select {
		case e := <-theirs.Events:
			t.Errorf("another workspace is told of %+v", e)
		default:
		}
	})
}
