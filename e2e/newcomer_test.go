package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// film makes a video for a story and returns where it is.
func film(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, clip(path, "4", "360x640"))
	return path
}

// answer answers TikTok's questions as somebody with nothing to hide.
func (b *tab) answer() {
	b.t.Helper()
	b.find("combobox", "Who can see this video")
	b.until("the creator's own choices", func() bool {
		return js[bool](b, `[...document.querySelectorAll('select option')].some((o) => o.textContent.includes('Everyone'))`)
	})
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
}

// soon is the next full minute that leaves some seconds for pressing buttons.
func soon() time.Time { return time.Now().Add(70 * time.Second).Truncate(time.Minute) }

// schedule chooses a time and presses the one button, which says it.
func (b *tab) schedule(at time.Time) {
	b.t.Helper()
	b.set("Date", "Date", at.Format("2006-01-02"))
	b.set("InputTime", "Time", at.Format("15:04"))
	b.press("button", "Schedule for")
	b.at("/posts/post_")
}

// TestNewcomer is the three minutes that everybody begins with: sign in with TikTok, drop a video, write a caption, answer
// TikTok's questions, pick a time, close the tab, come back, and see it posted with the way to what viewers see.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.open("/")
	b.at("/sign-in")
	b.press("button", "Continue with TikTok")
	b.consent("mara.moves")
	b.see("Write your first post")

	b.press("link", "New post")
	b.at("/compose")
	b.see("Drop a video here", "Posting as", "Mara Lindqvist", "Nothing is chosen for you")
	b.press("button", "Add a video")
	b.until("the focus on the file field", func() bool { return peek[string](b, "document.activeElement.type") == "file" })
	if on := js[int](b, "document.querySelectorAll('[role=switch]:checked, select:not([value=\"\"]) option:checked:not([value=\"\"]):not(.zone *)').length"); on > 1 {
		t.Errorf("%d answers are given before anybody answered; only the time zone may be", on)
	}
	path := film(t, "low-tide.mp4")
	b.choose(path)
	b.see("low-tide.mp4", "Checked and ready")
	b.write("Caption", "Low tide #nature")
	b.press("button", "Choose who can see it")
	b.until("the focus on the question", func() bool { return peek[string](b, "document.activeElement.tagName") == "SELECT" })
	b.answer()
	b.tick("switch", "Allow comments")
	b.find("button", "Choose a time")
	b.see("By posting, you agree to TikTok's Music Usage Confirmation", "may take a few minutes")
	b.flawless()
	at := soon()
	b.schedule(at)
	b.see("Scheduled", "Low tide #nature")
	post := b.path()

	b.open("/privacy-policy") // the tab goes somewhere else; nothing of the app runs
	again := w.browse(t)      // and later somebody comes back
	again.signIn("mara.moves")
	again.open(post)
	again.see("Posted: TikTok confirmed it", "View on TikTok")
	link := js[string](again, `[...document.querySelectorAll('a')].find((a) => a.textContent.includes('View on TikTok')).href`)
	again.do(chromedp.Navigate(link))
	again.see("Low tide") // what viewers see
	posts := w.sim.Posts()
	if len(posts) != 1 || posts[0].Caption != "Low tide #nature" || posts[0].SHA256 != sumOf(t, path) {
		t.Fatalf("viewers see %+v", posts)
	}
	if sent := posts[0].LastByteAt; sent.Before(at) {
		t.Errorf("it was due at %s and left already at %s", at, sent)
	}
}

// TestNewcomer_KeyboardOnly goes the same way without a mouse, from the first page until the post is out.
func TestNewcomer_KeyboardOnly(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	// walk presses Tab, with Shift to go back, until the focus is on something with a name.
	walk := func(name string, with ...chromedp.KeyOption) {
		t.Helper()
		const most = 80
		for range most {
			b.do(chromedp.KeyEvent(kb.Tab, with...))
			at := js[string](b, `(() => { const e = document.activeElement; if (!e) return ''
				const label = e.labels?.[0]?.innerText ?? ''
				return [e.getAttribute('aria-label'), label, e.innerText].filter(Boolean).join(' ') })()`)
			if strings.Contains(at, name) {
				return
			}
		}
		t.Fatalf("%d presses of Tab do not reach %q on %s", most, name, b.path())
	}
	b.open("/sign-in")
	walk("Continue with TikTok")
	b.keys(kb.Enter)
	b.find("radio", "mara.moves")
	walk("Mara Lindqvist")
	b.keys(" ")
	walk("Allow")
	b.keys(kb.Enter)
	b.see("Write your first post")
	b.until("the composer", func() bool { // a browser drops keys that come before it has painted
		if strings.HasPrefix(b.path(), "/compose") {
			return true
		}
		b.keys("c")
		return false
	})
	b.choose(film(t, "low-tide.mp4")) // the system's own dialog is not the page's
	b.see("low-tide.mp4")
	walk("Caption")
	b.do(chromedp.KeyEvent("Low tide #nature"))
	b.find("combobox", "Who can see this video")
	b.until("the creator's own choices", func() bool {
		return js[bool](b, `[...document.querySelectorAll('select option')].some((o) => o.textContent.includes('Everyone'))`)
	})
	walk("Who can see this video")
	b.keys("E") // Everyone
	walk("In words")
	b.do(chromedp.KeyEvent("tomorrow at 9am"))
	b.keys(kb.Tab)
	b.find("button", "Schedule for")
	walk("At a time", chromedp.KeyModifiers(chromedp.ModifierShift))
	b.keys(kb.ArrowRight) // Now, for there is nothing to see until tomorrow
	b.find("button", "Post now")
	walk("Post now")
	b.keys(kb.Enter)
	b.at("/posts/post_")
	b.see("Posted: TikTok confirmed it", "Low tide #nature", "Everyone")
	b.find("link", "View on TikTok")
	walk("View on TikTok")
}
