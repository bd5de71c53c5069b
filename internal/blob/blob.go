// Package blob is the contract for files kept by key, whether in a folder or in an S3-compatible store.
package blob

import (
	"context"
	"io"
	"iter"
	"time"
)

// Bucket stores files by key. All methods may be called from many goroutines at once. Keys are checked with CheckKey by
// every implementation, before anything is touched.
//
// A missing file is an error that wraps fs.ErrNotExist. Storage that cannot take or give the bytes is an error of kind
// Unavailable with a code of its own: disk_full, storage_failed.
type Bucket interface {
	// Put stores everything r gives under key and replaces what was there. When it returns nil the bytes survive a
	// power cut. When it fails, also because r failed or ctx ended, the key is as it was before.
	Put(ctx context.Context, key string, r io.Reader) (Info, error)

	// Adopt takes over a finished local file with the same promises as Put, by moving it when that is possible. path
	// must name a regular file that nobody writes any more. After success path is gone; after an error it is still there.
	Adopt(ctx context.Context, key, path string) (Info, error)

	// Open returns the bytes from offset to the end. An offset at the end gives an empty reader, one beyond it an
	// error of kind Invalid. The caller closes the reader.
	Open(ctx context.Context, key string, offset int64) (io.ReadCloser, error)

	// Stat returns what is known of a file without reading it.
	Stat(ctx context.Context, key string) (Info, error)

	// Delete removes a file for good. A key without a file is a success.
	Delete(ctx context.Context, key string) error

	// List gives every file of a folder in no particular order, for sweeps. Files that come or go meanwhile may or may
	// not be seen. It ends at its first error.
	List(ctx context.Context, folder string) iter.Seq2[Info, error]
}

// Info describes a stored file.
type Info struct {
	Key     string
	Size    int64
	ModTime time.Time
	Version string // changes whenever the bytes under the key may have changed; compare it, nothing else
}

// File is random access to the bytes of a stored file.
type File interface {
	io.ReaderAt
	io.Closer
}

// RandomReader is implemented by buckets that can read anywhere in a file at little cost.
type RandomReader interface {
	// OpenAt opens a file for random access.
	OpenAt(ctx context.Context, key string) (File, Info, error)
}

// OpenAt opens a file for random access in any bucket. Where the bucket has no such ability, each read is a request.
func OpenAt(ctx context.Context, b Bucket, key string) (File, Info, error) {
	if r, ok := b.(RandomReader); ok {
		return r.OpenAt(ctx, key)
	}
	info, err := b.Stat(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	return ranged{ctx: ctx, bucket: b, info: info}, info, nil
}

// ranged reads a file by opening it anew at each offset. It lives as long as one request, so it may keep its context.
type ranged struct {
	ctx    context.Context
	bucket Bucket
	info   Info
}

func (f ranged) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.info.Size {
		return 0, io.EOF
	}
	r, err := f.bucket.Open(f.ctx, f.info.Key, off)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := io.ReadFull(r, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

func (ranged) Close() error { return nil }
