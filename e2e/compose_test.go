package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"ship-post.com/shippost/client"
)

// tick presses a switch, a box or a choice by its name.
func (b *tab) tick(role, name string) {
	b.t.Helper()
	b.on(b.find(role, name), "function() { this.click() }")
}

// caption is what stands in the caption's field.
func (b *tab) caption() string {
	b.t.Helper()
	return peek[string](b, "document.querySelector('textarea')?.value ?? ''")
}

// composer opens the composer, or another address, for a creator who is new.
func composer(t *testing.T, path string) (*world, *person, *tab) {
	t.Helper()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	b := w.browse(t)
	b.signIn(p.handle)
	b.open(path)
	return w, p, b
}

// TestCompose_UploadGoesOn: while the server is away a file waits by itself; one that was begun elsewhere, or in a tab that
// was closed, goes on where it stopped when it is chosen again; one that is here already need not travel.
func TestCompose_UploadGoesOn(t *testing.T) {
	t.Parallel()
	w, p, b := composer(t, "/compose")
	b.see("Drop a video here", "Posting as")
	b.open("/compose")
	b.see("Drop a video here", "Posting as")
	if strings.Contains(b.text(), "was not saved") {
		t.Error("a page on which nothing was written is offered again")
	}
	must(t, w.end(syscall.SIGKILL))
	first := shortClip(t, 1)
	b.choose(first)
	b.see("The connection is down. It goes on by itself.")
	must(t, w.start())
	b.see("Checked and ready")

	path := filepath.Join(t.TempDir(), "long-walk.mp4")
	must(t, clip(path, "3", "360x640", "-b:v", "400k"))
	must(t, grow(path, third))
	begun := p.begin(t, path, third/2)
	b.open("/compose")
	b.see("long-walk.mp4 is not complete", "50 % of 16 MB are here")
	b.choose(path)
	b.see("Checked and ready")
	media, err := p.Media(t.Context(), begun)
	must(t, err)
	if media.Status != "ready" || media.SHA256 != sumOf(t, path) {
		t.Errorf("the upload that was begun became %+v", media)
	}

	b.open("/compose")
	b.choose(path)
	b.see("it is used again")
	b.at("/compose/post_") // the file alone makes a draft; the caption follows
	b.write("Caption", "The long walk")
	b.see("Saved as a draft")
	drafts, err := p.Posts(t.Context(), client.PostQuery{Status: "draft"})
	must(t, err)
	if !slices.ContainsFunc(drafts, func(d client.Post) bool {
		return slices.Equal(d.MediaIDs, []string{begun}) && d.Caption == "The long walk"
	}) {
		t.Errorf("no draft has the file and the caption: %+v", drafts)
	}
}

