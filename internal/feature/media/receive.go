package media

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/rooted"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/store"
)

// Upload returns how far an upload has come, so that its client can go on. A writer that lost its network is ended first.
func (l *Library) Upload(ctx context.Context, actor shippost.Actor, id shippost.UploadID) (store.Upload, error) {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return store.Upload{}, err
	}
	u, err := l.upload(ctx, actor.Workspace, id)
	if err != nil || !u.FinishedAt.IsZero() {
		return u, err
	}
	l.writers.settle(ctx, id, l.Now)
	return l.upload(ctx, actor.Workspace, id)
}

func (l *Library) upload(ctx context.Context, ws shippost.WorkspaceID, id shippost.UploadID) (store.Upload, error) {
	var u store.Upload
	err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
		u, err = tx.Upload(ctx, ws, id)
		return err
	})
	return u, err
}

// Expires returns when an unfinished upload is removed if nothing more arrives.
func (l *Library) Expires(u store.Upload) time.Time { return u.TouchedAt.Add(l.Idle) }

// Ready returns nil when a writer may append to an upload now, and the error upload_busy while another one still receives.
func (l *Library) Ready(id shippost.UploadID) error {
	if l.writers.busy(id, l.Now) {
		return errBusy()
	}
	return nil
}

// Append stores what src gives, from offset on, and returns how many bytes of it are durable. It reads until src ends or the
// declared size is reached; a source that fails keeps what arrived before. With the last byte the upload is finished
// once: its hash is final, its media is being checked. One writer at a time: a second one gets Conflict with code
// upload_busy while the first still receives, and takes its place when the first has stalled.
// An offset that is not where the upload stands is a Conflict with code wrong_offset.
func (l *Library) Append(ctx context.Context, actor shippost.Actor, id shippost.UploadID, offset int64, src io.Reader) (int64, error) {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return 0, err
	}
	if _, err := l.upload(ctx, actor.Workspace, id); err != nil {
		return 0, err // before any lock, so that strangers cannot disturb a writer
	}
	w, release, err := l.writers.claim(ctx, id, src, l.Now, false)
	if err != nil {
		return 0, err
	}
	defer release()
	u, err := l.upload(ctx, actor.Workspace, id)
	if err != nil {
		return 0, err
	}
	if !u.FinishedAt.IsZero() {
		return 0, finished()
	}
	if offset != u.Received {
		return 0, shippost.Errorf(shippost.Conflict, "wrong_offset", "The upload stands at byte %d, not at byte %d. Go on from there.", u.Received, offset)
	}
	r := &receipt{library: l, actor: actor, writer: w, u: u, size: u.Size, at: u.Received}
	if err := r.open(); err != nil {
		return 0, err
	}
	defer r.file.Close()
	err = r.receive(ctx, src)
	return r.u.Received - offset, err
}

func finished() error {
	return shippost.Errorf(shippost.Conflict, "upload_finished", "This upload is complete. To remove the file, delete it from the library.")
}

// The sizes of receiving.
const (
	pieceSize      = 256 << 10
	pieces         = 4
	saveBytes      = 64 << 20 // how much may be lost in a crash …
	saveTime       = 5 * time.Second
	finalSaveLimit = 30 * time.Second
)

// receipt is one request that brings bytes. The caller's goroutine reads and writes; a second one hashes; a third syncs and
// saves every now and then. Memory is a few pieces, whatever the size of the file.
type receipt struct {
	library *Library
	actor   shippost.Actor
	writer  *writer
	u       store.Upload // as saved
	size    int64        // declared
	file    *os.File
	hash    hash.Hash
	at      int64 // written, though perhaps not durable yet
	work    chan piece
	free    chan []byte
	saving  chan error // a save that is under way, nil for none
	savedAt time.Time
}

// piece is work for the hashing goroutine: bytes, or the question for the state after all before it.
type piece struct {
	bytes []byte
	mark  chan hashMark
}

type hashMark struct {
	state string
	sum   string
	err   error
}

// open opens the file where the row says it stands. Bytes beyond were not synced before a crash and count for nothing.
func (r *receipt) open() error {
	file, err := r.library.Spool.OpenFile(string(r.u.Media))
	if errors.Is(err, fs.ErrNotExist) {
		return lost(err)
	}
	if err != nil {
		return err
	}
	if r.hash, err = r.resume(file); err != nil {
		file.Close()
		return err
	}
	r.file = file
	return nil
}

func lost(err error) error {
	return shippost.Errorf(shippost.Conflict, "upload_lost", "The server lost the beginning of this file. Upload it again from the start.").
		With(shippost.RemedyRetry).Because(err)
}

func (r *receipt) resume(file *os.File) (hash.Hash, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < r.u.Received {
		return nil, lost(nil)
	}
	if info.Size() > r.u.Received {
		if err := file.Truncate(r.u.Received); err != nil {
			return nil, rooted.Explain(err)
		}
	}
	h := sha256.New()
	from := int64(0)
	if state, err := base64.StdEncoding.DecodeString(r.u.HashState); err == nil && len(state) > 0 && r.u.Hashed <= r.u.Received {
		if h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state) == nil {
			from = r.u.Hashed
		} else {
			h.Reset() // of another version of the program: hash from the start
		}
	}
	if _, err := io.Copy(h, io.NewSectionReader(file, from, r.u.Received-from)); err != nil {
		return nil, fmt.Errorf("hash again: %w", rooted.Explain(err))
	}
	return h, nil
}

