package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestExpiry(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	storetest.EachAt(t, start, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		actor := storetest.Workspace(t, db)
		l := mediatest.Open(t, db)
		idle, busy, done := begin(t, l, actor, 10), begin(t, l, actor, 10), begin(t, l, actor, 10)
		if _, err := l.Append(t.Context(), actor, done.ID, 0, strings.NewReader("0123456789")); err != nil {
			t.Fatal(err)
		}
		clock.Advance(23 * time.Hour)
		if _, err := l.Append(t.Context(), actor, busy.ID, 0, strings.NewReader("01234")); err != nil {
			t.Fatal(err)
		}
		clock.Advance(90 * time.Minute)
		if err := l.Sweep(t.Context()); err != nil {
			t.Fatalf("Sweep: %v", err)
		}
		if _, err := l.Upload(t.Context(), actor, idle.ID); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("an upload that rested for more than a day: %v, want gone", err)
		}
		if m, err := l.Get(t.Context(), actor, idle.Media); err != nil || m.Status != shippost.MediaDeleted {
			t.Errorf("its media is %s (%v)", m.Status, err)
		}
		if _, err := l.Upload(t.Context(), actor, busy.ID); err != nil {
			t.Errorf("an upload that moved: %v", err)
		}
		if _, err := l.Upload(t.Context(), actor, done.ID); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("the row of a finished upload: %v, want gone", err)
		}
		if m, err := l.Get(t.Context(), actor, done.Media); err != nil || m.Status != shippost.MediaChecking {
			t.Errorf("the media of a finished upload is %s (%v)", m.Status, err)
		}
		if n := spooled(t, l); n != 2 {
			t.Errorf("%d files in the spool, want 2", n)
		}
	})
}

func TestDeleteIsGuarded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		l := mediatest.Open(t, db)
		m := mediatest.Upload(t, l, actor, "a.mov", video(t, ""))
		p := shippost.Post{ID: shippost.NewPostID(db.Now()), Workspace: actor.Workspace, Account: account.ID, Status: shippost.PostQueued,
			Media: []shippost.MediaID{m.ID}, Due: shippost.Due{At: db.Now().Add(time.Hour)}, Version: 1, CreatedBy: actor.User, CreatedAt: db.Now(), UpdatedAt: db.Now()}
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &p) })
		if err := l.Delete(t.Context(), actor, m.ID); !shippost.IsCode(err, "media_in_use") {
			t.Errorf("Delete of a file that a queued post needs: %v, want media_in_use", err)
		}
		stored(t, l, m)
		p.Status = shippost.PostCancelled
		storetest.Update(t, db, func(tx *store.Tx) error {
			_, err := tx.UpdatePost(t.Context(), &p, shippost.PostQueued, false)
			return err
		})
		for range 2 {
			if err := l.Delete(t.Context(), actor, m.ID); err != nil {
				t.Fatalf("Delete: %v", err)
			}
		}
		gone, err := l.Get(t.Context(), actor, m.ID)
		if err != nil || gone.Status != shippost.MediaDeleted || gone.BlobKey != "" || gone.DeletedAt.IsZero() || gone.SHA256 != m.SHA256 {
			t.Errorf("the row after Delete: %+v (%v)", gone, err)
		}
		if files := inBucket(t, l); len(files) != 0 {
			t.Errorf("bytes are left: %v", files)
		}
		for _, file := range []shippost.Media{m, gone} {
			if _, err := l.Open(t.Context(), file, 0); !shippost.IsCode(err, "media_changed") {
				t.Errorf("Open after Delete: %v, want media_changed", err)
			}
		}
		if _, err := l.Find(t.Context(), actor, m.ReceivedSHA256); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("Find after Delete: %v", err)
		}
	})
}

func TestFindStaysInTheWorkspace(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	m := mediatest.Upload(t, l, actor, "a.mov", video(t, ""))
	if got, err := l.Find(t.Context(), actor, m.ReceivedSHA256); err != nil || got.ID != m.ID {
		t.Errorf("Find: %s, %v", got.ID, err)
	}
	if _, err := l.Find(t.Context(), other, m.ReceivedSHA256); !shippost.IsCode(err, "media_not_found") {
		t.Errorf("Find in another workspace: %v", err)
	}
	if _, err := l.Find(t.Context(), actor, "abc"); !shippost.IsCode(err, "invalid_sha256") {
		t.Errorf("Find of nonsense: %v", err)
	}
}

