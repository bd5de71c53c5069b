package e2e

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ship-post.com/shippost/client"
)

// due waits until a post is in a state and due at a time.
func (b *tab) due(p *planned, id, status string, at time.Time) {
	b.t.Helper()
	b.until("the post "+id+" "+status, func() bool {
		post, err := p.Post(b.t.Context(), id)
		must(b.t, err)
		return post.Status == status && post.DueAt.Equal(at)
	})
}

// focus puts the focus on something.
func (b *tab) focus(role, name string) {
	b.t.Helper()
	b.on(b.find(role, name), "function() { this.focus() }")
}

// dragTo drags one thing onto another, as pages that are told of it take it.
func (b *tab) dragTo(cargo, place found) {
	b.t.Helper()
	var x, y, toX, toY float64
	b.until("the place and what is dragged to it", func() (ok bool) {
		if toX, toY, ok = b.aim(place); ok {
			x, y, ok = b.aim(cargo)
		}
		return ok
	})
	b.do(chromedp.DragAndDropXY(x, y, toX, toY))
}

// TestCalendar_ManyWithTheKeyboard: several posts are chosen, moved, cancelled and duplicated without a mouse, in light and
// dark and on a phone, and each of it can be taken back.
func TestCalendar_ManyWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := plan(t)
	second := p.person.draft(p.media, 0)
	second.DueAt, second.Caption = p.queued.DueAt.Add(90*time.Minute), "Dunes at dusk"
	dusk, err := p.CreatePost(t.Context(), second, "")
	must(t, err)
	b := p.signedIn(t)
	day := p.queued.DueAt
	b.open("/?view=week&date=" + day.Format(time.DateOnly))
	b.focus("link", "Dunes at noon")
	b.keys("x")
	b.focus("link", "Dunes at dusk")
	b.keys("x")
	b.see("2 chosen")
	b.flawless()
	b.keys("m")
	b.find("dialog", "Move 2 posts")
	b.flawless()
	b.press("button", "Move 2 posts")
	b.see("2 posts moved")
	b.due(p, p.queued.ID, "queued", day.AddDate(0, 0, 1))
	b.due(p, dusk.ID, "queued", dusk.DueAt.AddDate(0, 0, 1))
	b.press("button", "Undo")
	b.due(p, p.queued.ID, "queued", day)
	b.due(p, dusk.ID, "queued", dusk.DueAt)

	// Cancelled, they are gone from the calendar; taken back, they go out at their time.
	b.open("/?view=week&date=" + day.Format(time.DateOnly))
	b.focus("link", "Dunes at noon")
	b.keys("x")
	b.focus("link", "Dunes at dusk")
	b.keys("x", kb.Delete)
	b.find("dialog", "Cancel 2 posts?")
	b.press("button", "Cancel 2 posts")
	b.see("2 posts cancelled")
	b.due(p, dusk.ID, "cancelled", dusk.DueAt)
	b.until("the cancelled posts to leave the calendar", func() bool { return len(b.all("link", "Dunes at")) == 0 })
	b.press("button", "Undo")
	b.due(p, p.queued.ID, "queued", day)
	b.due(p, dusk.ID, "queued", dusk.DueAt)
	b.find("link", "Dunes at dusk")

	b.focus("link", "Dunes at dusk")
	b.keys("d")
	b.see("1 draft made")
	b.press("button", "Drafts and unused files")
	b.see("Not planned yet", "Dunes at dusk")
	b.press("button", "Undo")
	b.until("the copy to go", func() bool {
		return len(b.all("link", "Ideas for the market day")) == 1 && strings.Count(b.text(), "Dunes at dusk") == 1
	})
}

// clocksChange returns the next last Sunday of a month, when Europe changes its clocks.
func clocksChange(month time.Month) time.Time {
	now := time.Now().UTC()
	for year := now.Year(); ; year++ {
		last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC)
		if sunday := last.AddDate(0, 0, -int(last.Weekday())); sunday.After(now) {
			return sunday
		}
	}
}

