package media

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
)

// Content is a stored file, open for reading anywhere. The caller closes it.
type Content struct {
	io.ReadSeeker
	io.Closer
	Type    string // MIME type
	Name    string // for display
	Size    int64
	ModTime time.Time
	Version string // changes with the bytes; good for an ETag
}

// Content opens a ready file of the actor's workspace.
func (l *Library) Content(ctx context.Context, actor shippost.Actor, id shippost.MediaID) (Content, error) {
	m, err := l.Get(ctx, actor, id)
	if err != nil {
		return Content{}, err
	}
	if m.Status != shippost.MediaReady {
		return Content{}, shippost.Errorf(shippost.NotFound, "media_not_ready", "This file cannot be shown.")
	}
	return l.content(ctx, m.BlobKey, m.Type, m.FileName)
}

// Poster opens the small picture of a file of the actor's workspace, always a JPEG. A file without one is NotFound.
func (l *Library) Poster(ctx context.Context, actor shippost.Actor, id shippost.MediaID) (Content, error) {
	m, err := l.Get(ctx, actor, id)
	if err != nil {
		return Content{}, err
	}
	if m.PosterKey == "" {
		return Content{}, shippost.Errorf(shippost.NotFound, "no_poster", "This file has no picture to show.")
	}
	return l.content(ctx, m.PosterKey, "image/jpeg", "poster.jpg")
}

func (l *Library) content(ctx context.Context, key, kind, name string) (Content, error) {
	f, info, err := blob.OpenAt(ctx, l.Bucket, key)
	if errors.Is(err, fs.ErrNotExist) {
		return Content{}, changed(err)
	}
	if err != nil {
		return Content{}, err
	}
	return Content{ReadSeeker: io.NewSectionReader(f, 0, info.Size), Closer: f, Type: kind, Name: name,
		Size: info.Size, ModTime: info.ModTime, Version: info.Version}, nil
}

// SetPoster gives a video the poster that a client made of it. The picture is decoded and encoded anew.
func (l *Library) SetPoster(ctx context.Context, actor shippost.Actor, id shippost.MediaID, jpeg []byte) error {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return err
	}
	m, err := l.Get(ctx, actor, id)
	if err != nil {
		return err
	}
	if m.Kind == shippost.Photo || m.Status != shippost.MediaReady && m.Status != shippost.MediaChecking {
		return shippost.Errorf(shippost.Conflict, "poster_not_taken", "Only a video that is there can get a poster.")
	}
	poster, err := probe.RecodePoster(jpeg)
	if err != nil {
		return err
	}
	if err := l.putPoster(ctx, &m, poster); err != nil {
		return err
	}
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.LockMedia(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if now.Status != shippost.MediaReady && now.Status != shippost.MediaChecking {
			return shippost.Errorf(shippost.Conflict, "poster_not_taken", "This file was removed meanwhile.")
		}
		now.PosterKey = m.PosterKey
		_, err = tx.SaveMedia(ctx, &now, now.Status)
		return err
	})
}

// proof says that the bytes of a version were read and found right.
type proof struct {
	version string
	sha256  string
	at      time.Time
}

// proofLife is how long a proof counts. Thirty posts of one video at one instant then read it once.
const proofLife = time.Hour

// Verify reads the whole stored file and fails with code media_changed unless it is the one that was checked. A file that was
// read within the last hour and not touched since is not read again.
func (l *Library) Verify(ctx context.Context, m shippost.Media) error {
	info, err := l.identify(ctx, m)
	if err != nil {
		return err
	}
	if p, ok := l.proven.Load(m.ID); ok {
		if p := p.(proof); p.version == info.Version && p.sha256 == m.SHA256 && l.Now().Sub(p.at) < proofLife {
			return nil
		}
	}
	r, err := l.Bucket.Open(ctx, m.BlobKey, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	sum, err := hashOf(ctx, r)
	if err != nil {
		return err
	}
	if sum != m.SHA256 {
		return changed(nil)
	}
	l.proven.Store(m.ID, proof{version: info.Version, sha256: sum, at: l.Now()})
	return nil
}

// Open returns the bytes of a ready file from offset to the end. It fails with code media_changed when the stored file
// is missing, has another size, or was touched since Verify.
func (l *Library) Open(ctx context.Context, m shippost.Media, offset int64) (io.ReadCloser, error) {
	info, err := l.identify(ctx, m)
	if err != nil {
		return nil, err
	}
	if !l.untouched(m, info) {
		return nil, changed(nil)
	}
	r, err := l.Bucket.Open(ctx, m.BlobKey, offset)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, changed(err)
	}
	return r, err
}

// Reader is Open for a reader that wants parts of the file in any order.
func (l *Library) Reader(ctx context.Context, m shippost.Media) (Content, error) {
	info, err := l.identify(ctx, m)
	if err != nil {
		return Content{}, err
	}
	c, err := l.content(ctx, m.BlobKey, m.Type, m.FileName)
	if err == nil && (c.Version != info.Version || !l.untouched(m, info)) {
		return Content{}, errors.Join(changed(nil), c.Close())
	}
	return c, err
}

// untouched reports whether the stored bytes are still those that Verify read, if it did.
func (l *Library) untouched(m shippost.Media, info blob.Info) bool {
	p, ok := l.proven.Load(m.ID)
	return !ok || p.(proof).version == info.Version
}

// identify looks whether the stored file can be the promised one.
func (l *Library) identify(ctx context.Context, m shippost.Media) (blob.Info, error) {
	if m.Status != shippost.MediaReady || m.BlobKey == "" {
		return blob.Info{}, changed(nil)
	}
	info, err := l.Bucket.Stat(ctx, m.BlobKey)
	if errors.Is(err, fs.ErrNotExist) {
		return info, changed(err)
	}
	if err == nil && info.Size != m.Size {
		return info, changed(nil)
	}
	return info, err
}

func changed(err error) error {
	return shippost.Errorf(shippost.Conflict, "media_changed", "The stored file is no longer the one that was uploaded. Upload it again and choose it for the post.").
		With(shippost.RemedyReplaceMedia).Because(err)
}
