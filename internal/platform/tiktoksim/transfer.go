package tiktoksim

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// transfer is one PUT on its way into an upload: it reads the body in small
// pieces, hashes and writes each, and counts only once it is complete.
type transfer struct {
	s     *Server
	u     *upload
	k     *Knobs
	b     byteRange
	fault *Fault
	entry *Entry

	sum  hash.Hash // over all bytes before this chunk and what has come of it
	path string    // where its bytes go
	out  *os.File  // open while bytes come
	got  int64
	last time.Time // when the latest byte was read, by the real clock
	// apart is the name of this PUT's own file while another PUT writes into
	// the upload's file; empty for the one that does.
	apart string
	// replay is a chunk that is stored already, taken without effect because
	// the upload_order rule is off.
	replay bool
	lost   bool // another PUT has stored these bytes; guarded by u.mu
}

// buffers are shared by all PUTs. They are small because a thousand held
// requests each keep one.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// open takes the upload's state as the starting point of this chunk.
func (t *transfer) open() *refusal {
	u := t.u
	u.mu.Lock()
	defer u.mu.Unlock()
	if no := u.checkOrder(t.b, t.k, u.next); no != nil {
		return no
	}
	t.sum, t.replay = cloneHash(u.sum), t.b.first < u.next
	t.path = u.path
	if u.writer != nil || t.replay {
		u.sides++
		t.apart = fmt.Sprintf("%s.%d", u.path, u.sides)
		t.path = t.apart
	}
	if _, err := t.file(); err != nil {
		t.s.log.Error("store upload", "err", err)
		return &refusal{status: http.StatusInternalServerError, why: "the simulator cannot store the bytes"}
	}
	if t.apart == "" {
		u.writer = t
	}
	return nil
}

