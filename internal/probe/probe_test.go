package probe_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/probe"
)

var roughly = cmp.Options{
	cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= 60*time.Millisecond }),
	cmpopts.EquateApprox(0.02, 0),
}

func TestP01_VideosAreRead(t *testing.T) {
	for _, c := range []struct {
		name, file, args, kind string
		want                   shippost.MediaFacts
	}{
		{"MP4 with sound", "a.mp4", picture + sound + h264 + "-c:a aac", "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"index in front", "fast.mp4", picture + sound + h264 + "-c:a aac -movflags +faststart", "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"fragmented", "frag.mp4", picture + sound + h264 + "-c:a aac -movflags frag_keyframe+empty_moov -g 15", "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"no sound", "silent.mp4", picture + h264, "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"HEVC hvc1", "hvc1.mp4", picture + "-c:v libx265 -x265-params log-level=none -tag:v hvc1", "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h265", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"HEVC hev1", "hev1.mp4", picture + "-c:v libx265 -x265-params log-level=none -tag:v hev1", "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h265", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"VP9 in MP4", "vp9.mp4", picture + "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "vp9", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"MP3 in MP4", "mp3.mp4", picture + sound + h264 + "-c:a libmp3lame", "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", AudioCodec: "mp3", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"MOV", "a.mov", picture + sound + h264 + "-c:a aac", "video/quicktime",
			shippost.MediaFacts{Container: "mov", VideoCodec: "h264", AudioCodec: "aac", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"MOV with QuickTime sound", "pcm.mov", picture + sound + h264 + "-c:a pcm_s16le", "video/quicktime",
			shippost.MediaFacts{Container: "mov", VideoCodec: "h264", AudioCodec: "pcm", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"ProRes keeps its four letters", "prores.mov", picture + "-c:v prores_ks", "video/quicktime",
			shippost.MediaFacts{Container: "mov", VideoCodec: "apch", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"square pixels are not given", "wide.mp4", picture + "-vf setsar=4/3 " + h264, "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", Duration: 2 * time.Second, Width: 853, Height: 360, FrameRate: 30}},
		{"changing frame rate", "vfr.mp4", "-f lavfi -i testsrc2=size=320x240:rate=60:duration=2 -vf select='lt(t,1)+not(mod(n,6))' -fps_mode vfr " + h264, "video/mp4",
			shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", Duration: 1917 * time.Millisecond, Width: 320, Height: 240, FrameRate: 36.5, VariableRate: true}},
		{"WebM VP8", "vp8.webm", picture + sound + "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus", "video/webm",
			shippost.MediaFacts{Container: "webm", VideoCodec: "vp8", AudioCodec: "opus", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"WebM VP9 without sound", "vp9.webm", picture + "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "video/webm",
			shippost.MediaFacts{Container: "webm", VideoCodec: "vp9", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
		{"WebM as browsers record it", "live.webm", picture + sound + "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis -f webm -live 1", "video/webm",
			shippost.MediaFacts{Container: "webm", VideoCodec: "vp8", AudioCodec: "vorbis", Duration: 2 * time.Second, Width: 640, Height: 360, FrameRate: 30}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := look(t, made(t, c.file, c.args))
			want := probe.Report{Kind: shippost.Video, Type: c.kind, Facts: c.want}
			if diff := cmp.Diff(want, got, roughly); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// turn writes the display matrix of the first track, as phones do.
func turn(t testing.TB, p []byte, matrix [4]int32) []byte {
	t.Helper()
	p = bytes.Clone(p)
	at := bytes.Index(p, []byte("tkhd")) + 44
	for i, place := range []int{0, 4, 12, 16} {
		binary.BigEndian.PutUint32(p[at+place:], uint32(matrix[i])<<16)
	}
	return p
}

func TestRotation(t *testing.T) {
	p := read(t, made(t, "a.mp4", picture+sound+h264+"-c:a aac"))
	for matrix, want := range map[[4]int32]shippost.MediaFacts{
		{1, 0, 0, 1}:   {Rotation: 0, Width: 640, Height: 360},
		{0, 1, -1, 0}:  {Rotation: 90, Width: 360, Height: 640},
		{-1, 0, 0, -1}: {Rotation: 180, Width: 640, Height: 360},
		{0, -1, 1, 0}:  {Rotation: 270, Width: 360, Height: 640},
	} {
		f := lookBytes(t, turn(t, p, matrix)).Facts
		got := shippost.MediaFacts{Rotation: f.Rotation, Width: f.Width, Height: f.Height}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("matrix %v (-want +got)\n%s", matrix, diff)
		}
	}
}

func code(r probe.Report) string {
	for _, p := range r.Problems {
		if p.Severity == shippost.Block {
			return p.Code
		}
	}
	return ""
}

func TestTruncated(t *testing.T) {
	for name, file := range map[string]string{
		"index last":  made(t, "a.mp4", picture+sound+h264+"-c:a aac"),
		"index first": made(t, "fast.mp4", picture+sound+h264+"-c:a aac -movflags +faststart"),
		"MOV":         made(t, "a.mov", picture+sound+h264+"-c:a aac"),
		"WebM":        made(t, "vp9.webm", picture+"-c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
		"JPEG":        made(t, "a.jpg", picture+"-frames:v 1"),
		"PNG":         made(t, "a.png", picture+"-frames:v 1"),
		"WebP":        made(t, "a.webp", picture+"-frames:v 1 -c:v libwebp"),
	} {
		whole := read(t, file)
		if got := code(lookBytes(t, whole)); got != "" {
			t.Errorf("%s: the whole file has problem %s", name, got)
		}
		for _, part := range []float64{0.999, 0.9, 0.5, 0.1} {
			p := whole[:int(float64(len(whole))*part)]
			r := lookBytes(t, p)
			if got := code(r); got != "file_incomplete" {
				t.Errorf("%s cut to %.1f %%: problem %q, want file_incomplete", name, part*100, got)
				continue
			}
			if m := r.Problems[0].Message; !strings.HasSuffix(m, ".") || !strings.Contains(m, "incomplete") {
				t.Errorf("%s: the message is no sentence: %q", name, m)
			}
		}
		if got := code(lookBytes(t, whole[:1])); got == "" {
			t.Errorf("%s: one byte is taken for a file", name)
		}
	}
}

// The tables point beyond the end while every box is whole: mdat was cut and its size mended.
func TestTruncatedSamplesOnly(t *testing.T) {
	p := read(t, made(t, "fast.mp4", picture+sound+h264+"-c:a aac -movflags +faststart"))
	at := bytes.Index(p, []byte("mdat")) - 4
	cut := bytes.Clone(p[:at+(len(p)-at)/2])
	binary.BigEndian.PutUint32(cut[at:], uint32(len(cut)-at))
	r := lookBytes(t, cut)
	if code(r) != "file_incomplete" || !strings.Contains(r.Problems[0].Message, "belong to it") {
		t.Errorf("problems %+v, want file_incomplete with both sizes", r.Problems)
	}
}

func TestS9_HostileFilesAreRefused(t *testing.T) {
	mp4 := read(t, made(t, "a.mp4", picture+sound+h264+"-c:a aac"))
	html := "<!DOCTYPE html><html><script>alert(1)</script></html>"
	nested := []byte{}
	for range 3000 {
		nested = atom("moov", nested)
	}
	for name, c := range map[string]struct {
		data string
		code string
	}{
		"nothing":                   {"", "file_empty"},
		"one byte":                  {"x", "file_not_media"},
		"text":                      {"hello", "file_not_media"},
		"HTML":                      {html, "file_not_media"},
		"HTML before MP4":           {html + string(mp4), "file_not_media"},
		"SVG":                       {`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "photo_svg"},
		"SVG with XML head":         {`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`, "photo_svg"},
		"GIF":                       {"GIF89a\x01\x00\x01\x00\x00\xff\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00;", "photo_gif"},
		"GIF with HTML":             {"GIF89a" + html, "photo_gif"},
		"PDF":                       {"%PDF-1.7\n%" + html, "file_not_media"},
		"ZIP":                       {"PK\x03\x04\x14\x00\x00\x00", "file_not_media"},
		"program":                   {"\x7fELF\x02\x01\x01", "file_not_media"},
		"playlist":                  {"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\nhttp://169.254.169.254/\n", "file_not_media"},
		"ffconcat":                  {"ffconcat version 1.0\nfile /etc/passwd\n", "file_not_media"},
		"HEIC":                      {string(atom("ftyp", text("heic"), u32(0), text("mif1heic"))) + string(atom("mdat", text("x"))), "photo_heic"},
		"AVIF":                      {string(atom("ftyp", text("avif"), u32(0), text("avif"))), "photo_avif"},
		"3GP":                       {string(atom("ftyp", text("3gp5"), u32(0), text("3gp5"))), "video_3gp"},
		"HTML behind JPEG start":    {"\xff\xd8\xff" + html, "file_incomplete"},
		"JPEG start and end":        {"\xff\xd8\xff\xd9", "file_damaged"},
		"PNG start":                 {"\x89PNG\r\n\x1a\n" + html, "file_damaged"},
		"WebP start":                {"RIFF\x04\x00\x00\x00WEBP", "file_damaged"},
		"EBML start":                {"\x1a\x45\xdf\xa3", "file_damaged"},
		"MP4 type only":             {string(atom("ftyp", text("isom"), u32(0), text("isom"))), "file_incomplete"},
		"empty index":               {string(atom("ftyp", text("isom"), u32(0))) + string(atom("moov")), "no_picture"},
		"nested boxes":              {string(atom("ftyp", text("isom"), u32(0))) + string(nested), "no_picture"},
		"box of size 2^63":          {string(atom("ftyp", text("isom"), u32(0))) + "\x00\x00\x00\x01moov\x80\x00\x00\x00\x00\x00\x00\x00", "file_incomplete"},
		"box smaller than itself":   {string(atom("ftyp", text("isom"), u32(0))) + "\x00\x00\x00\x04moov", "file_damaged"},
		"endless tiny boxes":        {string(atom("ftyp", text("isom"), u32(0))) + string(atom("moov", bytes.Repeat(atom("free"), 300_000))), "no_picture"},
		"sample table without data": {string(atom("ftyp", text("isom"), u32(0))) + string(atom("moov", atom("trak", atom("mdia", atom("minf", atom("stbl", atom("stts", u32(0, 0xffffffff)))))))), "file_damaged"},
		"name is not type":          {"not a video, although it is called movie.mp4", "file_not_media"},
		"zeros":                     {string(make([]byte, 100_000)), "file_not_media"},
	} {
		t.Run(name, func(t *testing.T) {
			r := lookBytes(t, []byte(c.data))
			if got := code(r); got != c.code {
				t.Errorf("problem %q, want %q (%+v)", got, c.code, r)
			}
			for _, p := range r.Problems {
				if p.Message == "" || p.Remedy == shippost.RemedyNone {
					t.Errorf("problem without a sentence or remedy: %+v", p)
				}
			}
		})
	}
}

func TestOtherContainersAreNamed(t *testing.T) {
	for file, c := range map[string]struct{ args, code string }{
		"a.mkv":      {picture + h264, "video_matroska"},
		"a.avi":      {picture + "-c:v mpeg4", "video_avi"},
		"a.3gp":      {picture + "-c:v mpeg4", "video_3gp"},
		"sound.m4a":  {sound + "-c:a aac", "no_picture"},
		"sound.weba": {sound + "-c:a libopus -f webm", "no_picture"},
		"a.apng":     {picture + "-frames:v 3", "photo_animated"},
		"anim.webp":  {picture + "-frames:v 3 -c:v libwebp_anim", "photo_animated"},
		"a.gif":      {picture + "-frames:v 3", "photo_gif"},
		"a.ts":       {picture + h264, "file_not_media"},
		"a.flv":      {picture + h264, "file_not_media"},
	} {
		if got := code(look(t, made(t, file, c.args))); got != c.code {
			t.Errorf("%s: problem %q, want %q", file, got, c.code)
		}
	}
}

func TestPhotosAreRead(t *testing.T) {
	for file, c := range map[string]struct{ args, kind string }{
		"a.jpg":  {picture + "-frames:v 1", "jpeg"},
		"a.png":  {picture + "-frames:v 1", "png"},
		"a.webp": {picture + "-frames:v 1 -c:v libwebp", "webp"},
	} {
		want := probe.Report{Kind: shippost.Photo, Type: "image/" + c.kind, Facts: shippost.MediaFacts{Container: c.kind, Width: 640, Height: 360}}
		if diff := cmp.Diff(want, look(t, made(t, file, c.args))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", file, diff)
		}
	}
}

func TestS11_PictureBombs(t *testing.T) {
	header := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(u32(32768, 32768), 8, 6, 0, 0, 0))...)
	if got := code(lookBytes(t, append(header, pngChunk("IEND", nil)...))); got != "photo_too_many_pixels" {
		t.Errorf("a photo of a thousand megapixels: %q", got)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "big.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte{0xFF, 0xD8, 0xFF, 0xE0}); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(probe.MaxPhoto + 1); err != nil {
		t.Fatal(err)
	}
	if got := code(look(t, f.Name())); got != "photo_too_large" {
		t.Errorf("a photo of more than 20 MB: %q", got)
	}
}

// A sparse file of 4 GB with the index at its end takes milliseconds, and its truncated twin is told apart.
func TestFourGigabytes(t *testing.T) {
	p := read(t, made(t, "a.mp4", picture+sound+h264+"-c:a aac"))
	moov := bytes.LastIndex(p, []byte("moov")) - 4
	file := filepath.Join(t.TempDir(), "huge.mp4")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 4 << 30
	// ftyp, the samples where the index expects them, a giant free box, then the index.
	gap := binary.BigEndian.AppendUint64(append(u32(1), "free"...), uint64(size-moov-(len(p)-moov)))
	for at, b := range map[int64][]byte{0: p[:moov], int64(moov): gap, size - int64(len(p)-moov): p[moov:]} {
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	r := look(t, file)
	if took := time.Since(began); took > 200*time.Millisecond {
		t.Errorf("reading took %s", took)
	}
	if code(r) != "" || r.Facts.Width != 640 || math.Abs(r.Facts.Duration.Seconds()-2) > 0.1 {
		t.Errorf("report %+v", r)
	}
	if err := f.Truncate(size - 1); err != nil {
		t.Fatal(err)
	}
	if got := code(look(t, file)); got != "file_incomplete" {
		t.Errorf("one byte short: %q, want file_incomplete", got)
	}
}

func TestReadErrorsAreErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := probe.Probe(t.Context(), failingReader{broken}, 1000)
	if !errors.Is(err, broken) {
		t.Errorf("Probe of an unreadable file: %v, want the disk's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := read(t, made(t, "a.mp4", picture+sound+h264+"-c:a aac"))
	if _, err := probe.Probe(ctx, bytes.NewReader(p), int64(len(p))); !errors.Is(err, context.Canceled) {
		t.Errorf("Probe after cancel: %v, want context.Canceled", err)
	}
}

type failingReader struct{ err error }

func (f failingReader) ReadAt(p []byte, _ int64) (int, error) { return iotest.ErrReader(f.err).Read(p) }
