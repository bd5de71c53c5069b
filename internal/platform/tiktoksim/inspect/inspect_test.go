package inspect_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim/inspect"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadVideoFindsWhatTikTokChecks(t *testing.T) {
	for _, c := range []struct {
		file, container, codec string
		width, height          int
		frames                 int64
		seconds, rate          float64
	}{
		{"h264.mp4", "mp4", "h264", 360, 640, 90, 3, 30},
		{"h264.mov", "mov", "h264", 360, 640, 90, 3, 30},
		{"h265.mp4", "mp4", "h265", 360, 640, 90, 3, 30},
		{"fragmented.mp4", "mp4", "h264", 360, 640, 90, 3, 30},
		{"vp8.webm", "webm", "vp8", 360, 640, 90, 3, 30},
		{"vp9.webm", "webm", "vp9", 360, 640, 90, 3, 30},
		{"live.webm", "webm", "vp9", 360, 640, 90, 3, 30},
		{"ten-fps.mp4", "mp4", "h264", 360, 640, 30, 3, 10},
		{"narrow.mp4", "mp4", "h264", 240, 640, 90, 3, 30},
		{"wide.mp4", "mp4", "h264", 4200, 400, 30, 1, 30},
	} {
		t.Run(c.file, func(t *testing.T) {
			b := load(t, c.file)
			v, err := inspect.ReadVideo(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			if v.Container != c.container || v.Codec != c.codec || v.Width != c.width || v.Height != c.height || v.Frames != c.frames {
				t.Errorf("found %+v, want %s %s %d×%d with %d frames", v, c.container, c.codec, c.width, c.height, c.frames)
			}
			if math.Abs(v.Duration.Seconds()-c.seconds) > 0.05 || math.Abs(v.FrameRate-c.rate) > 0.2 {
				t.Errorf("lasts %s at %.3f fps, want %g s at %g fps", v.Duration, v.FrameRate, c.seconds, c.rate)
			}
		})
	}
}

func TestReadVideoRefusesWhatIsNone(t *testing.T) {
	whole := load(t, "h264.mp4")
	cases := map[string][]byte{
		"empty":             {},
		"text":              []byte("This is not a video, whatever its name says."),
		"sound only":        load(t, "audio-only.mp4"),
		"MPEG-4 Part 2":     load(t, "mpeg4.mp4"),
		"Matroska":          load(t, "matroska.mkv"),
		"cut MP4":           whole[:len(whole)-100],
		"cut WebM":          load(t, "vp8.webm")[:5000],
		"no media data":     bytes.Replace(whole, []byte("mdat"), []byte("free"), 1),
		"no movie":          bytes.Replace(whole, []byte("moov"), []byte("free"), 1),
		"impossible table":  bytes.Replace(whole, []byte("stts\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("stts\x00\x00\x00\x00\x7f\xff\xff\xff"), 1),
		"HTML in MP4's hat": append(append([]byte{}, whole[:32]...), "<script>alert(1)</script>"...),
	}
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			v, err := inspect.ReadVideo(bytes.NewReader(b), int64(len(b)))
			if !errors.Is(err, inspect.ErrFormat) {
				t.Errorf("found %+v and error %v, want ErrFormat", v, err)
			}
		})
	}
}

func TestReadPhoto(t *testing.T) {
	var asJPEG, asPNG bytes.Buffer
	picture := image.NewGray(image.Rect(0, 0, 640, 800))
	jpeg.Encode(&asJPEG, picture, nil)
	png.Encode(&asPNG, picture)
	for _, c := range []struct {
		name, format string
		bytes        []byte
	}{
		{"JPEG", "jpeg", asJPEG.Bytes()},
		{"WebP", "webp", load(t, "photo.webp")},
		{"lossless WebP", "webp", load(t, "lossless.webp")},
		{"PNG", "", asPNG.Bytes()},
		{"GIF", "", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")},
		{"cut JPEG", "", asJPEG.Bytes()[:20]},
		{"cut WebP", "", load(t, "photo.webp")[:16]},
		{"nothing", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := inspect.ReadPhoto(bytes.NewReader(c.bytes))
			if c.format == "" {
				if !errors.Is(err, inspect.ErrFormat) {
					t.Errorf("found %+v and error %v, want ErrFormat", p, err)
				}
				return
			}
			if err != nil || p != (inspect.Photo{Format: c.format, Width: 640, Height: 800}) {
				t.Errorf("found %+v (%v), want %s 640×800", p, err, c.format)
			}
		})
	}
}

// FuzzReadVideo looks for bytes that make inspection panic, hang or report a
// video that cannot be.
func FuzzReadVideo(f *testing.F) {
	for _, name := range []string{"h264.mp4", "fragmented.mp4", "h264.mov", "live.webm", "vp8.webm"} {
		b := load(f, name)
		f.Add(b[:min(len(b), 6000)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		started := time.Now()
		v, err := inspect.ReadVideo(bytes.NewReader(b), int64(len(b)))
		if err == nil && (v.Codec == "" || v.Frames <= 0 || v.Duration <= 0 || math.IsNaN(v.FrameRate)) {
			t.Errorf("accepted %+v", v)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("took %s for %d bytes", took, len(b))
		}
	})
}
