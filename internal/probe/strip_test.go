package probe_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost/internal/probe"
)

// memoryFile is a file in memory.
type memoryFile struct {
	*bytes.Reader
	bytes  []byte
	writes int
	left   int // writes until it breaks; -1 for never
}

var errCut = errors.New("power cut")

func newMemoryFile(p []byte) *memoryFile {
	return &memoryFile{Reader: bytes.NewReader(p), bytes: p, left: -1}
}

func (f *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	if f.left == 0 {
		return 0, errCut
	}
	f.left--
	f.writes++
	return copy(f.bytes[at:], p), nil
}

func (f *memoryFile) Sync() error { return nil }

const (
	place  = "+52.5163+013.3777+034.0/"
	device = "CANARY-PHONE-15"
)

// udtaText is a QuickTime text: length, language, text.
func udtaText(s string) []byte { return append([]byte{0, byte(len(s)), 0x15, 0xc7}, s...) }

func mdta(pairs ...string) []byte {
	keys, items := u32(0, uint32(len(pairs)/2)), []byte{}
	for i := 0; i < len(pairs); i += 2 {
		keys = append(keys, atom("mdta", text(pairs[i]))...)
		items = append(items, atom(string(u32(uint32(i/2+1))), atom("data", u32(1, 0), text(pairs[i+1])))...)
	}
	return slices.Concat(atom("hdlr", u32(0, 0), text("mdta"), u32(0, 0, 0), []byte{0}), atom("keys", keys), atom("ilst", items))
}

// phones lays metadata out as real cameras do.
func phones() map[string][]byte {
	xmp := slices.Concat([]byte("\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"), text("<x:xmpmeta exif:GPSLatitude='"+place+"' tiff:Model='"+device+"'/>"))
	canon := slices.Concat([]byte("\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48"), atom("CMT4", text(place)), atom("CNCV", text(device)))
	iso := append(u32(0), mdta("com.android.manufacturer", device, "com.android.model", device, "com.android.capture.fps", "30")...)
	itunes := append(u32(0), slices.Concat(atom("hdlr", u32(0, 0), text("mdir"), u32(0, 0, 0), []byte{0}),
		atom("ilst", atom("\xa9xyz", atom("data", u32(1, 0), text(place))), atom("\xa9nam", atom("data", u32(1, 0), text("holiday"))),
			atom("----", atom("mean", u32(0), text("com.apple.iTunes")), atom("name", u32(0), text("GPS coordinates")), atom("data", u32(1, 0), text(place)))))...)
	return map[string][]byte{
		"iPhone": slices.Concat(atom("meta", mdta("com.apple.quicktime.make", device, "com.apple.quicktime.location.ISO6709", place,
			"com.apple.quicktime.creationdate", "2026-11-01T10:00:00+0100", "com.apple.quicktime.model", device,
			"com.apple.quicktime.location.accuracy.horizontal", place))),
		"old iPhone":         atom("udta", atom("\xa9xyz", udtaText(place)), atom("\xa9mak", udtaText(device)), atom("\xa9mod", udtaText(device)), atom("\xa9day", udtaText("2026"))),
		"with terminator":    atom("udta", atom("\xa9xyz", udtaText(place)), u32(0)),
		"Android":            slices.Concat(atom("udta", atom("\xa9xyz", udtaText(place))), atom("meta", iso)),
		"3GPP loci":          atom("udta", atom("loci", u32(0), text("\x15\xc7Berlin "+place))),
		"Samsung":            atom("udta", atom("smta", atom("mdln", text(device))), atom("auth", udtaText("me"))),
		"Canon":              atom("uuid", canon),
		"GoPro":              atom("udta", atom("FIRM", text(device)), atom("CAME", text(device)), atom("GPMF", text("GPS5"+place))),
		"XMP box":            atom("uuid", xmp),
		"XMP in user data":   atom("udta", atom("XMP_", text("<x:xmpmeta>"+place+"</x:xmpmeta>"))),
		"iTunes list":        atom("udta", atom("meta", itunes)),
		"Nikon":              atom("udta", atom("NCDT", atom("NCTG", text(place+device)))),
		"Fuji":               atom("udta", atom("MVTG", text(device+place))),
		"Sony":               atom("meta", u32(0), atom("hdlr", u32(0, 0), text("nrtm"), u32(0, 0, 0), []byte{0}), atom("xml ", u32(0), text("<Device modelName='"+device+"'/><GPS>"+place+"</GPS>"))),
		"unreadable":         atom("udta", u32(0xffffff), text("\xa9xyz"+place)),
		"unreadable in meta": atom("meta", u32(0), atom("hdlr", u32(0, 0), text("mdta"), u32(0, 0, 0), []byte{0}), u32(0xffffff), text("ilst"+place)),
	}
}

func wantClean(t *testing.T, p []byte) {
	t.Helper()
	for _, canary := range []string{place, device, "52.5163"} {
		if bytes.Contains(p, []byte(canary)) {
			t.Errorf("%q is still in the file", canary)
		}
	}
}

