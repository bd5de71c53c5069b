package publish

import (
	"context"

	"ship-post.com/shippost/internal/store"
)

// writer puts the small writes of many attempts into few transactions: a thousand posts due at one instant must not
// cost a thousand syncs of the disk. A write is durable when update returns.
type writer struct {
	db    *store.DB
	queue chan *write
}

type write struct {
	ctx  context.Context
	fn   func(context.Context, *store.Tx) error
	done chan error
}

// maxBatch bounds a transaction, so that other writers wait for tens of milliseconds at most.
const maxBatch = 256

func newWriter(db *store.DB) *writer {
	return &writer{db: db, queue: make(chan *write, 4*maxBatch)}
}

// run works until ctx ends, and then finishes what was queued.
func (w *writer) run(ctx context.Context) {
	for {
		select {
		case first := <-w.queue:
			w.flush(w.batch(first))
		case <-ctx.Done():
			for {
				select {
				case first := <-w.queue:
					w.flush(w.batch(first))
				default:
					return
				}
			}
		}
	}
}

func (w *writer) batch(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case next := <-w.queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// flush runs the batch in one transaction. If one write fails, the transaction is gone for all of them; each is then
// run in its own, so that one bad row never stops the others.
func (w *writer) flush(batch []*write) {
	// The batch belongs to several callers: no single one of them may cancel it.
	ctx := context.WithoutCancel(batch[0].ctx)
	err := w.db.Update(ctx, func(tx *store.Tx) error {
		for _, b := range batch {
			if err := b.fn(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, b := range batch {
		result := err
		if err != nil && len(batch) > 1 {
			result = w.db.Update(ctx, func(tx *store.Tx) error { return b.fn(ctx, tx) })
		}
		b.done <- result
	}
}

// update runs fn in a transaction that it may share with others. fn may run more than once; it must set whatever it
// tells its caller anew each time, and report a lost compare-and-set as a result, not as an error.
func (w *writer) update(ctx context.Context, fn func(context.Context, *store.Tx) error) error {
	b := &write{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case w.queue <- b:
	case <-ctx.Done():
		return ctx.Err()
	}
	// Once queued it will be carried out; leaving early would leave the caller ignorant of what it did.
	return <-b.done
}
