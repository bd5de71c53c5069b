package tiktok

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"ship-post.com/shippost/internal/platform"
)

// holdRules says how requests are kept open before their last bytes.
type holdRules struct {
	longest  time.Duration // a request is open no longer than this before its due time
	tail     int64         // bytes kept back
	trickle  time.Duration // a byte of the tail leaves this often, so that an idle time-out does not cut the connection
	smallest int64         // less than this is sent whole at the instant: it takes no longer than a tail
	opening  time.Duration // a crowd's requests begin this much apart, or opening them is all there is time for
	margin   time.Duration // how much earlier than needed a request begins
	pause    time.Duration // before the first repeat after a cut; doubles up to eight times that
	tries    int           // repeats without progress before the transfer is given up
}

var defaultHold = holdRules{
	longest: 2 * time.Minute, tail: 4 << 10, trickle: 10 * time.Second, smallest: 16_000,
	opening: 2 * time.Millisecond, margin: 10 * time.Second, pause: 500 * time.Millisecond, tries: 6,
}

// errHeldTooLong ends a request that waited for its last bytes too long; they are then sent with a request of their own.
var errHeldTooLong = errors.New("tiktok: held for too long")

// body is the body of an upload request. With a tail it stops before its last bytes until release.
type body struct {
	ctx     context.Context
	source  func(ctx context.Context) (io.ReadCloser, error)
	left    int64 // bytes not given yet
	tail    int64 // how many of them are kept back until release
	trickle time.Duration
	longest time.Duration
	now     func() time.Time
	ready   func() // called once when only the tail is left

	released  chan struct{}
	closed    chan struct{}
	letGo     sync.Once
	closeOnce sync.Once

	rest  []byte    // the tail, read in advance so that nothing stands between release and the network
	since time.Time // when it began to wait

	file sync.Mutex    // guards in; held while it is read
	in   io.ReadCloser // opened by the first Read, closed as early as possible

	mu     sync.Mutex
	lastAt time.Time // when the last byte was given
	err    error     // why it ended early
}

func newBody(ctx context.Context, size int64, source func(context.Context) (io.ReadCloser, error), now func() time.Time) *body {
	return &body{ctx: ctx, source: source, left: size, now: now, ready: func() {},
		released: make(chan struct{}), closed: make(chan struct{})}
}

// release lets the last bytes go.
func (b *body) release() { b.letGo.Do(func() { close(b.released) }) }

// Read implements io.Reader for the transport, which calls it from one goroutine.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.read(p)
	if err != nil && err != io.EOF {
		b.mu.Lock()
		b.err = err
		b.mu.Unlock()
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	switch {
	case b.left == 0:
		return 0, io.EOF
	case b.rest != nil:
		return b.readTail(p)
	}
	if b.left > b.tail {
		n, err := b.fromFile(func(in io.Reader) (int, error) { return in.Read(p[:min(int64(len(p)), b.left-b.tail)]) })
		b.left -= int64(n)
		switch {
		case n > 0:
			b.note()
			return n, nil
		case err == io.EOF:
			return 0, changed("it is shorter than it was")
		default:
			return 0, err
		}
	}
	rest := make([]byte, b.tail)
	if _, err := b.fromFile(func(in io.Reader) (int, error) { return io.ReadFull(in, rest) }); err != nil {
		return 0, err
	}
	b.closeFile()
	b.rest, b.since = rest, b.now()
	b.ready()
	return b.readTail(p)
}

// fromFile reads from the source, which it opens first if need be.
func (b *body) fromFile(read func(io.Reader) (int, error)) (int, error) {
	b.file.Lock()
	defer b.file.Unlock()
	select {
	case <-b.closed:
		return 0, io.ErrClosedPipe
	default:
	}
	if b.in == nil {
		in, err := b.source(b.ctx)
		if err != nil {
			return 0, fmt.Errorf("open the media: %w", err)
		}
		b.in = in
	}
	n, err := read(b.in)
	if err == io.ErrUnexpectedEOF {
		err = changed("it is shorter than it was")
	}
	return n, err
}

func (b *body) closeFile() {
	b.file.Lock()
	defer b.file.Unlock()
	if b.in != nil {
		_ = b.in.Close()
		b.in = nil
	}
}

// changed is the error of a file that is not what it was. Its code is that of platform.File.Open.
func changed(how string) error {
	return &platform.Error{Op: "upload", Reach: platform.NotSent, Code: codeMediaChanged, Err: errors.New("the stored file has changed: " + how)}
}

// readTail gives the tail once it is released, and single bytes of its first half while it is not.
func (b *body) readTail(p []byte) (int, error) {
	select {
	case <-b.released:
		return b.give(p), nil
	default:
	}
	next := b.longest - b.now().Sub(b.since)
	if int64(len(b.rest)) > b.tail/2 {
		next = min(next, b.trickle)
	}
	timer := time.NewTimer(max(next, 0))
	defer timer.Stop()
	select {
	case <-b.released:
		return b.give(p), nil
	case <-b.closed:
		return 0, io.ErrClosedPipe
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-timer.C:
		if b.now().Sub(b.since) >= b.longest {
			return 0, errHeldTooLong
		}
		return b.give(p[:1]), nil
	}
}

// give copies from the tail.
func (b *body) give(p []byte) int {
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	b.left -= int64(n)
	b.note()
	return n
}

// note remembers when the last byte was given.
func (b *body) note() {
	if b.left > 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastAt = b.now()
}

// last returns when the last byte was given to the transport; zero if it was not.
func (b *body) last() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lastAt
}

// failure returns why the body ended early, or nil.
func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Close wakes a Read that waits and lets go of the file. The transport calls it too, from whichever goroutine.
func (b *body) Close() error {
	b.closeOnce.Do(func() { close(b.closed) })
	b.closeFile()
	return nil
}
