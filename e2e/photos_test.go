package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ship-post.com/shippost/client"
)

// picture makes a real picture in the format of its name.
func picture(t *testing.T, dir, name, size string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, ffmpeg("-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size="+size, "-frames:v", "1", path))
	return path
}

// order is the photos as they stand in the composer.
func (b *tab) order() string {
	b.t.Helper()
	return js[string](b, `[...document.querySelectorAll('ol[aria-label="Photos in their order"] .tile')]
		.map((t) => t.getAttribute('aria-label').replace(/^.*: /, '')).join(' | ')`)
}

// drag moves the mouse from one thing to another with the button held.
func (b *tab) drag(from, to found) {
	b.t.Helper()
	var x, y, toX, toY float64
	b.until(fmt.Sprintf("%s and %s in view", from.name, to.name), func() (ok bool) {
		if toX, toY, ok = b.aim(to); ok {
			x, y, ok = b.aim(from)
		}
		return ok
	})
	b.do(chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonType(input.MouseButtonLeft), chromedp.ClickCount(1)))
	for step := 1.0; step <= 5; step++ {
		b.do(chromedp.MouseEvent(chromedp.MouseMoved, x+(toX-x)*step/5, y+(toY-y)*step/5, chromedp.ButtonType(input.MouseButtonLeft)))
	}
	b.do(chromedp.MouseEvent(chromedp.MouseReleased, toX, toY, chromedp.ButtonType(input.MouseButtonLeft), chromedp.ClickCount(1)))
}

// TestPromise_P01_PhotosArriveInTheirOrder: photos are dropped together with a video that cannot go along, made to fit, put in order by mouse and by
// keyboard, get a cover and a headline, and arrive at viewers in that order with the bytes that ShipPost kept.
func TestPromise_P01_PhotosArriveInTheirOrder(t *testing.T) {
	t.Parallel()
	p := play(t)
	b := p.browse(t)
	b.signIn("mara.moves")
	b.open("/compose")
	b.see("Drop a video here", "Posting as")
	dir := t.TempDir()
	beach, poster, late := picture(t, dir, "beach.jpg", "1080x1350"), picture(t, dir, "poster.png", "2000x1500"), picture(t, dir, "late.webp", "800x600")
	b.choose(beach, shortClip(t, 1), poster, late)
	b.see("never both: clip-1.mp4 was left out.", "photos were made to fit TikTok", "Checked and ready")
	b.until("the questions about videos to go", func() bool {
		return len(b.all("switch", "Allow Duet")) == 0 && len(b.all("switch", "Allow Stitch")) == 0 && len(b.all("slider", "Cover")) == 0
	})
	b.see("0 / 90", "0 / 4000")

	first := b.find("button", "Photo 1 of 3: beach.jpg, cover")
	b.on(first, "function() { this.focus() }")
	b.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierShift)))
	b.until("the photo to move by keyboard", func() bool { return b.order() == "poster.png, cover | beach.jpg | late.webp" })
	b.do(chromedp.KeyEvent(kb.ArrowRight)) // looks at the next one, which moves nothing
	b.until("the next photo to be looked at", func() bool { return js[string](b, "document.activeElement.ariaLabel") == "Photo 3 of 3: late.webp" })
	b.drag(b.find("button", "Photo 3 of 3: late.webp"), b.find("button", "Photo 1 of 3"))
	b.until("the photo to move by mouse", func() bool { return b.order() == "late.webp, cover | poster.png | beach.jpg" })
	b.press("button", "Photo 2 of 3: poster.png")
	b.press("button", "Make it the cover")
	b.see("This photo is the cover.")
	b.find("group", "Photo 2 of 3") // the preview shows the same one
	b.press("button", "Next photo")
	b.find("button", "Photo 3 of 3: beach.jpg")
	b.press("button", "Remove beach.jpg")
	b.until("the photo to go", func() bool { return b.order() == "late.webp | poster.png, cover" })
	b.choose(beach)
	b.until("the photo to be back", func() bool { return b.order() == "late.webp | poster.png, cover | beach.jpg" })

	b.write("Title", "Market day 🥕")
	b.write("Caption", "Saturday stalls #food")
	b.see("13 / 90", "21 / 4000")
	b.tick("switch", "Let TikTok add music")
	b.set("combobox", "Who can see this post", "PUBLIC_TO_EVERYONE")
	b.flawless()
	b.tick("radio", "Now")
	b.press("button", "Post now")
	b.at("/posts/post_")
	b.see("Posted: TikTok confirmed it")
	// What was agreed to is told whole: title, order, cover, and what was done to the files.
	js[bool](b, `(document.querySelector('details:has(blockquote)').open = true)`)
	b.see("Market day 🥕", "3 files, in this order", "Photo 1 · 800 × 600", "Photo 2, the cover · ", "late.webp", "saved anew as JPEG", "Chosen by TikTok")

	posts, err := p.Posts(t.Context(), client.PostQuery{})
	must(t, err)
	seen := p.posts(t)
	if len(posts) != 1 || len(seen) != 1 || len(seen[0].Files) != 3 {
		t.Fatalf("viewers see %+v of %+v", seen, posts)
	}
	got := seen[0]
	if got.Title != "Market day 🥕" || got.Caption != "Saturday stalls #food" || got.PhotoCover != 1 || !got.AutoAddMusic {
		t.Errorf("viewers see %+v", got)
	}
	for i, id := range posts[0].MediaIDs {
		m, err := p.Media(t.Context(), id)
		must(t, err)
		if f := got.Files[i]; f.SHA256 != m.SHA256 || f.Type != m.Type || f.Width > 1920 || f.Height > 1080 && f.Width > 1080 {
			t.Errorf("photo %d (%s) arrived as %+v", i+1, m.FileName, f)
		}
	}
	if webp := got.Files[0]; !strings.HasSuffix(webp.Type, "webp") || webp.SHA256 != sumOf(t, late) {
		t.Errorf("a photo that fits was changed: %+v", webp)
	}
}
