package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/blob/rooted"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
)

// Check finds out what a received file is, takes traces out of it, and makes it ready or rejects it with the reason. It may
// run any number of times, also after it was cut off at any point; a file that is not waiting for it is left alone.
func (l *Library) Check(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID) error {
	if !l.checks.enter(string(id)) {
		return nil // this process is at it
	}
	defer l.checks.leave(string(id))
	m, err := l.Get(ctx, shippost.System(ws), id)
	if err != nil {
		return err
	}
	if m.Status != shippost.MediaChecking {
		return nil
	}
	file, err := l.Spool.OpenFile(string(id))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = l.checkStored(ctx, &m)
	case err == nil:
		err = l.checkSpooled(ctx, &m, file)
		file.Close()
	}
	if err != nil {
		return fmt.Errorf("check %s: %w", id, err)
	}
	return l.conclude(ctx, m)
}

// reject notes why a file cannot be used.
func reject(m *shippost.Media, r probe.Report) {
	m.Status, m.Kind, m.Type, m.Facts, m.Problems = shippost.MediaRejected, r.Kind, r.Type, r.Facts, r.Problems
}

// accept notes what a file is; sum is the SHA-256 of the bytes as they are kept.
func accept(m *shippost.Media, r probe.Report, size int64, sum string) {
	m.Status, m.Kind, m.Type, m.Facts, m.Problems = shippost.MediaReady, r.Kind, r.Type, r.Facts, r.Problems
	m.Size, m.SHA256, m.BlobKey = size, sum, mediaKey(m.ID)
}

// checkSpooled reads a file in the spool and moves it into the bucket.
func (l *Library) checkSpooled(ctx context.Context, m *shippost.Media, file *os.File) error {
	r, err := probe.Probe(ctx, file, m.Size)
	if err != nil {
		return err
	}
	switch {
	case r.IsHEIC() && l.HEIF != "":
		return l.keepHEIC(ctx, m, file, r)
	case shippost.Blocking(r.Problems):
		reject(m, r)
		return nil
	case r.Kind == shippost.Photo:
		return l.keepPhoto(ctx, m, file)
	default:
		return l.keepVideo(ctx, m, file, r)
	}
}

