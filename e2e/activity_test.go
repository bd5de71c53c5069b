package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// clipboard stands for the system's in the page: what is copied is in window.copied, and a refusal can be had.
const clipboard = `Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { if (window.refuses) throw new Error('no'); window.copied = text } } }), true`

// TestActivity_WhatDidNotGoOut: posts that TikTok refused stand first, counted by the reason. Each reason opens its posts, which get a
// new time there, and is copied as a report that tells nothing of what they say. All of it follows without a reload.
func TestActivity_WhatDidNotGoOut(t *testing.T) {
	t.Parallel()
	w := begin(t, func(o *tiktoksim.Options) {
		o.Creators = append(tiktoksim.SampleCreators(), tiktoksim.Creator{Handle: "spam.bay", Nickname: "Spam Bay", FailReason: "spam_risk_text"})
	})
	p := w.creator(t, "spam.bay")
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/activity?view=problems")
	b.see("Nothing went wrong")
	var posts []client.Post
	for i := range 3 {
		post := p.scheduled(t, shortClip(t, i+1), time.Second)
		failed, err := p.until(t.Context(), post.ID, "failed")
		must(t, err)
		posts = append(posts, failed)
	}
	b.see("What did not go out", "caption for spam", "3 posts did not go out", "Post failed")
	b.open("/activity")
	for _, size := range []window{desk, phone} {
		b.size(size)
		b.see("3 posts did not go out", "File uploaded")
		b.on(b.find("button", "Show the posts"), "function() { this.focus() }")
		b.keys(kb.Enter)
		b.until("all posts", func() bool { return len(b.all("button", "What to do with this post")) == 3 })
		b.see("Change the post", "spam_risk_text")
		b.flawless()
		b.press("button", "Hide the posts")
	}
	b.size(desk)

	js[bool](b, clipboard)
	b.press("button", "Copy report")
	b.see("Report copied")
	copied := js[string](b, "window.copied")
	for _, words := range []string{"Cause: spam_risk_text", "Posts: 3", posts[0].ID, posts[1].ID, "dead by D5", "log "} {
		if !strings.Contains(copied, words) {
			t.Errorf("the report lacks %q:\n%s", words, copied)
		}
	}
	for _, words := range []string{"Low tide", "spam.bay", "Spam Bay", "http"} {
		if strings.Contains(copied, words) {
			t.Errorf("the report tells %q:\n%s", words, copied)
		}
	}
	js[bool](b, "window.refuses = true")
	b.press("button", "Copy report")
	b.find("dialog", "Report")
	if text := js[string](b, "document.querySelector('dialog[open] textarea').value"); !strings.Contains(text, posts[1].ID) {
		t.Errorf("the report to copy by hand is %q", text)
	}
	b.press("button", "Done")

	b.press("button", "Show the posts")
	b.until("all posts", func() bool { return len(b.all("button", "What to do with this post")) == 3 })
	b.press("button", "What to do with this post")
	b.press("menuitem", "Choose a new time…")
	b.set("Date", "Day", time.Now().AddDate(0, 0, 3).Format(time.DateOnly))
	b.press("button", "Move the post")
	b.see("Moved to", "2 posts did not go out")

	// The others get theirs together: each its own time of day, on the first day on which it is still to come.
	b.press("button", "New times…")
	b.find("button", "Plan 2 posts")
	b.flawless()
	b.picture("activity-again")
	b.press("button", "Plan 2 posts")
	b.see("2 posts planned anew")
	for _, post := range posts {
		now, err := p.Post(t.Context(), post.ID)
		must(t, err)
		wholeDays := now.DueAt.Sub(post.DueAt.Truncate(time.Second))%(24*time.Hour) == 0
		if moved := now.DueAt.After(time.Now().AddDate(0, 0, 2)); now.Status != "queued" || !moved && !wholeDays {
			t.Errorf("%s is %s for %v; it failed for %v", post.ID, now.Status, now.DueAt, post.DueAt)
		}
	}
	b.until("the reason to go", func() bool { return !strings.Contains(b.text(), "What did not go out") })
	if loads := js[int](b, "performance.getEntriesByType('navigation').length"); loads != 1 {
		t.Errorf("the page was loaded %d times", loads)
	}
}

// TestActivity_Filters: what is shown is chosen by kind, account and label, stands in the address, and the back button takes it back.
func TestActivity_Filters(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.open("/accounts")
	b.press("button", "Connect an account")
	b.consent("quiet.kiln")
	b.see("is connected")
	b.open("/activity")
	b.see("Post scheduled", "Account connected", "File uploaded")
	shows := func(what string, yes, no []string) {
		t.Helper()
		b.until(what, func() bool {
			text := b.text()
			for _, w := range yes {
				if !strings.Contains(text, w) {
					return false
				}
			}
			for _, w := range no {
				if strings.Contains(text, w) {
					return false
				}
			}
			return true
		})
	}
	b.press("radio", "Files")
	b.at("/activity?view=files")
	shows("files alone", []string{"File uploaded"}, []string{"Post scheduled", "Account connected"})
	b.press("radio", "Posts")
	b.at("/activity?view=posts")
	shows("posts alone", []string{"Post scheduled"}, []string{"File uploaded", "Account connected"})
	js[bool](b, "history.back(), true")
	b.at("/activity?view=files")
	shows("files again", []string{"File uploaded"}, []string{"Post scheduled"})
	accounts, err := p.Accounts(t.Context())
	must(t, err)
	kiln := accounts[0].ID
	if kiln == p.account {
		kiln = accounts[1].ID
	}
	b.press("radio", "Everything")
	b.press("button", "What to show")
	b.press("checkbox", "Quiet Kiln")
	b.press("button", "Done")
	b.at(fmt.Sprintf("/activity?account=%s", kiln))
	shows("the second account alone", []string{"Account connected", "Quiet Kiln"}, []string{"Post scheduled", "File uploaded"})
	b.open("/activity?view=problems&account=" + kiln) // as somebody was sent it
	b.see("Nothing is what you chose to see")
	b.flawless()
	b.press("button", "Show everything")
	shows("everything", []string{"Post scheduled", "Account connected", "File uploaded"}, nil)
	b.at("/activity")
}
