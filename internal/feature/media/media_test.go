package media_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// video returns a real film of two seconds; with a place in it if asked.
var video = func() func(t testing.TB, place string) []byte {
	var mu sync.Mutex
	films := map[string][]byte{}
	return func(t testing.TB, place string) []byte {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if films[place] == nil {
			file := filepath.Join(t.TempDir(), "film.mov")
			args := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30:duration=2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
			if place != "" {
				args = append(args, "-metadata", "location="+place)
			}
			if out, err := exec.Command("ffmpeg", append(args, file)...).CombinedOutput(); err != nil {
				t.Fatalf("These tests need ffmpeg (Debian: apt install ffmpeg): %v %s", err, out)
			}
			p, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			films[place] = p
		}
		return bytes.Clone(films[place])
	}
}()

func photo(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sum(p []byte) string {
	s := sha256.Sum256(p)
	return hex.EncodeToString(s[:])
}

func stored(t testing.TB, l *media.Library, m shippost.Media) []byte {
	t.Helper()
	r, err := l.Open(t.Context(), m, 0)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func begin(t testing.TB, l *media.Library, actor shippost.Actor, size int) store.Upload {
	t.Helper()
	u, err := l.Begin(t.Context(), actor, media.Offer{Size: int64(size), FileName: "a.mp4"})
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	return u
}

func spooled(t testing.TB, l *media.Library) int {
	t.Helper()
	files, err := l.Spool.List()
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func inBucket(t testing.TB, l *media.Library) []string {
	t.Helper()
	var all []string
	for _, folder := range []string{"media", "poster"} {
		for info, err := range l.Bucket.List(t.Context(), folder) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, info.Key)
		}
	}
	return all
}

func TestP01_VideoIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		l := mediatest.Open(t, db)
		film := video(t, "")
		m := mediatest.Upload(t, l, actor, "../../Urlaub.mov", film)
		if m.Status != shippost.MediaReady || !m.Usable() || m.Kind != shippost.Video || m.Type != "video/quicktime" || m.FileName != "Urlaub.mov" || m.Facts.Width != 640 {
			t.Errorf("media %+v", m)
		}
		if m.SHA256 != sum(film) || m.ReceivedSHA256 != sum(film) || len(m.Removed) != 0 {
			t.Errorf("hashes %s and %s with %v removed, want %s twice", m.ReceivedSHA256, m.SHA256, m.Removed, sum(film))
		}
		if !bytes.Equal(stored(t, l, m), film) {
			t.Error("the stored bytes differ")
		}
		if err := l.Verify(t.Context(), m); err != nil {
			t.Errorf("Verify: %v", err)
		}
		if n := spooled(t, l); n != 0 {
			t.Errorf("%d files are left in the spool", n)
		}
		var kinds []shippost.EntryKind
		storetest.View(t, db, func(tx *store.Tx) error {
			entries, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: actor.Workspace})
			for _, e := range entries {
				if e.Media == m.ID {
					kinds = append(kinds, e.Kind)
				}
			}
			return err
		})
		if !slices.Equal(kinds, []shippost.EntryKind{shippost.EntryMediaChecked, shippost.EntryMediaReceived}) {
			t.Errorf("journal has %v", kinds)
		}
	})
}

func TestS12_LocationIsRemovedAndTheUserIsTold(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	film := video(t, "+52.5163+013.3777/")
	if !bytes.Contains(film, []byte("52.5163")) {
		t.Fatal("the test film holds no place")
	}
	m := mediatest.Upload(t, l, actor, "a.mov", film)
	got := stored(t, l, m)
	if bytes.Contains(got, []byte("52.5163")) {
		t.Error("the place is still in the stored file")
	}
	if m.ReceivedSHA256 != sum(film) || m.SHA256 != sum(got) || m.SHA256 == m.ReceivedSHA256 || m.Size != int64(len(film)) {
		t.Errorf("hashes or size are wrong: %+v", m)
	}
	if !slices.Equal(m.Removed, []string{"location"}) {
		t.Errorf("removed %v, want location", m.Removed)
	}
	if found, err := l.Find(t.Context(), actor, sum(film)); err != nil || found.ID != m.ID {
		t.Errorf("Find by the original's hash: %v, %v", found.ID, err)
	}
}

