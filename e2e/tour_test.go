package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// screen is one of those that people look at most.
type screen struct {
	path    string
	says    string      // so that it is there
	phone   string      // what it says on a phone, where that differs
	dialogs [][2]string // the button of each dialog, and its title
}

// screens are those of the app, in a world with three posts and a file.
func (p *planned) screens() []screen {
	today := "Nothing on this day" // a phone shows one day of the month
	if p.posted.DueAt.YearDay() == time.Now().YearDay() {
		today = "Low tide"
	}
	return []screen{
		{path: "/", says: "Dunes at noon", phone: today},
		{path: "/?view=week", says: "Times are in"},
		{path: "/?view=list", says: "Dunes at noon"},
		{path: "/posts", says: "Dunes at noon"},
		{path: "/posts?view=posted", says: "Low tide"},
		{path: "/posts?view=drafts", says: "Ideas for the market day"},
		{path: "/posts?view=attention", says: "Nothing needs you"},
		{path: "/posts/" + p.queued.ID, says: "Goes out", dialogs: [][2]string{{"Move to…", "Move to…"}, {"Cancel the post", "Cancel this post?"}}},
		{path: "/posts/" + p.posted.ID, says: "TikTok confirmed it"},
		{path: "/compose", says: "New post"},
		{path: "/compose/" + p.draft.ID, says: "When"},
		{path: "/library", says: "low-tide.mp4", dialogs: [][2]string{{"low-tide.mp4", "low-tide.mp4"}}},
		{path: "/activity", says: "Post scheduled"},
		{path: "/slots", says: "Add to the queue"},
		{path: "/accounts", says: "Connected", dialogs: [][2]string{{"Disconnect…", "Disconnect Mara Lindqvist?"}}},
		{path: "/settings", says: "API keys", dialogs: [][2]string{{"New key", "New API key"}}},
	}
}

// TestScreens goes through every screen on a desk and on a phone, in light and in dark, with its dialogs and its menu. The checker must
// find nothing, nothing may be wider than the window, and the page may not complain. On a desk each is looked at in forced colours and
// in the widest windows, too, and shows what the keyboard does.
func TestScreens(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.browse(t)
	for _, path := range []string{"/sign-in", "/privacy-policy", "/terms", "/nothing-here"} {
		b.open(path)
		b.flawless()
	}
	b.signIn(p.handle)
	for i, s := range p.screens() {
		b.open(s.path)
		b.see(s.says)
		b.flawless()
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

// TestShortcuts_Map: what the map of the keyboard lists leads where it says, and not while somebody writes.
func TestShortcuts_Map(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.see("Times are in")
	for _, to := range [][3]string{{"g", "p", "/posts"}, {"g", "l", "/library"}, {"g", "a", "/accounts"}, {"c", "", "/compose"}} {
		for _, key := range to[:2] {
			if key != "" {
				b.keys(key)
			}
		}
		b.at(to[2])
		b.until("the screen", func() bool { return peek[bool](b, "Boolean(document.querySelector('h1'))") })
	}
	b.write("Caption", "What is this?")
	if b.caption() != "What is this?" || len(b.all("dialog", "Keyboard")) > 0 {
		t.Errorf("a question mark in the caption %q opens the map", b.caption())
	}
}
