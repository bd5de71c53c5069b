package publish

import "sync"

// together collects what is to be written at the same time by many posts, so that one transaction writes it. One writer
// drains it, and none stands by when nothing waits.
type together[T any] struct {
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

// take returns at most so many of those that wait, in the order of coming; none ends the draining.
func (t *together[T]) take(most int) []T {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), most)
	batch := t.waiting[:n:n]
	t.waiting = t.waiting[n:]
	t.drained = n > 0
	return batch
}

// drain writes until nothing waits, at most so many at once, and tells each what became of it. What one of a batch met must
// not stop the others: a batch that cannot be written is written one by one.
func (t *together[T]) drain(most int, write func([]T) error, tell func(T, error)) {
	for batch := t.take(most); len(batch) > 0; batch = t.take(most) {
		err := write(batch)
		for i, one := range batch {
			if err != nil && len(batch) > 1 {
				tell(one, write(batch[i:i+1]))
			} else {
				tell(one, err)
			}
		}
	}
}
