package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"

	"ship-post.com/shippost"
)

// The largest photos that are decoded (reliability §11), and the memory that a decoder may need for it.
const (
	maxPixels  = 50_000_000
	maxSide    = 16_384
	maxDecoded = 256 << 20
)

func startsJPEG(head []byte) bool { return bytes.HasPrefix(head, []byte{0xFF, 0xD8, 0xFF}) }
func startsPNG(head []byte) bool  { return bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")) }
func startsWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// whole returns all bytes of a photo.
func (s *source) whole() ([]byte, error) {
	if s.size > MaxPhoto {
		return nil, flawf("photo_too_large", "This photo has %s; at most 20 MB are possible. Export it smaller, then upload it.", bytesText(s.size))
	}
	return s.part(0, s.size)
}

func photoReport(container string) Report {
	return Report{Kind: shippost.Photo, Type: "image/" + container, Facts: shippost.MediaFacts{Container: container}}
}

// measure notes the size of a photo and refuses what would take too much memory to decode.
func (r *Report) measure(config image.Config, bytesPerPixel float64) error {
	r.Facts.Width, r.Facts.Height = config.Width, config.Height
	pixels := float64(config.Width) * float64(config.Height)
	if config.Width > maxSide || config.Height > maxSide || pixels > maxPixels || pixels*bytesPerPixel > maxDecoded {
		return flawf("photo_too_many_pixels", "This photo has %d × %d pixels, too many to be read. Export it smaller, then upload it.",
			config.Width, config.Height)
	}
	if config.Width == 0 || config.Height == 0 {
		return damaged
	}
	return nil
}

func (s *source) jpeg() (Report, error) {
	r := photoReport("jpeg")
	p, err := s.whole()
	if err != nil {
		return r, err
	}
	j, err := parseJPEG(p)
	if err != nil {
		return r, err
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(p))
	if err != nil {
		return r, damaged
	}
	each := 3.0
	if j.progressive {
		each = 15 // all coefficients of three components are kept as numbers
	}
	if err := r.measure(config, each); err != nil {
		return r, err
	}
	r.Facts.Rotation = j.orientation.degrees()
	if r.Facts.Rotation%180 != 0 {
		r.Facts.Width, r.Facts.Height = r.Facts.Height, r.Facts.Width
	}
	return r, nil
}

func (s *source) png() (Report, error) {
	r := photoReport("png")
	p, err := s.whole()
	if err != nil {
		return r, err
	}
	config, err := png.DecodeConfig(bytes.NewReader(p))
	if err != nil {
		return r, damaged
	}
	if err := r.measure(config, 5); err != nil {
		return r, err
	}
	return r, checkPNG(p)
}

// checkPNG walks the chunks to the end mark.
func checkPNG(p []byte) error {
	for at := 8; ; {
		if len(p)-at < 12 {
			return truncated(int64(len(p)), 0)
		}
		size := int64(binary.BigEndian.Uint32(p[at:]))
		if size > int64(len(p)-at-12) {
			return truncated(int64(len(p)), int64(at)+12+size)
		}
		switch string(p[at+4 : at+8]) {
		case "acTL":
			return animated
		case "IEND":
			return nil
		}
		at += 12 + int(size)
	}
}

func (s *source) webp() (Report, error) {
	r := photoReport("webp")
	p, err := s.whole()
	if err != nil {
		return r, err
	}
	chunks, err := parseRIFF(p)
	if err != nil {
		return r, err
	}
	for _, c := range chunks {
		if c.kind == "ANIM" || c.kind == "ANMF" {
			return r, animated
		}
	}
	config, err := webp.DecodeConfig(bytes.NewReader(p))
	if err != nil {
		return r, damaged
	}
	return r, r.measure(config, 5)
}

type riffChunk struct {
	kind string
	data []byte
}

// parseRIFF returns the chunks of a WebP file, which must all be there.
func parseRIFF(p []byte) ([]riffChunk, error) {
	if len(p) < 12 {
		return nil, truncated(int64(len(p)), 12)
	}
	end := 8 + int64(binary.LittleEndian.Uint32(p[4:]))
	if end > int64(len(p)) {
		return nil, truncated(int64(len(p)), end)
	}
	var chunks []riffChunk
	for at := int64(12); at < end; {
		if end-at < 8 {
			return nil, damaged
		}
		size := int64(binary.LittleEndian.Uint32(p[at+4:]))
		if size > end-at-8 {
			return nil, damaged
		}
		chunks = append(chunks, riffChunk{string(p[at : at+4]), p[at+8 : at+8+size]})
		at += 8 + size + size%2
	}
	if len(chunks) == 0 {
		return nil, damaged
	}
	return chunks, nil
}

// jpegFile is the structure of a JPEG file.
type jpegFile struct {
	progressive bool
	orientation orientation
	metadata    []string // what it carries besides the picture, in words
	icc         [][]byte // the segments of its colour profile, without marker and length
}

var errNoMarker = errors.New("no marker")

// parseJPEG walks the segments up to the end mark and notes what is not picture.
func parseJPEG(p []byte) (jpegFile, error) {
	j := jpegFile{orientation: upright}
	at := 2
	for {
		marker, next, err := nextMarker(p, at)
		if err != nil {
			return j, truncated(int64(len(p)), 0)
		}
		at = next
		switch {
		case marker == 0xD9:
			if at < len(p) {
				j.note("data after the picture")
			}
			return j, nil
		case marker >= 0xD0 && marker <= 0xD7 || marker == 0x01:
			continue // no payload
		case marker == 0xD8:
			return j, damaged
		}
		if len(p)-at < 2 {
			return j, truncated(int64(len(p)), 0)
		}
		size := int(binary.BigEndian.Uint16(p[at:]))
		if size < 2 {
			return j, damaged
		}
		if size > len(p)-at {
			return j, truncated(int64(len(p)), int64(at+size))
		}
		j.segment(marker, p[at+2:at+size])
		at += size
	}
}

// nextMarker skips compressed data and fill bytes to the next marker and returns what follows it.
func nextMarker(p []byte, at int) (byte, int, error) {
	for at+1 < len(p) {
		i := bytes.IndexByte(p[at:], 0xFF)
		if i < 0 {
			break
		}
		at += i
		if at+1 >= len(p) {
			break
		}
		switch p[at+1] {
		case 0x00:
			at += 2 // an escaped data byte
		case 0xFF:
			at++
		default:
			return p[at+1], at + 2, nil
		}
	}
	return 0, 0, errNoMarker
}

func (j *jpegFile) note(what string) { j.metadata = append(j.metadata, what) }

// segment notes what a marker segment holds.
func (j *jpegFile) segment(marker byte, p []byte) {
	switch {
	case marker == 0xC2 || marker == 0xC6 || marker == 0xCA || marker == 0xCE:
		j.progressive = true
	case marker == 0xE0 && bytes.HasPrefix(p, []byte("JFIF\x00")) && len(p) == 14, marker == 0xEE && bytes.HasPrefix(p, []byte("Adobe")) && len(p) == 12:
		// needed to show it right, and nothing personal in it
	case marker == 0xE2 && bytes.HasPrefix(p, []byte("ICC_PROFILE\x00")):
		j.icc = append(j.icc, p)
	case marker == 0xE1 && bytes.HasPrefix(p, []byte("Exif\x00\x00")):
		x := parseEXIF(p[6:])
		j.orientation = x.orientation
		for _, what := range x.holds {
			j.note(what)
		}
	case marker >= 0xE0 && marker <= 0xEF || marker == 0xFE:
		j.note("other metadata")
	}
}
