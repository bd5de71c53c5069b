package probe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"ship-post.com/shippost"
)

// flaw is a fault of the file, as an error inside this package.
type flaw struct{ problem shippost.Problem }

func (f *flaw) Error() string { return f.problem.Code }

func flawf(code, format string, args ...any) *flaw {
	return &flaw{block(code, fmt.Sprintf(format, args...))}
}

func block(code, message string) shippost.Problem {
	return shippost.Problem{Code: code, Message: message, Remedy: shippost.RemedyReplaceMedia, Severity: shippost.Block}
}

// The flaws that need no numbers.
var (
	damaged    = flawf("file_damaged", "This file is damaged and cannot be read. Export it again, then upload it.")
	tooComplex = flawf("file_too_complex", "This file is built in such a way that it cannot be checked. Export it again as MP4 (H.264), then upload it.")
	noPicture  = flawf("no_picture", "This file has no video picture. Choose a video.")
	noFrames   = flawf("video_empty", "This video has no frames. Export it again, then upload it.")
	protected  = flawf("video_protected", "This video is copy-protected and cannot be posted. Choose a file without protection.")
	animated   = flawf("photo_animated", "This picture is animated. Choose a still photo, or export it as a video.")
)

// truncated says how much of the file is missing; need is the size it must at least have.
func truncated(have, need int64) *flaw {
	if need <= have {
		return flawf("file_incomplete", "This file is incomplete: its end is missing. Export or copy it again, then upload it.")
	}
	return flawf("file_incomplete", "This file is incomplete: it ends after %s, but %s belong to it. Export or copy it again, then upload it.",
		bytesText(have), bytesText(need))
}

func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

const takes = "ShipPost takes videos as MP4, MOV or WebM and photos as JPEG, PNG or WebP."

// known gives names to what people upload by mistake. The detected type is only good for such a hint.
var known = map[string]struct{ code, message string }{
	"video/x-matroska": {"video_matroska", "This is an MKV video, which cannot be posted. Export it as MP4."},
	"video/x-msvideo":  {"video_avi", "This is an AVI video, which cannot be posted. Export it as MP4."},
	"video/3gpp":       {"video_3gp", "This is a 3GP video, which cannot be posted. Export it as MP4."},
	"video/3gpp2":      {"video_3gp", "This is a 3GP video, which cannot be posted. Export it as MP4."},
	"image/heic":       {codeHEIC, "This is a HEIC photo, which cannot be read here. Export it as JPEG, or set the phone's camera to \"most compatible\"."},
	"image/heif":       {codeHEIC, "This is a HEIF photo, which cannot be read here. Export it as JPEG, or set the phone's camera to \"most compatible\"."},
	"image/avif":       {"photo_avif", "This is an AVIF photo, which cannot be posted. Export it as JPEG."},
	"image/gif":        {"photo_gif", "This is a GIF, which cannot be posted. Export it as a video or as JPEG."},
	"image/svg+xml":    {"photo_svg", "This is an SVG drawing, which cannot be posted. Export it as JPEG or PNG."},
}

// notMedia refuses a file by what its first bytes look like.
func notMedia(head []byte) *flaw {
	t := mimetype.Detect(head)
	name, _, _ := strings.Cut(t.String(), ";")
	for m := t; m != nil; m = m.Parent() {
		if k, ok := known[m.String()]; ok {
			return flawf(k.code, "%s", k.message)
		}
	}
	if name == "application/octet-stream" {
		return flawf("file_not_media", "This is not a video or photo. %s", takes)
	}
	return flawf("file_not_media", "This is not a video or photo; it looks like %s. %s", name, takes)
}

// Flaw returns the problem of the file that err stands for, if it does.
func Flaw(err error) (shippost.Problem, bool) {
	f, ok := errors.AsType[*flaw](err)
	if !ok {
		return shippost.Problem{}, false
	}
	return f.problem, true
}
