package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// heicTime bounds the child process that decodes a photo.
const heicTime = 30 * time.Second

// codeHEIC is the code of photos in the form that phones keep them in.
const codeHEIC = "photo_heic"

// HEIFDecoder returns where a program is that decodes HEIC photos whole, or "" when the machine has none. Only those of
// libheif count: older versions of ffmpeg take one tile of such a photo for the picture.
func HEIFDecoder() string {
	for _, name := range []string{"heif-dec", "heif-convert"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// IsHEIC reports whether a report refuses a file for being a HEIC photo, which DecodeHEIC may turn into one that is read.
func (r Report) IsHEIC() bool { return len(r.Problems) == 1 && r.Problems[0].Code == codeHEIC }

// DecodeHEIC turns a HEIC photo into a JPEG that Probe reads, upright. The decoder runs as a child under the limits of
// VideoPoster. A photo that it cannot decode is an error.
func DecodeHEIC(ctx context.Context, decoder string, file io.ReaderAt, size int64) ([]byte, error) {
	if size > MaxPhoto {
		return nil, flawf("photo_too_large", "This photo has %s; at most 20 MB are possible. Export it smaller, then upload it.", bytesText(size))
	}
	ctx, cancel := context.WithTimeout(ctx, heicTime)
	defer cancel()
	dir, err := os.MkdirTemp("", "heic-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a photo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	in, out := filepath.Join(dir, "in.heic"), filepath.Join(dir, "out.jpg")
	copied, err := os.OpenFile(in, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("copy a photo: %w", err)
	}
	_, err = io.Copy(copied, io.NewSectionReader(file, 0, size))
	if closed := copied.Close(); err == nil {
		err = closed
	}
	// The child may write no file at all, so that it cannot fill the disk: what it takes for one is its output.
	if err == nil {
		err = os.Symlink("/dev/stdout", out)
	}
	if err != nil {
		return nil, fmt.Errorf("copy a photo: %w", err)
	}
	picture, complaint := &capped{limit: MaxPhoto}, &capped{limit: 4 << 10}
	err = runConfined(short, func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, decoder, "-q", "95", in, out)
		cmd.Env = []string{"LC_ALL=C"}
		cmd.WaitDelay = time.Second
		cmd.Stdout, cmd.Stderr = picture, complaint
		return cmd
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %.300s", filepath.Base(decoder), err, complaint.Bytes())
	}
	// The decoder also talks to its output, before and after the picture.
	data := picture.Bytes()
	if at := bytes.Index(data, []byte{0xFF, 0xD8, 0xFF}); at >= 0 {
		data = data[at:]
	}
	if end := bytes.LastIndex(data, []byte{0xFF, 0xD9}); end >= 0 {
		data = data[:end+2]
	}
	if !startsJPEG(data) {
		return nil, fmt.Errorf("%s made no picture: %.300s", filepath.Base(decoder), complaint.Bytes())
	}
	return data, nil
}