// keepVideo takes traces out of a video, makes its poster and lets the bucket adopt it.
func (l *Library) keepVideo(ctx context.Context, m *shippost.Media, file *os.File, r probe.Report) error {
	traces, err := probe.FindTraces(ctx, file, m.Size)
	if p, ok := probe.Flaw(err); ok {
		r.Problems = append(r.Problems, p)
		reject(m, r)
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.erase(ctx, m, file, traces); err != nil {
		return err
	}
	chaos.Point("media.cleaned")
	sum := m.ReceivedSHA256
	if len(m.Removed) > 0 {
		if sum, err = hashOf(ctx, io.NewSectionReader(file, 0, m.Size)); err != nil {
			return err
		}
	}
	path, err := l.Spool.Path(string(m.ID))
	if err != nil {
		return err
	}
	if err := l.makePoster(ctx, m, path, r.Facts); err != nil {
		return err
	}
	if _, err := l.Bucket.Adopt(ctx, mediaKey(m.ID), path); err != nil {
		return err
	}
	chaos.Point("media.adopted")
	accept(m, r, m.Size, sum)
	return nil
}

// erase overwrites the traces of a video. What is going to be removed is written down first: after a crash in the middle
// the file no longer tells.
func (l *Library) erase(ctx context.Context, m *shippost.Media, file *os.File, traces probe.Traces) error {
	if traces.Empty() {
		return nil
	}
	for _, what := range traces.Removed() {
		if !slices.Contains(m.Removed, what) {
			m.Removed = append(m.Removed, what)
		}
	}
	err := l.DB.Update(ctx, func(tx *store.Tx) error {
		ok, err := tx.SaveMedia(ctx, m, shippost.MediaChecking)
		if err == nil && !ok {
			err = shippost.Errorf(shippost.Conflict, "media_deleted", "This file was deleted.")
		}
		return err
	})
	if err != nil {
		return err
	}
	return rooted.Explain(traces.Erase(file))
}

// makePoster takes a frame of a video, if ffmpeg is there. A video without a poster is as good as any.
// One that was made and cannot be kept is an error, so that the check is done again.
func (l *Library) makePoster(ctx context.Context, m *shippost.Media, path string, facts shippost.MediaFacts) error {
	if l.FFmpeg == "" {
		return nil
	}
	poster, err := probe.VideoPoster(ctx, l.FFmpeg, path, facts)
	if err != nil {
		l.Log.Warn("no poster could be made of a video", "media", m.ID, "err", err)
		return nil
	}
	return l.putPoster(ctx, m, poster)
}

func (l *Library) putPoster(ctx context.Context, m *shippost.Media, poster []byte) error {
	if _, err := l.Bucket.Put(ctx, posterKey(m.ID), bytes.NewReader(poster)); err != nil {
		return err
	}
	m.PosterKey = posterKey(m.ID)
	return nil
}

// keepHEIC has a HEIC photo decoded and keeps it as a JPEG. One that the decoder does not understand is refused as if there
// were no decoder.
func (l *Library) keepHEIC(ctx context.Context, m *shippost.Media, file *os.File, r probe.Report) error {
	release, err := l.decoding(ctx)
	if err != nil {
		return err
	}
	defer release()
	data, err := probe.DecodeHEIC(ctx, l.HEIF, file, m.Size)
	if err == nil {
		var c probe.CleanedPhoto
		if c, err = probe.CleanPhoto(ctx, bytes.NewReader(data), int64(len(data)), l.Fit); err == nil && !shippost.Blocking(c.Report.Problems) {
			return l.keepDecoded(ctx, m, c, data)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.Log.Info("a HEIC photo could not be decoded", "media", m.ID, "err", err)
	if p, ok := probe.Flaw(err); ok {
		r.Problems = []shippost.Problem{p}
	}
	reject(m, r)
	return nil
}

// keepDecoded keeps a photo that came in another form: as CleanPhoto made it anew, or as it was decoded.
func (l *Library) keepDecoded(ctx context.Context, m *shippost.Media, c probe.CleanedPhoto, data []byte) error {
	if c.Data == nil {
		c.Data = data
		c.Report.Problems = append(c.Report.Problems, shippost.Problem{Code: "photo_rewritten", Severity: shippost.Warn,
			Message: "The photo was saved anew as JPEG, without hidden data."})
	}
	return l.keepCleaned(ctx, m, c)
}

// decoding waits for the turn to decode a photo, which takes much memory.
func (l *Library) decoding(ctx context.Context) (release func(), err error) {
	select {
	case l.photos <- struct{}{}:
		return func() { <-l.photos }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keepPhoto decodes a photo, keeps it as it is or as a new JPEG, and makes its poster.
func (l *Library) keepPhoto(ctx context.Context, m *shippost.Media, file *os.File) error {
	release, err := l.decoding(ctx)
	if err != nil {
		return err
	}
	defer release()
	c, err := probe.CleanPhoto(ctx, file, m.Size, l.Fit)
	if err != nil {
		return err
	}
	return l.keepCleaned(ctx, m, c)
}

// keepCleaned keeps a photo, or the reason why it cannot be used, and its poster.
func (l *Library) keepCleaned(ctx context.Context, m *shippost.Media, c probe.CleanedPhoto) error {
	if shippost.Blocking(c.Report.Problems) {
		reject(m, c.Report)
		return nil
	}
	m.Removed = c.Removed
	if err := l.putPoster(ctx, m, c.Poster); err != nil {
		return err
	}
	if c.Data == nil {
		path, err := l.Spool.Path(string(m.ID))
		if err != nil {
			return err
		}
		_, err = l.Bucket.Adopt(ctx, mediaKey(m.ID), path)
		accept(m, c.Report, m.Size, m.ReceivedSHA256)
		return err
	}
	sum := sha256.Sum256(c.Data)
	_, err := l.Bucket.Put(ctx, mediaKey(m.ID), bytes.NewReader(c.Data))
	accept(m, c.Report, int64(len(c.Data)), hex.EncodeToString(sum[:]))
	return err
}

// checkStored goes on after a crash between moving a file into the bucket and saying so. What was removed stands in the
// row already.
func (l *Library) checkStored(ctx context.Context, m *shippost.Media) error {
	f, info, err := blob.OpenAt(ctx, l.Bucket, mediaKey(m.ID))
	if errors.Is(err, fs.ErrNotExist) {
		reject(m, probe.Report{Problems: []shippost.Problem{{Code: "file_lost", Severity: shippost.Block, Remedy: shippost.RemedyReplaceMedia,
			Message: "The server lost this file before it was checked. Upload it again."}}})
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := probe.Probe(ctx, f, info.Size)
	if err != nil {
		return err
	}
	if shippost.Blocking(r.Problems) {
		reject(m, r)
		return nil
	}
	sum, err := hashOf(ctx, io.NewSectionReader(f, 0, info.Size))
	if err != nil {
		return err
	}
	if _, err := l.Bucket.Stat(ctx, posterKey(m.ID)); err == nil {
		m.PosterKey = posterKey(m.ID)
	}
	accept(m, r, info.Size, sum)
	return nil
}

func hashOf(ctx context.Context, r io.Reader) (string, error) {
	h := sha256.New()
	buf := make([]byte, pieceSize)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", rooted.Explain(err)
		}
	}
}

// conclude writes the result and tells the journal. A file that was deleted meanwhile leaves nothing behind. One that
// another node has concluded meanwhile, while this one stood still, is as that node left it.
func (l *Library) conclude(ctx context.Context, m shippost.Media) error {
	gone, kept := false, false
	err := l.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.LockMedia(ctx, m.Workspace, m.ID)
		if err != nil {
			return err
		}
		if now.PosterKey != "" { // a client sent one while we checked
			m.PosterKey = now.PosterKey
		}
		ok, err := tx.SaveMedia(ctx, &m, shippost.MediaChecking)
		if err != nil {
			return err
		}
		if !ok {
			kept = now.Status == shippost.MediaReady
			gone = !kept
			return nil
		}
		return tx.Record(ctx, shippost.Entry{Workspace: m.Workspace, Kind: shippost.EntryMediaChecked, Actor: shippost.System(m.Workspace), Media: m.ID,
			Data: map[string]any{"status": string(m.Status), "kind": string(m.Kind), "sha256": m.SHA256, "removed": m.Removed, "problems": codes(m.Problems)}})
	})
	if err != nil {
		return fmt.Errorf("conclude the check of %s: %w", m.ID, err)
	}
	chaos.Point("media.concluded")
	l.removeSpooled(m.ID)
	if gone || !kept && m.Status == shippost.MediaRejected {
		l.removeStored(ctx, m.ID)
	}
	return nil
}

func codes(problems []shippost.Problem) []string {
	list := make([]string, len(problems))
	for i, p := range problems {
		list[i] = p.Code
	}
	return list
}

// removeSpooled removes a file from the spool. What cannot be removed now is swept later.
func (l *Library) removeSpooled(id shippost.MediaID) {
	if err := l.Spool.Remove(string(id)); err != nil {
		l.Log.Warn("a file in the spool could not be removed; the sweep will try again", "media", id, "err", err)
	}
}

// removeStored removes a file and its poster from the bucket. What cannot be removed now is swept later.
func (l *Library) removeStored(ctx context.Context, id shippost.MediaID) {
	ctx = context.WithoutCancel(ctx)
	if err := errors.Join(l.Bucket.Delete(ctx, mediaKey(id)), l.Bucket.Delete(ctx, posterKey(id))); err != nil {
		l.Log.Warn("a stored file could not be removed; the sweep will try again", "media", id, "err", err)
	}
}
