package e2e

import (
	"path/filepath"
	"testing"
	"time"
)

// TestPost_LooksAhead: the page of a post that waits says who agreed to which words for which file, and, long before its time, what
// was found when everything that can be known was tried.
func TestPost_LooksAhead(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	path := shortClip(t, 1)
	post := p.scheduled(t, path, 2*time.Hour)
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/posts/" + post.ID)
	b.see("What was agreed", "Agreed to once")
	js[bool](b, `(document.querySelector('details:has(blockquote)').open = true)`)
	b.see("for Mara Lindqvist", "By posting, you agree to TikTok's Music Usage Confirmation", filepath.Base(path), sumOf(t, path), "The first frame")
	b.until("the look ahead", func() bool {
		return js[string](b, `fetch('/api/v1/posts/`+post.ID+`').then((r) => r.json()).then((p) => p.forecast?.light ?? '')`) == "green"
	})
	b.open("/posts/" + post.ID)
	b.see("All clear: whatever can be checked ahead is right.")
	b.flawless()
}
