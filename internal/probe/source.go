package probe

import (
	"context"
	"errors"
	"io"
)

// The limits of one reading. A long ordinary video stays a hundred times below.
const (
	maxReads = 2_000_000
	maxBytes = 256 << 20
	maxDepth = 12
	headSize = 4096
)

// source reads a foreign file within limits.
type source struct {
	ctx   context.Context // of this one reading
	file  io.ReaderAt
	size  int64
	reads int
	bytes int64
}

// ReadAt implements io.ReaderAt. It fails with tooComplex once the limits are used up.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	s.reads++
	s.bytes += int64(len(p))
	if s.reads > maxReads || s.bytes > maxBytes {
		return 0, tooComplex
	}
	if s.reads%1024 == 0 || len(p) > 1<<16 {
		if err := s.ctx.Err(); err != nil {
			return 0, err
		}
	}
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	n, err := s.file.ReadAt(p, off)
	if n == len(p) {
		err = nil
	}
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

// part returns n bytes at off. A file that ends before is damaged.
func (s *source) part(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > s.size-n {
		return nil, damaged
	}
	p := make([]byte, n)
	if _, err := s.ReadAt(p, off); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, damaged
		}
		return nil, err
	}
	return p, nil
}

// head returns the first bytes of the file.
func (s *source) head() ([]byte, error) { return s.part(0, min(s.size, headSize)) }
