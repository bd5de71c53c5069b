package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// clip makes a real video with sound. The format follows from the name.
func clip(path, seconds, size string, more ...string) error {
	args := []string{"-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=30:duration=" + seconds,
		"-f", "lavfi", "-i", "sine=frequency=440:duration=" + seconds}
	switch filepath.Ext(path) {
	case ".webm":
		args = append(args, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
	default:
		args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
	}
	return ffmpeg(append(append(args, more...), path)...)
}

func ffmpeg(args ...string) error {
	out, err := exec.Command("ffmpeg", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg (Debian package ffmpeg) %q: %w\n%s", args, err, out)
	}
	return nil
}

// theClip is a small video that all stories share, because making one takes longer than publishing it.
var theClip = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "shippost-e2e-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "clip.mp4")
	if err := clip(path, "3", "360x640", "-b:v", "400k"); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// shortClip returns a small video of its own: n makes its bytes another one's.
func shortClip(t *testing.T, n int) string {
	t.Helper()
	bytes, err := theClip()
	must(t, err)
	path := filepath.Join(t.TempDir(), fmt.Sprintf("clip-%d.mp4", n))
	must(t, os.WriteFile(path, bytes, 0o600))
	must(t, grow(path, int64(len(bytes)+16+n)))
	return path
}

// grow makes an MP4 exactly as large as wanted, by a box at its end that players skip. The box takes no space on disk.
func grow(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	box := size - info.Size()
	if box < 16 {
		return fmt.Errorf("%s has %d bytes already", path, info.Size())
	}
	// A box of size 1 has its real size after its name.
	head := append([]byte{0, 0, 0, 1}, "free"...)
	head = binary.BigEndian.AppendUint64(head, uint64(box))
	if _, err := f.WriteAt(head, info.Size()); err != nil {
		return err
	}
	return f.Truncate(size)
}
