package media_test

import (
	"bytes"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store/storetest"
)

// heic is a photo as phones keep them.
func heic(t *testing.T, w, h int) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.png"), filepath.Join(dir, "a.heic")
	if err := os.WriteFile(in, photo(t, w, h), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("heif-enc", "-q", "60", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("These tests need libheif (Debian: apt install libheif-examples): %v %s", err, text)
	}
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHEICBecomesJPEG(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db, func(o *media.Options) { o.HEIF = probe.HEIFDecoder() })
	for _, c := range []struct {
		name       string
		w, h       int
		wide, high int
		code       string
	}{
		{"one that fits", 800, 600, 800, 600, "photo_rewritten"},
		{"one that is too large", 1200, 1600, 1080, 1440, "photo_scaled"},
	} {
		content := heic(t, c.w, c.h)
		m := mediatest.Upload(t, l, actor, "IMG_0001.HEIC", content)
		got := stored(t, l, m)
		if !m.Usable() || m.Type != "image/jpeg" || m.Facts.Width != c.wide || m.Facts.Height != c.high || m.SHA256 != sum(got) || m.ReceivedSHA256 != sum(content) {
			t.Errorf("%s: %+v", c.name, m)
		}
		if picture, err := jpeg.Decode(bytes.NewReader(got)); err != nil || picture.Bounds().Dx() != c.wide {
			t.Errorf("%s: what is stored: %v", c.name, err)
		}
		if len(m.Problems) == 0 || m.Problems[0].Code != c.code || m.PosterKey == "" {
			t.Errorf("%s: problems %+v, poster %q", c.name, m.Problems, m.PosterKey)
		}
	}
}

// TestHEICWithABrokenProfile: a photo whose colour profile is none can be posted all the same.
func TestHEICWithABrokenProfile(t *testing.T) {
	t.Parallel()
	picture, err := png.Decode(bytes.NewReader(photo(t, 320, 240)))
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, picture, nil); err != nil {
		t.Fatal(err)
	}
	words := []byte("this is no profile ")
	icc := append([]byte("ICC_PROFILE\x00\x01\x01"), bytes.Repeat(words, 8)...)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.jpg"), filepath.Join(dir, "a.heic")
	if err := os.WriteFile(in, slices.Concat(plain.Bytes()[:2], []byte{0xFF, 0xE2, 0, byte(len(icc) + 2)}, icc, plain.Bytes()[2:]), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("heif-enc", "-q", "60", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, text)
	}
	content, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(content, words) {
		t.Fatalf("the profile is not in the file: %v", err)
	}
	db := storetest.SQLite(t)
	l := mediatest.Open(t, db, func(o *media.Options) { o.HEIF = probe.HEIFDecoder() })
	m := mediatest.Upload(t, l, storetest.Workspace(t, db), "IMG_0002.HEIC", content)
	if shown, err := jpeg.Decode(bytes.NewReader(stored(t, l, m))); err != nil || !m.Usable() || m.Type != "image/jpeg" || shown.Bounds().Dx() != 320 {
		t.Errorf("it became %+v", m)
	}
}

func TestHEICThatCannotBeReadIsRefusedInWords(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	good := heic(t, 640, 480)
	for name, c := range map[string]struct {
		decoder string
		content []byte
	}{
		"no decoder":                  {"", good},
		"a decoder that is not there": {"/nonexistent/heif-convert", good},
		"cut":                         {probe.HEIFDecoder(), good[:len(good)/3]},
		"a header alone":              {probe.HEIFDecoder(), good[:40]},
	} {
		l := mediatest.Open(t, db, func(o *media.Options) { o.HEIF = c.decoder })
		m := mediatest.Upload(t, l, actor, "a.heic", c.content)
		if m.Status != shippost.MediaRejected || len(m.Problems) != 1 || m.Problems[0].Code != "photo_heic" || m.Problems[0].Remedy != shippost.RemedyReplaceMedia {
			t.Errorf("%s: %s %+v", name, m.Status, m.Problems)
		}
	}
}
