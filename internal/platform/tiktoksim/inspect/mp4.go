package inspect

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"time"

	"github.com/abema/go-mp4"
)

// mp4Codecs are the sample entries of the codecs of TikTok contract 4.12.
var mp4Codecs = map[string]string{
	"avc1": "h264", "avc3": "h264", "hvc1": "h265", "hev1": "h265", "vp08": "vp8", "vp09": "vp9",
}

// maxEntries bounds the tables that are read: no real file comes near.
const maxEntries = 10_000_000

// readMP4 reads MP4 and QuickTime files, plain and fragmented.
func readMP4(r *io.SectionReader) (Video, error) {
	top, err := mp4.ExtractBoxes(r, nil, []mp4.BoxPath{
		{mp4.BoxTypeFtyp()}, {mp4.BoxTypeMoov()}, {mp4.BoxTypeMdat()}, {mp4.BoxTypeMoof()},
		{mp4.BoxTypeMoov(), mp4.BoxTypeTrak()}, {mp4.BoxTypeMoov(), mp4.BoxTypeMvex(), mp4.BoxTypeTrex()},
	})
	if err != nil {
		return Video{}, damaged("MP4: %v", err)
	}
	v := Video{Container: "mov"} // the oldest QuickTime files have no ftyp
	var traks, moofs []*mp4.BoxInfo
	var media bool
	usual := map[uint32]int64{} // default frame time of fragments, by track
	for _, b := range top {
		if b.Offset+b.Size > uint64(r.Size()) || b.Size < b.HeaderSize {
			return Video{}, damaged("MP4: box %s is cut off", b.Type)
		}
		switch b.Type {
		case mp4.BoxTypeFtyp():
			if brand := read(r, b, 0, 4); string(brand) != "qt  " {
				v.Container = "mp4"
			}
		case mp4.BoxTypeTrak():
			traks = append(traks, b)
		case mp4.BoxTypeMoof():
			moofs = append(moofs, b)
		case mp4.BoxTypeMdat():
			media = true
		case mp4.BoxTypeTrex():
			if p := read(r, b, 4, 12); p != nil {
				usual[binary.BigEndian.Uint32(p)] = int64(binary.BigEndian.Uint32(p[8:]))
			}
		}
	}
	if !media {
		return Video{}, damaged("MP4: no media data")
	}
	for _, trak := range traks {
		t, err := readTrack(r, trak)
		if err != nil {
			return Video{}, err
		}
		if t.codec == "" {
			continue
		}
		if t.frames == 0 {
			if err := t.addFragments(r, moofs, usual[t.id]); err != nil {
				return Video{}, err
			}
		}
		v.Codec, v.Width, v.Height, v.Frames = t.codec, t.width, t.height, t.frames
		if t.timescale > 0 && t.units > 0 {
			seconds := float64(t.units) / float64(t.timescale)
			v.FrameRate = float64(t.frames) / seconds
			v.Duration = time.Duration(min(seconds*1e9, math.MaxInt64/2))
		}
		return v, nil
	}
	return v, nil
}

// track is what a trak box says about a video track; codec is empty for others.
type track struct {
	id            uint32
	codec         string
	width, height int
	timescale     uint32
	frames, units int64 // units of the timescale
}

// read returns n bytes of a box's payload from an offset, or nil.
func read(r *io.SectionReader, b *mp4.BoxInfo, offset, n uint64) []byte {
	if b.HeaderSize+offset+n > b.Size {
		return nil
	}
	buf := make([]byte, n)
	if _, err := r.ReadAt(buf, int64(b.Offset+b.HeaderSize+offset)); err != nil {
		return nil
	}
	return buf
}