func TestPhotoBecomesWhatPlatformsTake(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	m := mediatest.Upload(t, l, actor, "a.png", photo(t, 2160, 3840))
	got := stored(t, l, m)
	if m.Status != shippost.MediaReady || m.Type != "image/jpeg" || m.Facts.Width != 1080 || m.Facts.Height != 1920 || m.Size != int64(len(got)) || m.SHA256 != sum(got) {
		t.Errorf("media %+v", m)
	}
	if _, err := jpeg.Decode(bytes.NewReader(got)); err != nil {
		t.Errorf("what is stored is no JPEG: %v", err)
	}
	if len(m.Problems) != 1 || m.Problems[0].Code != "photo_scaled" || !m.Usable() {
		t.Errorf("problems %+v, want a warning", m.Problems)
	}
	poster, err := l.Poster(t.Context(), actor, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer poster.Close()
	if _, err := jpeg.Decode(poster); err != nil || poster.Type != "image/jpeg" {
		t.Errorf("poster: %v, %s", err, poster.Type)
	}
	if n := spooled(t, l); n != 0 {
		t.Errorf("%d files are left in the spool", n)
	}
}

func TestRejectedFileSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	film := video(t, "")
	for name, c := range map[string]struct {
		content []byte
		code    string
	}{
		"text.mp4":      {[]byte("<html><script>alert(1)</script></html>"), "file_not_media"},
		"cut.mov":       {film[:len(film)/2], "file_incomplete"},
		"one-byte.webm": {[]byte("x"), "file_not_media"},
		"hollow.jpg":    {[]byte("\xff\xd8\xff\xd9"), "file_damaged"},
	} {
		m := mediatest.Upload(t, l, actor, name, c.content)
		if m.Status != shippost.MediaRejected || m.Usable() || len(m.Problems) == 0 || m.Problems[0].Code != c.code {
			t.Errorf("%s: %s with %+v, want rejected with %s", name, m.Status, m.Problems, c.code)
		}
		if _, err := l.Open(t.Context(), m, 0); !shippost.IsCode(err, "media_changed") {
			t.Errorf("%s can be opened: %v", name, err)
		}
	}
	if files := inBucket(t, l); len(files) != 0 || spooled(t, l) != 0 {
		t.Errorf("rejected files are kept: %v, %d in the spool", files, spooled(t, l))
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	storetest.EachAt(t, start, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		free := int64(1 << 40)
		l := mediatest.Open(t, db, func(o *media.Options) {
			o.Quota, o.Daily, o.Parallel, o.MaxSize = 1000, 1500, 2, 600
			o.Space = func() (int64, int64, error) { return free, 2 << 40, nil }
		})
		try := func(actor shippost.Actor, size int64) (store.Upload, string) {
			t.Helper()
			u, err := l.Begin(t.Context(), actor, media.Offer{Size: size})
			if err == nil {
				return u, ""
			}
			e := shippost.AsError(err)
			if e.Message == "" {
				t.Errorf("%s without a sentence", e.Code)
			}
			return u, e.Code
		}
		want := func(actor shippost.Actor, size int64, code string) store.Upload {
			t.Helper()
			u, got := try(actor, size)
			if got != code {
				t.Errorf("Begin with %d bytes: %q, want %q", size, got, code)
			}
			return u
		}
		want(actor, 0, "upload_empty")
		want(actor, -1, "upload_empty")
		want(actor, 601, "upload_too_large")
		want(shippost.Actor{Kind: shippost.ActorUser, Workspace: actor.Workspace, Role: shippost.Viewer}, 1, "not_allowed")
		want(shippost.Actor{}, 1, "sign_in_required")
		a := want(actor, 600, "")
		want(actor, 401, "storage_quota_full")
		b := want(actor, 400, "")
		want(actor, 1, "too_many_uploads")
		want(other, 600, "") // another workspace is not touched
		for _, u := range []store.Upload{a, b} {
			if err := l.Abort(t.Context(), actor, u.ID); err != nil {
				t.Fatal(err)
			}
		}
		want(actor, 501, "upload_quota_day")
		want(actor, 500, "")
		clock.Advance(25 * time.Hour)
		want(actor, 500, "")
		free = 2<<40/20 + 99
		want(other, 100, "disk_full")
		want(other, 98, "")
		if n := spooled(t, l); n != 4 {
			t.Errorf("%d files in the spool, want those of the 4 open uploads", n)
		}
	})
}

func TestParallelLimitHoldsUnderRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		l := mediatest.Open(t, db)
		var wg sync.WaitGroup
		var mu sync.Mutex
		began := 0
		for range 12 {
			wg.Go(func() {
				_, err := l.Begin(t.Context(), actor, media.Offer{Size: 10})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					began++
				} else if !shippost.IsCode(err, "too_many_uploads") {
					t.Errorf("Begin: %v", err)
				}
			})
		}
		wg.Wait()
		if began != 3 {
			t.Errorf("%d uploads began at once, want 3", began)
		}
	})
}