// TestCalendar_Looks: what is looked at is in the address, so that a link and the back button lead to it; days are as long as
// clocks make them; pressing an hour writes a post for it.
func TestCalendar_Looks(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	day := p.queued.DueAt
	date := day.Format(time.DateOnly)
	b.open("/?date=" + date)
	b.find("link", "Dunes at noon")
	b.press("radio", "Week")
	b.at("/?view=week")
	b.press("radio", "Day")
	b.at("/?view=day")
	b.press("button", "Later")
	b.until("the next day", func() bool { return strings.Contains(b.path(), "date="+day.AddDate(0, 0, 1).Format(time.DateOnly)) })
	for _, then := range []string{"date=" + date, "view=week", "date=" + date} {
		js[bool](b, "history.back(), true")
		b.until("the step back to "+then, func() bool { return strings.Contains(b.path(), then) })
	}
	b.until("the month again", func() bool { return !strings.Contains(b.path(), "view=") && strings.Contains(b.path(), date) })
	b.find("link", "Dunes at noon")

	// A filter that leaves everything out says so.
	b.press("button", "What to show")
	b.press("checkbox", "Failed")
	b.until("the filter in the address", func() bool { return strings.Contains(b.path(), "status=failed") })
	b.press("button", "Done")
	b.until("nothing", func() bool { return len(b.all("link", "Dunes at noon")) == 0 })
	b.press("button", "Show everything")
	b.find("link", "Dunes at noon")

	forward, back := clocksChange(time.March).Format(time.DateOnly), clocksChange(time.October).Format(time.DateOnly)
	zurich := "&zone=Europe%2FZurich&date="
	for _, size := range []window{desk, phone} {
		b.size(size)
		for _, c := range []struct{ path, says string }{
			{"/?view=week" + zurich + forward, "23 hours: clocks go forward from"},
			{"/?view=day" + zurich + back, "25 hours: clocks go back from"},
			{"/?view=week&drawer=open&date=" + date, "Not planned yet"},
			{"/?view=list&date=" + date, "Dunes at noon"},
		} {
			b.open(c.path)
			b.see(c.says)
			b.flawless()
		}
	}
	b.size(desk)
	rows := func(path string) int {
		b.open(path)
		b.see("hours: clocks go")
		return js[int](b, "document.querySelectorAll('tbody tr').length - [...document.querySelectorAll('tbody tr')].filter((r) => r.textContent.includes('Clocks skip this hour')).length")
	}
	if n := rows("/?view=day" + zurich + forward); n != 23 {
		t.Errorf("the day on which clocks go forward is drawn with %d hours", n)
	}
	if n := rows("/?view=day" + zurich + back); n != 25 {
		t.Errorf("the day on which clocks go back is drawn with %d hours", n)
	}
	js[bool](b, "document.querySelector('a[href*=\"at="+back+"T14\"]').click(), true")
	b.see("New post")
	b.until("the time to be filled in", func() bool {
		return js[string](b, "document.querySelector('input[type=date]')?.value + ' ' + document.querySelector('input[type=time]')?.value") == back+" 14:00"
	})
}

