package spool_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/spool"
)

func TestSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, err := spool.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create("upl_1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Create("upl_1"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create of what exists: %v, want fs.ErrExist", err)
	}
	f, err := s.OpenFile("upl_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("abc"), 2); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := s.List()
	if err != nil || len(files) != 1 || files[0].Name != "upl_1" || files[0].Size != 5 {
		t.Errorf("List = %+v, %v; want upl_1 with 5 bytes", files, err)
	}
	free, total, err := s.Space()
	if err != nil || free <= 0 || total < free {
		t.Errorf("Space = %d of %d, %v", free, total, err)
	}
	for range 2 {
		if err := s.Remove("upl_1"); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
	if _, err := s.OpenFile("upl_1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenFile after Remove: %v, want fs.ErrNotExist", err)
	}
}

func TestS10_SpoolStaysInside(t *testing.T) {
	dir := t.TempDir()
	s, err := spool.Open(filepath.Join(dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "spool", "link")); err != nil {
		t.Fatal(err)
	}
	if f, err := s.OpenFile("link"); err == nil {
		f.Close()
		t.Error("OpenFile followed a link")
	}
	for _, name := range []string{"", ".", "..", "../secret", "a/b", "/etc/passwd", "a\x00", "A", "nul"} {
		_, openErr := s.OpenFile(name)
		_, pathErr := s.Path(name)
		for call, err := range map[string]error{"Create": s.Create(name), "OpenFile": openErr, "Path": pathErr, "Remove": s.Remove(name)} {
			if !shippost.IsKind(err, shippost.Invalid) {
				t.Errorf("%s(%q): %v, want Invalid", call, name, err)
			}
		}
	}
}