func TestS12_TracesAreErasedInPlace(t *testing.T) {
	for ext, plain := range map[string][]byte{
		"MP4": read(t, made(t, "a.mp4", picture+sound+h264+"-c:a aac")),
		"MOV": read(t, made(t, "a.mov", picture+sound+h264+"-c:a aac")),
	} {
		before := lookBytes(t, plain)
		for phone, boxes := range phones() {
			t.Run(ext+" "+phone, func(t *testing.T) {
				p := intoMoov(t, plain, boxes)
				f := newMemoryFile(bytes.Clone(p))
				removed, err := probe.Strip(t.Context(), f, int64(len(p)))
				if err != nil {
					t.Fatalf("Strip: %v", err)
				}
				if len(removed) == 0 {
					t.Error("nothing was reported as removed")
				}
				wantClean(t, f.bytes)
				if len(f.bytes) != len(p) || !bytes.Equal(f.bytes[:len(plain)-100], p[:len(plain)-100]) && !bytes.Equal(mediaData(t, f.bytes), mediaData(t, p)) {
					t.Error("size or samples changed")
				}
				if diff := cmp.Diff(before, lookBytes(t, f.bytes)); diff != "" {
					t.Errorf("facts changed (-before +after)\n%s", diff)
				}
				again := newMemoryFile(bytes.Clone(f.bytes))
				if removed, err := probe.Strip(t.Context(), again, int64(len(p))); err != nil || len(removed) != 0 || again.writes != 0 {
					t.Errorf("a second Strip removed %v with %d writes, %v", removed, again.writes, err)
				}
				wantPlayable(t, f.bytes, ext)
			})
		}
	}
}

func mediaData(t *testing.T, p []byte) []byte {
	t.Helper()
	at := bytes.Index(p, []byte("mdat")) - 4
	return p[at : at+int(uint32(p[at])<<24|uint32(p[at+1])<<16|uint32(p[at+2])<<8|uint32(p[at+3]))]
}

