package probe

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/abema/go-mp4"

	"ship-post.com/shippost"
)

// firsts are the boxes that an MP4 or MOV file may begin with. Old MOV files have no ftyp.
var firsts = map[string]bool{"ftyp": true, "moov": true, "mdat": true, "wide": true, "free": true, "skip": true, "pnot": true}

// refused are brands of other things in the same box format.
var refused = map[string]string{
	"heic": "image/heic", "heix": "image/heic", "hevc": "image/heic", "heim": "image/heic", "heis": "image/heic",
	"mif1": "image/heif", "msf1": "image/heif", "avif": "image/avif", "avis": "image/avif",
	"3gp4": "video/3gpp", "3gp5": "video/3gpp", "3gp6": "video/3gpp", "3gp7": "video/3gpp", "3ge6": "video/3gpp", "3gg6": "video/3gpp",
	"3g2a": "video/3gpp2", "3g2b": "video/3gpp2", "3g2c": "video/3gpp2",
}

func startsMP4(head []byte) bool { return len(head) >= 8 && firsts[string(head[4:8])] }

// movie is what the boxes told.
type movie struct {
	report    Report
	tracks    []track
	timescale uint32
	duration  uint64 // in timescale units, 0 when not said
	extended  uint64 // duration of a fragmented file, 0 when not said
	moov      bool
	fragments bool
	usual     map[uint32]uint32 // ticks per sample of a track, unless a fragment says otherwise
	need      int64             // how long the file must be for its samples
}

func (s *source) mp4() (Report, error) {
	m := movie{report: Report{Kind: shippost.Video, Type: "video/quicktime", Facts: shippost.MediaFacts{Container: "mov"}}}
	media := false
	err := s.boxes(0, s.size, func(b box) error {
		if b.end > s.size {
			return s.beyond(b, m.moov && media)
		}
		media = media || b.kind == "mdat"
		return m.top(s, b)
	})
	if err != nil && !errors.Is(err, errTooLong) {
		return m.report, err
	}
	if !m.moov {
		// Cameras write the index last, so this is what a recording looks like that was cut off.
		return m.report, truncated(s.size, 0)
	}
	return m.report, m.conclude(s)
}

// beyond judges a top-level box that does not fit. Foreign bytes after a whole file do no harm.
func (s *source) beyond(b box, whole bool) error {
	if whole && b.kind != "mdat" && b.kind != "moof" && b.kind != "moov" {
		return nil
	}
	return truncated(s.size, b.end)
}

// top reads one top-level box.
func (m *movie) top(s *source, b box) error {
	switch b.kind {
	case "ftyp":
		return m.brands(s, b)
	case "moov":
		m.moov = true
		return m.readMoov(s, b)
	case "moof":
		m.fragments = true
		return m.readMoof(s, b)
	}
	return nil
}

func (m *movie) brands(s *source, b box) error {
	p, err := s.payload(b, 1<<12)
	if err != nil {
		return err
	}
	if len(p) < 8 {
		return damaged
	}
	major := string(p[:4])
	if t, ok := refused[major]; ok {
		m.report.Kind, m.report.Type, m.report.Facts.Container = "", t, ""
		return flawf(known[t].code, "%s", known[t].message)
	}
	if major != "qt  " {
		m.report.Type, m.report.Facts.Container = "video/mp4", "mp4"
	}
	return nil
}

func (m *movie) readMoov(s *source, moov box) error {
	return s.children(moov.body, moov.end, func(b box) error {
		switch b.kind {
		case "mvhd":
			var h mp4.Mvhd
			if err := s.decode(b, &h); err != nil {
				return err
			}
			m.timescale, m.duration = h.Timescale, known64(h.GetDuration(), h.GetVersion())
		case "trak":
			t, err := s.readTrack(b)
			if err != nil {
				return err
			}
			m.tracks = append(m.tracks, t)
			m.need = max(m.need, t.end)
		case "mvex":
			return m.readMvex(s, b)
		}
		return nil
	})
}

