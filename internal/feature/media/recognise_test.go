package media_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"ship-post.com/shippost/internal/feature/media"
)

// Clients compute the same fingerprint, so what goes into it is fixed: size, line feed, and the samples.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	const k64 = 64 << 10
	for _, size := range []int{1, 1000, k64, 3 * k64, 3*k64 + 1, 3*k64 + 2, 1_000_003} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i * 7 >> 3)
		}
		want := sha256.New()
		fmt.Fprintf(want, "%d\n", size)
		if size <= 3*k64 {
			want.Write(content)
		} else {
			middle := (size - k64) / 2
			want.Write(content[:k64])
			want.Write(content[middle : middle+k64])
			want.Write(content[size-k64:])
		}
		got, err := media.Fingerprint(bytes.NewReader(content), int64(size))
		if err != nil || got != hex.EncodeToString(want.Sum(nil)) {
			t.Errorf("%d bytes: %s, %v", size, got, err)
		}
		content[size-1]++
		if other, _ := media.Fingerprint(bytes.NewReader(content), int64(size)); other == got {
			t.Errorf("%d bytes: another last byte, the same fingerprint", size)
		}
	}
}
