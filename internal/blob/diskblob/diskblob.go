// Package diskblob keeps files in a folder: written aside, synced, then renamed, so that a file is there whole or not at all.
package diskblob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/blob/rooted"
	"ship-post.com/shippost/internal/chaos"
)

// aside is where files grow before they get their key. No key can name it, because of its dot.
const aside = ".part"

// staleAfter is the age at which a file in aside can only be left over from a crash.
const staleAfter = 24 * time.Hour

// Bucket is a folder of files. A key folder/name lives at folder/shard/name; the shard, two hex digits made from the name,
// keeps folders small.
type Bucket struct {
	folder *rooted.Folder
}

var (
	_ blob.Bucket       = (*Bucket)(nil)
	_ blob.RandomReader = (*Bucket)(nil)
)

// Open opens the bucket in dir, which is made when it is missing, and clears what a crash left there. The caller closes it.
func Open(dir string) (*Bucket, error) {
	folder, err := rooted.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open file store: %w", err)
	}
	b := &Bucket{folder: folder}
	if err := errors.Join(folder.Mkdir(aside), b.clear()); err != nil {
		_ = folder.Close()
		return nil, fmt.Errorf("open file store: %w", err)
	}
	return b, nil
}

// Close lets go of the folder.
func (b *Bucket) Close() error { return b.folder.Close() }

func (b *Bucket) clear() error {
	entries, err := b.folder.ReadDir(aside)
	if err != nil {
		return err
	}
	var failed error
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > staleAfter {
			failed = errors.Join(failed, b.folder.Remove(path.Join(aside, e.Name())))
		}
	}
	return failed
}

// Put implements blob.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	part := path.Join(aside, strings.ToLower(rand.Text()))
	if err := b.write(ctx, part, r); err != nil {
		return blob.Info{}, errors.Join(fmt.Errorf("store %s: %w", key, err), b.folder.Remove(part))
	}
	chaos.Point("blob.written")
	if err := b.place(part, key); err != nil {
		return blob.Info{}, errors.Join(fmt.Errorf("store %s: %w", key, err), b.folder.Remove(part))
	}
	return b.Stat(ctx, key)
}

func (b *Bucket) write(ctx context.Context, name string, r io.Reader) (err error) {
	f, err := b.folder.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rooted.Explain(f.Close())) }()
	if _, err := io.Copy(f, whileAlive{ctx, r}); err != nil {
		return rooted.Explain(err)
	}
	return rooted.Explain(f.Sync())
}

// whileAlive stops reading when its context ends.
type whileAlive struct {
	ctx context.Context
	r   io.Reader
}

func (w whileAlive) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

// place gives a synced file its key.
func (b *Bucket) place(part, key string) error {
	target := location(key)
	if err := b.folder.Mkdir(path.Dir(target)); err != nil {
		return err
	}
	if err := b.folder.Rename(part, target); err != nil {
		return err
	}
	chaos.Point("blob.placed")
	return b.folder.SyncDir(path.Dir(target))
}

// Adopt implements blob.Bucket. On another file system the bytes are copied.
func (b *Bucket) Adopt(ctx context.Context, key, file string) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	f, err := openRegular(file)
	if err != nil {
		return blob.Info{}, fmt.Errorf("adopt as %s: %w", key, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return blob.Info{}, fmt.Errorf("adopt as %s: %w", key, rooted.Explain(err))
	}
	err = b.move(file, key)
	if errors.Is(err, syscall.EXDEV) {
		if _, err := b.Put(ctx, key, f); err != nil {
			return blob.Info{}, err
		}
		err = os.Remove(file)
	}
	if err != nil {
		return blob.Info{}, fmt.Errorf("adopt as %s: %w", key, err)
	}
	return b.Stat(ctx, key)
}

