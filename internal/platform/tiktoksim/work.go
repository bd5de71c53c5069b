package tiktoksim

import "sync"

// workers bounds how many inspections run at once, and lets one wait for all.
type workers struct {
	slots chan struct{}
	mu    sync.Mutex
	idle  *sync.Cond
	busy  int
}

func (ws *workers) init(n int) {
	ws.slots = make(chan struct{}, n)
	ws.idle = sync.NewCond(&ws.mu)
}

// wait blocks until nothing runs; it reports whether anything did.
func (ws *workers) wait() bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	worked := ws.busy > 0
	for ws.busy > 0 {
		ws.idle.Wait()
	}
	return worked
}

// work runs fn in the background, after at most a few others.
func (s *Server) work(fn func()) {
	ws := &s.inspecting
	ws.mu.Lock()
	ws.busy++
	ws.mu.Unlock()
	s.spawn(func() {
		ws.slots <- struct{}{}
		defer func() {
			<-ws.slots
			ws.mu.Lock()
			ws.busy--
			if ws.busy == 0 {
				ws.idle.Broadcast()
			}
			ws.mu.Unlock()
		}()
		if s.ctx.Err() == nil {
			fn()
		}
	})
}

// spawn runs fn in the background until Close, which waits for it.
func (s *Server) spawn(fn func()) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if !s.closed {
		s.background.Go(fn)
	}
}
