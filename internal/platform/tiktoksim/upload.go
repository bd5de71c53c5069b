package tiktoksim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// upload receives the bytes of one FILE_UPLOAD. Chunks come in order and count
// only when complete, unless the partial_credit knob is on.
type upload struct {
	id, token         string
	publish           *publish
	size, chunk, last int64 // last is the size of the last chunk
	opened            time.Time
	path              string

	// mu guards what follows. It is held for a buffer's write, never for a
	// read, so that a slow sender holds up nobody.
	mu     sync.Mutex
	next   int64     // stored bytes: the first byte that is expected next
	sum    hash.Hash // over the stored bytes
	chunks int       // PUTs that brought them
	// received is how far the PUT under way has come; it counts for nothing,
	// but shows that a sender holds back the rest.
	received int64
	// writer is the PUT that writes straight into the file. Another PUT that
	// runs at the same time keeps its bytes apart until one of them wins.
	writer *transfer
	sides  int // PUTs that had to keep their bytes apart
}

// newUpload opens the transfer of a publish. A plan that the rules let pass may
// make no sense: without a chunk size all bytes are one chunk, and no chunk is
// empty. s.mu is held.
func (s *Server) newUpload(p *publish, from *sourceInfo) *upload {
	chunk := from.ChunkSize
	if chunk <= 0 {
		chunk = from.VideoSize
	}
	count := max(1, min(from.TotalChunkCount, (from.VideoSize-1)/chunk+1))
	u := &upload{
		id: fmt.Sprint(7400000000000000000 + s.lastPublish*1013), token: secret("", ""), publish: p,
		size: from.VideoSize, chunk: chunk, last: from.VideoSize - chunk*(count-1),
		opened: p.initAt, sum: sha256.New(),
	}
	u.path = filepath.Join(s.dir, "upload-"+u.id)
	p.upload = u
	s.uploads[u.id] = u
	return u
}

func (s *Server) uploadURL(u *upload, r *http.Request) string {
	return s.baseURL(r) + "/video/?" + url.Values{"upload_id": {u.id}, "upload_token": {u.token}}.Encode()
}

// stored is how many bytes count as received.
func (u *upload) stored() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.next
}

// progress is the Content-Range of an answer; whether N is a count or the last
// index is unclear, hence the knob (TikTok contract 4.7).
func (u *upload) progress(k *Knobs, stored int64) string {
	switch {
	case k.Upload.Progress == "count":
		return fmt.Sprintf("bytes 0-%d/%d", stored, u.size)
	case stored == 0:
		return fmt.Sprintf("bytes */%d", u.size)
	}
	return fmt.Sprintf("bytes 0-%d/%d", stored-1, u.size)
}

// refusal is an answer to a PUT that stores nothing.
type refusal struct {
	status   int
	why      string
	progress bool
}

var videoTypes = []string{"video/mp4", "video/quicktime", "video/webm"}

// put takes one chunk (TikTok contract 4.7 and 11).
func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	k, now := s.knobs.Load(), s.clock.Now()
	entry := &Entry{Kind: "request", Name: "upload", Method: r.Method, Path: r.URL.Path, At: now, Wall: time.Now(), LogID: s.logID()}
	defer s.journal.end(entry)
	u := s.findUpload(r, entry)
	if u == nil {
		s.refuse(w, entry, k, nil, &refusal{status: http.StatusNotFound, why: "no such upload"})
		return
	}
	if r.Header.Get("Authorization") != "" {
		entry.Detail = entry.Detail.with("warning", "an Authorization header was sent to the upload host")
	}
	b, no := u.check(r, k, now)
	entry.Detail = entry.Detail.with("range", r.Header.Get("Content-Range"))
	f := s.faults.pick("upload", entry.Creator, no == nil && b.last == u.size-1)
	if s.strike(f, beforeEffect, w, r, entry, emptyBody) {
		return
	}
	if no != nil {
		s.refuse(w, entry, k, u, no)
		return
	}
	t := &transfer{s: s, u: u, k: k, b: b, fault: f, entry: entry}
	if no := t.open(); no != nil {
		s.refuse(w, entry, k, u, no)
		return
	}
	defer t.close()
	t.receive(w, r)
}

func emptyBody(int) []byte { return nil }