// wantPlayable has ffprobe read the file and asks that it finds no place or device either.
func wantPlayable(t *testing.T, p []byte, ext string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x."+strings.ToLower(ext))
	if err := os.WriteFile(file, p, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames:format_tags", "-of", "flat", file).Output()
	if err != nil {
		t.Fatalf("ffprobe (Debian package ffmpeg): %v", err)
	}
	if !strings.Contains(string(out), `nb_read_frames="60"`) {
		t.Errorf("ffprobe does not read 60 frames any more: %s", out)
	}
	for _, canary := range []string{place, device} {
		if strings.Contains(string(out), canary) {
			t.Errorf("ffprobe still finds %s: %s", canary, out)
		}
	}
}

func TestVideosWithoutTracesStayIdentical(t *testing.T) {
	for _, file := range []string{
		made(t, "a.mp4", picture+sound+h264+"-c:a aac"),
		made(t, "tagged.mp4", picture+h264+"-metadata title=Holiday -metadata comment=hello -metadata date=2026"),
		made(t, "a.mov", picture+sound+h264+"-c:a aac"),
		made(t, "frag.mp4", picture+sound+h264+"-c:a aac -movflags frag_keyframe+empty_moov -g 15"),
		made(t, "vp8.webm", picture+sound+"-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus"),
		made(t, "tagged.webm", picture+"-c:v libvpx -deadline realtime -cpu-used 8 -metadata title=Holiday"),
		made(t, "subtitled.mp4", picture+"-f srt -i "+subtitles(t, "Hello there")+" "+h264+"-c:s mov_text"),
	} {
		p := read(t, file)
		f := newMemoryFile(bytes.Clone(p))
		removed, err := probe.Strip(t.Context(), f, int64(len(p)))
		if err != nil || len(removed) != 0 || f.writes != 0 || !bytes.Equal(f.bytes, p) {
			t.Errorf("%s: removed %v with %d writes, %v", filepath.Base(file), removed, f.writes, err)
		}
	}
}

func subtitles(t *testing.T, line string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.srt")
	if err := os.WriteFile(file, []byte("1\n00:00:00,000 --> 00:00:01,000\n"+line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Drones write their position as subtitles, action cameras as a track of its own.
func TestS12_TelemetryTracksAreErased(t *testing.T) {
	drone := read(t, made(t, "drone.mp4", picture+"-f srt -i "+subtitles(t, "GPS ("+place+")")+" "+h264+"-c:s mov_text"))
	if !bytes.Contains(drone, []byte(place)) {
		t.Fatal("the test file holds no position")
	}
	gopro := bytes.ReplaceAll(drone, []byte("tx3g"), []byte("gpmd"))
	for name, p := range map[string][]byte{"drone": drone, "action camera": gopro} {
		f := newMemoryFile(bytes.Clone(p))
		removed, err := probe.Strip(t.Context(), f, int64(len(p)))
		if err != nil || !slices.Equal(removed, []string{"motion and GPS track"}) {
			t.Errorf("%s: removed %v, %v", name, removed, err)
		}
		wantClean(t, f.bytes)
		wantPlayable(t, f.bytes, "MP4")
	}
}

func TestS12_WebMTags(t *testing.T) {
	p := read(t, made(t, "traces.webm", picture+"-c:v libvpx -deadline realtime -cpu-used 8 -metadata LOCATION="+place+" -metadata com.android.model="+device+" -metadata title=Holiday"))
	if !bytes.Contains(p, []byte(place)) {
		t.Fatal("the test file holds no place")
	}
	before := lookBytes(t, p)
	f := newMemoryFile(bytes.Clone(p))
	removed, err := probe.Strip(t.Context(), f, int64(len(p)))
	slices.Sort(removed)
	if err != nil || !slices.Equal(removed, []string{"device name", "location"}) {
		t.Errorf("removed %v, %v; want device name and location", removed, err)
	}
	wantClean(t, f.bytes)
	if !bytes.Contains(f.bytes, []byte("Holiday")) {
		t.Error("the title is gone too")
	}
	if diff := cmp.Diff(before, lookBytes(t, f.bytes)); diff != "" {
		t.Errorf("facts changed (-before +after)\n%s", diff)
	}
	wantPlayable(t, f.bytes, "webm")
}

// A power cut after any number of writes leaves something that a second Strip finishes.
func TestStripIsFinishedAfterAnInterruption(t *testing.T) {
	plain := read(t, made(t, "a.mov", picture+sound+h264+"-c:a aac"))
	all := phones()
	delete(all, "unreadable")
	files := map[string][]byte{"WebM": read(t, made(t, "traces.webm", picture+"-c:v libvpx -deadline realtime -cpu-used 8 -metadata LOCATION="+place+" -metadata com.android.model="+device+" -metadata title=Holiday"))}
	for phone, boxes := range all {
		files[phone] = intoMoov(t, plain, boxes)
	}
	for name, p := range files {
		whole := newMemoryFile(bytes.Clone(p))
		if _, err := probe.Strip(t.Context(), whole, int64(len(p))); err != nil {
			t.Fatal(err)
		}
		for cut := range whole.writes {
			f := newMemoryFile(bytes.Clone(p))
			f.left = cut
			if _, err := probe.Strip(t.Context(), f, int64(len(p))); !errors.Is(err, errCut) {
				t.Fatalf("%s: Strip with a cut after %d writes: %v", name, cut, err)
			}
			f.left = -1
			if _, err := probe.Strip(t.Context(), f, int64(len(p))); err != nil {
				t.Fatalf("%s: Strip after a cut: %v", name, err)
			}
			wantClean(t, f.bytes)
			if !bytes.Equal(f.bytes, whole.bytes) && name != "unreadable in meta" { // nothing tells any more that it was unreadable
				t.Errorf("%s: a cut after %d of %d writes changes the result", name, cut, whole.writes)
			}
		}
	}
}

func FuzzProbe(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := probe.Probe(context.Background(), bytes.NewReader(p), int64(len(p)))
		if err != nil {
			t.Fatalf("an error instead of a problem: %v", err)
		}
		for _, x := range r.Problems {
			if x.Code == "" || x.Message == "" {
				t.Fatalf("a problem without words: %+v", x)
			}
		}
	})
}

func FuzzStrip(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := probe.Probe(context.Background(), bytes.NewReader(p), int64(len(p)))
		if err != nil || len(r.Problems) > 0 {
			return
		}
		file := newMemoryFile(bytes.Clone(p))
		removed, err := probe.Strip(context.Background(), file, int64(len(p)))
		if err != nil {
			return // refused; nothing may be claimed
		}
		if len(removed) == 0 && !bytes.Equal(file.bytes, p) {
			t.Fatal("the file changed without a word")
		}
		if len(file.bytes) != len(p) {
			t.Fatal("the size changed")
		}
		after, err := probe.Probe(context.Background(), file, int64(len(p)))
		if err != nil {
			t.Fatal(err)
		}
		if len(removed) == 0 && !cmp.Equal(r, after) {
			t.Fatalf("facts changed: %+v, %+v", r, after)
		}
	})
}

func seeds(f *testing.F) {
	small := "-f lavfi -i testsrc2=size=64x64:rate=10:duration=0.3 "
	for name, args := range map[string]string{
		"seed.mp4": small + h264, "seed.mov": small + h264, "seedfrag.mp4": small + h264 + "-movflags frag_keyframe+empty_moov",
		"seed.webm": small + "-c:v libvpx -metadata LOCATION=here", "seed.jpg": small + "-frames:v 1", "seed.png": small + "-frames:v 1", "seed.webp": small + "-frames:v 1 -c:v libwebp",
	} {
		p := read(f, made(f, name, args))
		f.Add(p)
		if name == "seed.mov" {
			for _, boxes := range phones() {
				f.Add(intoMoov(f, p, boxes))
			}
		}
	}
}