// file returns where the bytes go, which it opens if need be.
func (t *transfer) file() (out *os.File, err error) {
	if t.out == nil {
		t.out, err = os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	return t.out, err
}

// smallChunk is the size up to which a chunk whose bytes do not come keeps no
// file open: of those there may be as many as there are descriptors.
const smallChunk = 1 << 20

// rest closes the file of a small chunk until its next bytes come.
func (t *transfer) rest() error {
	if t.out == nil || t.b.length() > smallChunk {
		return nil
	}
	out := t.out
	t.out = nil
	return out.Close()
}

func (t *transfer) close() {
	t.u.mu.Lock()
	if t.u.writer == t {
		t.u.writer = nil
	}
	t.u.mu.Unlock()
	if t.out != nil {
		t.out.Close()
	}
	if t.apart != "" {
		os.Remove(t.apart)
	}
}

func cloneHash(h hash.Hash) hash.Hash {
	c, err := h.(hash.Cloner).Clone()
	if err != nil {
		panic(err) // sha256 always clones
	}
	return c.(hash.Hash)
}

// receive reads the body and answers the PUT.
func (t *transfer) receive(w http.ResponseWriter, r *http.Request) {
	s, e := t.s, t.entry
	s.journal.add(Entry{Kind: "effect", Name: "upload_started", Creator: e.Creator, OpenID: e.OpenID, PublishID: e.PublishID,
		LogID: e.LogID, Detail: Detail{"range": r.Header.Get("Content-Range")}})
	if err := t.read(w, r); err != nil {
		t.broken(err)
		panic(http.ErrAbortHandler) // ends the connection without an answer
	}
	complete, no := t.commit(s.clock.Now())
	if no != nil {
		s.refuse(w, e, t.k, t.u, no)
		return
	}
	status := http.StatusPartialContent
	name := "chunk_stored"
	if complete {
		status, name = http.StatusCreated, "upload_complete"
		s.complete(t, r.Header.Get("Content-Type"))
	}
	stored := t.b.first + t.got
	s.journal.add(Entry{Kind: "effect", Name: name, Wall: t.last, Creator: e.Creator, OpenID: e.OpenID, PublishID: e.PublishID,
		Detail: Detail{"uploaded_bytes": stored, "of": t.u.size}})
	if s.strike(t.fault, afterEffect, w, r, e, emptyBody) {
		return
	}
	w.Header().Set("Content-Range", t.u.progress(t.k, stored))
	s.send(t.fault, w, r, e, status, nil)
}

// complete makes the upload a file and hands it over to processing.
func (s *Server) complete(t *transfer, contentType string) {
	p := t.u.publish
	f := t.u.file(contentType, t.last)
	s.mu.Lock()
	if !p.handed {
		p.files = []file{f}
	}
	s.mu.Unlock()
	s.handOver(p, t.last)
}

var errCut = errors.New("cut by a fault")

// read takes the body piece by piece until the chunk is complete.
func (t *transfer) read(w http.ResponseWriter, r *http.Request) error {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	control := http.NewResponseController(w)
	idle := time.Duration(t.k.Upload.BodyIdle)
	if idle > 0 {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	length := t.b.length()
	for t.got < length {
		piece := buf[:]
		if f := t.fault; f != nil && f.At == midBody && t.got < f.AfterBytes {
			piece = piece[:min(int64(len(piece)), f.AfterBytes-t.got)]
		}
		if idle > 0 {
			_ = control.SetReadDeadline(time.Now().Add(idle))
		}
		n, err := r.Body.Read(piece)
		if n > 0 {
			t.last = time.Now()
			if err := t.write(piece[:n]); err != nil {
				return err
			}
			if n < len(piece) && t.got < length { // the rest is not there yet
				if err := t.rest(); err != nil {
					return err
				}
			}
		}
		if f := t.fault; f != nil && f.At == midBody && t.got >= f.AfterBytes {
			t.fault = nil
			if t.s.strike(f, midBody, w, r, t.entry, emptyBody) {
				return errCut
			}
		}
		if err != nil && t.got < length {
			return err
		}
	}
	return nil
}

// write hashes and stores one piece. A PUT that has lost to another still
// hashes its bytes, but leaves the file alone.
func (t *transfer) write(piece []byte) error {
	t.sum.Write(piece)
	at := t.b.first + t.got
	if t.apart != "" {
		at = t.got
	} else {
		t.u.mu.Lock()
		defer t.u.mu.Unlock()
	}
	t.got += int64(len(piece))
	if t.lost {
		return nil
	}
	if t.apart == "" {
		t.u.received = at + int64(len(piece))
	}
	out, err := t.file()
	if err != nil {
		return err
	}
	_, err = out.WriteAt(piece, at)
	return err
}

// commit makes the received chunk count, or says why it does not: another PUT
// was faster, or the hour is over. It reports whether the file is complete.
func (t *transfer) commit(now time.Time) (complete bool, no *refusal) {
	u := t.u
	u.mu.Lock()
	defer u.mu.Unlock()
	if t.k.Rules.UploadExpiry && t.k.Rules.UploadExpiryAtEnd && u.expired(t.k, now) {
		return false, &refusal{status: http.StatusForbidden, why: "the upload URL expired before the last byte"}
	}
	if t.replay {
		return u.next == u.size, nil
	}
	if t.b.first != u.next {
		return false, &refusal{status: http.StatusRequestedRangeNotSatisfiable, why: "another PUT stored these bytes first", progress: true}
	}
	if err := t.settle(); err != nil {
		t.s.log.Error("store upload", "err", err)
		return false, &refusal{status: http.StatusInternalServerError, why: "the simulator cannot store the bytes"}
	}
	u.next, u.sum = t.b.first+t.got, t.sum
	u.chunks++
	u.received = max(u.received, u.next)
	if u.writer != nil && u.writer != t {
		u.writer.lost, u.writer = true, nil
	}
	return u.next == u.size, nil
}

// settle moves bytes that were kept apart into the upload's file. u.mu is held.
func (t *transfer) settle() error {
	if t.apart == "" {
		return nil
	}
	whole, err := os.OpenFile(t.u.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer whole.Close()
	own, err := t.file()
	if err != nil {
		return err
	}
	_, err = io.Copy(io.NewOffsetWriter(whole, t.b.first), io.NewSectionReader(own, 0, t.got))
	return err
}

// broken ends a PUT whose body did not arrive whole. Nothing counts, unless
// the partial_credit knob says that what has come stays.
func (t *transfer) broken(err error) {
	t.entry.Detail = t.entry.Detail.with("broken", err.Error()).with("received", t.got)
	if !t.k.Upload.PartialCredit || t.got == 0 || t.replay {
		return
	}
	if _, no := t.commit(t.s.clock.Now()); no == nil {
		t.s.effect(t.u.publish, "partial_chunk_stored", time.Time{}, Detail{"uploaded_bytes": t.b.first + t.got, "of": t.u.size})
	}
}
