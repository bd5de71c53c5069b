package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os/exec"
	"strconv"
	"time"

	"ship-post.com/shippost"
)

// Limits of the child process that makes a poster.
const (
	posterTime   = 20 * time.Second
	posterOutput = 8 << 20
)

// FFmpeg returns where ffmpeg is, or "" when the machine has none. Then videos have no poster until a client sends one.
func FFmpeg() string {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return ""
	}
	return path
}

// VideoPoster takes one frame from a video that Probe accepted, as a small JPEG. ffmpeg, at the given path, runs as a child
// that reads this one local file, has no network where the system allows that, and is limited in memory, processor time
// and output. facts tell which reader it must use, so that it guesses nothing.
func VideoPoster(ctx context.Context, ffmpeg, file string, facts shippost.MediaFacts) ([]byte, error) {
	reader := "mov"
	if facts.Container == "webm" {
		reader = "matroska"
	}
	// The very first frame is often black.
	frame, err := grab(ctx, ffmpeg, reader, file, min(time.Second, facts.Duration/3))
	if err == nil && len(frame) == 0 {
		frame, err = grab(ctx, ffmpeg, reader, file, 0)
	}
	if err != nil {
		return nil, err
	}
	return RecodePoster(frame)
}

func grab(ctx context.Context, ffmpeg, reader, file string, at time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, posterTime)
	defer cancel()
	side := strconv.Itoa(posterSide)
	out, complaint := &capped{limit: posterOutput}, &capped{limit: 4 << 10}
	args := []string{"-nostdin", "-hide_banner", "-v", "error", "-threads", "1",
		"-protocol_whitelist", "file", "-f", reader, "-ss", strconv.FormatFloat(at.Seconds(), 'f', 3, 64), "-i", "file:" + file,
		"-map", "0:v:0", "-frames:v", "1", "-an", "-sn", "-dn", "-map_metadata", "-1",
		"-vf", "scale='min(" + side + ",iw)':'min(" + side + ",ih)':force_original_aspect_ratio=decrease",
		"-threads", "1", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "3", "pipe:1"}
	err := runConfined(short, func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, ffmpeg, args...)
		cmd.Env = []string{"LC_ALL=C"}
		cmd.WaitDelay = time.Second
		cmd.Stdout, cmd.Stderr = out, complaint
		return cmd
	})
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w: %.300s", err, complaint.Bytes())
	}
	return out.Bytes(), nil
}

// capped keeps output up to a limit and refuses more, which ends the child.
type capped struct {
	bytes.Buffer
	limit int
}

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.limit {
		return 0, errors.New("too much output")
	}
	return c.Buffer.Write(p)
}

// RecodePoster decodes a JPEG from outside and returns it anew, small and without metadata. What is not a JPEG, or is too
// large, is an error of kind Invalid.
func RecodePoster(data []byte) ([]byte, error) {
	bad := shippost.Errorf(shippost.Invalid, "bad_poster", "A poster must be a JPEG picture of at most 8 MB.").With(shippost.RemedyReplaceMedia)
	if len(data) > posterOutput || !startsJPEG(data) {
		return nil, bad
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil || config.Width < 16 || config.Height < 16 || config.Width*config.Height > 10_000_000 {
		return nil, bad.Because(err)
	}
	picture, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, bad.Because(err)
	}
	return encode(shrink(picture, Fit{posterSide, posterSide}.within(picture.Bounds().Size())), posterQuality, nil)
}
