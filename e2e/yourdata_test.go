package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost/client"
)

// TestYourData: somebody makes a copy of everything and brings it to an empty server, where it is all there; asks to be deleted and takes
// it back; asks again, and when the time is over a receipt says what went.
func TestYourData(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.open("/settings/data")
	spare, err := p.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	out, err := p.CreatePost(t.Context(), p.person.draft(spare.ID, time.Second), "")
	must(t, err)
	_, err = p.until(t.Context(), out.ID, "posted")
	must(t, err)
	b.set("combobox", "Keep videos and photos", "0")
	b.see("From now on files follow the new rule")
	p.again(t, syscall.SIGTERM) // a sweep is made at the start
	b.until("what was removed", func() bool {
		b.open("/settings/data")
		b.see("A copy of everything")
		return strings.Contains(b.text(), "removed once it was posted")
	})
	b.press("button", "Make a copy")
	b.find("link", "Download")
	b.accessible("your-data")
	archive := filepath.Join(t.TempDir(), "copy.zip")
	fetch, err := http.NewRequestWithContext(t.Context(), http.MethodGet, js[string](b, "document.querySelector('a[download]').href"), nil)
	must(t, err)
	// By the browser's own session: the copy is for nobody else, not even for a key of its person.
	stranger, err := http.DefaultClient.Do(fetch)
	must(t, err)
	must(t, stranger.Body.Close())
	resp, err := p.browser.Do(fetch)
	must(t, err)
	file, err := os.Create(archive)
	must(t, err)
	_, err = io.Copy(file, resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	must(t, file.Close())
	if resp.StatusCode != http.StatusOK || stranger.StatusCode == http.StatusOK {
		t.Fatalf("the copy: %s, for a stranger %s", resp.Status, stranger.Status)
	}

	other := prepare(t)
	cmd := exec.CommandContext(t.Context(), "shippost", "import", archive)
	cmd.Env = other.environment()
	said, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "4 posts and 1 files") {
		t.Fatalf("%v\n%s", err, said)
	}
	must(t, other.start())
	there := other.creator(t, "mara.moves")
	posts, err := there.Posts(t.Context(), client.PostQuery{})
	must(t, err)
	var captions []string
	for _, post := range posts {
		captions = append(captions, post.Caption)
	}
	if all := strings.Join(captions, ", "); len(posts) != 4 || !strings.Contains(all, "Dunes at noon") || !strings.Contains(all, "Ideas for the market day") {
		t.Errorf("there are %s", all)
	}

	erase := func() string {
		b.open("/settings/data")
		b.press("button", "Delete me…")
		b.find("dialog", "Delete yourself?")
		b.see("You are signed out everywhere", "One post that waits is not sent", "2 posts stay on the platform")
		b.tick("checkbox", "I have read this")
		b.press("button", "Delete")
		b.at("/erasure/")
		b.see("Waiting to be deleted")
		return b.path()
	}
	page := erase()
	b.accessible("erasure-waits")
	b.press("button", "Take it back")
	b.see("Nothing is deleted")
	b.accessible("erasure-undone")
	b.open(page)
	b.see("Nothing is deleted")
	b.signInAgain()
	b.open("/posts/" + p.queued.ID)
	b.see("Dunes at noon")

	b.open("/settings/data")
	b.press("button", "Delete me…")
	b.tick("checkbox", "I have read this")
	b.press("button", "Delete")
	b.at("/erasure/")
	page = b.path()
	must(t, p.end(syscall.SIGTERM))
	p.change(t, "UPDATE erasures SET due_at = $1 WHERE undone_at IS NULL", time.Now().Add(-time.Minute).UnixMicro()) // seven days later
	must(t, p.world.start())
	b.until("the receipt", func() bool {
		b.open(page)
		return strings.Contains(b.text(), "This is the receipt")
	})
	b.see("Videos and photos deleted", "Posts that are on the platform and stay there")
	b.accessible("erasure-receipt")
	b.open("/")
	b.at("/sign-in")
}
