package probe

import (
	"bytes"
	"errors"
	"io"

	"github.com/abema/go-mp4"
)

// box is one box (atom) of an MP4 or MOV file. Offsets count from the start of the file.
type box struct {
	kind string // its four characters
	at   int64  // of the header
	body int64  // of the payload
	end  int64
	tail bool // it has no size of its own and extends to the end of what it is in
}

func (b box) size() int64 { return b.end - b.body }

// errTooLong is what boxes returns with the box that does not fit.
var errTooLong = errors.New("the box is longer than what it is in")

// boxes calls fn for each box between from and to. A box that does not fit ends the walk with errTooLong; fn has seen
// it then, with its end beyond to. Up to seven spare bytes at the end are normal in QuickTime files.
func (s *source) boxes(from, to int64, fn func(box) error) error {
	for to-from >= mp4.SmallHeaderSize {
		info, err := mp4.ReadBoxInfo(io.NewSectionReader(s, from, to-from))
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return damaged
			}
			return err
		}
		if info.Size < info.HeaderSize {
			return damaged
		}
		b := box{kind: string(info.Type[:]), at: from, body: from + int64(info.HeaderSize), tail: info.ExtendToEOF}
		fits := info.Size <= uint64(to-from)
		if fits {
			b.end = from + int64(info.Size)
		} else {
			b.end = saturate(from, info.Size)
		}
		if err := fn(b); err != nil {
			return err
		}
		if !fits {
			return errTooLong
		}
		from = b.end
	}
	return nil
}

func saturate(from int64, size uint64) int64 {
	const most = 1 << 62
	if size > most {
		return most
	}
	return from + int64(size)
}

// children calls fn for each box between from and to, all of which must fit.
func (s *source) children(from, to int64, fn func(box) error) error {
	if err := s.boxes(from, to, func(b box) error {
		if b.end > to {
			return damaged
		}
		return fn(b)
	}); err != nil {
		if errors.Is(err, errTooLong) {
			return damaged
		}
		return err
	}
	return nil
}

// find returns the first box below b along a path such as "mdia", "minf", "stbl".
func (s *source) find(b box, path ...string) (found box, ok bool, err error) {
	for _, kind := range path {
		ok = false
		err = s.children(b.body, b.end, func(c box) error {
			if c.kind == kind && !ok {
				found, ok = c, true
			}
			return nil
		})
		if err != nil || !ok {
			return box{}, false, err
		}
		b = found
	}
	return found, ok, nil
}

// payload returns the bytes of a box that must be small.
func (s *source) payload(b box, limit int64) ([]byte, error) {
	if b.size() > limit {
		return nil, tooComplex
	}
	return s.part(b.body, b.size())
}

// decode reads a small box of fixed shape.
func (s *source) decode(b box, into mp4.IBox) error {
	p, err := s.payload(b, 1<<16)
	if err != nil {
		return err
	}
	if _, err := mp4.Unmarshal(bytes.NewReader(p), uint64(len(p)), into, mp4.Context{}); err != nil {
		return damaged
	}
	return nil
}
