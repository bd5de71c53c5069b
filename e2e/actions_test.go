package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ship-post.com/shippost/client"
)

// TestPost_Actions does with a post what its page offers: move it, also to a time that is over, duplicate it, throw the copy
// away, edit it, drag it to another day, and cancel it. Each is so for the program next door as well.
func TestPost_Actions(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	is := func(what string, so func(client.Post) bool) {
		t.Helper()
		if post, err := p.when(t.Context(), p.queued.ID, so); err != nil {
			t.Fatalf("%s: %v: %+v", what, err, post)
		}
	}
	page := "/posts/" + p.queued.ID
	b.open(page)
	b.press("button", "Move to…")
	b.set("Date", "Day", time.Now().AddDate(0, 0, -2).Format("2006-01-02"))
	b.press("button", "Move the post")
	b.see("This time has already passed. Choose a later one.")
	later := p.queued.DueAt.AddDate(0, 0, 1)
	b.set("Date", "Day", later.Format("2006-01-02"))
	b.press("button", "Move the post")
	b.see("Moved to another time")
	is("moved", func(post client.Post) bool { return post.DueAt.Equal(later) })

	b.press("button", "What to do with this post")
	b.press("menuitem", "Duplicate")
	b.at("/compose/post_")
	b.until("the words of the copy", func() bool { return b.caption() == p.queued.Caption })
	b.open("/posts/" + b.path()[len("/compose/"):])
	b.see("Draft")
	b.press("button", "What to do with this post")
	b.press("menuitem", "Discard the draft…")
	b.press("button", "Discard the draft")
	b.at("/posts?view=drafts")
	b.see("The draft was discarded.", p.draft.Caption)
	b.until("the copy to be gone", func() bool { return len(b.all("link", p.queued.Caption)) == 0 })

	b.open(page)
	b.press("link", "Edit")
	b.find("button", "Save for")
	b.write("Caption", "Dunes, later")
	b.press("button", "Save for")
	b.at(page)
	b.see("Dunes, later", "Changed")
	is("edited", func(post client.Post) bool { return post.Caption == "Dunes, later" })

	b.open("/?month=" + later.Format("2006-01"))
	card := b.find("link", "Dunes, later")
	var fx, fy float64
	b.until("the post's card in view", func() (ok bool) { fx, fy, ok = b.aim(card); return ok })
	at := js[[2]float64](b, fmt.Sprintf(`(() => { const days = [...document.querySelectorAll('tbody td')]
		const from = days.findIndex((d) => d.contains(document.elementFromPoint(%f, %f)))
		const to = days[from + 1].getBoundingClientRect()
		return [to.left + to.width / 2, to.top + to.height / 2] })()`, fx, fy))
	b.do(chromedp.DragAndDropXY(fx, fy, at[0], at[1]))
	b.see("Moved to")
	is("dragged", func(post client.Post) bool { return post.DueAt.Equal(later.AddDate(0, 0, 1)) })

	b.open("/library/" + p.media)
	b.press("button", "Delete…")
	b.see("A post that waits needs this file.")
	b.find("link", "Dunes, later")
	b.flawless()
	b.press("button", "Keep it")
	b.until("one dialog to close", func() bool { return len(b.all("dialog", "low-tide.mp4 is needed")) == 0 })
	b.keys(kb.Escape)
	b.until("the address of the library", func() bool { return b.path() == "/library" })

	b.open(page)
	b.press("button", "Cancel the post")
	b.press("button", "Cancel the post") // of the dialog
	b.see("Cancelled. Nothing went out")
	is("cancelled", func(post client.Post) bool { return post.Status == "cancelled" })

	b.open("/library/" + p.media)
	b.press("button", "Delete…")
	b.press("button", "Delete the file")
	b.see("low-tide.mp4 was deleted.")
	b.until("the address of the library", func() bool { return b.path() == "/library" })
}

// TestScreens_Addresses: whatever has an address can be opened by it, and one that leads nowhere, or to something of somebody
// else, says so and leads on.
func TestScreens_Addresses(t *testing.T) {
	t.Parallel()
	p := plan(t)
	kiln := p.world.creator(t, "quiet.kiln")
	file, err := kiln.upload(t.Context(), shortClip(t, 2))
	must(t, err)
	foreign, err := kiln.CreatePost(t.Context(), kiln.draft(file.ID, 24*time.Hour), "")
	must(t, err)
	b := p.signedIn(t)
	for _, c := range []struct{ path, says string }{
		{"/queue", "Dunes at noon"},
		{"/calendar", "Dunes at noon"},
		{"/library/" + p.media, "Write a post with it"},
		{"/accounts/" + p.account, "Connected"},
		{"/settings/keys", "New key"},
		{"/settings/sessions", "Where you are signed in"},
		{"/posts/" + foreign.ID, "This post does not exist, or is not yours.\n\nTo the calendar"}, // to ask again would not help
		{"/compose/" + foreign.ID, "This post does not exist, or is not yours."},
		{"/library/" + file.ID, "This file does not exist, or is not yours."},
		{"/accounts/" + kiln.account, "This account does not exist, or is not yours."},
	} {
		b.open(c.path)
		b.see(c.says)
		if got := b.path(); got != c.path {
			t.Errorf("%s became %s", c.path, got)
		}
		if strings.HasPrefix(c.says, "This ") {
			b.flawless()
		}
	}
}

// TestScreens_RefusedFirst: a page that waits for several answers shows a refusal in whatever order they come.
func TestScreens_RefusedFirst(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	// The list of accounts is not asked for before something was refused.
	_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `{
		const real = window.fetch
		let refused
		const first = new Promise((done) => { refused = done })
		window.fetch = async (request, ...rest) => {
			if (new URL(request.url ?? request, location).pathname === '/api/v1/accounts') await first
			const answer = await real(request, ...rest)
			if (answer.status === 404) refused()
			return answer
		}
	}`})
	must(t, err)
	b.open("/compose/post_0000000000000000000000000")
	b.see("This post does not exist, or is not yours.")
}
