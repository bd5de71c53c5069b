package tiktoksim

import (
	"fmt"
	"testing"
)

func TestParseContentRange(t *testing.T) {
	for text, want := range map[string]byteRange{
		"bytes 0-0/1":                                     {0, 0, 1},
		"bytes 5242880-11534335/11534336":                 {5242880, 11534335, 11534336},
		"bytes 0-4294967295/4294967296":                   {0, 4294967295, 4294967296},
		"bytes 0-9223372036854775806/9223372036854775807": {0, 9223372036854775806, 9223372036854775807},
	} {
		if got, err := parseContentRange(text); err != nil || got != want {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "bytes", "bytes 0-0", "bytes 0/1", "bytes */1", "bytes 0-0/*", "bytes 1-0/2", "bytes 0-1/1", "bytes -1-0/1", "bytes +0-0/1",
		"bytes 0 - 0 / 1", "bytes  0-0/1", "Bytes 0-0/1", "bytes=0-0/1", "bytes 0-0/1 ", "bytes 0-0/1,", "bytes 0x0-0/1", "bytes 0-9223372036854775808/1",
	} {
		if got, err := parseContentRange(text); err == nil {
			t.Errorf("%q was accepted as %+v", text, got)
		}
	}
}

// FuzzParseContentRange: whatever is accepted means one range, inside its
// total, and is written in the one accepted way but for leading zeros.
func FuzzParseContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-0/1", "bytes 5-9/10", "bytes */3", "bytes 0-18446744073709551615/1", "bytes 00-01/2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := parseContentRange(text)
		if err != nil {
			return
		}
		if b.first < 0 || b.last < b.first || b.total <= b.last || b.length() < 1 || b.length() > b.total {
			t.Errorf("%q was accepted as %+v", text, b)
		}
		again, err := parseContentRange(fmt.Sprintf("bytes %d-%d/%d", b.first, b.last, b.total))
		if err != nil || again != b {
			t.Errorf("%q is %+v, but written out it is %+v (%v)", text, b, again, err)
		}
	})
}
