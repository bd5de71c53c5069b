package media

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"ship-post.com/shippost"
)

// stalled is how long a writer may get no byte before another one may take its place. Less would let two tabs push each
// other out; more would keep a phone that changed its network waiting.
const stalled = 5 * time.Second

// pushOut is how long a writer that is told to end may take for it.
const pushOut = 10 * time.Second

// Interrupter is implemented by sources whose blocked Read can be made to return.
type Interrupter interface{ Interrupt() }

// writers keeps, for each upload, the one request that writes to it. Within one process this is enough: an upload lives
// in the spool of the process that began it.
type writers struct {
	mu   sync.Mutex
	held map[shippost.UploadID]*writer
}

type writer struct {
	source  any
	moved   atomic.Int64 // when it last got a byte, nanoseconds
	stopped atomic.Bool
	done    chan struct{}
}

// claim makes the caller the writer of an upload. A present writer that still gets bytes is left alone unless force is set:
// then the error is upload_busy. The caller calls the returned function when it is through.
func (ws *writers) claim(ctx context.Context, id shippost.UploadID, source any, now func() time.Time, force bool) (*writer, func(), error) {
	for {
		w := &writer{source: source, done: make(chan struct{})}
		w.moved.Store(now().UnixNano())
		present := ws.enter(id, w)
		if present == nil {
			return w, func() { ws.leave(id, w) }, nil
		}
		if !force && ws.busy(id, now) {
			return nil, nil, errBusy()
		}
		if err := present.end(ctx); err != nil {
			return nil, nil, err
		}
	}
}

// enter makes w the writer, or returns the present one.
func (ws *writers) enter(id shippost.UploadID, w *writer) *writer {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if present := ws.held[id]; present != nil {
		return present
	}
	if ws.held == nil {
		ws.held = map[shippost.UploadID]*writer{}
	}
	ws.held[id] = w
	return nil
}

func (ws *writers) leave(id shippost.UploadID, w *writer) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.held, id)
	close(w.done)
}

// busy reports whether somebody writes to an upload and still gets bytes.
func (ws *writers) busy(id shippost.UploadID, now func() time.Time) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	present := ws.held[id]
	return present != nil && now().UnixNano()-present.moved.Load() < int64(stalled)
}

// settle ends a writer that gets no bytes any more, so that what it stored is known.
func (ws *writers) settle(ctx context.Context, id shippost.UploadID, now func() time.Time) {
	ws.mu.Lock()
	present := ws.held[id]
	ws.mu.Unlock()
	if present != nil && now().UnixNano()-present.moved.Load() >= int64(stalled) {
		// When it does not end, the offset that is known already is still true.
		_ = present.end(ctx)
	}
}

// end tells a writer to stop and waits for it.
func (w *writer) end(ctx context.Context) error {
	w.stopped.Store(true)
	if i, ok := w.source.(Interrupter); ok {
		i.Interrupt()
	}
	late := time.NewTimer(pushOut)
	defer late.Stop()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return errBusy()
	}
}

func errBusy() error {
	return shippost.Errorf(shippost.Conflict, "upload_busy", "This file is being uploaded from somewhere else at this moment.").With(shippost.RemedyWait)
}

// running keeps a process from doing the same thing twice at once.
type running struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (r *running) enter(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] {
		return false
	}
	if r.ids == nil {
		r.ids = map[string]bool{}
	}
	r.ids[id] = true
	return true
}

func (r *running) leave(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ids, id)
}
