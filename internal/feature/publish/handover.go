package publish

import (
	"cmp"
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// handover is the outcome of a commit that is to be stored: when the last byte left, and whether the platform said it has
// everything.
type handover struct {
	post    shippost.Post
	attempt shippost.Attempt // as committed
	out     platform.Outcome
	stored  chan struct{} // closed when err is set
	err     error
}

// remember stores the outcome of a commit. It does not give up: losing it would cost the exact time of the hand-over,
// though never the post, since the platform is asked in any case.
func (r *runner) remember(ctx context.Context, out platform.Outcome) {
	ctx = context.WithoutCancel(ctx)
	for try := 1; ; try++ {
		h := &handover{post: r.s.Post, attempt: r.a, out: out, stored: make(chan struct{})}
		if r.handovers.add(h) {
			r.workers.Go(func() { r.writeHandovers(ctx) })
		}
		<-h.stored
		err := h.err
		if lost(err) {
			// The platform was asked meanwhile and the attempt moved on; when the last byte left is still ours to tell.
			err = r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
				return tx.NoteCommitted(ctx, r.a.ID, r.a.Post, out.LastByteAt)
			})
		}
		if err == nil {
			chaos.Point("publish.remembered")
			nudge(r.asked)
			return
		}
		r.log.Error("cannot store that the last bytes were sent; trying again", "post", r.a.Post, "attempt", r.a.ID, "err", err)
		if try == 30 {
			return
		}
		pause(ctx, time.Second, nil)
	}
}

// besideEachOther orders outcomes as the rows of their posts lie in the database, like dueFirst.
func besideEachOther(a, b *handover) int { return cmp.Compare(a.post.ID, b.post.ID) }

// handoverBatch bounds how many outcomes are stored at once, so that commits need not wait for long in between.
const handoverBatch = 250

// writeHandovers stores outcomes until none waits.
func (p *Publisher) writeHandovers(ctx context.Context) {
	p.handovers.drain(handoverBatch, func(batch []*handover) error { return p.storeHandovers(ctx, batch) }, func(h *handover, err error) {
		if err != nil {
			h.err = err
		}
		close(h.stored)
	})
}

// storeHandovers stores outcomes in one transaction. That an attempt moved on concerns it alone.
func (p *Publisher) storeHandovers(ctx context.Context, batch []*handover) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		now := p.now()
		var told []shippost.Entry
		for _, h := range batch {
			h.err = nil
			a, sent := h.attempt, h.out.LastByteAt
			a.CommittedAt, a.NextPollAt = sent, now.Add(pollAfter(0))
			if h.out.Accepted {
				a.State, a.HandedAt, a.Sent = shippost.AttemptHandedOver, now, a.Size
			}
			if ok, err := tx.SaveHandover(ctx, a, h.attempt.State); err != nil {
				return err
			} else if !ok {
				h.err = errLost
				continue
			}
			if sent.IsZero() {
				continue
			}
			post := h.post
			post.CommittedAt = sent
			// A wish to stop may have come since: the phase is the row's own.
			if ok, err := tx.SaveSent(ctx, post, now); err != nil {
				return err
			} else if !ok {
				return errLost
			}
			told = append(told, p.entry(shippost.EntryPostSent, post, &a, map[string]any{
				"committed_at": sent.UTC(), "lateness_ms": post.Lateness().Milliseconds(), "accepted": h.out.Accepted}))
		}
		return tx.Record(ctx, told...)
	})
}
