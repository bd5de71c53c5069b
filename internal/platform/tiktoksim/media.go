package tiktoksim

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim/inspect"
)

// inspect checks the media of a publish against TikTok contract 4.12 and
// returns the fail_reason, with the finding behind it, or "".
func (s *Server) inspect(p *publish, files []file, k *Knobs) (reason, why string) {
	found := slices.Clone(files)
	for i := range found {
		check := s.inspectVideo
		if p.kind == "photo" {
			check = s.inspectPhoto
		}
		if reason, why = check(p, &found[i], k); reason != "" {
			if len(found) > 1 {
				why = fmt.Sprintf("file %d: %s", i, why)
			}
			break
		}
	}
	s.mu.Lock()
	p.files = found
	if k.Media.Discard {
		p.wholeSum()
		p.discard()
	}
	s.mu.Unlock()
	return reason, why
}

func (s *Server) inspectVideo(p *publish, f *file, k *Knobs) (reason, why string) {
	in, err := os.Open(f.path)
	if err != nil {
		s.log.Error("inspect", "err", err)
		return "internal", "the simulator lost the file"
	}
	defer in.Close()
	if k.Rules.MediaBytes && f.size > k.Media.VideoBytes {
		return "file_format_check_failed", fmt.Sprintf("%d bytes, at most %d", f.size, k.Media.VideoBytes)
	}
	v, err := inspect.ReadVideo(in, f.size)
	if errors.Is(err, inspect.ErrFormat) {
		if k.Rules.Format {
			return "file_format_check_failed", err.Error()
		}
		return "", ""
	}
	if err != nil {
		s.log.Error("inspect", "err", err)
		return "internal", "the simulator cannot read the file"
	}
	f.width, f.height, f.kind = v.Width, v.Height, map[string]string{"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}[v.Container]
	f.duration, f.frameRate, f.codec = v.Duration, v.FrameRate, v.Codec
	s.mu.Lock()
	limit := time.Duration(k.Media.MaxDuration)
	if !p.draft {
		// A draft may be longer than the creator's limit: the app trims it.
		limit = min(limit, time.Duration(p.account.MaxVideoSeconds)*time.Second)
	}
	s.mu.Unlock()
	return judgeVideo(v, k, limit)
}

// durationSlack forgives what containers round: the last frame of a video of
// exactly the limit may end a few milliseconds after it.
const durationSlack = 100 * time.Millisecond

// rateSlack lets 60000/1001 and averages of variable rates pass as the whole
// numbers they stand for.
const rateSlack = 0.05

func judgeVideo(v inspect.Video, k *Knobs, limit time.Duration) (reason, why string) {
	m := k.Media
	small, large := min(v.Width, v.Height), max(v.Width, v.Height)
	switch {
	case k.Rules.Duration && (v.Duration > limit+durationSlack || v.Duration < time.Duration(m.MinDuration)):
		return "duration_check_failed", fmt.Sprintf("lasts %s, allowed are %s to %s", v.Duration.Round(time.Millisecond), time.Duration(m.MinDuration), limit)
	case k.Rules.FrameRate && (v.FrameRate < m.MinFrameRate-rateSlack || v.FrameRate > m.MaxFrameRate+rateSlack):
		return "frame_rate_check_failed", fmt.Sprintf("%.2f frames a second, allowed are %g to %g", v.FrameRate, m.MinFrameRate, m.MaxFrameRate)
	case k.Rules.PictureSize && (small < m.MinSide || large > m.MaxSide):
		return "picture_size_check_failed", fmt.Sprintf("%d×%d pixels, each side may have %d to %d", v.Width, v.Height, m.MinSide, m.MaxSide)
	}
	return "", ""
}

func (s *Server) inspectPhoto(_ *publish, f *file, k *Knobs) (reason, why string) {
	in, err := os.Open(f.path)
	if err != nil {
		s.log.Error("inspect", "err", err)
		return "internal", "the simulator lost the file"
	}
	defer in.Close()
	photo, err := inspect.ReadPhoto(in)
	if err != nil {
		if k.Rules.Format {
			return "file_format_check_failed", err.Error()
		}
		return "", ""
	}
	f.width, f.height, f.kind = photo.Width, photo.Height, "image/"+photo.Format
	m := k.Media
	small, large := min(photo.Width, photo.Height), max(photo.Width, photo.Height)
	switch {
	case k.Rules.PictureSize && (small > m.PhotoShortSide || large > m.PhotoLongSide):
		return "picture_size_check_failed", fmt.Sprintf("%d×%d pixels, at most %d×%d", photo.Width, photo.Height, m.PhotoLongSide, m.PhotoShortSide)
	case k.Rules.MediaBytes && f.size > m.PhotoBytes:
		return "picture_size_check_failed", fmt.Sprintf("%d bytes, at most %d", f.size, m.PhotoBytes)
	}
	return "", ""
}
