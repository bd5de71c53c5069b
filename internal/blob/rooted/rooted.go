// Package rooted opens files below one folder, follows no symbolic link there, and says clearly why a disk refuses.
package rooted

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"ship-post.com/shippost"
)

// The modes of everything that is made: only the account that runs ShipPost may look.
const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// Folder is a folder that was opened once and cannot be left. Paths are relative, with forward slashes.
type Folder struct {
	dir  string
	root *os.Root
}

// Open makes the folder when it is missing, and opens it. The caller closes it.
func Open(dir string) (*Folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, dirMode); err != nil {
		return nil, Explain(err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, Explain(err)
	}
	return &Folder{dir: abs, root: root}, nil
}

// Close lets go of the folder. Files opened from it stay open.
func (f *Folder) Close() error { return f.root.Close() }

// Path returns the absolute path of name, for programs and system calls that cannot use the open folder.
func (f *Folder) Path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// Create makes a new file for reading and writing. It fails when the name exists in any form.
func (f *Folder) Create(name string) (*os.File, error) {
	if err := f.checkDirs(name); err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	return file, Explain(err)
}

// OpenFile opens an existing regular file with the flags os.O_RDONLY or os.O_RDWR. A symbolic link, device or folder in its
// place is refused.
func (f *Folder) OpenFile(name string, flag int) (*os.File, error) {
	before, err := f.Stat(name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(name, flag, 0)
	if err != nil {
		return nil, Explain(err)
	}
	after, err := file.Stat()
	if err != nil || !os.SameFile(before, after) {
		file.Close()
		return nil, errors.Join(notOurs(name), err)
	}
	return file, nil
}

// Stat describes a regular file. Anything else in its place is refused.
func (f *Folder) Stat(name string) (fs.FileInfo, error) {
	if err := f.checkDirs(name); err != nil {
		return nil, err
	}
	info, err := f.root.Lstat(name)
	if err != nil {
		return nil, Explain(err)
	}
	if !info.Mode().IsRegular() {
		return nil, notOurs(name)
	}
	return info, nil
}

// Rename moves a file within the folder, replacing a file at the new name.
func (f *Folder) Rename(from, to string) error {
	if err := errors.Join(f.checkDirs(from), f.checkDirs(to)); err != nil {
		return err
	}
	return Explain(f.root.Rename(from, to))
}

// Take moves a file from anywhere on the same file system to name, replacing a file there. Elsewhere it fails with
// syscall.EXDEV and moves nothing.
func (f *Folder) Take(file, name string) error {
	if err := f.checkDirs(name); err != nil {
		return err
	}
	if err := os.Chmod(file, fileMode); err != nil {
		return Explain(err)
	}
	return Explain(os.Rename(file, f.Path(name)))
}

// Remove removes a file. A missing file is a success.
func (f *Folder) Remove(name string) error {
	if err := f.checkDirs(name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Explain(err)
	}
	return nil
}

// Mkdir makes dir and the folders above it, and makes each new one durable.
func (f *Folder) Mkdir(dir string) error {
	made := "."
	for part := range strings.SplitSeq(dir, "/") {
		parent := made
		made = path.Join(made, part)
		err := f.root.Mkdir(made, dirMode)
		if errors.Is(err, fs.ErrExist) {
			if err := f.checkDirs(made + "/"); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return Explain(err)
		}
		if err := f.SyncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

// ReadDir lists a folder, nil when it is missing.
func (f *Folder) ReadDir(dir string) ([]fs.DirEntry, error) {
	if err := f.checkDirs(path.Join(dir, "x")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	d, err := f.root.Open(dir)
	if err != nil {
		return nil, Explain(err)
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	return entries, Explain(err)
}

// SyncDir makes the names in a folder durable.
func (f *Folder) SyncDir(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return Explain(err)
	}
	defer d.Close()
	return Explain(d.Sync())
}

// checkDirs refuses a path that leads through anything but real folders. os.Root alone would follow a link that stays inside.
func (f *Folder) checkDirs(name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		info, err := f.root.Lstat(name[:i])
		if err != nil {
			return Explain(err)
		}
		if !info.IsDir() {
			return notOurs(name[:i])
		}
	}
	return nil
}

func notOurs(name string) error {
	return fmt.Errorf("%s is not a file that ShipPost made; remove it from the data folder", name)
}

// Explain turns what the system says about a disk into an error that tells an operator what to do. It keeps
// fs.ErrNotExist findable and returns nil for nil.
func Explain(err error) error {
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return shippost.Errorf(shippost.Unavailable, "disk_full",
			"The server has no space left. Nothing was lost; whoever runs it must free some.").With(shippost.RemedyOperator).Because(err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO), errors.Is(err, syscall.EFBIG), errors.Is(err, fs.ErrPermission):
		return shippost.Errorf(shippost.Unavailable, "storage_failed",
			"The server's disk does not accept files at the moment. Whoever runs it must look at it.").With(shippost.RemedyOperator).Because(err)
	default:
		return err
	}
}
