package probe_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/probe"
)

func pngChunk(kind string, data []byte) []byte {
	p := append(u32(uint32(len(data))), kind...)
	p = append(p, data...)
	return append(p, u32(crc32.ChecksumIEEE(p[4:]))...)
}

// quarters is a picture whose corners have different colours: red, green, blue, white from the top left, clockwise.
func quarters(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{255, 0, 0, 255}
			switch {
			case x >= w/2 && y < h/2:
				c = color.RGBA{0, 255, 0, 255}
			case x >= w/2:
				c = color.RGBA{0, 0, 255, 255}
			case y >= h/2:
				c = color.RGBA{255, 255, 255, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withSegment puts a marker segment behind the start of a JPEG.
func withSegment(p []byte, marker byte, data []byte) []byte {
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(len(data)+2))
	return slices.Concat(p[:2], segment, data, p[2:])
}

// exif builds an EXIF block with device, orientation and a pointer to GPS data.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	head := []byte("II")
	if order == binary.BigEndian {
		head = []byte("MM")
	}
	p := order.AppendUint16(head, 42)
	p = order.AppendUint32(p, 8)
	p = order.AppendUint16(p, 3)
	entry := func(tag, kind uint16, count uint32, value uint32, short bool) {
		p = order.AppendUint16(p, tag)
		p = order.AppendUint16(p, kind)
		p = order.AppendUint32(p, count)
		if short {
			p = order.AppendUint16(p, uint16(value))
			p = order.AppendUint16(p, 0)
			return
		}
		p = order.AppendUint32(p, value)
	}
	entry(0x0110, 2, uint32(len(device)), 60, false)
	entry(0x0112, 3, 1, uint32(orientation), true)
	entry(0x8825, 4, 1, 80, false)
	return slices.Concat(p, make([]byte, 60-len(p)), text(device), make([]byte, 8), text(place))
}

func clean(t testing.TB, p []byte, fit probe.Fit) probe.CleanedPhoto {
	t.Helper()
	c, err := probe.CleanPhoto(context.Background(), bytes.NewReader(p), int64(len(p)), fit)
	if err != nil {
		t.Fatalf("CleanPhoto: %v", err)
	}
	return c
}

func decoded(t testing.TB, p []byte) image.Image {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(p))
	if err != nil {
		t.Fatalf("the new photo does not decode: %v", err)
	}
	return m
}

func nearly(a, b color.Color) bool {
	r1, g1, b1, _ := a.RGBA()
	r2, g2, b2, _ := b.RGBA()
	far := func(x, y uint32) bool { return math.Abs(float64(x>>8)-float64(y>>8)) > 24 }
	return !far(r1, r2) && !far(g1, g2) && !far(b1, b2)
}

