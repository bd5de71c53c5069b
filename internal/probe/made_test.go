package probe_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ship-post.com/shippost/internal/probe"
)

var madeDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	madeDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var (
	madeLock sync.Mutex
	madeOnce = map[string]func() error{}
)

// made returns a file that ffmpeg makes once per test run. Its arguments are those between the test pictures and the output.
func made(t testing.TB, name, args string) string {
	t.Helper()
	file := filepath.Join(madeDir, name)
	madeLock.Lock()
	once, ok := madeOnce[name]
	if !ok {
		once = sync.OnceValue(func() error { return runFFmpeg(file, args) })
		madeOnce[name] = once
	}
	madeLock.Unlock()
	if err := once(); err != nil {
		t.Fatalf("These tests need real video files, made by ffmpeg (Debian: apt install ffmpeg). Making %s failed: %v", name, err)
	}
	return file
}

func runFFmpeg(file, args string) error {
	all := append([]string{"-nostdin", "-v", "error", "-y", "-bitexact"}, strings.Fields(args)...)
	out, err := exec.Command("ffmpeg", append(all, file)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// The test pictures and sounds.
const (
	picture = "-f lavfi -i testsrc2=size=640x360:rate=30:duration=2 "
	sound   = "-f lavfi -i sine=frequency=440:duration=2 "
	h264    = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p "
)

// look probes a file.
func look(t testing.TB, file string) probe.Report {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := probe.Probe(context.Background(), f, info.Size())
	if err != nil {
		t.Fatalf("Probe(%s): %v", filepath.Base(file), err)
	}
	return r
}

func lookBytes(t testing.TB, p []byte) probe.Report {
	t.Helper()
	r, err := probe.Probe(context.Background(), bytes.NewReader(p), int64(len(p)))
	if err != nil {
		t.Fatalf("Probe of %d bytes: %v", len(p), err)
	}
	return r
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	p, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// atom builds a box.
func atom(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	p := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(p, kind...), body...)
}

func text(s string) []byte { return []byte(s) }

func u32(n ...uint32) []byte {
	var p []byte
	for _, v := range n {
		p = binary.BigEndian.AppendUint32(p, v)
	}
	return p
}

// intoMoov puts boxes at the end of the moov box of a file whose moov comes last, or whose samples do not move because
// the box is behind them.
func intoMoov(t testing.TB, p []byte, boxes ...[]byte) []byte {
	t.Helper()
	at := 0
	for at+8 <= len(p) {
		size := int(binary.BigEndian.Uint32(p[at:]))
		if string(p[at+4:at+8]) == "moov" {
			if at+size != len(p) {
				t.Fatal("moov is not the last box of the file")
			}
			out := append(bytes.Clone(p), bytes.Join(boxes, nil)...)
			binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at))
			return out
		}
		at += size
	}
	t.Fatal("no moov box")
	return nil
}

func writeFile(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