// TestCalendar_ShowsSome: the posts of an account, or with a label, are looked at alone; each look is a step back and forward. The zone
// says what the clocks show, the hours of the night unfold, and keys turn to earlier, later and today.
func TestCalendar_ShowsSome(t *testing.T) {
	t.Parallel()
	p := plan(t)
	p.connect(t, "quiet.kiln")
	accounts, err := p.Accounts(t.Context())
	must(t, err)
	d := p.person.draft(p.media, 0)
	d.DueAt, d.Caption, d.Options.TikTok.PrivacyLevel = p.queued.DueAt.Add(2*time.Hour), "Kiln at two", "SELF_ONLY"
	for _, a := range accounts {
		if a.ID != p.account {
			d.AccountID = a.ID
		}
	}
	kiln, err := p.CreatePost(t.Context(), d, "")
	must(t, err)
	p.ask(t, http.MethodPost, "/labels", map[string]any{"name": "Clay", "colour": "teal"})
	var labels []struct{ ID string }
	p.get(t, "/api/v1/labels", &labels)
	p.ask(t, http.MethodPut, "/posts/"+kiln.ID+"/labels", map[string]any{"label_ids": []string{labels[0].ID}})

	b := p.signedIn(t)
	shows := func(what, address string, noon bool) {
		t.Helper()
		b.until(what, func() bool {
			return strings.Contains(b.path(), address) && len(b.all("link", "Kiln at two")) == 1 && (len(b.all("link", "Dunes at noon")) == 1) == noon
		})
	}
	date := p.queued.DueAt.Format(time.DateOnly)
	b.open("/?view=week&date=" + date)
	shows("both posts", date, true)
	b.press("button", "Quiet Kiln")
	shows("the posts of one account", "account="+d.AccountID, false)
	js[bool](b, "history.back(), true")
	shows("both again, a step back", date, true)
	js[bool](b, "history.forward(), true")
	shows("one account again, a step forward", "account="+d.AccountID, false)
	b.press("button", "Quiet Kiln")
	shows("both again", date, true)
	b.press("button", "What to show")
	b.press("checkbox", "Clay")
	b.flawless()
	b.press("button", "Done")
	shows("the posts with a label", "label="+labels[0].ID, false)

	b.open("/?view=week&date=" + date)
	shows("both posts", date, true)
	rows := func() int { return js[int](b, "document.querySelectorAll('tbody tr').length") }
	folded := rows()
	b.press("button", "Nothing from")
	b.until("all hours of the day", func() bool { return rows() == 24 })
	if folded >= 24 {
		t.Errorf("the week opens with %d rows", folded)
	}
	b.press("button", "Change")
	b.set("combobox", "Time zone", "Asia/Tokyo")
	b.press("button", "Done")
	b.see("Times are in", "Asia/Tokyo")
	b.until("the clock over there", func() bool {
		noon := b.all("link", "Dunes at noon")
		return len(noon) == 1 && regexp.MustCompile(`\b(21:00|9:00.PM): Dunes`).MatchString(noon[0].name)
	})

	for _, c := range []struct {
		key  string
		want time.Time
	}{{kb.ArrowRight, p.queued.DueAt.AddDate(0, 0, 7)}, {kb.ArrowLeft, p.queued.DueAt}} {
		js[bool](b, "(document.activeElement?.blur(), true)")
		b.keys(c.key)
		b.until("the week of "+c.want.Format(time.DateOnly), func() bool { return strings.Contains(b.path(), "date="+c.want.Format(time.DateOnly)) })
	}
	today := func() bool { return !strings.Contains(b.path(), "date=") && strings.Contains(b.path(), "view=week") }
	b.keys("t")
	b.until("today, by key", today)
	b.press("button", "Later")
	b.until("another week", func() bool { return strings.Contains(b.path(), "date=") })
	b.press("button", "Today")
	b.until("today, by its button", today)
}

// TestCalendar_DragsAndTakesBack: a post is dragged to another hour and back by Undo; a draft dragged onto a day, and an unused file onto an
// hour, are written for that time.
func TestCalendar_DragsAndTakesBack(t *testing.T) {
	t.Parallel()
	p := plan(t)
	unused, err := p.upload(t.Context(), shortClip(t, 2))
	must(t, err)
	b := p.signedIn(t)
	due := p.queued.DueAt
	b.open("/?view=week&zone=UTC&date=" + due.Format(time.DateOnly))
	b.find("link", "Dunes at noon")
	b.dragCard("/posts/"+p.queued.ID, 2, -1)
	b.see("Moved to")
	b.due(p, p.queued.ID, "queued", due.Add(2*time.Hour))
	b.press("button", "Undo")
	b.due(p, p.queued.ID, "queued", due)

	day := due.AddDate(0, 0, 1)
	field := func(kind string) string {
		return peek[string](b, "document.querySelector('#compose-when input[type="+kind+"]')?.value ?? ''")
	}
	b.open("/?drawer=open&zone=UTC&date=" + day.Format(time.DateOnly))
	b.dragTo(b.find("link", "Ideas for the market day"), b.find("link", "New post on "+day.Format("January 2")))
	b.find("dialog", "ost")
	b.at("/?")
	b.until("the draft on its day", func() bool {
		return b.caption() == p.draft.Caption && field("date") == day.Format(time.DateOnly) && field("time") != ""
	})

	b.open("/?view=week&drawer=open&zone=UTC&date=" + day.Format(time.DateOnly))
	hour := day.Format(time.DateOnly) + "T15"
	b.dragTo(b.find("link", unused.FileName), b.find("link", js[string](b, `document.querySelector('a[href*="at=`+hour+`"]').ariaLabel`)))
	b.find("dialog", "ost")
	b.see("Checked and ready", unused.FileName)
	b.until("the hour", func() bool { return field("date") == day.Format(time.DateOnly) && field("time") == "15:00" })
}

