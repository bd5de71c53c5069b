package tiktok

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"ship-post.com/shippost/internal/platform"
)

// held is the last request of an upload, kept open before its last bytes.
type held struct {
	body  *body
	ready chan struct{} // closed when only the tail is left
	done  chan struct{} // closed when the request ended; the fields below are set then

	answer   answer
	lastByte time.Time
	err      error
}

// Wait brings the last request up to its tail, close enough to the due time, and repeats it after a cut. A request that
// is too small to be worth it, or has no place among those kept open, is sent whole by Commit.
func (s *staged) Wait(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole || s.plan.size-s.next < s.c.hold.smallest || !s.takeSlot() {
		s.whole = true
		return nil
	}
	for try := 1; ; try++ {
		if s.held == nil {
			if err := s.c.sleepUntil(ctx, s.beginAt()); err != nil {
				return fmt.Errorf("upload: %w", err)
			}
			s.held = s.begin()
		}
		err := s.held.settle(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.held = nil
		if errors.Is(err, errHeldTooLong) {
			s.whole = true
			return nil
		}
		if !s.c.mayRepeat(err) || try > s.c.hold.tries {
			return err
		}
		if err := s.c.rest(ctx, try); err != nil {
			return err
		}
	}
}

// Lost is closed when the request that is kept open ends; nil while none is.
func (s *staged) Lost() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		return nil
	}
	return s.held.done
}

// settle waits until only the tail is left. An answer before the tail was sent is a refusal.
func (h *held) settle(ctx context.Context) error {
	select {
	case <-h.done:
	default:
		select {
		case <-h.ready:
			select {
			case <-h.done: // cut after it was ready
			default:
				return nil
			}
		case <-h.done:
		case <-ctx.Done():
			return fmt.Errorf("upload: %w", context.Cause(ctx))
		}
	}
	if h.err != nil {
		return h.err
	}
	return h.answer.err()
}

// takeSlot takes a place among the requests that are kept open, and reports whether there was one.
func (s *staged) takeSlot() bool {
	if s.slot {
		return true
	}
	select {
	case s.c.slots <- struct{}{}:
		s.slot = true
	default:
	}
	return s.slot
}

// beginAt is when the last request begins: early enough for all that waits for the line, no earlier than a request may be
// kept open, and not all of a crowd at once.
func (s *staged) beginAt() time.Time {
	need := s.c.line.lead() + s.c.hold.margin
	crowd := min(time.Duration(len(s.c.slots))*s.c.hold.opening, s.c.hold.longest/2)
	lead := min(need+crowd, s.c.hold.longest)
	return s.payload.Due.Add(-lead + rand.N(max(lead-need, 0)+1))
}

// longestSleep is how late a post may become by a clock that was set back for a while.
const longestSleep = 10 * time.Second

// sleepUntil waits for an instant of the product's clock. It never returns early, and now and then looks whether the clock
// was set: it may have been wrong when the wait began.
func (c *Client) sleepUntil(ctx context.Context, at time.Time) error {
	for left := at.Sub(c.now()); left > 0; left = at.Sub(c.now()) {
		timer := time.NewTimer(min(left, longestSleep))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
	return nil
}

// begin starts the last request, which stops before its tail.
func (s *staged) begin() *held {
	size := s.plan.size - s.next
	b := newBody(s.life, size, s.from(s.next), s.c.now)
	b.tail, b.trickle = min(s.c.hold.tail, size), s.c.hold.trickle
	// The commit may be a little late itself; what matters is that the request is not open for ever.
	b.longest = s.c.hold.longest + s.c.hold.margin
	h := &held{body: b, ready: make(chan struct{}), done: make(chan struct{})}
	moved := s.c.line.begin(s.c.now())
	b.ready = func() {
		moved(size-b.tail, s.c.now())
		close(h.ready)
	}
	from := s.next
	go func() {
		defer close(h.done)
		h.answer, h.lastByte, h.err = s.put(s.life, b, from, s.plan.size)
		moved(0, s.c.now())
	}()
	return h
}

// Commit lets the last bytes go and waits for TikTok's answer. Nothing is ever repeated here.
func (c *Client) Commit(ctx context.Context, committed platform.Staged) (platform.Outcome, error) {
	if a, ok := committed.(*album); ok {
		return a.commit(), nil
	}
	s, ok := committed.(*staged)
	if !ok {
		return platform.Outcome{}, errors.New("tiktok: this was not staged here")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held
	if h == nil {
		h = s.beginWhole()
	}
	h.body.release()
	select {
	case <-h.done:
	case <-ctx.Done():
		return platform.Outcome{LastByteAt: h.body.last()}, &platform.Error{Op: "upload", Reach: platform.Maybe, Code: platform.CodeNetwork, Err: context.Cause(ctx)}
	}
	out := platform.Outcome{LastByteAt: h.lastByte, LogID: h.answer.logID}
	if h.err != nil {
		return out, h.err
	}
	if h.answer.status != http.StatusCreated {
		return out, h.answer.err()
	}
	out.Accepted = true
	if out.LastByteAt.IsZero() {
		// TikTok has every byte, so the last one left when it was given.
		out.LastByteAt = h.body.last()
	}
	return out, nil
}

// beginWhole starts the last request without holding anything back.
func (s *staged) beginWhole() *held {
	b := newBody(s.life, s.plan.size-s.next, s.from(s.next), s.c.now)
	h := &held{body: b, done: make(chan struct{})}
	from := s.next
	go func() {
		defer close(h.done)
		h.answer, h.lastByte, h.err = s.put(s.life, b, from, s.plan.size)
	}()
	return h
}

// Close lets go of the attempt.
func (s *staged) Close() error {
	s.end() // first: a Wait under way holds the lock until its request ends
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.c.line.expect(-s.expected)
	if s.slot {
		<-s.c.slots
	}
	return nil
}
