package gate

import (
	"context"
	"errors"
	"io"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/store"
)

// Read opens an admitted photo. The caller closes it. Reads that reach the last byte first make the record of it
// durable; they fail when the gate was closed meanwhile.
func (g *Gate) Read(ctx context.Context, p Photo) (io.ReadSeekCloser, error) {
	c, err := g.Files.Reader(ctx, p.file)
	if err != nil {
		return nil, err
	}
	return &photoReader{Content: c, ctx: ctx, gate: g, hash: p.hash}, nil
}

// photoReader is a file whose last byte is kept back until the ledger knows of it.
type photoReader struct {
	media.Content
	ctx   context.Context
	gate  *Gate
	hash  string
	at    int64
	noted bool
}

// Read implements io.Reader. A read that would take more than the last byte's forerunners stops before it.
func (r *photoReader) Read(p []byte) (int, error) {
	last := r.Size - 1
	if r.at < last && int64(len(p)) > last-r.at {
		p = p[:last-r.at]
	}
	if r.at >= last && !r.noted && len(p) > 0 {
		if err := r.note(); err != nil {
			return 0, err
		}
	}
	n, err := r.Content.Read(p)
	r.at += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (r *photoReader) Seek(offset int64, whence int) (int64, error) {
	at, err := r.Content.Seek(offset, whence)
	r.at = at
	return at, err
}

// Close implements io.Closer.
func (r *photoReader) Close() error { return r.Content.Close() }

// errShut ends an answer whose gate was closed while it was given.
var errShut = errors.New("gate: closed while the photo was being fetched")

func (r *photoReader) note() error {
	err := r.gate.DB.Update(r.ctx, func(tx *store.Tx) error {
		ok, err := tx.NoteLastByte(r.ctx, r.hash)
		if err == nil && !ok {
			err = errShut
		}
		return err
	})
	r.noted = err == nil
	chaos.Point("gate.noted")
	return err
}

// Ledger is what an attempt's platform may have fetched.
type Ledger struct {
	Photos  int  // addresses that were issued
	Missing int  // photos whose last byte never left
	Closed  bool // no last byte can leave any more
}

// Ledger returns the ledger of an attempt.
func (g *Gate) Ledger(ctx context.Context, tx *store.Tx, id shippost.AttemptID) (Ledger, error) {
	list, err := tx.Pulls(ctx, id)
	l := Ledger{Photos: len(list), Closed: len(list) > 0}
	for _, p := range list {
		if p.LastByteAt.IsZero() {
			l.Missing++
		}
		l.Closed = l.Closed && !p.ClosedAt.IsZero()
	}
	return l, err
}

// Close closes the gate of an attempt for good.
func (g *Gate) Close(ctx context.Context, tx *store.Tx, id shippost.AttemptID) error {
	return tx.ClosePulls(ctx, id)
}
