// Package probe reads what an uploaded file really is, from its bytes alone, and takes out of it what tells where and with
// what it was made.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"ship-post.com/shippost"
)

// MaxPhoto is the largest photo file that is read, in bytes (reliability §11).
const MaxPhoto = 20 << 20

// Report is what a file is. A file that cannot be used has a blocking problem; Kind, Type and Facts then say what is known.
type Report struct {
	Kind     shippost.MediaKind // "" when it is neither video nor photo
	Type     string             // MIME type found in the bytes
	Facts    shippost.MediaFacts
	Problems []shippost.Problem
}

// maxTime ends the reading of a file that is made to be slow.
const maxTime = 10 * time.Second

// Probe reads a file of size bytes. It reads headers and tables, not the pictures, so that it takes milliseconds also
// for gigabytes; bytes, depth and time are limited whatever the file says. What is wrong with the file stands in the report;
// an error means that the file could not be read or that ctx ended. Probe has no state and may run many times at once.
func Probe(ctx context.Context, r io.ReaderAt, size int64) (Report, error) {
	if size == 0 {
		return Report{Problems: []shippost.Problem{block("file_empty", "This file is empty. Export it again, then upload it.")}}, nil
	}
	limited, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	s := &source{ctx: limited, file: r, size: size}
	report, err := s.probe()
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	var f *flaw
	switch {
	case err == nil:
	case errors.As(err, &f):
		report.Problems = append(report.Problems, f.problem)
	case limited.Err() != nil:
		report.Problems = append(report.Problems, tooComplex.problem)
	default:
		return Report{}, fmt.Errorf("probe: %w", err)
	}
	if shippost.Blocking(report.Problems) {
		return report, nil
	}
	return report, report.check()
}

// probe dispatches by the first bytes. What no reader knows is refused with the name of what it seems to be.
func (s *source) probe() (Report, error) {
	head, err := s.head()
	if err != nil {
		return Report{}, err
	}
	for _, form := range forms {
		if form.starts(head) {
			return form.read(s)
		}
	}
	return Report{}, notMedia(head)
}

// forms are the file forms that are read. A form that starts a file owns it: its reader succeeds or the file is refused.
var forms = []struct {
	starts func(head []byte) bool
	read   func(*source) (Report, error)
}{
	{startsJPEG, (*source).jpeg},
	{startsPNG, (*source).png},
	{startsWebP, (*source).webp},
	{startsEBML, (*source).webm},
	{startsMP4, (*source).mp4},
}

// check makes sure that a report without a problem found something: "no error, nothing found" is a fault of a reader.
func (r Report) check() error {
	f := r.Facts
	if r.Kind == "" || r.Type == "" || f.Container == "" || f.Width <= 0 || f.Height <= 0 {
		return fmt.Errorf("probe: a %q without kind, type or size was let through", f.Container)
	}
	if r.Kind == shippost.Video && (f.VideoCodec == "" || f.Duration <= 0) {
		return fmt.Errorf("probe: a %q without codec or duration was let through", f.Container)
	}
	return nil
}