func TestC7_ChangedFileIsNoticed(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	dir := t.TempDir()
	l := mediatest.OpenIn(t, db, dir)
	film := video(t, "")
	for name, harm := range map[string]func(t *testing.T, file string){
		"one bit": func(t *testing.T, file string) { patch(t, file, []byte{film[5000] ^ 1}, 5000) },
		"shorter": func(t *testing.T, file string) { check(t, os.Truncate(file, int64(len(film)-1))) },
		"missing": func(t *testing.T, file string) { check(t, os.Remove(file)) },
		"a symlink": func(t *testing.T, file string) {
			check(t, os.Rename(file, file+"x"))
			check(t, os.Symlink(file+"x", file))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := mediatest.Upload(t, l, actor, "a.mov", film)
			if err := l.Verify(t.Context(), m); err != nil {
				t.Fatalf("Verify: %v", err)
			}
			found, err := filepath.Glob(filepath.Join(dir, "files", "media", "*", string(m.ID)))
			if err != nil || len(found) != 1 {
				t.Fatalf("found %v, %v", found, err)
			}
			harm(t, found[0])
			r, err := l.Open(t.Context(), m, 100)
			if err == nil {
				r.Close()
				t.Error("Open gives bytes of a changed file")
			}
			if err := l.Verify(t.Context(), m); err == nil || name != "a symlink" && !shippost.IsCode(err, "media_changed") {
				t.Errorf("Verify: %v, want media_changed", err)
			}
			// Another process, which did not see the file before, notices too.
			if err := mediatest.OpenIn(t, db, dir).Verify(t.Context(), m); err == nil {
				t.Error("Verify in a new process finds nothing wrong")
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func patch(t *testing.T, file string, p []byte, at int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	check(t, err)
	_, err = f.WriteAt(p, at)
	check(t, errors.Join(err, f.Close()))
}

// cutBucket fails like a process that dies: before a step, or after it.
type cutBucket struct {
	blob.Bucket
	step  string
	after bool
}

var errDied = errors.New("the process died")

func (c *cutBucket) cut(step string, do func() error) error {
	if c.step == step && !c.after {
		return errDied
	}
	if err := do(); err != nil {
		return err
	}
	if c.step == step {
		return errDied
	}
	return nil
}

func (c *cutBucket) Put(ctx context.Context, key string, r io.Reader) (info blob.Info, err error) {
	err = c.cut("put "+strings.Split(key, "/")[0], func() error { info, err = c.Bucket.Put(ctx, key, r); return err })
	return info, err
}

func (c *cutBucket) Adopt(ctx context.Context, key, path string) (info blob.Info, err error) {
	err = c.cut("adopt", func() error { info, err = c.Bucket.Adopt(ctx, key, path); return err })
	return info, err
}

func TestCheckIsFinishedAfterACrash(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	files := map[string][]byte{"film": video(t, "+52.5163+013.3777/"), "photo": photo(t, 1200, 1200)}
	for file, content := range files {
		for _, step := range []string{"put poster", "put media", "adopt"} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, after %t", file, step, after), func(t *testing.T) {
					dir := t.TempDir()
					with := func(o *media.Options) { o.FFmpeg = probe.FFmpeg() }
					whole := mediatest.Upload(t, mediatest.Open(t, db, with), actor, "whole", content)
					u := begin(t, mediatest.OpenIn(t, db, dir), actor, len(content))
					l := mediatest.OpenIn(t, db, dir, with, func(o *media.Options) { o.Bucket = &cutBucket{o.Bucket, step, after} })
					if _, err := l.Append(t.Context(), actor, u.ID, 0, bytes.NewReader(content)); err != nil {
						t.Fatal(err)
					}
					_ = l.Check(t.Context(), actor.Workspace, u.Media) // dies, or does not come by that step
					l = mediatest.OpenIn(t, db, dir, with)
					if err := l.Check(t.Context(), actor.Workspace, u.Media); err != nil {
						t.Fatalf("Check after the crash: %v", err)
					}
					m, err := l.Get(t.Context(), actor, u.Media)
					if err != nil || m.Status != shippost.MediaReady || m.SHA256 != whole.SHA256 || m.Size != whole.Size || !slices.Equal(m.Removed, whole.Removed) ||
						(m.PosterKey == "") != (whole.PosterKey == "") {
						t.Errorf("after the crash %+v, want as without: %+v (%v)", m, whole, err)
					}
					if got := stored(t, l, m); sum(got) != m.SHA256 {
						t.Error("the stored bytes are not those of the row")
					}
					if n := spooled(t, l); n != 0 {
						t.Errorf("%d files are left in the spool", n)
					}
				})
			}
		}
	}
}

