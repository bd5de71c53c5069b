package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// hostile is what a caption must bear: text from right to left, joined emoji, and what looks like a page.
const hostile = "مد وجزر <b>bold</b> & <img src=x onerror=alert(1)> 👩‍👩‍👧‍👦\u200d #sea"

// TestCompose_WritesAgain: a label, a template, an earlier version and a post of the same file, as a person meets them.
func TestCompose_WritesAgain(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.open("/compose/" + p.draft.ID)
	b.set("textbox", "Caption", hostile)
	b.see("Saved as a draft")
	b.press("button", "Add labels")
	b.write("A new label", "Spring <i>")
	b.press("button", "Make it")
	b.until("the label among the others", func() bool { return len(b.all("checkbox", "Spring <i>")) == 1 })
	b.flawless()
	b.press("button", "Done")
	b.press("button", "Insert")
	b.press("menuitem", "Keep for the next post")
	b.write("Name", "Tide")
	b.flawless()
	b.press("button", "Keep it")
	b.see("“Tide” is kept")

	b.press("button", "What this post was")
	b.see("Caption", "Written")
	b.flawless()
	b.press("button", "Bring back")
	b.until("what it was", func() bool { return b.caption() == "Ideas for the market day" })
	b.see("Brought back.")

	b.open("/compose")
	b.focus("button", "Insert")
	b.keys(kb.Enter)
	b.until("the first of the list", func() bool { return peek[string](b, "document.activeElement.getAttribute('role')") == "menuitem" })
	b.keys(kb.Enter)
	b.until("the template", func() bool { return b.caption() == hostile })
	b.see("Who can see it and what it promotes are yours to say.", "Spring <i>")
	if chosen := peek[string](b, "document.querySelector('#tiktok-privacy select')?.value ?? ''"); chosen != "" {
		t.Errorf("a template chose who can see it: %q", chosen)
	}
	// What only the composer can take back is offered for as long as it is there.
	b.find("button", "Undo")
	b.press("link", "Posts")
	b.at("/posts")
	b.until("the way back to go with the composer", func() bool { return len(b.all("button", "Undo")) == 0 })
	b.open("/compose")
	b.set("textbox", "Caption", strings.Repeat("🌊", 2200))
	b.see("The caption has 4400 characters; TikTok takes 2200.")

	b.open("/compose/" + p.queued.ID)
	b.see("You have a post with this file already")
	b.flawless()
	b.press("link", "Look at the other post")
	b.at("/posts/" + p.posted.ID)
	b.open("/settings/templates")
	b.see("Tide", "Spring <i>")
	b.flawless()

	// Posts are found again by their label: in the address, so that a link and the back button lead to them.
	b.open("/posts?view=drafts")
	b.press("button", "What to show")
	b.press("checkbox", "Spring <i>")
	b.flawless()
	b.press("button", "Done")
	b.until("the label in the address", func() bool { return strings.Contains(b.path(), "label=lab_") })
	only := b.path()
	labelled := func() bool {
		return strings.Contains(b.text(), "<b>bold</b>") && !strings.Contains(b.text(), "Dunes at noon")
	}
	b.until("the draft with the label alone", labelled)
	b.press("radio", "Upcoming")
	b.see("Nothing is what you chose to see")
	js[bool](b, "history.back(), true")
	b.until("the step back", func() bool { return b.path() == only && labelled() })
	b.open(only)
	b.until("the same from a link", labelled)
	b.open("/activity" + only[strings.Index(only, "?"):])
	b.find("button", "What to show: some posts")
	b.until("what happened to it alone", labelled)
	b.flawless()
	b.size(phone)
	b.flawless()
	b.picture("activity-label-phone")
	b.open("/posts?label=" + only[strings.Index(only, "lab_"):])
	b.see("Nothing is what you chose to see")
	b.press("button", "Show everything")
	b.see("Dunes at noon")
}
