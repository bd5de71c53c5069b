package probe

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"github.com/at-wat/ebml-go"

	"ship-post.com/shippost"
)

// enoughBlocks is how many blocks are looked at for the frame rate when the file says how long it is.
const enoughBlocks = 20_000

func startsEBML(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1A, 0x45, 0xDF, 0xA3}) }

// The parts of the file that the EBML decoder reads.
type (
	webmHead struct {
		EBML struct {
			DocType string `ebml:"EBMLDocType"`
		} `ebml:"EBML"`
	}
	webmInfo struct {
		Info struct {
			TimecodeScale uint64  `ebml:"TimecodeScale"`
			Duration      float64 `ebml:"Duration"`
		} `ebml:"Info"`
	}
	webmTracks struct {
		Tracks struct {
			Entries []webmTrack `ebml:"TrackEntry"`
		} `ebml:"Tracks"`
	}
	webmTrack struct {
		Number          uint64     `ebml:"TrackNumber"`
		Type            uint64     `ebml:"TrackType"`
		Codec           string     `ebml:"CodecID"`
		DefaultDuration uint64     `ebml:"DefaultDuration"`
		Video           *webmVideo `ebml:"Video"`
	}
	webmVideo struct {
		PixelWidth    uint64 `ebml:"PixelWidth"`
		PixelHeight   uint64 `ebml:"PixelHeight"`
		DisplayWidth  uint64 `ebml:"DisplayWidth"`
		DisplayHeight uint64 `ebml:"DisplayHeight"`
		DisplayUnit   uint64 `ebml:"DisplayUnit"`
	}
)

// The track types of Matroska.
const (
	webmPicture = 1
	webmSound   = 2
)

// film is what the elements of a WebM file told.
type film struct {
	scale   time.Duration // of one tick
	length  float64       // ticks, 0 when not said
	tracks  []webmTrack
	picture *webmTrack
	cluster int64 // time of the present cluster, ticks
	blocks  int
	frames  int
	first   int64 // ticks of the first and last frame
	last    int64
	longest int64 // ticks of the latest block of any track
}

func (s *source) webm() (Report, error) {
	report := Report{Kind: shippost.Video, Type: "video/webm", Facts: shippost.MediaFacts{Container: "webm"}}
	f := film{scale: time.Millisecond}
	found := false
	err := s.elements(0, s.size, func(e element) error {
		switch e.id {
		case idEBML:
			return s.checkDocType(e, &report)
		case idSegment:
			if e.end > s.size {
				return truncated(s.size, e.end)
			}
			found = true
			return s.readSegment(e, &f)
		}
		return nil
	})
	if err == nil && !found {
		err = truncated(s.size, 0)
	}
	if err != nil {
		return report, err
	}
	return report, f.conclude(&report.Facts)
}

func (s *source) checkDocType(e element, report *Report) error {
	var h webmHead
	if err := s.unmarshal(e, &h); err != nil {
		return err
	}
	if h.EBML.DocType == "webm" {
		return nil
	}
	*report = Report{Type: "video/x-matroska", Facts: shippost.MediaFacts{Container: "matroska"}}
	return flawf(known["video/x-matroska"].code, "%s", known["video/x-matroska"].message)
}

// unmarshal decodes one small element.
func (s *source) unmarshal(e element, into any) error {
	if e.unknown || e.size() > 1<<20 {
		return tooComplex
	}
	p, err := s.part(e.at, e.end-e.at)
	if err != nil {
		return err
	}
	err = ebml.Unmarshal(bytes.NewReader(p), into, ebml.WithIgnoreUnknown(true), ebml.WithMaxLeafElementSize(1<<20))
	if err != nil {
		return damaged
	}
	return nil
}

func (s *source) readSegment(segment element, f *film) error {
	return s.elements(segment.body, segment.end, func(e element) error {
		if e.end > segment.end {
			return truncated(s.size, e.end)
		}
		switch e.id {
		case idInfo:
			return f.readInfo(s, e)
		case idTracks:
			return f.readTracks(s, e)
		case idCluster:
			if f.length > 0 && f.blocks > enoughBlocks && !e.unknown {
				return nil
			}
			return errFlatten
		case idBlockGroup:
			return errFlatten
		case idTimecode:
			return f.readTimecode(e)
		case idSimpleBlock, idBlock:
			f.addBlock(e)
		}
		return nil
	})
}

