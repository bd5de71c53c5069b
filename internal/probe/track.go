package probe

import (
	"bytes"
	"math"

	"github.com/abema/go-mp4"
)

// track is one track of a movie.
type track struct {
	id        uint32
	handler   string // "vide", "soun", …
	enabled   bool
	kind      string // four letters of the sample entry
	codec     string // our word for it
	protected bool
	rotation  int // degrees clockwise
	width     int // pixels as shown
	height    int
	timescale uint32
	samples   uint64
	ticks     uint64 // what the samples last, in timescale units
	uneven    bool   // its frames are not shown equally long
	end       int64  // the file must be this long for the samples to be there
	stbl      box
}

func (s *source) readTrack(trak box) (track, error) {
	t := track{}
	err := s.children(trak.body, trak.end, func(b box) error {
		switch b.kind {
		case "tkhd":
			return t.readHeader(s, b)
		case "mdia":
			return t.readMedia(s, b)
		}
		return nil
	})
	if t.rotation == 90 || t.rotation == 270 {
		t.width, t.height = t.height, t.width
	}
	return t, err
}

func (t *track) readHeader(s *source, b box) error {
	var h mp4.Tkhd
	if err := s.decode(b, &h); err != nil {
		return err
	}
	t.id, t.enabled = h.TrackID, h.GetFlags()&1 != 0
	t.rotation = turn(float64(h.Matrix[0]), float64(h.Matrix[1]))
	return nil
}

// turn reads the angle of a display matrix, to the next quarter.
func turn(a, b float64) int {
	quarters := int(math.Round(math.Atan2(b, a) / (math.Pi / 2)))
	return (quarters + 4) % 4 * 90
}

func (t *track) readMedia(s *source, mdia box) error {
	var minf box
	err := s.children(mdia.body, mdia.end, func(b box) error {
		switch b.kind {
		case "mdhd":
			var h mp4.Mdhd
			if err := s.decode(b, &h); err != nil {
				return err
			}
			t.timescale = h.Timescale
		case "hdlr":
			p, err := s.payload(b, 1<<12)
			if err != nil {
				return err
			}
			if len(p) < 12 {
				return damaged
			}
			t.handler = string(p[8:12])
		case "minf":
			minf = b
		}
		return nil
	})
	if err != nil || minf.kind == "" {
		return err
	}
	stbl, ok, err := s.find(minf, "stbl")
	if err != nil || !ok {
		return err
	}
	t.stbl = stbl
	return t.readTables(s)
}

func (t *track) readTables(s *source) error {
	tables, err := s.tables(t.stbl)
	if err != nil {
		return err
	}
	if b, ok := tables["stsd"]; ok {
		if err := t.readEntry(s, b); err != nil {
			return err
		}
	}
	if b, ok := tables["stts"]; ok {
		sum, err := s.sumTimes(b)
		if err != nil {
			return err
		}
		t.samples, t.ticks, t.uneven = sum.samples, sum.ticks, sum.uneven
	}
	t.end, err = s.lastByte(tables)
	return err
}

// tables returns the boxes of a sample table by kind.
func (s *source) tables(stbl box) (map[string]box, error) {
	tables := map[string]box{}
	err := s.children(stbl.body, stbl.end, func(b box) error {
		if _, seen := tables[b.kind]; !seen {
			tables[b.kind] = b
		}
		return nil
	})
	return tables, err
}

// readEntry reads the first sample entry: codec and picture size.
func (t *track) readEntry(s *source, stsd box) error {
	p, err := s.payload(stsd, 1<<20)
	if err != nil {
		return err
	}
	if len(p) < 16 || be32(p[4:]) == 0 {
		return damaged
	}
	size := int64(be32(p[8:]))
	if size < 16 || size > int64(len(p)-8) {
		return damaged
	}
	t.kind = string(p[12:16])
	t.codec = codecName(t.kind)
	t.protected = t.kind == "encv" || t.kind == "enca" || t.kind == "drmi" || t.kind == "drms"
	entry := box{kind: t.kind, at: stsd.body + 8, body: stsd.body + 16, end: stsd.body + 8 + size}
	switch t.handler {
	case "vide":
		return t.readPicture(s, entry, p[16:8+size])
	case "soun":
		return t.readSound(s, entry, p[16:8+size])
	}
	return nil
}

// visualEntry is the length of the fixed part of a visual sample entry.
const visualEntry = 78

func (t *track) readPicture(s *source, entry box, p []byte) error {
	if len(p) < visualEntry {
		return damaged
	}
	t.width, t.height = be16(p[24:]), be16(p[26:])
	// What follows the fixed part may also be padding of old files; only a readable pixel shape counts.
	pasp, ok, err := s.find(box{body: entry.body + visualEntry, end: entry.end}, "pasp")
	if err != nil && err != damaged {
		return err
	}
	if !ok || pasp.size() < 8 {
		return nil
	}
	q, err := s.part(pasp.body, 8)
	if err != nil {
		return err
	}
	h, v := be32(q), be32(q[4:])
	if h > 0 && v > 0 && h != v && h < 1<<16 && v < 1<<16 {
		t.width = int(math.Round(float64(t.width) * float64(h) / float64(v)))
	}
	return nil
}

// readSound looks into mp4a for what it really is. The fixed part has three lengths in QuickTime files.
func (t *track) readSound(s *source, entry box, p []byte) error {
	if t.kind != "mp4a" || len(p) < 28 {
		return nil
	}
	fixed := map[int]int64{0: 28, 1: 44, 2: 64}[be16(p[8:])]
	in := box{body: entry.body + fixed, end: entry.end}
	if fixed == 0 || in.body > in.end {
		return nil
	}
	esds, ok, err := s.find(in, "esds")
	if err == nil && !ok {
		esds, ok, err = s.find(in, "wave", "esds")
	}
	if err != nil || !ok {
		if err == damaged {
			err = nil // the entry says mp4a; that is good enough
		}
		return err
	}
	q, err := s.payload(esds, 1<<12)
	if err != nil {
		return err
	}
	var d mp4.Esds
	if _, err := mp4.Unmarshal(bytes.NewReader(q), uint64(len(q)), &d, mp4.Context{}); err != nil {
		return nil
	}
	for _, x := range d.Descriptors {
		if x.Tag == mp4.DecoderConfigDescrTag && x.DecoderConfigDescriptor != nil {
			t.codec = soundNames(x.DecoderConfigDescriptor.ObjectTypeIndication)
		}
	}
	return nil
}

// soundNames names the object types of ISO/IEC 14496-1.
func soundNames(object byte) string {
	switch object {
	case 0x69, 0x6b:
		return "mp3"
	case 0xa5:
		return "ac3"
	case 0xa6:
		return "eac3"
	case 0xad:
		return "opus"
	default:
		return "aac"
	}
}