func TestUploadInPiecesSurvivesRestarts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		dir := t.TempDir()
		content := make([]byte, 3_000_001)
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		u := begin(t, mediatest.OpenIn(t, db, dir), actor, len(content))
		broken := errors.New("connection lost")
		for at, piece := 0, 0; at < len(content); piece++ {
			l := mediatest.OpenIn(t, db, dir) // a new process each time
			n := min(700_000+piece, len(content)-at)
			src := io.Reader(bytes.NewReader(content[at : at+n]))
			if piece%2 == 1 {
				src = io.MultiReader(src, iotest.ErrReader(broken))
			}
			got, err := l.Append(t.Context(), actor, u.ID, int64(at), src)
			if got != int64(n) || (err != nil && !errors.Is(err, broken)) {
				t.Fatalf("Append at %d: %d, %v; want %d", at, got, err, n)
			}
			at += n
			// A crash may leave bytes that were never synced: they must not count.
			if f, err := l.Spool.OpenFile(string(u.Media)); err == nil {
				if _, err := f.WriteAt([]byte("garbage"), int64(at)); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
			now, err := l.Upload(t.Context(), actor, u.ID)
			if err != nil || now.Received != int64(at) {
				t.Fatalf("the upload stands at %d, want %d (%v)", now.Received, at, err)
			}
		}
		l := mediatest.OpenIn(t, db, dir)
		m, err := l.Get(t.Context(), actor, u.Media)
		if err != nil || m.Status != shippost.MediaChecking || m.ReceivedSHA256 != sum(content) {
			t.Errorf("after the last byte: %s with hash %s, want checking with %s (%v)", m.Status, m.ReceivedSHA256, sum(content), err)
		}
		if _, err := l.Append(t.Context(), actor, u.ID, int64(len(content)), strings.NewReader("more")); !shippost.IsCode(err, "upload_finished") {
			t.Errorf("Append after the end: %v, want upload_finished", err)
		}
	})
}

// TestHashGoesOnFromItsState: after a restart the bytes before it are not read again. The hash is of what arrived, whatever has
// become of those bytes on disk since; one made from the disk would take the damage for the file.
func TestHashGoesOnFromItsState(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		dir := t.TempDir()
		content := []byte(strings.Repeat("0123456789", 100_000))
		first := mediatest.OpenIn(t, db, dir)
		u := begin(t, first, actor, len(content))
		if _, err := first.Append(t.Context(), actor, u.ID, 0, bytes.NewReader(content[:600_000])); err != nil {
			t.Fatal(err)
		}
		f, err := first.Spool.OpenFile(string(u.Media))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("damage"), 1000); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		next := mediatest.OpenIn(t, db, dir) // a new process
		if _, err := next.Append(t.Context(), actor, u.ID, 600_000, bytes.NewReader(content[600_000:])); err != nil {
			t.Fatal(err)
		}
		if m, err := next.Get(t.Context(), actor, u.Media); err != nil || m.ReceivedSHA256 != sum(content) {
			t.Errorf("hash %s, %v; want %s, of what arrived", m.ReceivedSHA256, err, sum(content))
		}
	})
}

func TestHashIsMadeAgainWhenItsStateIsForeign(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	content := []byte(strings.Repeat("0123456789", 100_000))
	u := begin(t, l, actor, len(content))
	if _, err := l.Append(t.Context(), actor, u.ID, 0, bytes.NewReader(content[:600_000])); err != nil {
		t.Fatal(err)
	}
	storetest.Update(t, db, func(tx *store.Tx) error {
		now, err := tx.Upload(t.Context(), actor.Workspace, u.ID)
		now.HashState = "bm90IGEgaGFzaA=="
		if _, aerr := tx.AdvanceUpload(t.Context(), &now, now.Received); aerr != nil {
			return aerr
		}
		return err
	})
	if _, err := l.Append(t.Context(), actor, u.ID, 600_000, bytes.NewReader(content[600_000:])); err != nil {
		t.Fatal(err)
	}
	if m, err := l.Get(t.Context(), actor, u.Media); err != nil || m.ReceivedSHA256 != sum(content) {
		t.Errorf("hash %s, %v; want %s", m.ReceivedSHA256, err, sum(content))
	}
}

func TestWrongOffsetAndStrangers(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	u := begin(t, l, actor, 100)
	for _, offset := range []int64{-1, 1, 100, 1 << 40} {
		if _, err := l.Append(t.Context(), actor, u.ID, offset, strings.NewReader("x")); !shippost.IsCode(err, "wrong_offset") {
			t.Errorf("Append at %d: %v, want wrong_offset", offset, err)
		}
	}
	_, appendErr := l.Append(t.Context(), stranger, u.ID, 0, strings.NewReader("x"))
	_, uploadErr := l.Upload(t.Context(), stranger, u.ID)
	_, getErr := l.Get(t.Context(), stranger, u.Media)
	_, contentErr := l.Content(t.Context(), stranger, u.Media)
	_, posterErr := l.Poster(t.Context(), stranger, u.Media)
	for call, err := range map[string]error{"Append": appendErr, "Upload": uploadErr, "Get": getErr, "Content": contentErr, "Poster": posterErr,
		"Abort": l.Abort(t.Context(), stranger, u.ID), "Delete": l.Delete(t.Context(), stranger, u.Media), "SetPoster": l.SetPoster(t.Context(), stranger, u.Media, nil)} {
		if !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("%s by a stranger: %v, want NotFound", call, err)
		}
	}
	if now, err := l.Upload(t.Context(), actor, u.ID); err != nil || now.Received != 0 {
		t.Errorf("after all that the upload stands at %d (%v)", now.Received, err)
	}
}