// begin uploads the first bytes of a file as a program would that is then ended, and returns the media it becomes.
func (p *person) begin(t *testing.T, path string, n int64) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	size := int64(len(content))
	const sample = 64 << 10
	middle := (size - sample) / 2
	print := sha256.New()
	for _, part := range [][]byte{fmt.Appendf(nil, "%d\n", size), content[:sample], content[middle : middle+sample], content[size-sample:]} {
		print.Write(part)
	}
	send := func(method, address string, body []byte, header map[string]string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, p.world.url+address, bytes.NewReader(body))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+p.key)
		req.Header.Set("Tus-Resumable", "1.0.0")
		for k, v := range header {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %s", method, address, resp.Status)
		}
		return resp
	}
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	made := send("POST", "/uploads/", nil, map[string]string{"Upload-Length": fmt.Sprint(size),
		"Upload-Metadata": "filename " + encode(filepath.Base(path)) + ",fingerprint " + encode(hex.EncodeToString(print.Sum(nil)))})
	part := send("PATCH", made.Header.Get("Location"), content[:n], map[string]string{"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
	return part.Header.Get("ShipPost-Media-Id")
}

// TestCompose_TwoTabs: two versions of one post are shown side by side, and nothing is overwritten unseen.
func TestCompose_TwoTabs(t *testing.T) {
	t.Parallel()
	p := plan(t)
	one, two := p.signedIn(t), p.signedIn(t)
	for _, b := range []*tab{one, two} {
		b.open("/compose/" + p.queued.ID)
		b.find("button", "Save for")
	}
	one.write("Caption", "Written in one")
	one.see("Not saved yet")
	two.write("Caption", "Written in two")
	two.press("button", "Save for")
	two.at("/posts/")
	one.see("This post was changed elsewhere", "Written in one", "Written in two")
	one.flawless()
	one.press("button", "Keep what is here")
	one.press("button", "Save for")
	one.at("/posts/")
	_, err := p.when(t.Context(), p.queued.ID, func(post client.Post) bool { return post.Caption == "Written in one" })
	must(t, err)
}

// TestCompose_SessionEnds: what is written meanwhile is kept, and saved once the person is back, in this tab or a new one.
func TestCompose_SessionEnds(t *testing.T) {
	t.Parallel()
	p := plan(t)
	writer, other := p.signedIn(t), p.signedIn(t)
	saved := func(words string) {
		t.Helper()
		_, err := p.when(t.Context(), p.draft.ID, func(post client.Post) bool { return post.Caption == words })
		must(t, err)
	}
	writer.open("/compose/" + p.draft.ID)
	writer.until("the draft", func() bool { return writer.caption() == p.draft.Caption })
	other.open("/settings")
	// write signs the writer out, who is told so, closes that, and writes on: what cannot be saved is told again.
	write := func(words string) {
		t.Helper()
		other.press("button", "Sign out everywhere else")
		writer.find("dialog", "You are signed out")
		writer.keys(kb.Escape)
		writer.until("the dialog to close", func() bool { return len(writer.all("dialog", "You are signed out")) == 0 })
		writer.set("textbox", "Caption", words) // at once: letters typed while the dialog opens would go to it
		writer.find("dialog", "You are signed out")
	}
	write("Written while signed out")
	beside := writer.beside()
	beside.signInAgain()
	writer.press("button", "I am back")
	writer.see("Saved as a draft")
	saved("Written while signed out")

	write("Only this browser has it")
	beside.signInAgain()
	writer.open("/compose/" + p.draft.ID) // nothing but this browser's storage has the words
	writer.until("the words again", func() bool { return writer.caption() == "Only this browser has it" })
	saved("Only this browser has it")
}

// TestCompose_ClocksChange: a time that does not exist is explained, and the times beside it are buttons.
func TestCompose_ClocksChange(t *testing.T) {
	t.Parallel()
	_, _, b := composer(t, "/compose?at="+lastSunday(time.March)+"T02:30:00&zone=Europe/Zurich")
	b.see("does not exist in Europe/Zurich")
	b.find("button", "01:59:59 (UTC+01:00)")
	b.press("button", "03:00 (UTC+02:00)")
	b.until("the explanation to go", func() bool { return !strings.Contains(b.text(), "does not exist") })
	b.open("/compose?at=" + lastSunday(time.October) + "T02:30:00&zone=Europe/Zurich")
	b.see("happens twice in Europe/Zurich")
	b.find("button", "02:30 (UTC+02:00)")
	b.press("button", "02:30 (UTC+01:00)")
	b.until("the explanation to go", func() bool { return !strings.Contains(b.text(), "happens twice") })
}

// lastSunday is the next last Sunday of a month, on which Europe changes its clocks.
func lastSunday(month time.Month) string {
	for year := time.Now().Year(); ; year++ {
		day := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC)
		day = day.AddDate(0, 0, -int(day.Weekday()))
		if day.After(time.Now()) {
			return day.Format("2006-01-02")
		}
	}
}

