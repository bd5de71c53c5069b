package e2e

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// photos writes so many photos, each another one, and returns their paths.
func photos(t *testing.T, dir string, n int) (paths []string) {
	t.Helper()
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 400, 400))
		for bit := range 10 {
			for x := range 40 * (i >> bit & 1) {
				for y := range 400 {
					m.SetGray(40*bit+x, y, color.Gray{200})
				}
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("Market day %d.jpg", i))
		f, err := os.Create(path)
		must(t, err)
		must(t, jpeg.Encode(f, m, nil))
		must(t, f.Close())
		paths = append(paths, path)
	}
	return paths
}

// tiles returns how many files the library shows.
func (b *tab) tiles() int { return peek[int](b, "document.querySelectorAll('[data-tile]').length") }

// TestLibrary_FiveHundredFiles: chosen at once, a wrong one and one that only pretends among them, they arrive a few at a time,
// can be held, and the page answers meanwhile; what was not taken says why, and what is here already does not travel again.
//
// It keeps a machine busy, so it runs beside nothing else.
func TestLibrary_FiveHundredFiles(t *testing.T) {
	w := begin(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/library")
	b.see("Everything you post begins here")
	b.flawless()
	const good = 498
	dir := t.TempDir()
	files := photos(t, dir, good)
	for name, text := range map[string]string{"notes.txt": "bread, film", "pretends.mp4": "<!doctype html><html></html>"} {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		files = append(files, path)
	}
	arrived := func() int {
		return js[int](b, "fetch('/api/v1/media/usage').then((r) => r.json()).then((u) => u.files)")
	}
	js[bool](b, `(() => { window.gaps = []; let last = performance.now()
		const frame = (t) => { gaps.push(t - last); last = t; requestAnimationFrame(frame) }
		requestAnimationFrame(frame); return true })()`)
	b.choose(files...)
	b.until("the first to arrive", func() bool { return arrived() > 10 })
	b.see("notes.txt", "This is no video or photo that TikTok takes.")

	b.press("button", "Pause all uploads")
	b.see("Paused ")
	b.until("all to stand still", func() bool {
		before := arrived()
		return before == arrived() && before < good
	})
	b.flawless()
	b.press("button", "Go on with all uploads")
	for n := 50; n <= good; n += 50 {
		b.until(fmt.Sprintf("%d files", n), func() bool { return arrived() >= n })
	}
	b.see("2 files were not taken", "it looks like text/html", fmt.Sprintf("%d of 500 done", good))
	t.Logf("half of the frames came within %.0f ms", js[float64](b, "gaps.sort((a, b) => a - b)[gaps.length >> 1]"))
	b.press("button", "Close the list of uploads")

	b.choose(files[7])
	b.see("You have this file since", "nothing was sent")
	if n := arrived(); n != good {
		t.Errorf("the workspace keeps %d files, want %d", n, good)
	}
}

// TestLibrary_FindTagUse: files are chosen and tagged by keyboard, found by tag and name, and say where they are used; what a
// waiting post needs is not deleted, and the post is one press away. The checker finds nothing on the way.
func TestLibrary_FindTagUse(t *testing.T) {
	t.Parallel()
	p := plan(t)
	for _, path := range photos(t, t.TempDir(), 3) {
		_, err := p.upload(t.Context(), path)
		must(t, err)
	}
	b := p.signedIn(t)
	shows := func(n int) {
		t.Helper()
		b.until(fmt.Sprintf("%d files on the page", n), func() bool { return b.tiles() == n })
	}
	b.open("/library")
	b.see("low-tide.mp4", "used · 4 files", "In 2 posts", "Kept: a post needs it", "Kept until you delete it")
	shows(4)
	b.flawless()

	b.on(b.find("button", "Market day 2.jpg"), "function() { this.focus() }")
	b.keys(" ")
	b.see("1 chosen")
	b.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierShift)))
	b.see("2 chosen")
	b.flawless()
	b.press("button", "Tag…")
	b.find("dialog", "Tags of 2 files")
	b.on(b.find("combobox", "Give them"), "function() { this.focus() }")
	b.do(chromedp.KeyEvent("Été, <b>sea</b>"))
	b.flawless()
	b.press("button", "Change the tags")
	b.see("The tags of 2 files were changed.")
	b.press("button", "Choose none")

	b.press("button", "Été")
	shows(2)
	b.open(b.path()) // the address says what is looked for
	shows(2)
	b.press("button", "Été")
	shows(4)
	for _, c := range []struct {
		words string
		n     int
	}{{"ete day", 2}, {"LOW-TIDE", 1}, {"<b>", 2}, {"100%", 0}} {
		b.on(b.find("searchbox", "Search by name or tag"), "function() { this.focus(); this.select() }")
		b.do(chromedp.KeyEvent(c.words))
		shows(c.n)
	}
	b.see("Nothing like that here")
	b.flawless()
	b.press("button", "Show all files")
	shows(4)

	b.press("button", "low-tide.mp4")
	b.see("Where it is used", "A post that is not over has it")
	b.flawless()
	b.press("button", "Delete…")
	b.find("dialog", "low-tide.mp4 is needed")
	b.see("A post that waits needs this file.")
	b.flawless()
	b.press("button", "Keep it")
	b.until("one dialog to close", func() bool { return len(b.all("dialog", "low-tide.mp4 is needed")) == 0 })
	b.press("link", "Dunes at noon")
	b.at("/posts/" + p.queued.ID)

	b.open("/library?view=list")
	b.see("Market day 1.jpg")
	b.flawless()
	b.size(phone)
	b.flawless()
	b.open("/library")
	shows(4)
	b.flawless()
	b.size(desk)
	for _, name := range []string{"Choose Market day 0.jpg", "Choose Market day 1.jpg"} {
		b.on(b.find("checkbox", name), "function() { this.click() }")
	}
	b.press("button", "Delete…")
	b.find("dialog", "Delete 2 files?")
	b.press("button", "Delete 2 files")
	b.see("2 files were deleted.")
	shows(2)
}