func openRegular(file string) (*os.File, error) {
	before, err := os.Lstat(file)
	if err != nil {
		return nil, rooted.Explain(err)
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, rooted.Explain(err)
	}
	after, err := f.Stat()
	if err != nil || !os.SameFile(before, after) {
		f.Close()
		return nil, errors.Join(fmt.Errorf("%s is not a regular file", file), err)
	}
	return f, nil
}

// move renames a file from outside the folder in one step, so that a crash leaves it in one of the two places.
func (b *Bucket) move(file, key string) error {
	target := location(key)
	if err := b.folder.Mkdir(path.Dir(target)); err != nil {
		return err
	}
	if err := b.folder.Take(file, target); err != nil {
		return err
	}
	chaos.Point("blob.taken")
	return b.folder.SyncDir(path.Dir(target))
}

// Open implements blob.Bucket.
func (b *Bucket) Open(_ context.Context, key string, offset int64) (io.ReadCloser, error) {
	f, info, err := b.open(key)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > info.Size {
		f.Close()
		return nil, shippost.Errorf(shippost.Invalid, "bad_offset", "The file has %d bytes; it cannot be read from byte %d on.", info.Size, offset)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// OpenAt implements blob.RandomReader.
func (b *Bucket) OpenAt(_ context.Context, key string) (blob.File, blob.Info, error) {
	f, info, err := b.open(key)
	if err != nil {
		return nil, blob.Info{}, err
	}
	return f, info, nil
}

func (b *Bucket) open(key string) (*os.File, blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, blob.Info{}, err
	}
	f, err := b.folder.OpenFile(location(key), os.O_RDONLY)
	if err != nil {
		return nil, blob.Info{}, fmt.Errorf("open %s: %w", key, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, blob.Info{}, fmt.Errorf("open %s: %w", key, err)
	}
	return f, describe(key, info), nil
}

// Stat implements blob.Bucket.
func (b *Bucket) Stat(_ context.Context, key string) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	info, err := b.folder.Stat(location(key))
	if err != nil {
		return blob.Info{}, fmt.Errorf("look at %s: %w", key, err)
	}
	return describe(key, info), nil
}

// Delete implements blob.Bucket.
func (b *Bucket) Delete(_ context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	at := location(key)
	_, err := b.folder.Stat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = b.folder.Remove(at)
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return b.folder.SyncDir(path.Dir(at))
}

// List implements blob.Bucket.
func (b *Bucket) List(ctx context.Context, folder string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		if err := blob.CheckFolder(folder); err != nil {
			yield(blob.Info{}, err)
			return
		}
		shards, err := b.folder.ReadDir(folder)
		if err != nil {
			yield(blob.Info{}, err)
			return
		}
		for _, shard := range shards {
			if !b.listShard(ctx, folder, shard.Name(), yield) {
				return
			}
		}
	}
}

// listShard reports whether the listing goes on.
func (b *Bucket) listShard(ctx context.Context, folder, shard string, yield func(blob.Info, error) bool) bool {
	files, err := b.folder.ReadDir(path.Join(folder, shard))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		yield(blob.Info{}, err)
		return false
	}
	for _, e := range files {
		key := blob.Key(folder, e.Name())
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || blob.CheckKey(key) != nil || location(key) != path.Join(folder, shard, e.Name()) {
			continue // gone meanwhile, or not ours
		}
		if !yield(describe(key, info), nil) {
			return false
		}
	}
	return true
}

// location is where a valid key lives.
func location(key string) string {
	folder, name, _ := strings.Cut(key, "/")
	h := fnv.New32a()
	h.Write([]byte(name))
	return path.Join(folder, fmt.Sprintf("%02x", byte(h.Sum32())), name)
}

// describe makes the version from all that changes when a file is written or replaced.
func describe(key string, info fs.FileInfo) blob.Info {
	version := fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		version += fmt.Sprintf("-%d", st.Ino)
	}
	return blob.Info{Key: key, Size: info.Size(), ModTime: info.ModTime(), Version: version}
}