// TestCalendar_TwoAccountsInASheet: an hour is pressed, the composer lies over the calendar, and one text goes to two accounts, each
// with its own choices. What is missing is counted for each; the back button closes the sheet and nothing is lost.
func TestCalendar_TwoAccountsInASheet(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.open("/accounts")
	b.press("button", "Connect an account")
	b.consent("quiet.kiln")
	b.see("is connected")
	b.open("/slots")
	b.press("button", "Add to the queue")
	b.see("The next ten", "Free")
	b.flawless()
	date := p.queued.DueAt.AddDate(0, 0, 1).Format(time.DateOnly)
	b.open("/?view=week&date=" + date + "&compose=new&media=" + p.media + "&at=" + date + "T14:00")
	b.find("dialog", "New post")
	b.see("Checked and ready")
	b.write("Caption", "One tide for two")
	b.see("Saved as a draft")
	b.at("/?compose=post_")
	b.press("button", "Post to another account too")
	b.press("menuitem", "Quiet Kiln")
	b.see("Quiet Kiln has its own", "things to do")
	b.until("the text of the other account", func() bool {
		return js[string](b, "document.querySelector('textarea').value") == "One tide for two"
	})
	b.flawless()
	b.until("both drafts in one group", func() bool {
		posts, err := p.Posts(b.t.Context(), client.PostQuery{Status: "draft", Limit: 10})
		must(t, err)
		groups := map[string]int{}
		for _, post := range posts {
			if post.Caption == "One tide for two" {
				groups[post.GroupID]++
			}
		}
		return len(groups) == 1 && groups[""] == 0
	})
	// What an account has of its own stays as it is for the other: the time, the file.
	clock := func() string {
		return peek[string](b, "document.querySelector('#compose-when input[type=time]')?.value ?? ''")
	}
	if got := clock(); got != "14:00" {
		t.Errorf("the second account begins with the time %q", got)
	}
	b.tick("checkbox", "Files")
	b.tick("checkbox", "Time")
	js[bool](b, `(() => { const t = document.querySelector('#compose-when input[type=time]'); Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(t, '15:30')
		for (const kind of ['input', 'change']) t.dispatchEvent(new Event(kind, { bubbles: true })); return true })()`)
	b.press("button", "Remove low-tide.mp4")
	other := shortClip(t, 2)
	b.choose(other)
	b.see(filepath.Base(other), "Checked and ready")
	b.turnTo("Mara Lindqvist")
	b.find("button", "Remove low-tide.mp4")
	b.until("the time of the first account", func() bool { return clock() == "14:00" })
	b.turnTo("Quiet Kiln")
	b.find("button", "Remove "+filepath.Base(other))
	b.until("the time of the second account", func() bool { return clock() == "15:30" })
	b.until("a file of its own in each draft", func() bool {
		posts, err := p.Posts(b.t.Context(), client.PostQuery{Status: "draft", Limit: 10})
		must(t, err)
		files := map[string]string{}
		for _, post := range posts {
			if post.Caption == "One tide for two" && len(post.MediaIDs) == 1 {
				files[post.AccountID] = post.MediaIDs[0]
			}
		}
		same := 0
		for _, file := range files {
			if file == p.media {
				same++
			}
		}
		return len(files) == 2 && files[p.account] == p.media && same == 1
	})
	js[bool](b, "history.back(), true")
	b.until("the sheet to go", func() bool { return len(b.all("dialog", "New post")) == 0 })
}

// TestCompose_SendsAll: posts for two accounts are looked over and sent off together. One was changed elsewhere meanwhile: it is said
// which one is scheduled and which is not and why, nothing is sent twice, and the other is mended and sent.
func TestCompose_SendsAll(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/accounts")
	b.press("button", "Connect an account")
	b.consent("quiet.kiln")
	b.see("is connected")
	media, err := p.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	accounts, err := p.Accounts(t.Context())
	must(t, err)
	var drafts []client.Post
	for _, a := range accounts {
		d := p.draft(media.ID, 0)
		d.DueAt = time.Time{}
		d.AccountID, d.GroupID, d.Caption, d.Options.TikTok.Consent = a.ID, "grp_06h1eqq60synnqa1x26k3xb33r", "One tide for two", false
		if a.ID != p.account {
			d.Options.TikTok.PrivacyLevel = "SELF_ONLY"
		}
		post, err := p.CreatePost(t.Context(), d, "")
		must(t, err)
		drafts = append(drafts, post)
	}
	b.open("/compose/" + drafts[0].ID)
	b.press("radio", "At a time")
	b.press("button", "Tomorrow")
	b.press("button", "Look over 2 posts")
	b.find("dialog", "Schedule 2 posts")
	elsewhere := "Said elsewhere"
	_, err = p.EditPost(t.Context(), drafts[1].ID, client.Change{Caption: &elsewhere})
	must(t, err)
	b.press("button", "Schedule 2 posts")
	b.find("dialog", "1 of 2 posts are scheduled")
	b.see("What is scheduled stays so.", "changed it elsewhere", "Try the one again")
	b.picture("send-all")
	b.flawless()
	_, err = p.until(t.Context(), drafts[0].ID, "queued")
	must(t, err)
	b.press("button", "Look at it: the post of")
	b.press("button", "Keep what is here")
	b.press("button", "Schedule for")
	b.at("/posts/" + drafts[1].ID)
	mended, err := p.until(t.Context(), drafts[1].ID, "queued")
	must(t, err)
	if first, err := p.Post(t.Context(), drafts[0].ID); err != nil || mended.Caption != "One tide for two" || first.Version > mended.Version || !first.DueAt.Equal(mended.DueAt) {
		t.Errorf("the posts are %+v and %+v, %v", first, mended, err)
	}
}

