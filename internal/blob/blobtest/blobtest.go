// Package blobtest is the suite that every blob.Bucket must pass.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
)

// Run tests the bucket that open returns. Each test asks for a fresh, empty one.
func Run(t *testing.T, open func(t *testing.T) blob.Bucket) {
	for name, test := range map[string]func(*testing.T, blob.Bucket){
		"put and read back":              putAndReadBack,
		"read from an offset":            readFromOffset,
		"replace":                        replace,
		"failed put keeps the old bytes": failedPut,
		"cancelled put stores nothing":   cancelledPut,
		"adopt":                          adopt,
		"adopt refuses what is no file":  adoptNoFile,
		"missing file":                   missing,
		"delete":                         remove,
		"list":                           list,
		"bad keys":                       badKeys,
		"random access":                  randomAccess,
		"many at once":                   manyAtOnce,
		"reader outlives delete":         readerOutlivesDelete,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// BadKeys are keys that every bucket must refuse.
var BadKeys = []string{
	"", "/", "media", "media/", "/media/a", "media//a", "media/a/", "media/a/b", "media/.", "media/..", "../a", "..", "media/../a",
	"media/..a", "media/a..b", "media/a.", "media/.a", "media/-a", "media/_a", `media\a`, `media/a\b`, "media/a\x00", "media/a\x00b", "media/a b",
	"media/a\nb", "media/%2e%2e", "media/ä", "media/ａ", "media/a\u202eb", "media/\xff", "MEDIA/a", "media/A", "media/con", "media/nul.mp4",
	"media/com1", "nul/a", "media/a:b", "media/a*", "media/~", "c:/a", ".part/a", "media/" + strings.Repeat("a", 101), strings.Repeat("m", 17) + "/a",
}

func put(t *testing.T, b blob.Bucket, key, text string) blob.Info {
	t.Helper()
	info, err := b.Put(t.Context(), key, strings.NewReader(text))
	if err != nil {
		t.Fatalf("Put(%s): %v", key, err)
	}
	return info
}

func content(t *testing.T, b blob.Bucket, key string) string {
	t.Helper()
	r, err := b.Open(t.Context(), key, 0)
	if err != nil {
		t.Fatalf("Open(%s): %v", key, err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return string(text)
}

func wantMissing(t *testing.T, b blob.Bucket, key string) {
	t.Helper()
	if _, err := b.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(%s) = %v, want an error that wraps fs.ErrNotExist", key, err)
	}
	if r, err := b.Open(t.Context(), key, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open(%s) = %v, want an error that wraps fs.ErrNotExist", key, err)
		if err == nil {
			r.Close()
		}
	}
}

func keys(t *testing.T, b blob.Bucket, folder string) []string {
	t.Helper()
	var all []string
	for info, err := range b.List(t.Context(), folder) {
		if err != nil {
			t.Fatalf("List(%s): %v", folder, err)
		}
		all = append(all, info.Key)
	}
	slices.Sort(all)
	return all
}

func putAndReadBack(t *testing.T, b blob.Bucket) {
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for key, text := range map[string]string{"media/empty": "", "media/one": "x", "poster/big.jpg": big} {
		info := put(t, b, key, text)
		if info.Key != key || info.Size != int64(len(text)) || info.Version == "" || info.ModTime.IsZero() {
			t.Errorf("Put(%s) = %+v, want key, size %d, a version and a time", key, info, len(text))
		}
		if got := content(t, b, key); got != text {
			t.Errorf("%s holds %d bytes, not the %d that were put", key, len(got), len(text))
		}
		stat, err := b.Stat(t.Context(), key)
		if err != nil || stat.Version != info.Version || stat.Size != info.Size {
			t.Errorf("Stat(%s) = %+v, %v; want what Put said: %+v", key, stat, err, info)
		}
	}
}

func readFromOffset(t *testing.T, b blob.Bucket) {
	put(t, b, "media/a", "0123456789")
	for offset, want := range map[int64]string{0: "0123456789", 4: "456789", 9: "9", 10: ""} {
		r, err := b.Open(t.Context(), "media/a", offset)
		if err != nil {
			t.Errorf("Open at %d: %v", offset, err)
			continue
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != want {
			t.Errorf("from %d: %q, %v; want %q", offset, got, err, want)
		}
	}
	for _, offset := range []int64{-1, 11, 1 << 60} {
		if r, err := b.Open(t.Context(), "media/a", offset); !shippost.IsKind(err, shippost.Invalid) {
			t.Errorf("Open at %d: %v, want Invalid", offset, err)
			if err == nil {
				r.Close()
			}
		}
	}
}

func replace(t *testing.T, b blob.Bucket) {
	before := put(t, b, "media/a", "first")
	after := put(t, b, "media/a", "other")
	if got := content(t, b, "media/a"); got != "other" {
		t.Errorf("after the second Put: %q, want %q", got, "other")
	}
	if before.Version == after.Version {
		t.Errorf("the version %q did not change with the bytes", after.Version)
	}
}

func failedPut(t *testing.T, b blob.Bucket) {
	put(t, b, "media/a", "old")
	broken := errors.New("connection lost")
	r := io.MultiReader(strings.NewReader(strings.Repeat("new", 1<<20)), iotest.ErrReader(broken))
	if _, err := b.Put(t.Context(), "media/a", r); !errors.Is(err, broken) {
		t.Errorf("Put of a broken reader: %v, want the reader's error", err)
	}
	if got := content(t, b, "media/a"); got != "old" {
		t.Errorf("after a failed Put the key holds %d bytes, want the old ones", len(got))
	}
	r = io.MultiReader(strings.NewReader("new"), iotest.ErrReader(broken))
	if _, err := b.Put(t.Context(), "media/b", r); !errors.Is(err, broken) {
		t.Errorf("Put of a broken reader: %v, want the reader's error", err)
	}
	wantMissing(t, b, "media/b")
	if got := keys(t, b, "media"); !slices.Equal(got, []string{"media/a"}) {
		t.Errorf("after a failed Put: %v is listed", got)
	}
}

func cancelledPut(t *testing.T, b blob.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	r := readerFunc(func(p []byte) (int, error) {
		cancel() // a slow body whose request ends meanwhile
		return len(p), nil
	})
	if _, err := b.Put(ctx, "media/a", io.LimitReader(r, 1<<30)); !errors.Is(err, context.Canceled) {
		t.Errorf("Put after cancel: %v, want context.Canceled", err)
	}
	wantMissing(t, b, "media/a")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func adopt(t *testing.T, b blob.Bucket) {
	put(t, b, "media/a", "old")
	file := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(file, []byte("fresh bytes"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"../a", "media/.."} {
		if _, err := b.Adopt(t.Context(), bad, file); !shippost.IsKind(err, shippost.Invalid) {
			t.Errorf("Adopt as %q: %v, want Invalid", bad, err)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("after a refused Adopt the file is gone: %v", err)
	}
	info, err := b.Adopt(t.Context(), "media/a", file)
	if err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	if got := content(t, b, "media/a"); got != "fresh bytes" || info.Size != int64(len(got)) {
		t.Errorf("adopted %q with size %d, want %q", got, info.Size, "fresh bytes")
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the adopted file is still there: %v", err)
	}
}

func adoptNoFile(t *testing.T, b blob.Bucket) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("not yours"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{dir, link, filepath.Join(dir, "absent")} {
		if _, err := b.Adopt(t.Context(), "media/a", file); err == nil {
			t.Errorf("Adopt took over %s", file)
		}
	}
	wantMissing(t, b, "media/a")
}

func missing(t *testing.T, b blob.Bucket) {
	wantMissing(t, b, "media/a")
	put(t, b, "media/b", "x")
	wantMissing(t, b, "media/a")
	wantMissing(t, b, "poster/b")
}

func remove(t *testing.T, b blob.Bucket) {
	put(t, b, "media/a", "x")
	put(t, b, "poster/a", "y")
	for range 2 { // the second time it is already gone
		if err := b.Delete(t.Context(), "media/a"); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		wantMissing(t, b, "media/a")
	}
	if got := content(t, b, "poster/a"); got != "y" {
		t.Errorf("deleting media/a changed poster/a to %q", got)
	}
}

func list(t *testing.T, b blob.Bucket) {
	if got := keys(t, b, "media"); len(got) != 0 {
		t.Errorf("an empty bucket lists %v", got)
	}
	var want []string
	for i := range 50 {
		key := fmt.Sprintf("media/file_%02d", i)
		put(t, b, key, strings.Repeat("x", i))
		want = append(want, key)
	}
	put(t, b, "poster/other", "")
	if got := keys(t, b, "media"); !slices.Equal(got, want) {
		t.Errorf("List gives %d keys %v, want %d", len(got), got, len(want))
	}
	for info, err := range b.List(t.Context(), "media") {
		stat, serr := b.Stat(t.Context(), info.Key)
		if err != nil || serr != nil || stat != info {
			t.Errorf("List says %+v (%v), Stat says %+v (%v)", info, err, stat, serr)
		}
		break // stopping early must be harmless
	}
	for _, folder := range []string{"", ".", "..", "media/", "../media", "Media"} {
		for _, err := range b.List(t.Context(), folder) {
			if !shippost.IsKind(err, shippost.Invalid) {
				t.Errorf("List(%q): %v, want Invalid", folder, err)
			}
		}
	}
}

func badKeys(t *testing.T, b blob.Bucket) {
	file := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range BadKeys {
		_, putErr := b.Put(t.Context(), key, strings.NewReader("x"))
		_, adoptErr := b.Adopt(t.Context(), key, file)
		_, openErr := b.Open(t.Context(), key, 0)
		_, statErr := b.Stat(t.Context(), key)
		for call, err := range map[string]error{"Put": putErr, "Adopt": adoptErr, "Open": openErr, "Stat": statErr, "Delete": b.Delete(t.Context(), key)} {
			if !shippost.IsKind(err, shippost.Invalid) {
				t.Errorf("%s(%q): %v, want Invalid", call, key, err)
			}
		}
	}
}

func randomAccess(t *testing.T, b blob.Bucket) {
	text := strings.Repeat("0123456789", 1000)
	put(t, b, "media/a", text)
	f, info, err := blob.OpenAt(t.Context(), b, "media/a")
	if err != nil {
		t.Fatalf("OpenAt: %v", err)
	}
	defer f.Close()
	if info.Size != int64(len(text)) {
		t.Errorf("OpenAt says %d bytes, want %d", info.Size, len(text))
	}
	if err := iotest.TestReader(io.NewSectionReader(f, 0, info.Size), []byte(text)); err != nil {
		t.Error(err)
	}
	if _, _, err := blob.OpenAt(t.Context(), b, "media/absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenAt of nothing: %v", err)
	}
}

func manyAtOnce(t *testing.T, b blob.Bucket) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			text := bytes.Repeat([]byte{byte('a' + i)}, 100_000)
			if _, err := b.Put(t.Context(), "media/same", bytes.NewReader(text)); err != nil {
				t.Errorf("Put: %v", err)
			}
			if _, err := b.Put(t.Context(), fmt.Sprintf("media/own_%d", i), bytes.NewReader(text)); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	wg.Wait()
	got := content(t, b, "media/same")
	if len(got) != 100_000 || strings.Trim(got, got[:1]) != "" {
		t.Errorf("writers mixed their bytes: %d bytes", len(got))
	}
	if n := len(keys(t, b, "media")); n != 17 {
		t.Errorf("%d files, want 17", n)
	}
}

func readerOutlivesDelete(t *testing.T, b blob.Bucket) {
	text := strings.Repeat("abcdefgh", 1<<17)
	put(t, b, "media/a", text)
	r, err := b.Open(t.Context(), "media/a", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := b.Delete(t.Context(), "media/a"); err != nil {
		t.Fatal(err)
	}
	// Whoever reads already gets the whole old file or an error, never something else.
	got, err := io.ReadAll(r)
	if err == nil && string(got) != text {
		t.Errorf("a reader got %d other bytes after the delete", len(got))
	}
}
