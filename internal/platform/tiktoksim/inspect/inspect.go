// Package inspect reads what TikTok checks about a video or photo: container,
// codec, picture size, frame rate and duration. It reads structure only, never
// picture data, and treats every byte as hostile.
package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"time"

	"golang.org/x/image/webp"
)

// ErrFormat wraps every reason why a file is not a video or photo TikTok takes.
var ErrFormat = errors.New("unsupported or damaged file")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// Video is what was found in a video file.
type Video struct {
	Container string // "mp4", "mov" or "webm"
	Codec     string // "h264", "h265", "vp8" or "vp9"
	Width     int
	Height    int
	Frames    int64
	FrameRate float64 // frames a second, on average
	Duration  time.Duration
}

// ReadVideo inspects a video of the given size. Its error is ErrFormat for any
// file that is not a whole MP4, MOV or WebM with one of the known codecs.
func ReadVideo(r io.ReaderAt, size int64) (v Video, err error) {
	head := make([]byte, min(size, 12))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return Video{}, err
	}
	section := io.NewSectionReader(r, 0, size)
	if bytes.HasPrefix(head, []byte{0x1A, 0x45, 0xDF, 0xA3}) {
		v, err = readWebM(section)
	} else {
		v, err = readMP4(section)
	}
	if err != nil {
		return Video{}, err
	}
	if v.Codec == "" {
		return Video{}, damaged("no video track with a known codec")
	}
	if v.Frames == 0 || v.Duration <= 0 {
		return Video{}, damaged("no frames")
	}
	return v, nil
}

// Photo is what the header of an image file says.
type Photo struct {
	Format string // "jpeg" or "webp"
	Width  int
	Height int
}

// ReadPhoto inspects an image. Its error is ErrFormat for anything but JPEG and
// WebP: PNG, GIF and HEIC are refused (TikTok contract 4.12).
func ReadPhoto(r io.Reader) (Photo, error) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head); err != nil {
		return Photo{}, damaged("shorter than any image")
	}
	whole := io.MultiReader(bytes.NewReader(head), r)
	format, decode := "", (func(io.Reader) (image.Config, error))(nil)
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xD8, 0xFF}):
		format, decode = "jpeg", jpeg.DecodeConfig
	case bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:]) == "WEBP":
		format, decode = "webp", webp.DecodeConfig
	default:
		return Photo{}, damaged("neither JPEG nor WebP")
	}
	c, err := decode(whole)
	if err != nil {
		return Photo{}, damaged("%s: %v", format, err)
	}
	return Photo{Format: format, Width: c.Width, Height: c.Height}, nil
}