func (f *film) readInfo(s *source, e element) error {
	var i webmInfo
	if err := s.unmarshal(e, &i); err != nil {
		return err
	}
	if i.Info.TimecodeScale > 0 && i.Info.TimecodeScale <= uint64(time.Second) {
		f.scale = time.Duration(i.Info.TimecodeScale)
	}
	f.length = i.Info.Duration
	return nil
}

func (f *film) readTracks(s *source, e element) error {
	var t webmTracks
	if err := s.unmarshal(e, &t); err != nil {
		return err
	}
	f.tracks = t.Tracks.Entries
	for i, entry := range f.tracks {
		if entry.Type == webmPicture && entry.Video != nil {
			f.picture = &f.tracks[i]
			break
		}
	}
	return nil
}

func (f *film) readTimecode(e element) error {
	if e.size() > 8 || int64(len(e.peek)) < e.size() {
		return damaged
	}
	var b [8]byte
	copy(b[8-e.size():], e.peek)
	f.cluster = int64(min(binary.BigEndian.Uint64(b[:]), 1<<50))
	return nil
}

// addBlock notes the time of a block. A block begins with its track and its time within the cluster.
func (f *film) addBlock(e element) {
	number, n, ok := variableInt(e.peek)
	if !ok || len(e.peek) < n+2 {
		return
	}
	f.blocks++
	at := f.cluster + int64(int16(binary.BigEndian.Uint16(e.peek[n:])))
	f.longest = max(f.longest, at)
	if f.picture == nil || number != f.picture.Number {
		return
	}
	if f.frames == 0 {
		f.first, f.last = at, at
	}
	f.frames++
	f.first, f.last = min(f.first, at), max(f.last, at)
}

func (f *film) conclude(facts *shippost.MediaFacts) error {
	if f.picture == nil {
		return noPicture
	}
	if f.frames == 0 {
		return noFrames
	}
	v := f.picture.Video
	facts.Width, facts.Height = int(min(v.PixelWidth, 1<<20)), int(min(v.PixelHeight, 1<<20))
	if v.DisplayUnit == 0 && v.DisplayWidth > 0 && v.DisplayHeight > 0 {
		facts.Width, facts.Height = int(min(v.DisplayWidth, 1<<20)), int(min(v.DisplayHeight, 1<<20))
	}
	if facts.Width == 0 || facts.Height == 0 {
		return damaged
	}
	facts.VideoCodec = matroskaCodec(f.picture.Codec)
	for _, t := range f.tracks {
		if t.Type == webmSound && facts.AudioCodec == "" {
			facts.AudioCodec = matroskaCodec(t.Codec)
		}
	}
	f.measure(facts)
	if facts.Duration <= 0 || facts.VideoCodec == "" {
		return noFrames
	}
	return nil
}

// measure works out rate and length. Live recordings say neither, so the blocks must.
func (f *film) measure(facts *shippost.MediaFacts) {
	frame := time.Duration(min(f.picture.DefaultDuration, uint64(time.Minute)))
	if span := f.last - f.first; span > 0 && f.frames > 1 {
		frame = time.Duration(float64(span) * float64(f.scale) / float64(f.frames-1))
	}
	if frame > 0 {
		facts.FrameRate = float64(time.Second) / float64(frame)
	}
	seconds := f.length * f.scale.Seconds()
	if seconds > 0 && seconds < (1000*time.Hour).Seconds() {
		facts.Duration = time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)
		return
	}
	if seconds := float64(f.longest) * f.scale.Seconds(); seconds < (1000 * time.Hour).Seconds() {
		facts.Duration = time.Duration(seconds*float64(time.Second)) + frame
	}
}

// matroskaCodec turns "V_VP9" into "vp9".
func matroskaCodec(id string) string {
	switch id {
	case "V_MPEG4/ISO/AVC":
		return "h264"
	case "V_MPEGH/ISO/HEVC":
		return "h265"
	}
	_, name, ok := strings.Cut(id, "_")
	if !ok {
		return ""
	}
	return codecName(name)
}
