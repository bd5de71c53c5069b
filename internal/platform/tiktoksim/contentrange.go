package tiktoksim

import (
	"fmt"
	"strconv"
	"strings"
)

// byteRange is the Content-Range of a PUT: bytes first-last/total, last included.
type byteRange struct{ first, last, total int64 }

func (b byteRange) length() int64 { return b.last - b.first + 1 }

// parseContentRange reads "bytes {first}-{last}/{total}" and nothing else: no
// "*", no signs, no spaces but the one, and a range that fits its total.
func parseContentRange(text string) (byteRange, error) {
	rest, ok := strings.CutPrefix(text, "bytes ")
	span, total, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return byteRange{}, fmt.Errorf("Content-Range %q is not bytes first-last/total", text)
	}
	var b byteRange
	for _, n := range []struct {
		text string
		to   *int64
	}{{first, &b.first}, {last, &b.last}, {total, &b.total}} {
		v, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil || strings.Trim(n.text, "0123456789") != "" {
			return byteRange{}, fmt.Errorf("Content-Range %q: %q is not a number", text, n.text)
		}
		*n.to = v
	}
	if b.first > b.last || b.last >= b.total {
		return byteRange{}, fmt.Errorf("Content-Range %q does not fit its total", text)
	}
	return b, nil
}
