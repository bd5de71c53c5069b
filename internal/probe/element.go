package probe

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// The EBML elements that matter here, by their identifiers.
const (
	idEBML        = 0x1A45DFA3
	idSegment     = 0x18538067
	idInfo        = 0x1549A966
	idTracks      = 0x1654AE6B
	idCluster     = 0x1F43B675
	idTimecode    = 0xE7
	idBlockGroup  = 0xA0
	idBlock       = 0xA1
	idSimpleBlock = 0xA3
	idTags        = 0x1254C367
	idTag         = 0x7373
	idSimpleTag   = 0x67C8
	idTagName     = 0x45A3
	idAttachments = 0x1941A469
	idVoid        = 0xEC
)

// element is one EBML element. Offsets count from the start of the file.
type element struct {
	id      uint32
	at      int64
	body    int64
	end     int64
	unknown bool   // it has no size: a live recording
	peek    []byte // the first bytes of the body, as many as were at hand
}

func (e element) size() int64 { return e.end - e.body }

// errFlatten tells elements to go on inside the element instead of behind it.
var errFlatten = errors.New("go on inside")

// elements calls fn for each element between from and to. When fn returns errFlatten the walk goes on inside that element, at the
// same level. An element that does not fit is given to fn with an end beyond to and then ends the walk as truncated.
func (s *source) elements(from, to int64, fn func(element) error) error {
	var buf [32]byte
	for from < to {
		n, err := s.ReadAt(buf[:min(to-from, int64(len(buf)))], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		e, ok := parseElement(buf[:n], from)
		if !ok {
			return damaged
		}
		if e.unknown {
			e.end = to
		}
		switch err := fn(e); {
		case err == errFlatten:
			from = e.body
			continue
		case err != nil:
			return err
		case e.end > to:
			return truncated(s.size, e.end)
		}
		from = e.end
	}
	return nil
}

// parseElement reads the header of an element at offset at.
func parseElement(p []byte, at int64) (element, bool) {
	if len(p) == 0 {
		return element{}, false
	}
	width := bits.LeadingZeros8(p[0]) + 1
	if width > 4 || len(p) <= width {
		return element{}, false
	}
	id := uint32(0)
	for _, b := range p[:width] {
		id = id<<8 | uint32(b)
	}
	size, n, ok := variableInt(p[width:])
	if !ok {
		return element{}, false
	}
	e := element{id: id, at: at, body: at + int64(width+n), peek: p[width+n:]}
	e.unknown = size == 1<<(7*n)-1
	e.end = saturate(e.body, size)
	return e, true
}

// variableInt reads an EBML number and how many bytes it takes.
func variableInt(p []byte) (v uint64, n int, ok bool) {
	if len(p) == 0 || p[0] == 0 {
		return 0, 0, false
	}
	n = bits.LeadingZeros8(p[0]) + 1
	if len(p) < n {
		return 0, 0, false
	}
	var b [8]byte
	copy(b[8-n:], p[:n])
	b[8-n] &^= 1 << (8 - n)
	return binary.BigEndian.Uint64(b[:]), n, true
}