// findUpload looks the upload up by its URL's secret parts. Uploads of removed
// or failed publishes are gone.
func (s *Server) findUpload(r *http.Request, e *Entry) *upload {
	q := r.URL.Query()
	e.Detail = Detail{"upload": fingerprint(q.Get("upload_token"))}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[q.Get("upload_id")]
	if u == nil || s.knobs.Load().Rules.UploadToken && u.token != q.Get("upload_token") {
		return nil
	}
	p := u.publish
	e.Creator, e.OpenID, e.PublishID = p.account.Handle, p.account.OpenID, p.id
	if p.status == statusFailed {
		return nil
	}
	return u
}

// check applies the rules that need no body, in the contract's order.
func (u *upload) check(r *http.Request, k *Knobs, now time.Time) (byteRange, *refusal) {
	if k.Rules.UploadExpiry && u.expired(k, now) {
		return byteRange{}, &refusal{status: http.StatusForbidden, why: "the upload URL has expired"}
	}
	b, no := u.askedRange(r, k)
	if no != nil {
		return b, no
	}
	if k.Rules.UploadType && !slices.Contains(videoTypes, r.Header.Get("Content-Type")) {
		return b, &refusal{status: http.StatusBadRequest, why: "Content-Type is not a video type"}
	}
	if k.Rules.UploadLength && (r.ContentLength != b.length() || b.total != u.size) {
		return b, &refusal{status: http.StatusBadRequest, why: "Content-Length, Content-Range and video_size disagree"}
	}
	if r.ContentLength >= 0 {
		b.last = b.first + r.ContentLength - 1
	}
	if b.last >= u.size || b.length() <= 0 {
		return b, &refusal{status: http.StatusBadRequest, why: "the range lies outside the file"}
	}
	return b, u.checkOrder(b, k, u.stored())
}

// askedRange reads Content-Range. With the rule off a missing or bad one stands
// for what comes next, as long as Content-Length says.
func (u *upload) askedRange(r *http.Request, k *Knobs) (byteRange, *refusal) {
	text := r.Header.Get("Content-Range")
	b, err := parseContentRange(text)
	switch {
	case err == nil:
		return b, nil
	case !k.Rules.UploadRange:
		next := u.stored()
		return byteRange{first: next, last: next + r.ContentLength - 1, total: u.size}, nil
	case text == "":
		return b, &refusal{status: k.Upload.MissingRangeStatus, why: "Content-Range is missing", progress: k.Upload.MissingRangeStatus == 416}
	}
	return b, &refusal{status: http.StatusBadRequest, why: err.Error()}
}

// checkOrder refuses a chunk that is not the one expected next.
func (u *upload) checkOrder(b byteRange, k *Knobs, next int64) *refusal {
	if b.first < next && !k.Rules.UploadOrder {
		return nil // a replay, taken without effect
	}
	if b.first != next {
		return &refusal{status: http.StatusRequestedRangeNotSatisfiable, why: fmt.Sprintf("byte %d is expected next", next), progress: true}
	}
	if k.Rules.UploadChunk && b.last != u.chunkEnd(b.first) {
		return &refusal{status: http.StatusRequestedRangeNotSatisfiable, why: fmt.Sprintf("the chunk must end at byte %d", u.chunkEnd(b.first)), progress: true}
	}
	return nil
}

// chunkEnd is the last byte of the chunk that contains the byte first.
func (u *upload) chunkEnd(first int64) int64 {
	if first >= u.size-u.last {
		return u.size - 1
	}
	return first - first%u.chunk + u.chunk - 1
}

func (u *upload) expired(k *Knobs, now time.Time) bool {
	return !now.Before(u.opened.Add(time.Duration(k.Upload.URLLifetime)))
}

// refuse answers without reading the body. The connection closes after it,
// because the body may never come.
func (s *Server) refuse(w http.ResponseWriter, e *Entry, k *Knobs, u *upload, no *refusal) {
	if no.progress {
		w.Header().Set("Content-Range", u.progress(k, u.stored()))
	}
	w.Header().Set("Connection", "close")
	e.Status, e.Detail = no.status, e.Detail.with("because", no.why)
	w.WriteHeader(no.status)
}

// file describes the complete upload.
func (u *upload) file(contentType string, at time.Time) file {
	u.mu.Lock()
	defer u.mu.Unlock()
	return file{path: u.path, sha256: hex.EncodeToString(u.sum.Sum(nil)), size: u.size,
		kind: strings.TrimSpace(contentType), lastByte: at.Round(0).UTC()}
}
