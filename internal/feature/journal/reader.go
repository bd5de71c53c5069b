package journal

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Times and amounts of reading.
const (
	pollEvery   = time.Second           // how late events of other nodes, and progress, may come
	pace        = 50 * time.Millisecond // the journal is not read more often, however much happens
	readAtOnce  = 200                   // entries; fewer than a listener may be behind
	gapPatience = 3 * time.Second       // how long entries wait for a lower one that may still become visible
	gapLookback = 100                   // entries
	gapAge      = 10 * time.Second      // a gap below an older entry is a transaction that was undone
	progressing = 100                   // posts of a workspace whose progress is told at once
)

// reader reads the journal for a feed, from its first listener to its last.
type reader struct {
	feed    *Feed
	head    int64 // all up to here was told
	gap     int64 // Seq of the entry above a gap; 0 for none
	gapSeen time.Time
	percent map[string]int // by post or conversion
}

// startOf returns where a reader begins: at the end of the journal, or below a gap that may still close.
func startOf(ctx context.Context, db *store.DB) (head int64, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		if head, err = tx.LastSeq(ctx); err != nil || tx.Engine() == store.SQLite {
			return err
		}
		tail, err := tx.Events(ctx, max(head-gapLookback, 0), gapLookback)
		for i := 1; i < len(tail); i++ {
			if tail[i].Seq != tail[i-1].Seq+1 && tx.Now().Sub(tail[i].At) < gapAge {
				head = tail[i-1].Seq
				break
			}
		}
		return err
	})
	return head, err
}

// run reads until ctx ends: at once when this process has written, and every second in any case.
func (r *reader) run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		recorded := r.feed.db.Recorded() // before reading, so that nothing slips between
		again, err := r.read(ctx)
		if err != nil && ctx.Err() == nil {
			r.feed.log.Warn("the journal could not be read for those who follow it; trying again", "err", err)
		}
		if again {
			recorded = closed
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := r.progress(ctx); err != nil && ctx.Err() == nil {
				r.feed.log.Warn("the progress of posts could not be read; trying again", "err", err)
			}
		case <-recorded:
			select {
			case <-ctx.Done():
				return
			case <-time.After(pace):
			}
		}
	}
}

// closed is a channel that never lets anybody wait.
var closed = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// read tells what is new. It reports whether there is more to be read soon.
func (r *reader) read(ctx context.Context) (again bool, err error) {
	var events []store.Event
	err = r.feed.db.View(ctx, func(tx *store.Tx) error {
		events, err = tx.Events(ctx, r.head, readAtOnce)
		return err
	})
	if err != nil {
		return false, err
	}
	settled := events[:r.settled(events, time.Now())]
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	if ctx.Err() != nil {
		return false, nil // another reader may be at work already
	}
	for _, e := range settled {
		r.head = e.Seq
		switch {
		case e.Workspace != "":
			r.feed.tell(e.Workspace, eventOf(e))
		case e.Kind == shippost.EntryPublisherAlarm || e.Kind == shippost.EntryPublisherResumed:
			r.feed.tellAll(Event{At: e.At, Kind: EventNotices})
		}
	}
	r.feed.head = r.head
	return len(settled) < len(events) || len(events) == readAtOnce, nil
}

// settled returns how many of the events may be told: all up to a gap. Numbers are given before transactions end, so on
// PostgreSQL a lower entry may become visible after a higher one; told out of order, it would be lost for a listener that
// comes back with the higher number. A gap that stays is a transaction that was undone.
func (r *reader) settled(events []store.Event, now time.Time) int {
	if r.feed.db.Engine() == store.SQLite {
		return len(events) // there is one writer
	}
	last := r.head
	for i, e := range events {
		if e.Seq != last+1 {
			switch {
			case r.gap != e.Seq:
				r.gap, r.gapSeen = e.Seq, now
				return i
			case now.Sub(r.gapSeen) < gapPatience:
				return i
			}
		}
		last = e.Seq
	}
	r.gap = 0
	return len(events)
}

// progress tells how far the uploads to the platform have come, where that changed.
func (r *reader) progress(ctx context.Context) error {
	r.feed.mu.Lock()
	var followed []shippost.WorkspaceID
	for ws := range r.feed.listeners {
		followed = append(followed, ws)
	}
	r.feed.mu.Unlock()
	seen := map[string]int{}
	var news []Event
	var whose []shippost.WorkspaceID
	now := r.feed.db.Now()
	err := r.feed.db.View(ctx, func(tx *store.Tx) error {
		for _, ws := range followed {
			list, err := tx.StagingPosts(ctx, ws, progressing)
			if err != nil {
				return err
			}
			note := func(what string, e Event) {
				seen[what] = e.Percent
				if before, known := r.percent[what]; !known || before != e.Percent {
					news, whose = append(news, e), append(whose, ws)
				}
			}
			for _, s := range list {
				note(string(s.Post), Event{At: now, Kind: EventProgress, Post: s.Post, Percent: int(s.Sent * 100 / max(s.Size, 1))})
			}
			conversions, err := tx.RunningConversions(ctx, ws, progressing)
			if err != nil {
				return err
			}
			for _, c := range conversions {
				note(string(c.ID), Event{At: now, Kind: EventConversion, Media: c.Original, Percent: c.Percent})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.percent = seen
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	for i, e := range news {
		r.feed.tell(whose[i], e)
	}
	return nil
}