func readTrack(r *io.SectionReader, trak *mp4.BoxInfo) (track, error) {
	mdia, minf, stbl := mp4.BoxTypeMdia(), mp4.BoxTypeMinf(), mp4.BoxTypeStbl()
	boxes, err := mp4.ExtractBoxes(r, trak, []mp4.BoxPath{
		{mp4.BoxTypeTkhd()}, {mdia, mp4.BoxTypeMdhd()},
		{mdia, minf, stbl, mp4.BoxTypeStsd()}, {mdia, minf, stbl, mp4.BoxTypeStts()},
	})
	if err != nil {
		return track{}, damaged("MP4 track: %v", err)
	}
	var t track
	var stts *mp4.BoxInfo
	for _, b := range boxes {
		if b.Offset+b.Size > uint64(r.Size()) {
			return track{}, damaged("MP4: box %s is cut off", b.Type)
		}
		switch b.Type {
		case mp4.BoxTypeTkhd():
			t.id = field32(r, b, 12, 20)
		case mp4.BoxTypeMdhd():
			t.timescale = field32(r, b, 12, 20)
		case mp4.BoxTypeStsd():
			t.describe(r, b)
		case mp4.BoxTypeStts():
			stts = b
		}
	}
	if t.codec != "" && stts != nil {
		err = t.addTimes(r, stts)
	}
	return t, err
}

// field32 reads a 32-bit number whose place depends on the box's version.
func field32(r *io.SectionReader, b *mp4.BoxInfo, v0, v1 uint64) uint32 {
	version, at := read(r, b, 0, 1), v0
	if version == nil {
		return 0
	}
	if version[0] == 1 {
		at = v1
	}
	if n := read(r, b, at, 4); n != nil {
		return binary.BigEndian.Uint32(n)
	}
	return 0
}

// describe reads the first sample entry: after 8 bytes of table header come
// size, type and, for video, width and height 24 bytes into the entry.
func (t *track) describe(r *io.SectionReader, stsd *mp4.BoxInfo) {
	entry := read(r, stsd, 8, 8+28)
	if entry == nil {
		return
	}
	t.codec = mp4Codecs[string(entry[4:8])]
	t.width = int(binary.BigEndian.Uint16(entry[8+24:]))
	t.height = int(binary.BigEndian.Uint16(entry[8+26:]))
}

// addTimes sums the table of frame times without building it: a long file with
// a variable rate has one entry per frame.
func (t *track) addTimes(r *io.SectionReader, stts *mp4.BoxInfo) error {
	head := read(r, stts, 4, 4)
	if head == nil {
		return damaged("MP4: the time table is cut off")
	}
	n := binary.BigEndian.Uint32(head)
	if n > maxEntries || uint64(n)*8+8 > stts.Size-stts.HeaderSize {
		return damaged("MP4: the time table is larger than its box")
	}
	table := bufio.NewReader(io.NewSectionReader(r, int64(stts.Offset+stts.HeaderSize+8), int64(n)*8))
	var entry [8]byte
	for range n {
		if _, err := io.ReadFull(table, entry[:]); err != nil {
			return damaged("MP4: the time table is cut off")
		}
		count, delta := int64(binary.BigEndian.Uint32(entry[:])), int64(binary.BigEndian.Uint32(entry[4:]))
		t.frames += count
		t.units += count * delta
		if t.units < 0 || t.frames > 1<<40 {
			return damaged("MP4: the time table is impossible")
		}
	}
	return nil
}

// addFragments counts the frames of a fragmented file.
func (t *track) addFragments(r *io.SectionReader, moofs []*mp4.BoxInfo, usual int64) error {
	traf := mp4.BoxTypeTraf()
	for _, moof := range moofs {
		boxes, err := mp4.ExtractBoxesWithPayload(r, moof, []mp4.BoxPath{{traf, mp4.BoxTypeTfhd()}, {traf, mp4.BoxTypeTrun()}})
		if err != nil {
			return damaged("MP4 fragment: %v", err)
		}
		var mine bool
		var each int64
		for _, b := range boxes {
			switch box := b.Payload.(type) {
			case *mp4.Tfhd:
				mine, each = box.TrackID == t.id, usual
				if box.GetFlags()&mp4.TfhdDefaultSampleDurationPresent != 0 {
					each = int64(box.DefaultSampleDuration)
				}
			case *mp4.Trun:
				if mine {
					t.addRun(box, each)
				}
			}
		}
	}
	return nil
}

func (t *track) addRun(run *mp4.Trun, usual int64) {
	t.frames += int64(run.SampleCount)
	if run.GetFlags()&0x100 == 0 {
		t.units += int64(run.SampleCount) * usual
		return
	}
	for _, e := range run.Entries {
		t.units += int64(e.SampleDuration)
	}
}
