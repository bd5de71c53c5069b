package inspect

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
)

var webmCodecs = map[string]string{"V_VP8": "vp8", "V_VP9": "vp9"}

const webmVideo = 1 // TrackType of video

// readWebM reads a WebM file: descriptions through ebml-go, frame times by a
// walk over the blocks that skips their data.
func readWebM(r *io.SectionReader) (Video, error) {
	var doc struct {
		Header  webm.EBMLHeader `ebml:"EBML"`
		Segment struct {
			Info   webm.Info   `ebml:"Info"`
			Tracks webm.Tracks `ebml:"Tracks,stop"`
		} `ebml:"Segment"`
	}
	err := ebml.Unmarshal(r, &doc, ebml.WithMaxLeafElementSize(1<<20))
	if err != nil && !errors.Is(err, ebml.ErrReadStopped) {
		return Video{}, damaged("WebM: %v", err)
	}
	if doc.Header.DocType != "webm" {
		return Video{}, damaged("the document type %.20q is not webm", doc.Header.DocType)
	}
	for _, t := range doc.Segment.Tracks.TrackEntry {
		codec := webmCodecs[t.CodecID]
		if t.TrackType != webmVideo || t.Video == nil || codec == "" {
			continue
		}
		v := Video{Container: "webm", Codec: codec,
			Width: int(min(t.Video.PixelWidth, math.MaxInt32)), Height: int(min(t.Video.PixelHeight, math.MaxInt32))}
		scale := doc.Segment.Info.TimecodeScale
		if scale == 0 {
			scale = 1_000_000
		}
		w := walk{r: r, track: t.TrackNumber}
		if err := w.run(); err != nil {
			return Video{}, err
		}
		v.Frames = w.frames
		v.time(doc.Segment.Info.Duration, float64(scale), float64(t.DefaultDuration), float64(w.latest-w.earliest))
		return v, nil
	}
	return Video{Container: "webm"}, nil
}

// time sets duration and frame rate from what the file says, or else from the
// times of its blocks; live recordings say nothing.
func (v *Video) time(declared, scale, frame, span float64) {
	ns := declared * scale
	if !(ns > 0) && v.Frames > 1 {
		ns = span * scale * float64(v.Frames) / float64(v.Frames-1)
	}
	if !(ns > 0) || ns > math.MaxInt64/2 {
		return
	}
	v.Duration = time.Duration(ns)
	v.FrameRate = float64(v.Frames) / (ns / 1e9)
	if frame > 0 {
		v.FrameRate = 1e9 / frame
	}
}

// Matroska element ids the walk knows.
const (
	idSegment     = 0x18538067
	idCluster     = 0x1F43B675
	idTimecode    = 0xE7
	idSimpleBlock = 0xA3
	idBlockGroup  = 0xA0
	idBlock       = 0xA1
)

// walk visits every block of one track. Elements that contain blocks are
// entered, all others skipped, so the walk needs no stack and bounds itself by
// the file's size.
type walk struct {
	r        *io.SectionReader
	track    uint64
	at       int64
	cluster  int64 // time of the current cluster
	frames   int64
	earliest int64
	latest   int64
}

func (w *walk) run() error {
	for w.at < w.r.Size() {
		id, ok := w.vint(false)
		size, ok2 := w.vint(true)
		if !ok || !ok2 {
			return damaged("WebM: an element header is cut off")
		}
		if id == idSegment || id == idCluster || id == idBlockGroup {
			continue
		}
		if size < 0 || size > w.r.Size()-w.at {
			return damaged("WebM: element %#x is cut off", id)
		}
		w.visit(id, size)
		w.at += size
	}
	return nil
}

func (w *walk) visit(id, size int64) {
	switch id {
	case idTimecode:
		var b [8]byte
		if size >= 1 && size <= 8 {
			_, _ = w.r.ReadAt(b[8-size:], w.at)
			w.cluster = int64(binary.BigEndian.Uint64(b[:]) & math.MaxInt64)
		}
	case idSimpleBlock, idBlock:
		start := w.at
		track, ok := w.vint(true)
		var b [2]byte
		_, err := w.r.ReadAt(b[:], w.at)
		w.at = start
		if !ok || err != nil || uint64(track) != w.track {
			return
		}
		t := w.cluster + int64(int16(binary.BigEndian.Uint16(b[:])))
		if w.frames == 0 {
			w.earliest, w.latest = t, t
		}
		w.earliest, w.latest = min(w.earliest, t), max(w.latest, t)
		w.frames++
	}
}

// vint reads a variable-length number: an id keeps its length marker, a value
// drops it. A value of all ones means "unknown size" and is -1.
func (w *walk) vint(value bool) (int64, bool) {
	var b [8]byte
	n, _ := w.r.ReadAt(b[:], w.at)
	length := bits.LeadingZeros8(b[0]) + 1
	if n < length || length > 8 {
		return 0, false
	}
	w.at += int64(length)
	v := binary.BigEndian.Uint64(b[:]) >> (64 - 8*length)
	if !value {
		return int64(v & math.MaxInt64), true
	}
	mask := uint64(1)<<(7*length) - 1
	if v &= mask; v == mask {
		return -1, true
	}
	return int64(v), true
}
