package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// video makes a sound MP4 of exactly that size: a real clip of three seconds and a "free" box, which readers skip. Files
// of different numbers differ in their bytes. What fills the box is a hole in the file, so that large ones cost no time.
func (b *bench) video(ctx context.Context, size int64, number int) (path string, err error) {
	clip, err := b.clip(ctx)
	if err != nil {
		return "", err
	}
	rest := size - int64(len(clip))
	if rest < 16 || rest > 1<<32-1 {
		return "", fmt.Errorf("no MP4 of %d bytes can be made of a clip of %d", size, len(clip))
	}
	path = filepath.Join(b.dir, fmt.Sprintf("video-%d-%d.mp4", size, number))
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	box := binary.BigEndian.AppendUint32(nil, uint32(rest))
	box = append(box, "free"...)
	box = binary.BigEndian.AppendUint64(box, uint64(number))
	if _, err := file.Write(append(clip, box...)); err != nil {
		return "", err
	}
	return path, file.Truncate(size)
}

// clip returns a short vertical video of some kilobytes.
func (b *bench) clip(ctx context.Context) ([]byte, error) {
	b.making.Lock()
	defer b.making.Unlock()
	path := filepath.Join(b.dir, "clip.mp4")
	if text, err := os.ReadFile(path); err == nil {
		return text, nil
	}
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=navy:size=360x640:rate=30:duration=3",
		"-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", path)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ffmpeg is needed to make videos: %w: %s", err, text)
	}
	return os.ReadFile(path)
}
