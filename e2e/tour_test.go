package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// screen is one of those that people look at most.
type screen struct {
	name    string
	path    string
	says    string      // so that it is there
	phone   string      // what it says on a phone, where that differs
	dialogs [][2]string // the button of each dialog, and its title
}

// screens are those of the app, in a world with three posts and a file.
func (p *planned) screens() []screen {
	return []screen{
		{name: "month", path: "/", says: "Dunes at noon", phone: "Low tide"}, // a phone shows one day of the month
		{name: "week", path: "/?view=week", says: "Times are in"},
		{name: "day", path: "/?view=day", says: "Times are in"},
		{name: "list", path: "/?view=list", says: "Dunes at noon"},
		{name: "queue", path: "/posts", says: "Dunes at noon"},
		{name: "posted", path: "/posts?view=posted", says: "Low tide"},
		{name: "drafts", path: "/posts?view=drafts", says: "Ideas for the market day"},
		{name: "attention", path: "/posts?view=attention", says: "Nothing needs you"},
		{name: "a post that is queued", path: "/posts/" + p.queued.ID, says: "Goes out", dialogs: [][2]string{{"Move to…", "Move to…"}, {"Cancel the post", "Cancel this post?"}}},
		{name: "a post that is out", path: "/posts/" + p.posted.ID, says: "TikTok confirmed it"},
		{name: "composer", path: "/compose", says: "New post"},
		{name: "composer with a draft", path: "/compose/" + p.draft.ID, says: "When"},
		{name: "library", path: "/library", says: "low-tide.mp4", dialogs: [][2]string{{"low-tide.mp4", "low-tide.mp4"}}},
		{name: "activity", path: "/activity", says: "Post scheduled"},
		{name: "slots", path: "/slots", says: "Add to the queue"},
		{name: "accounts", path: "/accounts", says: "Connected", dialogs: [][2]string{{"Disconnect…", "Disconnect Mara Lindqvist?"}}},
		{name: "settings", path: "/settings", says: "API keys", dialogs: [][2]string{{"New key", "New API key"}}},
		{name: "checklist", path: "/settings/review", says: "TikTok’s checklist"},
	}
}

// TestScreens goes through every screen on a desk and on a phone, in light and in dark, with its dialogs and its menu. The checker must
// find nothing, nothing may be wider than the window, and the page may not complain. On a desk each is looked at in forced colours and
// in the widest windows, too, and shows what the keyboard does. Each looks as it is known to look; after a change that is meant:
// go test ./e2e -run TestScreens$ -update, and look at the pictures.
func TestScreens(t *testing.T) {
	t.Parallel()
	w := prepareAt(t)
	w.startAt(t, noon.Add(-10*time.Minute))
	p := settle(t, w)
	must(t, w.end(syscall.SIGTERM))
	w.startAt(t, noon.Add(-2*time.Minute)) // so that it was that minute in each picture, however long the film took
	p.fill(t)
	b := p.browse(t)
	b.still()
	for _, path := range []string{"/sign-in", "/privacy-policy", "/terms", "/nothing-here"} {
		for _, size := range []window{phone, desk} {
			b.size(size)
			b.open(path)
			b.flawless()
			b.looksAsKnown(path, size)
		}
	}
	b.signIn(p.handle)
	for i, s := range p.screens() {
		b.open(s.path)
		b.see(s.says)
		b.flawless()
		b.looksAsKnown(s.name, desk)
		if i == 0 {
			b.seesTheInvisible()
		}
		b.visible()
		b.calm()
		b.menu()
		for _, d := range s.dialogs {
			b.press("button", d[0])
			b.find("dialog", d[1])
			b.flawless()
			b.leaves(d[1])
		}
		b.keyboardMap()

		b.size(phone)
		b.open(s.path)
		if s.phone != "" {
			s.says = s.phone
		}
		b.see(s.says)
		b.flawless()
		b.looksAsKnown(s.name, phone)
		b.menu()
		b.size(desk)
	}
}

// leaves closes the dialog in front.
func (b *tab) leaves(title string) {
	b.t.Helper()
	b.keys(kb.Escape)
	b.until("the dialog to close", func() bool { return len(b.all("dialog", title)) == 0 })
}

// menu looks into the screen's own menu where it has one, else into that of the person.
func (b *tab) menu() {
	b.t.Helper()
	js[bool](b, `(() => { const all = [...document.querySelectorAll('main button[aria-haspopup=menu], nav button[aria-haspopup=menu]')]
		all.filter((m) => m.checkVisibility()).sort((m) => (m.closest('main') ? -1 : 1))[0].click(); return true })()`)
	b.until("a menu", func() bool { return len(b.all("menuitem", "")) > 0 })
	b.flawless()
	b.keys(kb.Escape)
	b.until("the menu to close", func() bool { return len(b.all("menuitem", "")) == 0 })
}

// keyboardMap wants ? to show what the keyboard does.
func (b *tab) keyboardMap() {
	b.t.Helper()
	js[bool](b, "(document.activeElement?.blur(), true)")
	b.keys("?")
	b.find("dialog", "Keyboard")
	b.see("New post", "Move the post", "This list")
	b.flawless()
	b.leaves("Keyboard")
}

// seesTheInvisible shows that visible would tell what cannot be seen.
func (b *tab) seesTheInvisible() {
	b.t.Helper()
	js[bool](b, `(() => { const p = Object.assign(document.createElement('p'), { id: 'planted', className: 'planted', textContent: 'Nobody sees this' })
		document.querySelector('main').append(p); Object.assign(p.style, { color: 'red', background: 'red' }); return true })()`)
	if lost := js[[]string](b, invisible); len(lost) != 1 || !strings.Contains(lost[0], "planted") {
		b.t.Fatalf("this test does not see what cannot be seen: %s", lost)
	}
	js[bool](b, "(planted.remove(), true)")
}

// stroke presses a key as a keyboard does: what the page takes for itself is written nowhere, wherever the focus has gone meanwhile.
func (b *tab) stroke(key rune) {
	b.t.Helper()
	for _, e := range kb.Encode(key) {
		if e.Type == kb.KeyDown {
			e.Type = kb.KeyRawDown
		}
		_, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, *e)
		must(b.t, err)
	}
}

// TestShortcuts_Map: what the map of the keyboard lists leads where it says, and not while somebody writes.
func TestShortcuts_Map(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.see("Times are in")
	search := func() {
		t.Helper()
		js[bool](b, "(document.activeElement?.blur(), true)")
		b.stroke('/')
		b.at("/library")
		b.until("the focus on the search", func() bool { return peek[string](b, "document.activeElement.type") == "search" })
	}
	search() // before the library was ever loaded
	js[bool](b, "(document.activeElement.blur(), true)")
	for _, to := range [][3]string{{"g", "p", "/posts"}, {"g", "l", "/library"}, {"g", "a", "/accounts"}, {"c", "", "/compose"}} {
		for _, key := range to[:2] {
			if key != "" {
				b.keys(key)
			}
		}
		b.at(to[2])
		b.until("the screen", func() bool { return peek[bool](b, "Boolean(document.querySelector('h1'))") })
	}
	search()
	b.keys("t", "i", "d", "e") // and these go no other way
	b.until("the file that was looked for", func() bool { return b.path() == "/library?search=tide" && b.tiles() == 1 })
	js[bool](b, "(document.activeElement.blur(), true)")
	b.keys("c")
	b.at("/compose")
	b.write("Caption", "What is this?")
	if b.caption() != "What is this?" || len(b.all("dialog", "Keyboard")) > 0 {
		t.Errorf("a question mark in the caption %q opens the map", b.caption())
	}
}
