package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompose_DropsAFolder: a folder with more photos than a post takes, a text among them, and what the system left there, is dropped on
// the composer. The first photos are taken in their order; what is left out is named, and does not travel.
func TestCompose_DropsAFolder(t *testing.T) {
	t.Parallel()
	_, _, b := composer(t, "/compose")
	b.see("Drop a video here", "up to 35 photos", "Posting as")
	folder := filepath.Join(t.TempDir(), "Market")
	must(t, os.MkdirAll(filepath.Join(folder, "Sunday"), 0o700))
	photos(t, folder, 36)
	for name, text := range map[string]string{"Sunday/notes.txt": "bread, film", ".DS_Store": "junk"} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	b.drop(folder)
	b.see("notes.txt was left out: it is no video or photo that TikTok takes.", "A TikTok post has at most 35 photos: Market day 35.jpg was left out.")
	if n := len(b.all("button", "instead")); n != 0 {
		t.Errorf("%d buttons offer what was left out instead", n)
	}
	b.until("the photos in their order, all checked", func() bool {
		var want []string
		for i := range 35 {
			want = append(want, fmt.Sprintf("Market day %d.jpg", i))
		}
		want[0] += ", cover"
		return b.order() == strings.Join(want, " | ")
	})
	b.flawless()
	if n := b.uploads(); n != 35 {
		t.Errorf("%d uploads were begun, want 35", n)
	}
}