func TestFileLongerThanDeclaredIsCutOff(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	u := begin(t, l, actor, 5)
	if n, err := l.Append(t.Context(), actor, u.ID, 0, strings.NewReader("0123456789")); n != 5 || err != nil {
		t.Errorf("Append = %d, %v; want the 5 bytes that were declared", n, err)
	}
	if m, err := l.Get(t.Context(), actor, u.Media); err != nil || m.ReceivedSHA256 != sum([]byte("01234")) {
		t.Errorf("hash %s, %v", m.ReceivedSHA256, err)
	}
}

// gate is a source that gives its bytes when told to, and can be interrupted.
type gate struct {
	bytes   chan []byte
	asked   chan struct{} // a token for each Read that began
	stopped chan struct{}
	once    sync.Once
}

func newGate() *gate {
	return &gate{bytes: make(chan []byte), asked: make(chan struct{}, 100), stopped: make(chan struct{})}
}

func (g *gate) Read(p []byte) (int, error) {
	g.asked <- struct{}{}
	select {
	case b, ok := <-g.bytes:
		if !ok {
			return 0, io.EOF
		}
		return copy(p, b), nil
	case <-g.stopped:
		return 0, os.ErrDeadlineExceeded
	}
}

func (g *gate) Interrupt() { g.once.Do(func() { close(g.stopped) }) }

func TestOneWriterAtATime(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	storetest.EachAt(t, start, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		actor := storetest.Workspace(t, db)
		l := mediatest.Open(t, db)
		u := begin(t, l, actor, 10)
		first := newGate()
		ended := make(chan error, 1)
		go func() {
			_, err := l.Append(t.Context(), actor, u.ID, 0, first)
			ended <- err
		}()
		first.bytes <- []byte("01")
		first.bytes <- []byte("23")
		for range 3 {
			<-first.asked // with the third Read both pieces are stored, and the writer has noted when
		}
		if _, err := l.Append(t.Context(), actor, u.ID, 0, strings.NewReader("0123456789")); !shippost.IsCode(err, "upload_busy") {
			t.Errorf("a second writer: %v, want upload_busy", err)
		}
		if err := l.Ready(u.ID); !shippost.IsCode(err, "upload_busy") {
			t.Errorf("Ready: %v, want upload_busy", err)
		}
		// The first one lost its network. Whoever comes back finds out where it stands.
		clock.Advance(6 * time.Second)
		now, err := l.Upload(t.Context(), actor, u.ID)
		if err != nil || now.Received != 4 {
			t.Errorf("the upload stands at %d, %v; want 4", now.Received, err)
		}
		// It is told to stop and woken at once; it may notice either first.
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) && !shippost.IsCode(err, "upload_busy") {
			t.Errorf("the stalled writer ended with %v", err)
		}
		if n, err := l.Append(t.Context(), actor, u.ID, 4, strings.NewReader("456789")); n != 6 || err != nil {
			t.Errorf("going on: %d, %v", n, err)
		}
		if m, err := l.Get(t.Context(), actor, u.Media); err != nil || m.ReceivedSHA256 != sum([]byte("0123456789")) {
			t.Errorf("hash %s, %v", m.ReceivedSHA256, err)
		}
	})
}

func TestAbortEndsTheWriterAndFreesSpace(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	u := begin(t, l, actor, 10)
	src := newGate()
	ended := make(chan error, 1)
	go func() {
		_, err := l.Append(t.Context(), actor, u.ID, 0, src)
		ended <- err
	}()
	src.bytes <- []byte("0123")
	if err := l.Abort(t.Context(), actor, u.ID); err != nil {
		t.Fatalf("Abort: %v", err)
	}
	<-ended
	if _, err := l.Upload(t.Context(), actor, u.ID); !shippost.IsCode(err, "upload_not_found") {
		t.Errorf("the upload after Abort: %v", err)
	}
	if m, err := l.Get(t.Context(), actor, u.Media); err != nil || m.Status != shippost.MediaDeleted || spooled(t, l) != 0 {
		t.Errorf("after Abort the media is %s with %d spooled files (%v)", m.Status, spooled(t, l), err)
	}
	for range 3 { // the places are free again
		begin(t, l, actor, 10)
	}
}