// TestLibrary_PlaysUnderThePointer: a video plays while the pointer rests on it, and not for whoever wants no motion.
func TestLibrary_PlaysUnderThePointer(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	m, err := p.upload(t.Context(), shortClip(t, 2))
	must(t, err)
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/library")
	playing := func() bool { return peek[bool](b, "document.querySelector('.tile video')?.currentTime > 0") }
	over := func() {
		t.Helper()
		x, y, ok := b.aim(b.find("button", m.FileName))
		if !ok {
			t.Fatal("the file is nowhere")
		}
		b.do(chromedp.MouseEvent(chromedp.MouseMoved, 5, 5), chromedp.MouseEvent(chromedp.MouseMoved, x, y))
	}
	over()
	b.until("the video to play", playing)
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, 5, 5))
	b.until("the video to be gone", func() bool { return peek[bool](b, "!document.querySelector('.tile video')") })

	_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}})
	must(t, err)
	over()
	// Longer than it takes to begin.
	if js[bool](b, "new Promise((r) => setTimeout(() => r(Boolean(document.querySelector('.tile video'))), 600))") {
		t.Error("a video plays for somebody who wants no motion")
	}
}

// drop drops files and folders of the disk on the middle of the page, as a file manager does.
func (b *tab) drop(paths ...string) {
	b.t.Helper()
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
	for _, typ := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		_, err := chromedp.Call(b.ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: typ, X: 720, Y: 450, Data: data})
		must(b.t, err)
	}
}

// uploads is how many uploads the page has asked for.
func (b *tab) uploads() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		if strings.HasSuffix(r.url, "/uploads/") {
			n++
		}
	}
	return n
}

// TestLibrary_DropsAFolder: a folder with a folder in it, a text among the photos, what the system left there, and one photo twice
// under two names. Each photo travels once, the text says why it does not, and the copy is recognised.
func TestLibrary_DropsAFolder(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/library")
	b.see("Everything you post begins here")
	folder := filepath.Join(t.TempDir(), "Market")
	must(t, os.MkdirAll(filepath.Join(folder, "Sunday"), 0o700))
	same, err := os.ReadFile(photos(t, folder, 2)[0])
	must(t, err)
	for name, text := range map[string]string{"Sunday/A copy.jpg": string(same), "Sunday/notes.txt": "bread, film", ".DS_Store": "junk"} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	b.drop(folder)
	b.see("notes.txt", "This is no video or photo that TikTok takes.", "1 file was not taken", "nothing was sent")
	if text := b.text(); strings.Contains(text, "DS_Store") {
		t.Error("a file of the system is offered")
	}
	sent := b.uploads()
	if n := js[int](b, "fetch('/api/v1/media/usage').then((r) => r.json()).then((u) => u.files)"); n != 2 || sent != 2 {
		t.Errorf("the workspace keeps %d files of %d uploads, want 2 of 2", n, sent)
	}
	b.flawless()
}
