package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/client"
)

// TestForecast_Seen: a creator turns private and forbids comments after two posts were scheduled. One will not go out and one goes out
// with something to know: the lights are on their pages, in the list and in the calendar, each with its one remedy, and whoever is in
// the app is told when one turns red.
func TestForecast_Seen(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	media, err := p.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	on := true
	schedule := func(caption string, change func(*client.TikTok)) client.Post {
		d := p.draft(media.ID, 2*time.Hour)
		d.Caption = caption
		change(d.Options.TikTok)
		post, err := p.CreatePost(t.Context(), d, "")
		must(t, err)
		return post
	}
	red := schedule("For everybody", func(*client.TikTok) {})
	yellow := schedule("With comments", func(o *client.TikTok) { o.PrivacyLevel, o.AllowComment = "SELF_ONLY", &on })

	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/library")
	for _, c := range w.sim.Creators() {
		if c.Handle == p.handle {
			c.Private, c.CommentDisabled = true, true
			must(t, w.sim.PutCreator(c))
		}
	}
	light := func(id string) string {
		return js[string](b, `fetch('/api/v1/posts/`+id+`').then((r) => r.json()).then((p) => p.forecast?.light ?? '')`)
	}
	// A look that came before the change is followed by another one once the posts are touched.
	windows, turn := []string{"6h", "1h"}, 0
	b.until("the lights to change", func() bool {
		r, y := light(red.ID), light(yellow.ID)
		if r == "green" || y == "green" {
			for _, post := range []client.Post{red, yellow} {
				_, err := p.EditPost(t.Context(), post.ID, client.Change{LateWindow: windows[turn%2]})
				must(t, err)
			}
			turn++
		}
		return r == "red" && y == "yellow"
	})
	b.see("A scheduled post will not go out as things are.")
	b.find("button", "Look at it")
	b.find("link", "Look at what is coming")
	b.picture("forecast-notice")
	b.flawless()

	b.open("/posts/" + red.ID)
	b.see("As things are, this post will not go out", "At risk")
	b.find("link", "Change the post")
	b.picture("forecast-red")
	b.open("/posts/" + yellow.ID)
	b.see("It goes out, and there is something to know", "With a warning")
	if n := len(b.all("link", "Change the post")); n > 1 {
		t.Errorf("%d remedies are offered, want one at most", n)
	}
	b.picture("forecast-yellow")
	b.flawless()

	b.open("/posts")
	b.see("At risk", "With a warning")
	b.find("link", "Change the post")
	b.picture("forecast-rows")
	b.flawless()
	b.open("/?view=week&date=" + red.DueAt.Format(time.DateOnly))
	b.find("link", "At risk, ")
	b.find("link", "With a warning, ")
	b.picture("forecast-calendar")

	// What was in the way goes, and so does the notice.
	_, err = p.CancelPost(t.Context(), red.ID)
	must(t, err)
	b.until("the notice to go", func() bool {
		return js[int](b, `fetch('/api/v1/notices').then((r) => r.json()).then((n) => n.items.length)`) == 0 && len(b.all("link", "Look at what is coming")) == 0
	})
}

// TestMove_FullDay: whoever moves a post to a day that is full is told before, with the nearest free time to press.
func TestMove_FullDay(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	media, err := p.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	noon := time.Now().UTC().AddDate(0, 0, 20).Truncate(24 * time.Hour).Add(12 * time.Hour)
	for i := range 15 {
		d := p.draft(media.ID, 0)
		d.Caption, d.DueAt = fmt.Sprintf("Full %d", i), noon.Add(time.Duration(i)*10*time.Minute)
		_, err := p.CreatePost(t.Context(), d, "")
		must(t, err)
	}
	d := p.draft(media.ID, 0)
	d.Caption, d.DueAt = "One more", noon.AddDate(0, 0, -5)
	post, err := p.CreatePost(t.Context(), d, "")
	must(t, err)
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/posts/" + post.ID)
	b.press("button", "Move to…")
	b.set("Date", "Day", noon.Format(time.DateOnly))
	b.set("InputTime", "Time", "13:00")
	b.see("TikTok usually takes about 15 posts")
	b.picture("move-full")
	b.flawless()
	b.press("button", "Use ")
	b.until("the warning to go", func() bool { return len(b.all("button", "Use ")) == 0 })
	b.press("button", "Move the post")
	b.see("Moved to")
	moved, err := p.Post(t.Context(), post.ID)
	must(t, err)
	if d := moved.DueAt.Sub(noon); d > -10*time.Hour && d < 23*time.Hour {
		t.Errorf("it was moved to %v, where there is no room", moved.DueAt)
	}

	// The calendar says how full the day is, in figures and in words; nothing on days with room.
	date := noon.Format(time.DateOnly)
	full := func(words string) func() bool {
		return func() bool {
			return len(b.all("button", words+" 15 of about 15 posts of Mara")) == 1 && len(b.all("button", "posts of Mara")) == 1
		}
	}
	b.open("/?date=" + date)
	b.until("the full day", full("Full:"))
	d.Caption, d.DueAt = "Too much", noon.Add(3*time.Hour)
	tooMuch, err := p.CreatePost(t.Context(), d, "")
	must(t, err)
	for _, view := range []string{"", "view=week&", "view=day&", "view=list&"} {
		b.open("/?" + view + "date=" + date)
		b.find("button", "Too full: 16 of about 15 posts of Mara")
		b.picture("full-" + strings.Trim(view, "&"))
	}
	b.size(phone)
	b.open("/?date=" + date)
	b.press("button", "Too full: 16 of about 15 posts of Mara")
	b.see("There is room at")
	b.picture("full-dialog-phone")
	b.flawless()
	b.press("button", "Move it to ")
	b.see("Moved to")
	b.until("the day without what was too much", func() bool { return len(b.all("button", "Too full")) == 0 })
	b.find("button", "Full: 15 of about 15 posts of Mara")
	tooMuch, err = p.Post(t.Context(), tooMuch.ID)
	must(t, err)
	if d := tooMuch.DueAt.Sub(noon); d > -10*time.Hour && d < 23*time.Hour {
		t.Errorf("what was too much was moved to %v, where there is no room", tooMuch.DueAt)
	}
}
