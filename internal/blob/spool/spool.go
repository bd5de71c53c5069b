// Package spool is a folder of local files that are still growing or being worked on, before a bucket adopts them.
package spool

import (
	"fmt"
	"os"
	"time"

	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/blob/rooted"
)

// Spool is a flat folder of files. Names follow blob.CheckName. Methods may be called from many goroutines; who writes
// to a file at a time is the caller's business.
type Spool struct {
	folder *rooted.Folder
}

// Open opens the spool in dir, which is made when it is missing. The caller closes it. It should be on the same file system
// as a disk bucket, so that adopting is a rename.
func Open(dir string) (*Spool, error) {
	folder, err := rooted.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return &Spool{folder: folder}, nil
}

// Close lets go of the folder.
func (s *Spool) Close() error { return s.folder.Close() }

// Create makes an empty file that outlives a power cut.
func (s *Spool) Create(name string) error {
	if err := blob.CheckName(name); err != nil {
		return err
	}
	f, err := s.folder.Create(name)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("create %s: %w", name, rooted.Explain(err))
	}
	return s.folder.SyncDir(".")
}

// OpenFile opens a file for reading and writing. A missing file is an error that wraps fs.ErrNotExist.
func (s *Spool) OpenFile(name string) (*os.File, error) {
	if err := blob.CheckName(name); err != nil {
		return nil, err
	}
	f, err := s.folder.OpenFile(name, os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return f, nil
}

// Path returns where a file is, for Bucket.Adopt and for child processes.
func (s *Spool) Path(name string) (string, error) {
	if err := blob.CheckName(name); err != nil {
		return "", err
	}
	return s.folder.Path(name), nil
}

// Remove removes a file. A missing file is a success.
func (s *Spool) Remove(name string) error {
	if err := blob.CheckName(name); err != nil {
		return err
	}
	return s.folder.Remove(name)
}

// Entry is one file of a spool.
type Entry struct {
	Name    string
	Size    int64
	ModTime time.Time
}

// List returns all files.
func (s *Spool) List() ([]Entry, error) {
	dir, err := s.folder.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	var files []Entry
	for _, e := range dir {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || blob.CheckName(e.Name()) != nil {
			continue // gone meanwhile, or not ours
		}
		files = append(files, Entry{Name: e.Name(), Size: info.Size(), ModTime: info.ModTime()})
	}
	return files, nil
}
