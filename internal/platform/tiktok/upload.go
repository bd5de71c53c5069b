package tiktok

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost/internal/platform"
)

// put sends the bytes from..to of the file with one request (TikTok contract 4.7): the whole upload address, three
// headers, no Authorization. It returns the answer whatever its status. The last write's time is zero when the last
// byte was not handed over.
func (s *staged) put(ctx context.Context, b *body, from, to int64) (answer, time.Time, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.receipt.UploadURL.Reveal(), b)
	if err != nil {
		_ = b.Close()
		return answer{}, time.Time{}, &platform.Error{Op: "upload", Reach: platform.NotSent, Code: platform.CodeUploadForeign, Err: errors.New("not an address")}
	}
	req.ContentLength = to - from
	req.Header.Set("Content-Type", s.file.Type)
	req.Header.Set("Content-Range", contentRange(from, to, s.plan.size))
	req.Header.Set("User-Agent", "") // says nothing instead of Go's own
	resp, trip, err := s.c.clients.Once().Do(req)
	_ = b.Close()
	var lastByte time.Time
	if last := b.last(); !last.IsZero() && !trip.Broken && !trip.LastWrite.Before(last) {
		lastByte = trip.LastWrite
	}
	if err != nil {
		if own := b.failure(); own != nil && !errors.Is(own, io.ErrClosedPipe) {
			return answer{}, lastByte, own
		}
		return answer{}, lastByte, lost("upload", trip, err)
	}
	defer func() { _ = resp.Body.Close() }()
	s.c.told.note(resp)
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // empty or not JSON: only the status counts
	return answer{status: resp.StatusCode, progress: resp.Header.Get("Content-Range"), logID: resp.Header.Get("X-Tt-Logid")}, lastByte, nil
}

// answer is what the upload host said.
type answer struct {
	status   int
	progress string
	logID    string
}

// err puts an answer that is no success into an error.
func (a answer) err() *platform.Error {
	e := &platform.Error{Op: "upload", Reach: platform.Answered, Status: a.status, LogID: a.logID}
	switch {
	case a.status == http.StatusForbidden || a.status == http.StatusNotFound:
		e.Code = platform.CodeUploadGone
	case a.status < 500:
		e.Code = codeUploadRefused
	}
	return e
}

func contentRange(from, to, size int64) string {
	return "bytes " + strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(to-1, 10) + "/" + strconv.FormatInt(size, 10)
}

// progress reads how many bytes the upload host has from "bytes 0-N/T" or "bytes */T". Whether N is a count or the
// index of the last byte is unclear (TikTok contract 4.7); the reading is taken that makes the next byte one where a
// chunk begins. ok is false when neither does.
func (p plan) progress(header string) (have int64, ok bool) {
	rest, found := strings.CutPrefix(header, "bytes ")
	span, total, cut := strings.Cut(rest, "/")
	if t, err := strconv.ParseInt(total, 10, 64); !found || !cut || err != nil || t != p.size {
		return 0, false
	}
	if span == "*" {
		return 0, true
	}
	first, last, cut := strings.Cut(span, "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if !cut || err != nil || first != "0" || n < 0 || n > p.size {
		return 0, false
	}
	for _, have := range []int64{n, n + 1} {
		if p.boundary(have) || have == p.size {
			return have, true
		}
	}
	return 0, false
}
