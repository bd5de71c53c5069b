package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"ship-post.com/shippost/client"
)

// TestFirstSteps_Sample: an empty calendar shows with a sample what a planned one looks like. It is marked as one, the server knows
// nothing of it, so that it cannot go out, and one press takes all of it away. Whoever has posts of their own sees none.
func TestFirstSteps_Sample(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	b := w.browse(t)
	b.signIn(p.handle)
	cards := func() int { return len(b.all("link", "Sample: ")) }
	nothing := func() {
		t.Helper()
		posts, err := p.Posts(t.Context(), client.PostQuery{Limit: 10})
		must(t, err)
		if files := js[int](b, "fetch('/api/v1/media?limit=1').then((r) => r.json()).then((a) => a.items.length)"); len(posts) > 0 || files > 0 {
			t.Errorf("the server keeps %d posts and %d files of a sample", len(posts), files)
		}
	}
	b.press("button", "Show me with a sample")
	b.see("This is a sample", "none of it can go out")
	b.until("its cards", func() bool { return cards() > 4 })
	nothing()
	for _, size := range []window{phone, desk} {
		b.size(size)
		b.open("/") // it outlives the page
		b.see("This is a sample")
		b.flawless()
	}
	b.until("its cards", func() bool { return cards() > 4 })
	// What moves, chooses, duplicates and cancels a post does nothing here.
	card := b.find("link", "Sample: At risk")
	b.on(card, "function() { this.focus() }")
	b.keys("m", "x", "d", kb.Delete)
	if open := len(b.all("dialog", "")); open > 0 || strings.Contains(b.text(), "chosen") {
		t.Errorf("keys did something with a card of the sample: %d dialogs, %s", open, b.text())
	}
	b.keys(kb.Enter)
	b.find("dialog", "A post of the sample")
	b.see("it will not go out as things are", "Write your first post")
	b.flawless()
	b.keys(kb.Escape)
	b.until("the dialog to close", func() bool { return len(b.all("dialog", "A post of the sample")) == 0 })
	b.press("link", "Sample: Posted")
	b.see("On the second", "Posted: TikTok confirmed it")
	b.press("button", "Remove the sample")
	b.see("The sample is gone.", "Your first post in four steps")
	if n := cards(); n != 0 {
		t.Errorf("%d cards are left", n)
	}
	nothing()
	b.open("/")
	b.see("Your first post in four steps")
	if kept := js[string](b, "String(localStorage.getItem('shippost.sample'))"); kept != "null" || cards() != 0 {
		t.Errorf("%d cards and %s are left after another load", cards(), kept)
	}

	b.press("button", "Show me with a sample")
	b.until("its cards", func() bool { return cards() > 4 })
	b.press("radio", "Week")
	b.see("This is a sample")
	b.press("radio", "Month")
	p.scheduled(t, shortClip(t, 1), time.Hour)
	b.until("the sample to make room", func() bool { return cards() == 0 && len(b.all("link", "Low tide")) == 1 })
}