// TestText_IsNeverHTML: what looks like a page in a caption, a title and the name of a file is text on every screen.
func TestText_IsNeverHTML(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	const evil = `<img src=x onerror="document.title='owned'"><b>bold</b>`
	path := filepath.Join(t.TempDir(), "<b>bold<_b>.mp4")
	must(t, os.Rename(shortClip(t, 1), path))
	media, err := p.upload(t.Context(), path)
	must(t, err)
	picture, err := p.upload(t.Context(), photos(t, t.TempDir(), 1)[0])
	must(t, err)
	d := p.draft(media.ID, 80*time.Hour)
	d.Caption = evil
	queued, err := p.CreatePost(t.Context(), d, "")
	must(t, err)
	draft, err := p.CreatePost(t.Context(), client.NewPost{AccountID: p.account, MediaIDs: []string{picture.ID}, Caption: evil, Options: client.Choices{TikTok: &client.TikTok{Title: evil}}}, "")
	must(t, err)
	b := w.browse(t)
	b.signIn(p.handle)
	date := queued.DueAt.UTC().Format(time.DateOnly)
	for _, path := range []string{
		"/?drawer=open&date=" + date, "/?view=week&date=" + date, "/?view=day&date=" + date, "/?view=list&date=" + date, "/posts", "/posts?view=drafts", "/posts/" + queued.ID,
		"/compose/" + draft.ID, "/activity", "/library", "/library/" + media.ID,
	} {
		b.open(path)
		b.until("the words on "+path, func() bool {
			return js[bool](b, `[document.body.innerText, ...[...document.querySelectorAll('textarea, input')].map((e) => e.value), ...[...document.querySelectorAll('[aria-label]')].map((e) => e.ariaLabel)].some((t) => t.includes('<b>bold<'))`)
		})
		if made := js[string](b, `[...document.querySelectorAll('b, img')].filter((e) => e.innerText === 'bold' || e.getAttribute('src') === 'x').map((e) => e.outerHTML).join() + (document.title === 'owned' ? document.title : '')`); made != "" {
			t.Errorf("%s makes of text: %s", path, made)
		}
	}
}

// TestCalendar_FillsAPlace: a draft is dragged out of the drawer onto a free place of the queue, and gets exactly its time; a file that no
// post uses becomes a post of the place's account.
func TestCalendar_FillsAPlace(t *testing.T) {
	t.Parallel()
	p := plan(t)
	unused, err := p.upload(t.Context(), shortClip(t, 2))
	must(t, err)
	b := p.signedIn(t)
	b.open("/slots")
	b.press("button", "Add to the queue")
	b.see("The next ten", "Free")
	date := p.queued.DueAt.AddDate(0, 0, 7).Format(time.DateOnly)
	for _, cargo := range []struct{ name, compose string }{{"Ideas for the market day", "compose=" + p.draft.ID}, {unused.FileName, "media=" + unused.ID}} {
		b.open("/?view=week&drawer=open&date=" + date)
		place := b.find("link", "Free place in the queue")
		var want struct{ At string }
		if !b.ask(place, "async function() { return { At: new URL(this.href).searchParams.get('at') } }", &want) {
			t.Fatal("the free place leads nowhere")
		}
		b.dragTo(b.find("link", cargo.name), place)
		b.find("dialog", "ost")
		if at := b.path(); !strings.Contains(at, cargo.compose) || !strings.Contains(at, "at="+url.QueryEscape(want.At)) {
			t.Errorf("%s, dropped on the place at %s, leads to %s", cargo.name, want.At, at)
		}
		b.until("the time of the place", func() bool {
			return peek[string](b, "document.querySelector('input[type=date]')?.value + 'T' + document.querySelector('input[type=time]')?.value") == want.At
		})
	}
}
