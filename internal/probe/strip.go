package probe

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Traces are the places in a video that tell where and with what it was made.
type Traces struct {
	removed []string
	zeroes  []span  // payload bytes
	headers []patch // what turns the emptied boxes into free space
}

type span struct{ at, size int64 }

type patch struct {
	at    int64
	bytes []byte
}

// What is removed, in the words a creator reads.
const (
	wordLocation  = "location"
	wordDevice    = "device name"
	wordCamera    = "camera details"
	wordTelemetry = "motion and GPS track"
	wordAttached  = "attached files"
)

// maxSpans bounds the memory for a made-up file.
const maxSpans = 1 << 20

// Writable is a local file that Erase changes in place.
type Writable interface {
	io.WriterAt
	Sync() error
}

// FindTraces looks through a video that Probe accepted. Photos and other files have no traces here; CleanPhoto treats those.
// The same bytes always give the same traces.
func FindTraces(ctx context.Context, r io.ReaderAt, size int64) (Traces, error) {
	limited, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	s := &source{ctx: limited, file: r, size: size}
	head, err := s.head()
	if err != nil {
		return Traces{}, fmt.Errorf("look for traces: %w", err)
	}
	t := Traces{}
	switch {
	case startsEBML(head):
		err = t.webm(s)
	case startsMP4(head):
		err = t.mp4(s)
	}
	if err != nil {
		return Traces{}, fmt.Errorf("look for traces: %w", err)
	}
	return t, nil
}

// Strip finds and erases the traces of a video in place and returns what it removed, in words. Size and offsets stay the same; a
// video without traces is not written to.
func Strip(ctx context.Context, f interface {
	io.ReaderAt
	Writable
}, size int64) ([]string, error) {
	t, err := FindTraces(ctx, f, size)
	if err != nil {
		return nil, err
	}
	return t.Removed(), t.Erase(f)
}

// Removed says in words what Erase removes, without repetition.
func (t Traces) Removed() []string { return t.removed }

// Empty reports whether there is nothing to erase.
func (t Traces) Empty() bool { return len(t.zeroes) == 0 && len(t.headers) == 0 }

var zeroBlock [1 << 16]byte

// Erase overwrites the traces. After an interruption at any point FindTraces finds what is left: the bytes are gone
// durably before the headers that lead to them.
func (t Traces) Erase(w Writable) error {
	if t.Empty() {
		return nil
	}
	for _, z := range t.zeroes {
		for done := int64(0); done < z.size; {
			n := min(z.size-done, int64(len(zeroBlock)))
			if _, err := w.WriteAt(zeroBlock[:n], z.at+done); err != nil {
				return fmt.Errorf("erase traces: %w", err)
			}
			done += n
		}
	}
	if err := w.Sync(); err != nil {
		return fmt.Errorf("erase traces: %w", err)
	}
	for _, p := range t.headers {
		if _, err := w.WriteAt(p.bytes, p.at); err != nil {
			return fmt.Errorf("erase traces: %w", err)
		}
	}
	if err := w.Sync(); err != nil {
		return fmt.Errorf("erase traces: %w", err)
	}
	return nil
}

func (t *Traces) note(word string) {
	if !slices.Contains(t.removed, word) {
		t.removed = append(t.removed, word)
	}
}

// free erases a box, all but the first keep bytes of its payload, and makes it a free box of the same size.
func (t *Traces) free(b box, keep int64, word string) {
	t.note(word)
	t.zero(min(b.body+keep, b.end), b.end)
	t.headers = append(t.headers, patch{b.at + 4, []byte("free")})
}

// nameWords are parts of metadata keys that betray a place or a device.
var nameWords = map[string]string{
	"location": wordLocation, "gps": wordLocation, "latitude": wordLocation, "longitude": wordLocation, "altitude": wordLocation,
	"iso6709": wordLocation, "geo": wordLocation, "place": wordLocation, "xyz": wordLocation, "coordinates": wordLocation,
	"make": wordDevice, "model": wordDevice, "manufacturer": wordDevice, "device": wordDevice, "camera": wordDevice,
	"lens": wordDevice, "serial": wordDevice, "serialnumber": wordDevice, "phone": wordDevice,
}

// betrays returns what a metadata key such as "com.apple.quicktime.location.ISO6709" tells, or "".
func betrays(name string) string {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	for _, part := range parts {
		if word := nameWords[part]; word != "" {
			return word
		}
	}
	return ""
}

// webm finds tags that betray something, and attached files, which WebM does not know but readers keep.
func (t *Traces) webm(s *source) error {
	return s.elements(0, s.size, func(e element) error {
		if e.id != idSegment {
			return nil
		}
		return s.elements(e.body, e.end, func(e element) error {
			switch {
			case e.id == idCluster && e.unknown, e.id == idBlockGroup:
				return errFlatten
			case e.id == idTags:
				return t.tags(s, e, 0)
			case e.id == idAttachments:
				t.void(e, wordAttached, []element{e})
			}
			return nil
		})
	})
}

func (t *Traces) tags(s *source, in element, depth int) error {
	if depth > maxDepth {
		return tooComplex
	}
	return s.elements(in.body, in.end, func(e element) error {
		if e.end > in.end {
			return damaged
		}
		if e.id == idTag {
			return t.tags(s, e, depth+1)
		}
		if e.id != idSimpleTag {
			return nil
		}
		name, values, err := s.tagParts(e)
		if err != nil {
			return err
		}
		if word := betrays(name); word != "" {
			t.void(e, word, values)
			return nil
		}
		return t.tags(s, e, depth+1)
	})
}

// tagParts returns the name of a tag, and all the other elements in it.
func (s *source) tagParts(tag element) (name string, others []element, err error) {
	err = s.elements(tag.body, tag.end, func(e element) error {
		if e.end > tag.end {
			return damaged
		}
		if e.id != idTagName {
			others = append(others, e)
			return nil
		}
		p, err := s.part(e.body, min(e.size(), 256))
		name += string(p)
		return err
	})
	return name, others, err
}

// void erases what is in an element and makes it a Void element of the same size. Only the given parts of its body are
// overwritten, so that an interrupted erasure can be found again.
func (t *Traces) void(e element, word string, parts []element) {
	t.note(word)
	for _, part := range parts {
		t.zero(part.body, part.end)
	}
	total := e.end - e.at
	header := []byte{idVoid, byte(0x80 | (total - 2))}
	if total >= 9 {
		header = binary.BigEndian.AppendUint64([]byte{idVoid}, uint64(total-9)|1<<56)
	}
	t.headers = append(t.headers, patch{e.at, header})
}

func (t *Traces) zero(from, to int64) {
	if from < to {
		t.zeroes = append(t.zeroes, span{from, to - from})
	}
}
