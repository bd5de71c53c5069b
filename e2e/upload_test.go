package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"ship-post.com/shippost/client"
)

// TestUpload_GoesOn: the line is cut, the person pauses, the server is killed, and the tab is closed, each in mid-transfer.
// There is one upload all the same, each transfer goes on where the one before stopped, and in the end the bytes are the file's.
func TestUpload_GoesOn(t *testing.T) {
	t.Parallel()
	w, l := wired(t)
	p := w.creator(t, "mara.moves")
	path := filepath.Join(t.TempDir(), "long-walk.mp4")
	must(t, clip(path, "3", "360x640", "-b:v", "400k"))
	const size = 5 * third
	must(t, grow(path, size))
	b := w.browse(t)
	// under waits until a transfer that began no earlier than from has brought the bytes up to a mark. One that began too
	// early, because the server was still busy with the one before, is refused and tried again.
	under := func(from, mark int64) {
		t.Helper()
		b.until(fmt.Sprintf("a transfer from byte %d on", from), func() bool {
			_, offsets := l.begun()
			return len(offsets) > 0 && offsets[len(offsets)-1] >= from && l.passed() >= mark
		})
	}
	b.signIn(p.handle)
	b.open("/compose")
	b.see("Drop a video here")
	l.stopAt(third)
	b.choose(path)
	under(0, third)

	l.cutNow(2 * third)
	under(third/2, 2*third)

	b.press("button", "Pause the upload of long-walk.mp4")
	b.see("Paused at", "The upload is paused")
	l.stopAt(3 * third)
	b.press("button", "Go on uploading long-walk.mp4")
	under(third, 3*third)

	must(t, w.end(syscall.SIGKILL))
	l.stopAt(4 * third)
	b.see("It goes on by itself.")
	must(t, w.start())
	under(third, 4*third)
	b.see("Uploading: ")

	b.close()
	b = w.browse(t) // another browser of the same person
	b.signIn(p.handle)
	b.open("/compose")
	b.see("long-walk.mp4 is not complete", "Choose the same file again and the upload goes on where it stopped.")
	l.stopAt(1 << 62)
	b.choose(path)
	b.see("Checked and ready")

	made, offsets := l.begun()
	if made != 1 || !slices.IsSorted(offsets) || offsets[len(offsets)-1] < 2*third {
		t.Errorf("%d uploads were begun, with transfers from %d; want one, which only goes on", made, offsets)
	}
	// What is on the line when it breaks is sent again; after a crash what came since the pause.
	if sent := l.passed(); sent < size || sent > size+2*third {
		t.Errorf("%d bytes were sent for a file of %d", sent, size)
	}
	drafts, err := p.Posts(t.Context(), client.PostQuery{Status: "draft"})
	must(t, err)
	i := slices.IndexFunc(drafts, func(d client.Post) bool { return len(d.MediaIDs) == 1 })
	if i < 0 {
		t.Fatalf("no draft has the file: %+v", drafts)
	}
	if m, err := p.Media(t.Context(), drafts[i].MediaIDs[0]); err != nil || m.SHA256 != sumOf(t, path) {
		t.Errorf("the upload became %+v: %v", m, err)
	}
}

// TestUpload_AnswerLost: the server begins an upload and its answer does not come. Who pauses and goes on has that upload, not a second
// one beside a first that nobody finishes.
func TestUpload_AnswerLost(t *testing.T) {
	t.Parallel()
	w, l := wired(t)
	p := w.creator(t, "mara.moves")
	path := filepath.Join(t.TempDir(), "short-walk.mp4")
	must(t, clip(path, "1", "360x640"))
	l.stopAt(1 << 62)
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/compose")
	b.see("Drop a video here")
	js[bool](b, `(() => {
		const open = XMLHttpRequest.prototype.open
		XMLHttpRequest.prototype.open = function (method, ...rest) {
			if (method === 'POST' && !window.lost) {
				window.lost = true
				this.addEventListener('load', (e) => e.stopImmediatePropagation())
			}
			return open.call(this, method, ...rest)
		}
		return true })()`)
	b.choose(path)
	made := func() int { n, _ := l.begun(); return n }
	b.until("an upload", func() bool { return made() == 1 && js[bool](b, "!!window.lost") })
	b.press("button", "Pause the upload of short-walk.mp4")
	b.see("Paused at")
	b.press("button", "Go on uploading short-walk.mp4")
	b.see("Checked and ready")
	if n := made(); n != 1 {
		t.Errorf("%d uploads were begun", n)
	}
}

// TestUpload_Known: a file that the workspace has is used again, and no byte of it travels.
func TestUpload_Known(t *testing.T) {
	t.Parallel()
	w, l := wired(t)
	p := w.creator(t, "mara.moves")
	path := shortClip(t, 1)
	_, err := p.upload(t.Context(), path)
	must(t, err)
	before := l.passed()
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/compose")
	b.choose(path)
	b.see("it is used again")
	if n := l.passed() - before; n != 0 {
		t.Errorf("%d bytes of a known file were sent", n)
	}
}

// TestUpload_BadFiles: what cannot be used is refused in a sentence beside the file, and another one can be chosen.
func TestUpload_BadFiles(t *testing.T) {
	t.Parallel()
	w, l := wired(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	cut := shortClip(t, 3)
	must(t, os.Truncate(cut, 40_000))
	huge := write("huge.mp4", "")
	must(t, os.Truncate(huge, 4<<30+1))
	for _, c := range []struct{ path, says string }{
		{write("page.mp4", "<!doctype html><html><script>alert(1)</script></html>"), "This is not a video or photo; it looks like text/html."},
		{write("empty.mp4", ""), "An empty file was left out."},
		{cut, "This file is incomplete: it ends after 40.0 kB, but 189.3 kB belong to it. Export or copy it again, then upload it."},
		{huge, "This file is a little larger than the 4.3 GB that are possible. Export it smaller, then upload it."},
	} {
		b.open("/compose")
		b.see("Drop a video here")
		before := l.passed()
		b.choose(c.path)
		b.see(c.says)
		if c.path == huge && l.passed() != before {
			t.Error("bytes of a file that is too large were sent")
		}
		if len(b.all("button", "Schedule for")) > 0 {
			t.Errorf("a post of %s can be scheduled", filepath.Base(c.path))
		}
	}
	b.choose(shortClip(t, 1))
	b.see("Checked and ready")
	if n := len(w.sim.Publishes()); n != 0 {
		t.Errorf("%d posts went to TikTok", n)
	}
}
