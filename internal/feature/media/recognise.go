package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/rooted"
	"ship-post.com/shippost/internal/store"
)

// sampleSize is how much of a file's beginning, middle and end goes into its fingerprint.
const sampleSize = 64 << 10

// FingerprintKey is the name under which a client tells the fingerprint of a file when it begins to upload it, so that it
// finds the unfinished upload again when the same file is chosen later.
const FingerprintKey = "fingerprint"

// Fingerprint returns what tells a file apart from most others without reading it all: the hex SHA-256 of its size in
// decimal, a line feed, and its first, middle and last 64 KiB. The middle begins at (size − 64 KiB) / 2, rounded down; of a
// file of at most 192 KiB everything counts, once. Equal fingerprints are a reason to compare whole hashes, no proof.
func Fingerprint(r io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	h.Write(strconv.AppendInt(nil, size, 10))
	h.Write([]byte{'\n'})
	samples := []struct{ at, n int64 }{{0, sampleSize}, {(size - sampleSize) / 2, sampleSize}, {size - sampleSize, sampleSize}}
	if size <= 3*sampleSize {
		samples = []struct{ at, n int64 }{{0, size}}
	}
	for _, s := range samples {
		if _, err := io.Copy(h, io.NewSectionReader(r, s.at, s.n)); err != nil {
			return "", rooted.Explain(err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Find returns the file of the actor's workspace that arrived with exactly these bytes, given by the hex SHA-256 of the
// original, so that it need not be uploaded again. Files of other workspaces are never found.
func (l *Library) Find(ctx context.Context, actor shippost.Actor, sha256 string) (shippost.Media, error) {
	var m shippost.Media
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return m, err
	}
	if !isHash(sha256) {
		return m, shippost.Errorf(shippost.Invalid, "invalid_sha256", "A SHA-256 has 64 hexadecimal digits.").At("sha256")
	}
	err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
		m, err = tx.MediaByHash(ctx, actor.Workspace, sha256)
		return err
	})
	return m, err
}

// Resembling returns the files of the actor's workspace that may be the one with this size and fingerprint, newest first.
// Whether one is tells only the hash of all bytes.
func (l *Library) Resembling(ctx context.Context, actor shippost.Actor, size int64, fingerprint string) ([]shippost.Media, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	if !isHash(fingerprint) {
		return nil, shippost.Errorf(shippost.Invalid, "invalid_fingerprint", "A fingerprint has 64 hexadecimal digits.").At("fingerprint")
	}
	var list []shippost.Media
	err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
		list, err = tx.MediaByFingerprint(ctx, actor.Workspace, size, fingerprint, defaultPage)
		return err
	})
	return list, err
}

// Unfinished returns the uploads that the actor began and did not finish, the latest touched first, so that they can be
// continued after the browser was closed.
func (l *Library) Unfinished(ctx context.Context, actor shippost.Actor) ([]Upload, error) {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return nil, err
	}
	var list []Upload
	err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
		list, err = tx.UnfinishedUploads(ctx, actor.Workspace, actor.User)
		return err
	})
	return list, err
}

func isHash(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == sha256.Size
}