func TestS12_PhotosLoseTheirMetadata(t *testing.T) {
	plain := jpegOf(t, quarters(200, 100))
	exifAt := func(o uint16) []byte { return append([]byte("Exif\x00\x00"), exif(binary.BigEndian, o)...) }
	for name, c := range map[string]struct {
		file    []byte
		removed []string
	}{
		"EXIF":             {withSegment(plain, 0xE1, exifAt(1)), []string{"device name", "location", "camera details"}},
		"EXIF, Intel":      {withSegment(plain, 0xE1, append([]byte("Exif\x00\x00"), exif(binary.LittleEndian, 1)...)), []string{"device name", "location", "camera details"}},
		"broken EXIF":      {withSegment(plain, 0xE1, []byte("Exif\x00\x00II*\x00"+place+device)), []string{"camera details"}},
		"XMP":              {withSegment(plain, 0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x exif:GPSLatitude='"+place+"'/>"+device)), []string{"other metadata"}},
		"IPTC":             {withSegment(plain, 0xED, []byte("Photoshop 3.0\x00"+place)), []string{"other metadata"}},
		"comment":          {withSegment(plain, 0xFE, []byte("<script>alert(1)</script>"+place)), []string{"other metadata"}},
		"thumbnail":        {withSegment(plain, 0xE0, []byte("JFXX\x00\x10"+place)), []string{"other metadata"}},
		"motion photo":     {append(bytes.Clone(plain), append(atom("ftyp", text("mp42")), place...)...), []string{"data after the picture"}},
		"multi picture":    {withSegment(plain, 0xE2, []byte("MPF\x00"+place)), []string{"other metadata"}},
		"HTML in JPEG":     {withSegment(plain, 0xE0, []byte("JFIF\x00<html>"+place)), []string{"other metadata"}},
		"PNG text":         {bytes.Replace(pngOf(t, quarters(200, 100)), pngChunk("IEND", nil), slices.Concat(pngChunk("tEXt", text("Comment\x00"+place)), pngChunk("IEND", nil)), 1), []string{"other metadata"}},
		"PNG EXIF":         {bytes.Replace(pngOf(t, quarters(200, 100)), pngChunk("IEND", nil), slices.Concat(pngChunk("eXIf", exif(binary.BigEndian, 1)), pngChunk("IEND", nil)), 1), []string{"device name", "location", "camera details"}},
		"WebP EXIF":        {webpWith(t, "EXIF", exif(binary.LittleEndian, 1)), []string{"device name", "location", "camera details"}},
		"WebP XMP":         {webpWith(t, "XMP ", []byte("<x>"+place+"</x>")), []string{"other metadata"}},
		"WebP with a tail": {append(read(t, made(t, "a.webp", picture+"-frames:v 1 -c:v libwebp")), place...), []string{"data after the picture"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := clean(t, c.file, probe.Fit{})
			if got.Data == nil || shippost.Blocking(got.Report.Problems) {
				t.Fatalf("the photo was not rewritten: %+v", got.Report)
			}
			if !slices.Equal(got.Removed, c.removed) {
				t.Errorf("removed %v, want %v", got.Removed, c.removed)
			}
			wantClean(t, got.Data)
			wantClean(t, got.Poster)
			if bytes.Contains(got.Data, []byte("script")) || bytes.Contains(got.Data, []byte("html")) {
				t.Error("foreign text is still in the photo")
			}
			decoded(t, got.Data)
			if again := clean(t, got.Data, probe.Fit{}); again.Data != nil {
				t.Error("the rewritten photo is rewritten again")
			}
		})
	}
}

func webpWith(t *testing.T, kind string, data []byte) []byte {
	t.Helper()
	p := read(t, made(t, "a.webp", picture+"-frames:v 1 -c:v libwebp"))
	chunk := append([]byte(kind), binary.LittleEndian.AppendUint32(nil, uint32(len(data)))...)
	chunk = append(chunk, data...)
	if len(data)%2 == 1 {
		chunk = append(chunk, 0)
	}
	p = append(bytes.Clone(p), chunk...)
	binary.LittleEndian.PutUint32(p[4:], uint32(len(p)-8))
	return p
}

func TestPhotosThatAreGoodStayIdentical(t *testing.T) {
	icc := slices.Concat([]byte("ICC_PROFILE\x00\x01\x01"), make([]byte, 16), []byte("RGB XYZ "), make([]byte, 100))
	for name, p := range map[string][]byte{
		"JPEG":                     jpegOf(t, quarters(200, 100)),
		"JPEG with colour profile": withSegment(jpegOf(t, quarters(200, 100)), 0xE2, icc),
		"WebP":                     read(t, made(t, "a.webp", picture+"-frames:v 1 -c:v libwebp")),
		"of exactly the size":      jpegOf(t, quarters(1920, 1080)),
	} {
		c := clean(t, p, probe.Fit{Long: 1920, Short: 1080})
		if c.Data != nil || len(c.Removed) > 0 || len(c.Report.Problems) > 0 {
			t.Errorf("%s was rewritten: removed %v, problems %+v", name, c.Removed, c.Report.Problems)
		}
		if m := decoded(t, c.Poster); max(m.Bounds().Dx(), m.Bounds().Dy()) > 720 {
			t.Errorf("%s: the poster has %s", name, m.Bounds().Size())
		}
	}
}

func TestOrientation(t *testing.T) {
	red, green, blue, white := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{255, 255, 255, 255}
	// The colours at the corners as they must be shown, clockwise from the top left.
	want := map[uint16][4]color.Color{
		1: {red, green, blue, white}, 2: {green, red, white, blue}, 3: {blue, white, red, green}, 4: {white, blue, green, red},
		5: {red, white, blue, green}, 6: {white, red, green, blue}, 7: {blue, green, red, white}, 8: {green, blue, white, red},
	}
	for o, corners := range want {
		p := withSegment(jpegOf(t, quarters(160, 80)), 0xE1, append([]byte("Exif\x00\x00"), exif(binary.LittleEndian, o)...))
		facts := lookBytes(t, p).Facts
		c := clean(t, p, probe.Fit{})
		m := decoded(t, c.Data)
		b := m.Bounds()
		if b.Dx() != facts.Width || b.Dy() != facts.Height || (o >= 5) != (b.Dy() > b.Dx()) || c.Report.Facts.Rotation != 0 {
			t.Errorf("orientation %d: %d × %d, probe says %d × %d", o, b.Dx(), b.Dy(), facts.Width, facts.Height)
		}
		// Whoever agrees to what is sent is told that it is not the file as it was.
		words := map[uint16]string{1: "The photo was saved anew", 2: "mirrored", 3: "turned upright by 180°", 4: "turned upright by 180°", 5: "turned upright", 6: "turned upright by 90°", 7: "turned upright", 8: "turned upright by 270°"}[o]
		if len(c.Report.Problems) != 1 || !strings.Contains(c.Report.Problems[0].Message, words) {
			t.Errorf("orientation %d is told as %+v, want %q", o, c.Report.Problems, words)
		}
		got := [4]color.Color{m.At(8, 8), m.At(b.Dx()-8, 8), m.At(b.Dx()-8, b.Dy()-8), m.At(8, b.Dy()-8)}
		for i := range got {
			if !nearly(got[i], corners[i]) {
				t.Errorf("orientation %d: corner %d is %v, want %v", o, i, got[i], corners[i])
			}
		}
	}
}

func TestPhotosAreMadeToFit(t *testing.T) {
	for _, c := range []struct{ w, h, wantW, wantH int }{
		{4000, 3000, 1440, 1080}, {3000, 4000, 1080, 1440}, {1254, 1254, 1080, 1080}, {5000, 500, 1920, 192}, {1921, 1080, 1920, 1079}, {7, 3001, 4, 1920},
	} {
		got := clean(t, pngOf(t, quarters(c.w, c.h)), probe.Fit{Long: 1920, Short: 1080})
		m := decoded(t, got.Data)
		if s := m.Bounds().Size(); s != image.Pt(c.wantW, c.wantH) || got.Report.Facts.Width != c.wantW || got.Report.Facts.Height != c.wantH || got.Report.Type != "image/jpeg" {
			t.Errorf("%d × %d became %v (%+v), want %d × %d", c.w, c.h, s, got.Report.Facts, c.wantW, c.wantH)
		}
		if len(got.Report.Problems) != 1 || got.Report.Problems[0].Code != "photo_scaled" || got.Report.Problems[0].Severity != shippost.Warn {
			t.Errorf("the creator is told %+v, want photo_scaled", got.Report.Problems)
		}
		if c.w > 100 && (!nearly(m.At(c.wantW/4, c.wantH/4), color.RGBA{255, 0, 0, 255}) || !nearly(m.At(c.wantW*3/4, c.wantH*3/4), color.RGBA{0, 0, 255, 255}) ||
			!nearly(m.At(c.wantW-2, c.wantH-2), color.RGBA{0, 0, 255, 255})) {
			t.Errorf("%d × %d: colours moved", c.w, c.h)
		}
	}
}

func TestTransparencyBecomesWhite(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	got := decoded(t, clean(t, pngOf(t, m), probe.Fit{}).Data)
	if !nearly(got.At(30, 30), color.White) {
		t.Errorf("transparent became %v, want white", got.At(30, 30))
	}
}

func TestColourProfileIsKept(t *testing.T) {
	icc := slices.Concat([]byte("ICC_PROFILE\x00\x01\x01"), make([]byte, 16), []byte("RGB XYZ "), []byte("display p3 numbers"))
	p := withSegment(withSegment(jpegOf(t, quarters(64, 64)), 0xE2, icc), 0xFE, []byte("comment"))
	got := clean(t, p, probe.Fit{})
	if !bytes.Contains(got.Data, icc) {
		t.Error("the colour profile is gone")
	}
	decoded(t, got.Data)
}

// A photo of 21 MB is refused in words; one whose colour profile is none becomes a file that TikTok takes.
func TestAwkwardPhotosAreMended(t *testing.T) {
	segment := append([]byte{0xFF, 0xFE, 0xFF, 0x02}, bytes.Repeat([]byte("x"), 0xFF00)...)
	plain := jpegOf(t, quarters(400, 300))
	large := slices.Concat(plain[:2], bytes.Repeat(segment, 21_000_000/len(segment)+1), plain[2:])
	icc := slices.Concat([]byte("ICC_PROFILE\x00\x01\x01"), bytes.Repeat([]byte("this is no profile "), 4))
	broken := withSegment(withSegment(plain, 0xE2, icc), 0xFE, []byte("comment"))
	if c := clean(t, large, probe.Fit{Long: 1920, Short: 1080}); code(c.Report) != "photo_too_large" || c.Report.Problems[0].Remedy != shippost.RemedyReplaceMedia {
		t.Errorf("21 MB: %+v", c.Report.Problems)
	}
	for name, p := range map[string][]byte{"a broken profile": broken} {
		c := clean(t, p, probe.Fit{Long: 1920, Short: 1080})
		if shippost.Blocking(c.Report.Problems) || len(c.Data) == 0 || len(c.Data) > 1_000_000 || bytes.Contains(c.Data, []byte("this is no profile")) {
			t.Errorf("%s: %d bytes, %+v", name, len(c.Data), c.Report.Problems)
			continue
		}
		if b := decoded(t, c.Data).Bounds(); b.Dx() != 400 || b.Dy() != 300 {
			t.Errorf("%s: became %v", name, b)
		}
	}
}

func TestDamagedPhotoIsFound(t *testing.T) {
	p := jpegOf(t, quarters(400, 400))
	at := bytes.Index(p, []byte{0xFF, 0xDA}) + 2
	header := int(binary.BigEndian.Uint16(p[at:]))
	hollow := slices.Concat(p[:at+header], []byte{0xFF, 0xD9}) // headers and end mark, but no picture
	c := clean(t, hollow, probe.Fit{})
	if got := code(c.Report); got != "file_damaged" {
		t.Errorf("a photo without its picture: problem %q, want file_damaged", got)
	}
}

func TestVideoPoster(t *testing.T) {
	ffmpeg := probe.FFmpeg()
	if ffmpeg == "" {
		t.Fatal("ffmpeg is missing (Debian: apt install ffmpeg)")
	}
	for _, file := range []string{
		made(t, "a.mp4", picture+sound+h264+"-c:a aac"),
		made(t, "vp9.webm", picture+"-c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
		made(t, "hvc1.mp4", picture+"-c:v libx265 -x265-params log-level=none -tag:v hvc1"),
		made(t, "4k.mp4", "-f lavfi -i testsrc2=size=3840x2160:rate=30:duration=0.2 -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1"),
	} {
		poster, err := probe.VideoPoster(t.Context(), ffmpeg, file, look(t, file).Facts)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if s := decoded(t, poster).Bounds().Size(); s.X > 720 || s.Y > 720 || s.X < 600 {
			t.Errorf("%s: the poster has %v", file, s)
		}
	}
	turned := filepath.Join(t.TempDir(), "turned.mp4")
	writeFile(t, turned, string(turn(t, read(t, made(t, "a.mp4", picture+sound+h264+"-c:a aac")), [4]int32{0, 1, -1, 0})))
	poster, err := probe.VideoPoster(t.Context(), ffmpeg, turned, look(t, turned).Facts)
	if err != nil {
		t.Fatal(err)
	}
	if s := decoded(t, poster).Bounds().Size(); s.X > s.Y {
		t.Errorf("the poster of an upright video lies: %v", s)
	}
}

// A playlist that points elsewhere is not followed, because the reader is fixed.
func TestVideoPosterReadsNothingElse(t *testing.T) {
	for name, content := range map[string]string{
		"playlist.mp4": "#EXTM3U\n#EXTINF:1,\nfile:" + made(t, "a.mp4", picture+sound+h264+"-c:a aac") + "\n",
		"concat.mp4":   "ffconcat version 1.0\nfile '" + made(t, "a.mp4", picture+sound+h264+"-c:a aac") + "'\n",
	} {
		file := t.TempDir() + "/" + name
		writeFile(t, file, content)
		if poster, err := probe.VideoPoster(t.Context(), probe.FFmpeg(), file, shippost.MediaFacts{Container: "mp4", Duration: time.Second}); err == nil {
			t.Errorf("%s gave a poster of %d bytes", name, len(poster))
		}
	}
}

func TestRecodePoster(t *testing.T) {
	p := withSegment(jpegOf(t, quarters(1600, 900)), 0xE1, append([]byte("Exif\x00\x00"), exif(binary.LittleEndian, 1)...))
	got, err := probe.RecodePoster(p)
	if err != nil {
		t.Fatal(err)
	}
	wantClean(t, got)
	if s := decoded(t, got).Bounds().Size(); s != image.Pt(720, 405) {
		t.Errorf("the poster has %v, want 720 × 405", s)
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "text": text("hello"), "PNG": pngOf(t, quarters(64, 64)), "half a JPEG": p[:len(p)/2], "tiny": jpegOf(t, quarters(8, 8)),
		"huge": bytes.Repeat([]byte{0xFF}, 9<<20), "many pixels": jpegOf(t, image.NewGray(image.Rect(0, 0, 4000, 4000))),
	} {
		if _, err := probe.RecodePoster(bad); !shippost.IsCode(err, "bad_poster") || !strings.HasPrefix(shippost.AsError(err).Message, "A poster") {
			t.Errorf("%s: %v, want bad_poster", name, err)
		}
	}
}