// TestCompose_Disclosure walks TikTok's table of labels and declarations, and keeps branded content and privacy apart.
func TestCompose_Disclosure(t *testing.T) {
	t.Parallel()
	_, _, b := composer(t, "/compose")
	b.see("Nothing is chosen for you", "By posting, you agree to TikTok's Music Usage Confirmation")
	b.audiences()
	b.tick("switch", "Disclose post content")
	b.see("You need to indicate if your content promotes yourself, a third party, or both.")
	b.tick("checkbox", "Your brand")
	b.see("Your video will be labeled as 'Promotional content'")
	b.tick("checkbox", "Branded content")
	b.see("Your video will be labeled as 'Paid partnership'", "Branded Content Policy and Music Usage Confirmation.")
	b.until("branded content not to be private", func() bool { return peek[bool](b, "document.querySelector('option[value=SELF_ONLY]')?.disabled") })
	b.tick("checkbox", "Branded content")
	b.set("combobox", "Who can see this video", "SELF_ONLY")
	b.see("Branded content visibility cannot be set to private.")
	if !b.find("checkbox", "Branded content").disabled {
		t.Error("a private post can become branded content")
	}
	b.flawless()
}

// TestCompose_Restricted: what a creator switched off at TikTok is grey and says why; only their audiences are offered.
func TestCompose_Restricted(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.signIn("quiet.kiln")
	b.open("/compose")
	b.see("Duet is switched off in the privacy settings of this TikTok account.")
	for _, name := range []string{"Allow Duet", "Allow Stitch"} {
		if !b.find("switch", name).disabled {
			t.Errorf("%s can be switched on", name)
		}
	}
	if levels := js[string](b, "[...document.querySelectorAll('#tiktok-privacy option')].map((o) => o.value).join()"); levels != ",FOLLOWER_OF_CREATOR,MUTUAL_FOLLOW_FRIENDS,SELF_ONLY" {
		t.Errorf("offered are %s", levels)
	}

	// Who goes public has followers to choose no more: what was chosen is said to be gone, and nothing is put in its place.
	b.choose(shortClip(t, 1))
	b.see("Checked and ready")
	b.set("combobox", "Who can see this video", "FOLLOWER_OF_CREATOR")
	b.at("/compose/post_")
	b.until("the draft to be kept", func() bool {
		posts := b.stored("/posts?status=draft")
		return strings.Contains(posts, "FOLLOWER_OF_CREATOR")
	})
	for _, c := range w.sim.Creators() {
		if c.Handle == "quiet.kiln" {
			c.Private = false
			must(t, w.sim.PutCreator(c))
		}
	}
	b.until("word that the choice is gone", func() bool {
		b.open(b.path())
		b.audiences()
		return strings.Contains(b.text(), "This account does not offer “Followers” any more. Choose again.")
	})
	b.find("button", "Choose who can see it")
	if chosen := js[string](b, "document.querySelector('#tiktok-privacy select').value"); chosen != "FOLLOWER_OF_CREATOR" {
		t.Errorf("%q was chosen in place of what is gone", chosen)
	}
	b.flawless()
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
	b.until("the question to be answered", func() bool { return len(b.all("button", "Choose who can see it")) == 0 })
}

// stored is what the API answers whoever is signed in.
func (b *tab) stored(path string) string {
	b.t.Helper()
	return js[string](b, fmt.Sprintf("fetch('/api/v1%s').then((r) => r.text())", path))
}

// TestCompose_Blocked: whoever TikTok lets post no more is told so, and the button leads to the reason.
func TestCompose_Blocked(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.signIn("loud.party")
	b.open("/compose")
	b.see("Loud Party cannot post now")
	b.choose(shortClip(t, 1))
	b.see("Checked and ready")
	b.press("button", "Look at the account")
	if n := w.count("request", "video_init"); n != 0 {
		t.Errorf("%d posts were begun", n)
	}
}

// TestCompose_Retry: a post that was refused is sent again from the same screen, as another attempt of the same post.
func TestCompose_Retry(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "second.thought") // each of its posts is refused after the upload
	m, err := p.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	post, err := p.CreatePost(t.Context(), p.draft(m.ID, 0), "")
	must(t, err)
	_, err = p.until(t.Context(), post.ID, "failed")
	must(t, err)
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/compose/" + post.ID)
	b.see("Post again")
	b.tick("radio", "Now")
	b.press("button", "Post now")
	b.at("/posts/" + post.ID)
	must(t, eventually(t.Context(), func() (bool, error) {
		attempts, err := p.Attempts(t.Context(), post.ID)
		return len(attempts) == 2, err
	}))
}
