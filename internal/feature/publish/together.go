package publish

import (
	"slices"
	"sync"
)

// together collects what is to be written at the same time by many posts, so that one transaction writes it. One writer
// drains it, and none stands by when nothing waits.
type together[T any] struct {
	order func(a, b T) int // who is written first when not all fit into one transaction; nil for who came first

	mu      sync.Mutex
	waiting []T
	drained bool // somebody drains it
}

// add adds one and reports whether the caller must see to it that somebody drains.
func (t *together[T]) add(one T) (begin bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, one)
	begin, t.drained = !t.drained, true
	return begin
}

// take returns at most so many of those that wait; none ends the draining.
func (t *together[T]) take(most int) []T {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), most)
	if n < len(t.waiting) && t.order != nil {
		slices.SortStableFunc(t.waiting, t.order)
	}
	batch := t.waiting[:n:n]
	if t.waiting = t.waiting[n:]; len(t.waiting) == 0 {
		t.waiting = nil // lets go of what was written
	}
	t.drained = n > 0
	return batch
}

// drain writes until nothing waits, at most so many at once, and tells each what became of it.
func (t *together[T]) drain(most int, write func([]T) error, tell func(T, error)) {
	for batch := t.take(most); len(batch) > 0; batch = t.take(most) {
		writeApart(batch, write, tell)
	}
}

// writeApart writes a batch. What one of it met must not stop the others: a batch that cannot be written is written in halves.
func writeApart[T any](batch []T, write func([]T) error, tell func(T, error)) {
	err := write(batch)
	if half := len(batch) / 2; err != nil && half > 0 {
		writeApart(batch[:half], write, tell)
		writeApart(batch[half:], write, tell)
		return
	}
	for _, one := range batch {
		tell(one, err)
	}
}