func TestSweepRemovesOrphansOnly(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	later := time.Duration(0)
	l := mediatest.Open(t, db, func(o *media.Options) { o.Now = func() time.Time { return time.Now().Add(later) } })
	m := mediatest.Upload(t, l, actor, "a.png", photo(t, 100, 100))
	begin(t, l, actor, 10)
	orphan := shippost.NewMediaID(time.Now())
	for _, folder := range []string{"media", "poster"} {
		if _, err := l.Bucket.Put(t.Context(), blob.Key(folder, string(orphan)), strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Spool.Create(string(orphan)); err != nil {
		t.Fatal(err)
	}
	want := func(files, inSpool int) {
		t.Helper()
		if err := l.Sweep(t.Context()); err != nil {
			t.Fatalf("Sweep: %v", err)
		}
		if got := len(inBucket(t, l)); got != files || spooled(t, l) != inSpool {
			t.Errorf("%d stored and %d spooled files, want %d and %d", got, spooled(t, l), files, inSpool)
		}
	}
	want(4, 2) // young files are left alone: their rows may be on the way
	later = 2 * time.Hour
	want(4, 1)
	later = 23 * time.Hour
	want(4, 1)
	later = 24*time.Hour + time.Minute
	want(2, 0) // the idle upload went too
	if err := l.Verify(t.Context(), m); err != nil {
		t.Errorf("the file that belongs to a row: %v", err)
	}
}

func TestPosters(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db)
	m := mediatest.Upload(t, l, actor, "a.mov", video(t, ""))
	if _, err := l.Poster(t.Context(), actor, m.ID); !shippost.IsCode(err, "no_poster") {
		t.Errorf("without ffmpeg: %v, want no_poster", err)
	}
	if err := l.SetPoster(t.Context(), actor, m.ID, []byte("<svg/>")); !shippost.IsCode(err, "bad_poster") {
		t.Errorf("SetPoster with SVG: %v, want bad_poster", err)
	}
	var b bytes.Buffer
	check(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 1000, 500)), nil))
	check(t, l.SetPoster(t.Context(), actor, m.ID, b.Bytes()))
	poster, err := l.Poster(t.Context(), actor, m.ID)
	check(t, err)
	defer poster.Close()
	if p, err := jpeg.Decode(poster); err != nil || p.Bounds().Dx() != 720 {
		t.Errorf("poster: %v, %v", p, err)
	}
	l = mediatest.Open(t, db, func(o *media.Options) { o.FFmpeg = probe.FFmpeg() })
	m = mediatest.Upload(t, l, actor, "a.mov", video(t, ""))
	if m.PosterKey == "" {
		t.Error("ffmpeg made no poster")
	}
	l = mediatest.Open(t, db, func(o *media.Options) { o.FFmpeg = "/bin/false" })
	if m = mediatest.Upload(t, l, actor, "a.mov", video(t, "")); m.Status != shippost.MediaReady || m.PosterKey != "" {
		t.Errorf("with a broken ffmpeg: %s, poster %q", m.Status, m.PosterKey)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db, func(o *media.Options) { o.Parallel = 100 })
	var want []shippost.MediaID
	for range 7 {
		want = append(want, begin(t, l, actor, 1).Media)
	}
	var got []shippost.MediaID
	for after := shippost.MediaID(""); ; {
		page, next, err := l.List(t.Context(), actor, store.MediaFilter{After: after, Limit: 3})
		check(t, err)
		for _, m := range page {
			got = append(got, m.ID)
		}
		if after = next; next == "" {
			break
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		t.Errorf("pages give %v, want %v", got, want)
	}
}

func TestDisplayNames(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db, func(o *media.Options) { o.Parallel = 100 })
	for given, want := range map[string]string{
		"Urlaub.mp4": "Urlaub.mp4", "": "file", "..": "..", "/": "file", `C:\Users\me\film.mov`: "film.mov", "../../etc/passwd": "passwd",
		"a\x00b.mp4": "ab.mp4", "evil\u202e4pm.exe": "evil4pm.exe", "line\r\nbreak.mp4": "linebreak.mp4", "\xff\xfe.mp4": ".mp4", " spaced .mp4 ": "spaced .mp4",
		strings.Repeat("ä", 300) + ".mp4": strings.Repeat("ä", 196) + ".mp4",
	} {
		u, err := l.Begin(t.Context(), actor, media.Offer{Size: 1, FileName: given})
		if err != nil || u.FileName != want {
			t.Errorf("%q is shown as %q (%v), want %q", given, u.FileName, err, want)
		}
	}
	for name, bad := range map[string]map[string]string{"long": {"a": strings.Repeat("x", 5000)}, "binary": {"a": "\xff"}, "NUL": {"a": "\x00"}} {
		if _, err := l.Begin(t.Context(), actor, media.Offer{Size: 1, Metadata: bad}); !shippost.IsCode(err, "upload_metadata") {
			t.Errorf("%s metadata: %v", name, err)
		}
	}
}
