package tiktok

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

var uploadTypes = []string{"video/mp4", "video/quicktime", "video/webm"}

// Stage opens or resumes the upload of a video and sends every chunk but the last. For photos it sends nothing: TikTok may
// fetch them as soon as it knows of them, so Wait tells it at the due time.
func (c *Client) Stage(ctx context.Context, p platform.Payload, ledger platform.Ledger) (platform.Staged, error) {
	if kindOf(p) == shippost.Photo {
		return c.stageAlbum(p, ledger)
	}
	if len(p.Media) != 1 || p.Media[0].Kind != shippost.Video || !slices.Contains(uploadTypes, p.Media[0].Type) ||
		p.Media[0].Size <= 0 || p.Media[0].Size > maxSize {
		return nil, shippost.Errorf(shippost.Invalid, "media_unusable", "TikTok takes one MP4, MOV or WebM video of at most %d GB.", maxSize>>30).
			At(mediaField).With(shippost.RemedyReplaceMedia)
	}
	s := &staged{c: c, payload: p, file: p.Media[0], plan: c.sizes.plan(p.Media[0].Size), receipt: p.Receipt}
	// Requests outlive the call that stages; Close ends them.
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if p.Receipt.IsZero() {
		s.receipt, err = c.open(ctx, p, s.plan, ledger)
		s.payload.Receipt = s.receipt
	} else {
		err = s.resume(ctx)
	}
	if err == nil {
		ledger.Progress(s.next)
		err = s.sendChunks(ctx, ledger)
	}
	if err != nil {
		s.end()
		return nil, err
	}
	s.c.line.expect(s.plan.size - s.next)
	s.expected = s.plan.size - s.next
	return s, nil
}

// staged is an upload of which only the last request is missing.
type staged struct {
	c        *Client
	payload  platform.Payload
	file     platform.File
	plan     plan
	receipt  shippost.Receipt
	next     int64 // first byte that TikTok misses; only changed by whoever sends
	expected int64 // bytes noted as waiting for the line

	life context.Context
	end  context.CancelFunc

	mu     sync.Mutex
	held   *held // the request that is kept open, nil for none
	whole  bool  // the last request is sent whole at the instant
	closed bool
	slot   bool // a slot for held requests is taken
}

// Receipt returns the receipt of the attempt.
func (s *staged) Receipt() shippost.Receipt { return s.receipt }

// resume finds out how much TikTok has (reliability C6).
func (s *staged) resume(ctx context.Context) error {
	if !s.c.mayUploadTo(s.receipt.UploadURL.Reveal()) {
		return &platform.Error{Op: "upload", Reach: platform.NotSent, Code: platform.CodeUploadForeign}
	}
	now, logID, err := s.c.status(ctx, s.payload)
	if err != nil {
		return err
	}
	answered := platform.Error{Op: "status.fetch", Reach: platform.Answered, Status: http.StatusOK, LogID: logID}
	switch {
	case now.Status == "FAILED":
		answered.Code = first(now.FailReason, "unknown")
		return &answered
	case now.Status != "PROCESSING_UPLOAD" || now.Uploaded != nil && *now.Uploaded >= s.plan.size:
		answered.Code = platform.CodeUploadWhole
		return &answered
	case now.Uploaded != nil && *now.Uploaded > 0:
		s.next = *now.Uploaded
	}
	return nil
}

// sendChunks sends what lies before the last chunk, each chunk until TikTok has it.
func (s *staged) sendChunks(ctx context.Context, ledger platform.Ledger) error {
	// Stage may be told to stop, and Close may be called; either ends the request.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for tries := 0; s.next < s.plan.last(); {
		from := s.next
		err := s.sendChunk(ctx)
		if s.next > from {
			tries = 0
			ledger.Progress(s.next)
			continue
		}
		if err == nil {
			err = &platform.Error{Op: "upload", Reach: platform.Answered, Code: codeUploadRefused}
		}
		if tries++; !s.c.mayRepeat(err) || tries > s.c.hold.tries {
			return err
		}
		if err := s.c.rest(ctx, tries); err != nil {
			return err
		}
		if err := s.catchUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// catchUp asks how much TikTok has after an answer that was lost or said nothing about it. Sending the chunk again would
// tell too, but a host that refuses it may cut the connection before its answer is read.
func (s *staged) catchUp(ctx context.Context) error {
	now, logID, err := s.c.status(ctx, s.payload)
	switch {
	case err != nil || now.Uploaded == nil:
		return ctx.Err() // then the repeat has to tell
	case *now.Uploaded >= s.plan.size:
		return &platform.Error{Op: "status.fetch", Reach: platform.Answered, Status: http.StatusOK, Code: platform.CodeUploadWhole, LogID: logID}
	case *now.Uploaded > s.next:
		s.next = *now.Uploaded
	}
	return nil
}

// sendChunk sends one chunk that is not the last. It moves next when TikTok has it.
func (s *staged) sendChunk(ctx context.Context) error {
	from, to := s.next, s.plan.end(s.next)
	done := s.c.line.begin(s.c.now())
	a, _, err := s.put(ctx, newBody(ctx, to-from, s.from(from), s.c.now), from, to)
	done(to-from, s.c.now())
	if err != nil {
		return err
	}
	switch a.status {
	case http.StatusPartialContent:
		s.next = to
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		return s.resync(ctx, a)
	case http.StatusCreated:
		// Impossible: bytes are missing. Only TikTok knows what it made of that.
		e := a.err()
		e.Code = platform.CodeUploadWhole
		return e
	default:
		return a.err()
	}
}

// resync takes TikTok's word for how much it has, after it did not expect what we sent: the answer to an earlier
// request may have been lost. An answer that helps not is settled by asking for the status.
func (s *staged) resync(ctx context.Context, a answer) error {
	have, ok := s.plan.progress(a.progress)
	if !ok || have == s.next {
		now, _, err := s.c.status(ctx, s.payload)
		if err != nil {
			return err
		}
		if now.Uploaded == nil || *now.Uploaded == s.next {
			e := a.err()
			e.Code = platform.CodeUploadGone // it cannot be brought back into step
			return e
		}
		have = *now.Uploaded
	}
	if have >= s.plan.size {
		e := a.err()
		e.Code = platform.CodeUploadWhole
		return e
	}
	s.next = have
	return nil
}

// from returns the source of the file's bytes from an offset.
func (s *staged) from(offset int64) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) { return s.file.Open(ctx, offset) }
}

// mayRepeat reports whether a request that sent no last byte may be sent again after err.
func (c *Client) mayRepeat(err error) bool {
	e := platform.AsError(err)
	if e == nil {
		return false
	}
	return e.Reach != platform.Answered && e.Code == platform.CodeNetwork || e.Status >= 500 || e.Status == http.StatusTooManyRequests
}

// rest waits before repeat number try, with growing pauses.
func (c *Client) rest(ctx context.Context, try int) error {
	timer := time.NewTimer(c.hold.pause << min(try-1, 3))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("upload: %w", context.Cause(ctx))
	}
}