// known64 maps the all-ones "unknown" of a duration to 0.
func known64(d uint64, version uint8) uint64 {
	if version == 0 && d == math.MaxUint32 || version == 1 && d == math.MaxUint64 {
		return 0
	}
	return d
}

// conclude turns what was read into facts.
func (m *movie) conclude(s *source) error {
	v, ok := m.picture()
	if !ok {
		return noPicture
	}
	f := &m.report.Facts
	f.VideoCodec, f.Rotation, f.Width, f.Height = v.codec, v.rotation, v.width, v.height
	for _, t := range m.tracks {
		if t.protected {
			return protected
		}
		if t.handler == "soun" && f.AudioCodec == "" {
			f.AudioCodec = t.codec
		}
	}
	if m.need > s.size {
		return truncated(s.size, m.need)
	}
	if v.samples == 0 {
		return noFrames
	}
	if v.codec == "" || v.width == 0 || v.height == 0 || v.timescale == 0 {
		return damaged
	}
	f.Duration, f.VariableRate = m.length(v), v.uneven
	if f.Duration <= 0 {
		return noFrames
	}
	if frames := ticks(v.ticks, v.timescale); frames > 0 {
		f.FrameRate = float64(v.samples) / frames.Seconds()
	}
	return nil
}

// picture picks the track that a player shows: the first enabled video track, cover pictures last.
func (m *movie) picture() (track, bool) {
	best, rank := track{}, 0
	for _, t := range m.tracks {
		if t.handler != "vide" {
			continue
		}
		r := 1
		if t.codec != "jpeg" && t.codec != "png" {
			r += 4
		}
		if t.enabled {
			r += 2
		}
		if r > rank {
			best, rank = t, r
		}
	}
	return best, rank > 0
}

// length is how long the film plays: what the movie says, else what its picture's samples add up to.
func (m *movie) length(v track) time.Duration {
	if d := ticks(m.extended, m.timescale); d > 0 {
		return d
	}
	if d := ticks(m.duration, m.timescale); d > 0 && !m.fragments {
		return d
	}
	return ticks(v.ticks, v.timescale)
}

// ticks converts, and gives 0 for what cannot be a real length.
func ticks(n uint64, scale uint32) time.Duration {
	if scale == 0 {
		return 0
	}
	seconds := float64(n) / float64(scale)
	if seconds > (1000 * time.Hour).Seconds() {
		return 0
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)
}

var codecs = map[string]string{
	"avc1": "h264", "avc2": "h264", "avc3": "h264", "avc4": "h264", "hvc1": "h265", "hev1": "h265", "dvh1": "h265", "dvhe": "h265",
	"vp08": "vp8", "vp09": "vp9", "av01": "av1", "mp4v": "mpeg4", "s263": "h263", "jpeg": "jpeg", "png ": "png",
	"mp4a": "aac", "Opus": "opus", "ac-3": "ac3", "ec-3": "eac3", "alac": "alac", "fLaC": "flac", ".mp3": "mp3", "samr": "amr", "sawb": "amr",
	"sowt": "pcm", "twos": "pcm", "lpcm": "pcm", "ipcm": "pcm", "fpcm": "pcm", "in24": "pcm", "in32": "pcm", "fl32": "pcm", "fl64": "pcm", "raw ": "pcm", "NONE": "pcm",
}

// codecName returns our word for a sample entry, or its four letters made printable.
func codecName(kind string) string {
	if name, ok := codecs[kind]; ok {
		return name
	}
	clean := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, kind)
	if clean == "" {
		return "unknown"
	}
	return strings.ToLower(clean)
}

// be16 and be32 read big-endian numbers of a slice that is long enough.
func be16(p []byte) int { return int(binary.BigEndian.Uint16(p)) }

func be32(p []byte) uint32 { return binary.BigEndian.Uint32(p) }
