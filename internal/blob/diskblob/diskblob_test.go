package diskblob_test

import (
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/blob/blobtest"
	"ship-post.com/shippost/internal/blob/diskblob"
)

func open(t testing.TB, dir string) *diskblob.Bucket {
	t.Helper()
	b, err := diskblob.Open(dir)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestConformance(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return open(t, t.TempDir()) })
}

// plain hides the ability to read anywhere, as a bucket on the network would lack it.
type plain struct{ blob.Bucket }

func TestConformanceWithoutRandomReader(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return plain{open(t, t.TempDir())} })
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	b := open(t, dir)
	if _, err := b.Put(t.Context(), "media/a", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	upload := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(upload, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Adopt(t.Context(), "media/b", upload); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAdoptMovesInsteadOfCopying(t *testing.T) {
	dir := t.TempDir()
	b := open(t, filepath.Join(dir, "files"))
	upload := filepath.Join(dir, "upload")
	if err := os.WriteFile(upload, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(upload)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Adopt(t.Context(), "media/a", upload); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(find(t, dir, "a"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the adopted file is a copy (%v)", err)
	}
}

func find(t *testing.T, dir, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "files", "media", "*", name))
	if err != nil || len(found) != 1 {
		t.Fatalf("looking for %s: %v, %v", name, found, err)
	}
	return found[0]
}

// Every place where somebody could plant a link is tried: the folder, the shard, the file.
func TestS10_LinksAreNotFollowed(t *testing.T) {
	for _, level := range []string{"folder", "shard", "file", "dangling file", "device"} {
		t.Run(level, func(t *testing.T) {
			dir := t.TempDir()
			b := open(t, filepath.Join(dir, "files"))
			if _, err := b.Put(t.Context(), "media/a", strings.NewReader("inside")); err != nil {
				t.Fatal(err)
			}
			file := find(t, dir, "a")
			place := map[string]string{"folder": filepath.Dir(filepath.Dir(file)), "shard": filepath.Dir(file), "file": file, "dangling file": file, "device": file}[level]
			// The link stays inside the folder, which os.Root alone would allow.
			elsewhere := filepath.Join(dir, "files", "elsewhere")
			target := filepath.Base(elsewhere)
			if err := os.Rename(place, elsewhere); err != nil {
				t.Fatal(err)
			}
			rel, err := filepath.Rel(filepath.Dir(place), filepath.Join(dir, "files", target))
			if err != nil {
				t.Fatal(err)
			}
			switch level {
			case "dangling file":
				rel = "nowhere"
			case "device":
				rel = "/dev/zero"
			}
			if err := os.Symlink(rel, place); err != nil {
				t.Fatal(err)
			}
			if r, err := b.Open(t.Context(), "media/a", 0); err == nil {
				r.Close()
				t.Error("Open followed a link")
			}
			if _, err := b.Stat(t.Context(), "media/a"); err == nil {
				t.Error("Stat followed a link")
			}
			if err := b.Delete(t.Context(), "media/a"); err == nil {
				t.Error("Delete followed a link")
			}
			if level == "folder" || level == "shard" {
				if _, err := b.Put(t.Context(), "media/a", strings.NewReader("x")); err == nil {
					t.Error("Put followed a link")
				}
			}
			for info, err := range b.List(t.Context(), "media") {
				if err == nil {
					t.Errorf("List followed a link to %s", info.Key)
				}
			}
			if _, err := os.Stat(elsewhere); err != nil {
				t.Errorf("what the link pointed to is gone: %v", err)
			}
		})
	}
}

func TestLeftoversOfACrashAreCleared(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	old, fresh := filepath.Join(dir, ".part", "old"), filepath.Join(dir, ".part", "fresh")
	for _, file := range []string{old, fresh} {
		if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(old); err == nil {
		t.Error("a two days old leftover is still there")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("a file that another process may be writing was removed")
	}
}

// The kernel refuses a write in the middle: a child process with a file size limit tries to store 8 MiB.
func TestKernelRefusesAWrite(t *testing.T) {
	if dir := os.Getenv("DISKBLOB_CHILD"); dir != "" {
		putUnderLimit(t, dir)
		return
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKernelRefusesAWrite$", "-test.v")
	child.Env = append(os.Environ(), "DISKBLOB_CHILD="+dir)
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused with storage_failed") {
		t.Fatalf("child: %v\n%s", err, out)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(path) != "before" {
			t.Errorf("%s was left behind", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	if info, err := b.Stat(t.Context(), "media/before"); err != nil || info.Size != 3 {
		t.Errorf("the file from before: %+v, %v", info, err)
	}
}

func putUnderLimit(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	b := open(t, dir)
	if _, err := b.Put(t.Context(), "media/before", strings.NewReader("old")); err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"media/new", "media/before"} {
		_, err := b.Put(t.Context(), key, strings.NewReader(strings.Repeat("x", 8<<20)))
		if !shippost.IsKind(err, shippost.Unavailable) {
			t.Fatalf("Put: %v, want Unavailable", err)
		}
		t.Logf("refused with %s", shippost.AsError(err).Code)
	}
}

func FuzzKey(f *testing.F) {
	for _, key := range blobtest.BadKeys {
		f.Add(key)
	}
	f.Add("media/med_0123456789abcdefghjkmnpqrs")
	f.Add("poster/a.b-c_d")
	outer := f.TempDir()
	b := open(f, filepath.Join(outer, "files"))
	f.Fuzz(func(t *testing.T, key string) {
		_, err := b.Put(t.Context(), key, strings.NewReader("x"))
		if valid := blob.CheckKey(key) == nil; (err == nil) != valid {
			t.Fatalf("Put(%q): %v, but CheckKey says %v", key, err, valid)
		}
		entries, rerr := os.ReadDir(outer)
		if rerr != nil || len(entries) != 1 {
			t.Fatalf("Put(%q) wrote outside of its folder: %v, %v", key, entries, rerr)
		}
		if err != nil {
			return
		}
		for info, err := range b.List(t.Context(), strings.Split(key, "/")[0]) {
			if err != nil || info.Key != key {
				t.Fatalf("after Put(%q) List gives %q, %v", key, info.Key, err)
			}
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Fatalf("Delete(%q): %v", key, err)
		}
	})
}