func (r *receipt) receive(ctx context.Context, src io.Reader) error {
	r.work, r.free = make(chan piece, pieces), make(chan []byte, pieces)
	for range pieces {
		r.free <- make([]byte, pieceSize)
	}
	r.savedAt = r.library.Now()
	hashed := make(chan struct{})
	go func() {
		defer close(hashed)
		r.hashPieces()
	}()
	err := r.copyFrom(ctx, io.LimitReader(src, r.size-r.at))
	// What arrived is saved although the request may have ended by now.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalSaveLimit)
	defer cancel()
	if saveErr := r.finalSave(end); err == nil {
		err = saveErr
	}
	close(r.work)
	<-hashed
	return err
}

// copyFrom moves bytes from the source to the file and to the hash.
func (r *receipt) copyFrom(ctx context.Context, src io.Reader) error {
	for {
		buf := <-r.free
		n, err := src.Read(buf)
		if n > 0 {
			if _, werr := r.file.WriteAt(buf[:n], r.at); werr != nil {
				return rooted.Explain(werr)
			}
			r.at += int64(n)
			r.writer.moved.Store(r.library.Now().UnixNano())
			r.work <- piece{bytes: buf[:n]}
		} else {
			r.free <- buf
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case r.writer.stopped.Load():
			return errBusy()
		}
		if err := r.saveSometimes(ctx); err != nil {
			return err
		}
	}
}

func (r *receipt) hashPieces() {
	for p := range r.work {
		if p.mark != nil {
			p.mark <- r.mark()
			continue
		}
		r.hash.Write(p.bytes)
		r.free <- p.bytes[:pieceSize]
	}
}

func (r *receipt) mark() hashMark {
	state, err := r.hash.(encoding.BinaryMarshaler).MarshalBinary()
	return hashMark{state: base64.StdEncoding.EncodeToString(state), sum: hex.EncodeToString(r.hash.Sum(nil)), err: err}
}

// saveSometimes begins to save in the background when enough has come, and takes note of an earlier save that ended.
func (r *receipt) saveSometimes(ctx context.Context) error {
	if r.saving != nil {
		select {
		case err := <-r.saving:
			r.saving = nil
			return err
		default:
			return nil
		}
	}
	now := r.library.Now()
	if r.at-r.u.Received < saveBytes && now.Sub(r.savedAt) < saveTime {
		return nil
	}
	if r.at == r.size || r.at == r.u.Received {
		return nil // the end is saved as a whole; nothing new needs no saving
	}
	r.savedAt = now
	r.saving = make(chan error, 1)
	mark := r.askHash()
	go func(at int64, done chan<- error) { done <- r.save(context.WithoutCancel(ctx), at, <-mark) }(r.at, r.saving)
	return nil
}

func (r *receipt) askHash() <-chan hashMark {
	mark := make(chan hashMark, 1)
	r.work <- piece{mark: mark}
	return mark
}

// finalSave makes everything that was written durable, and finishes the upload when that is all.
func (r *receipt) finalSave(ctx context.Context) error {
	if r.saving != nil {
		err := <-r.saving
		r.saving = nil
		if err != nil {
			return err
		}
	}
	if r.at == r.u.Received && r.at < r.size {
		return nil
	}
	return r.save(ctx, r.at, <-r.askHash())
}

// save makes the bytes up to at durable and then says so in the row. No two saves run at once.
func (r *receipt) save(ctx context.Context, at int64, mark hashMark) error {
	if mark.err != nil {
		return mark.err
	}
	if err := r.file.Sync(); err != nil {
		return rooted.Explain(err)
	}
	chaos.Point("media.synced")
	fingerprint := ""
	if at == r.u.Size {
		var err error
		if fingerprint, err = Fingerprint(r.file, at); err != nil {
			return err
		}
	}
	l, u := r.library, r.u
	u.Received, u.Hashed, u.HashState, u.TouchedAt = at, at, mark.state, l.now()
	err := l.DB.Update(ctx, func(tx *store.Tx) error {
		ok, err := tx.AdvanceUpload(ctx, &u, r.u.Received)
		if err != nil {
			return err
		}
		if !ok {
			return shippost.Errorf(shippost.Conflict, "upload_gone", "This upload was ended meanwhile.")
		}
		if at < u.Size {
			return nil
		}
		return l.finish(ctx, tx, r.actor, &u, mark.sum, fingerprint)
	})
	chaos.Point("media.saved")
	if err == nil {
		r.u = u
	}
	return err
}

// finish closes a complete upload and has its file checked, in the transaction that notes the last byte.
func (l *Library) finish(ctx context.Context, tx *store.Tx, actor shippost.Actor, u *store.Upload, sum, fingerprint string) error {
	u.FinishedAt = l.now()
	ok, err := tx.FinishUpload(ctx, u)
	if err != nil {
		return err
	}
	if !ok {
		return finished()
	}
	m, err := tx.LockMedia(ctx, u.Workspace, u.Media)
	if err != nil {
		return err
	}
	m.Status, m.ReceivedSHA256, m.Fingerprint = shippost.MediaChecking, sum, fingerprint
	ok, err = tx.SaveMedia(ctx, &m, shippost.MediaReceiving)
	if err != nil {
		return err
	}
	if !ok {
		return shippost.Errorf(shippost.Conflict, "media_deleted", "This file was deleted while it arrived.")
	}
	err = tx.Record(ctx, shippost.Entry{Workspace: m.Workspace, Kind: shippost.EntryMediaReceived, Actor: actor, Media: m.ID,
		Data: map[string]any{"size": m.Size, "sha256": sum}, Personal: map[string]string{"file_name": m.FileName}})
	if err != nil {
		return err
	}
	return l.enqueueCheck(ctx, tx, m)
}
