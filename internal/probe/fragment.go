package probe

import (
	"bufio"
	"errors"
	"io"

	"github.com/abema/go-mp4"
)

// readMvex reads what a fragmented movie says about all its fragments.
func (m *movie) readMvex(s *source, mvex box) error {
	m.fragments = true
	return s.children(mvex.body, mvex.end, func(b box) error {
		if b.kind == "mehd" {
			var h mp4.Mehd
			if err := s.decode(b, &h); err != nil {
				return err
			}
			m.extended = h.GetFragmentDuration()
		}
		if b.kind != "trex" {
			return nil
		}
		var x mp4.Trex
		if err := s.decode(b, &x); err != nil {
			return err
		}
		if m.usual == nil {
			m.usual = map[uint32]uint32{}
		}
		m.usual[x.TrackID] = x.DefaultSampleDuration
		return nil
	})
}

// readMoof adds the samples of one fragment to their tracks.
func (m *movie) readMoof(s *source, moof box) error {
	return s.children(moof.body, moof.end, func(traf box) error {
		if traf.kind != "traf" {
			return nil
		}
		var t *track
		usual := uint32(0)
		return s.children(traf.body, traf.end, func(b box) error {
			switch b.kind {
			case "tfhd":
				var h mp4.Tfhd
				if err := s.decode(b, &h); err != nil {
					return err
				}
				t, usual = m.byID(h.TrackID), m.usual[h.TrackID]
				if h.GetFlags()&mp4.TfhdDefaultSampleDurationPresent != 0 {
					usual = h.DefaultSampleDuration
				}
			case "trun":
				return s.addRun(b, t, usual)
			}
			return nil
		})
	})
}

func (m *movie) byID(id uint32) *track {
	for i := range m.tracks {
		if m.tracks[i].id == id {
			return &m.tracks[i]
		}
	}
	return nil
}

// addRun counts the samples of a run and how long they last.
func (s *source) addRun(b box, t *track, usual uint32) error {
	p, err := s.part(b.body, 8)
	if err != nil || b.size() < 8 {
		return errors.Join(err, damaged)
	}
	flags, count := be32(p)&0xffffff, be32(p[4:])
	skip, width := int64(8), int64(0)
	for _, flag := range []uint32{0x001, 0x004} {
		if flags&flag != 0 {
			skip += 4
		}
	}
	for _, flag := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&flag != 0 {
			width += 4
		}
	}
	if int64(count)*width > b.size()-skip {
		return damaged
	}
	if t == nil {
		return nil
	}
	t.samples += uint64(count)
	if flags&0x100 == 0 {
		t.ticks += uint64(count) * uint64(usual)
		return nil
	}
	r := bufio.NewReader(io.NewSectionReader(s, b.body+skip, int64(count)*width))
	entry := make([]byte, width)
	for range count {
		if _, err := io.ReadFull(r, entry); err != nil {
			return err
		}
		t.ticks += uint64(be32(entry))
	}
	return nil
}
