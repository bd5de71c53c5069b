package publish

import (
	"context"
	"slices"
	"sync"
)

// share gives out places so that no account and no workspace holds more than a quarter of them while others wait. Who
// waits alone may have them all.
type share struct {
	mu      sync.Mutex
	free    int
	most    int            // places of one party while others wait
	held    map[string]int // places by party
	waiting []*seeker      // in the order of coming
}

// seeker waits for a place on behalf of its parties, an account and a workspace for example.
type seeker struct {
	parties []string
	given   chan struct{} // closed when it has a place
}

func newShare(places int) *share {
	return &share{free: places, most: max(places/4, 1), held: map[string]int{}}
}

// take waits for a place, which giveBack frees again.
func (s *share) take(ctx context.Context, parties ...string) (giveBack func(), err error) {
	w := &seeker{parties: parties, given: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.assign()
	s.mu.Unlock()
	giveBack = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.put(w)
	}
	select {
	case <-w.given:
		return giveBack, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, w); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	} else {
		s.put(w) // it was given at the same moment
	}
	return nil, ctx.Err()
}

// put frees a place. s.mu is held.
func (s *share) put(w *seeker) {
	s.free++
	for _, p := range w.parties {
		if s.held[p]--; s.held[p] == 0 {
			delete(s.held, p)
		}
	}
	s.assign()
}

// assign gives what is free to those who wait: first to whoever holds less than may be held, then to anybody. s.mu is held.
func (s *share) assign() {
	for s.free > 0 && len(s.waiting) > 0 {
		i := max(slices.IndexFunc(s.waiting, s.modest), 0)
		w := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.free--
		for _, p := range w.parties {
			s.held[p]++
		}
		close(w.given)
	}
}

func (s *share) modest(w *seeker) bool {
	return !slices.ContainsFunc(w.parties, func(p string) bool { return s.held[p] >= s.most })
}
