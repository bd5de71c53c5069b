package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ship-post.com/shippost/client"
)

// mostDrawn bounds the posts that a view draws at a time, however many there are.
const mostDrawn = 260

// busy is a month of ten thousand posts, and an hour on its 20th with a crowd on top of them.
type busy struct {
	*world
	*person
	first    time.Time
	accounts int
}

const crowd = 130

func busyMonth(t *testing.T) *busy {
	t.Helper()
	w := begin(t)
	m := &busy{world: w, person: w.creator(t, "mara.moves")}
	must(t, m.connectOthers())
	accounts, err := m.Accounts(t.Context())
	must(t, err)
	media, err := m.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	now := time.Now().UTC()
	m.first, m.accounts = time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC), len(accounts)
	d := m.person.draft(media.ID, 0)
	d.DueAt = m.first.AddDate(0, 2, 0)
	_, err = m.CreatePost(t.Context(), d, "")
	must(t, err)
	must(t, w.end(syscall.SIGTERM))
	must(t, w.fill(t.Context(), m.first, monthLength, monthPosts, m.accounts))
	must(t, w.fill(t.Context(), m.first.AddDate(0, 0, 19).Add(12*time.Hour), time.Hour, crowd, m.accounts))
	must(t, w.start())
	return m
}

// through scrolls a page from its beginning to its end, as far as it goes or until so many posts were seen, and returns the different
// posts it saw, the most that were drawn at a time, and the numbers of those that are behind a "more".
const through = `(async (enough) => {
	const seen = new Set(), behind = {}
	let most = 0, still = 0
	const frame = () => new Promise((next) => { requestAnimationFrame(next); setTimeout(next, 250) })
	const look = () => {
		const cards = [...document.querySelectorAll('.card > a, article a.title')].filter((card) => card.checkVisibility())
		most = Math.max(most, cards.length)
		for (const card of cards) seen.add(card.getAttribute('href'))
		for (const more of document.querySelectorAll('a.more')) {
			const cell = more.closest('td')
			behind[cell.parentNode.rowIndex + ' ' + cell.cellIndex] = Number(more.textContent.replace(/\D/g, ''))
		}
	}
	scrollTo(0, 0)
	while (still < 40 && seen.size < enough) {
		const at = scrollY
		scrollBy(0, innerHeight / 2)
		await frame()
		// What is near is drawn before one goes on.
		for (let i = 0; i < 400 && [...document.querySelectorAll('.soon')].some((e) => { const r = e.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight }); i++) await frame()
		look()
		still = scrollY === at ? still + 1 : 0
	}
	return { seen: seen.size, most, behind: Object.values(behind).reduce((a, b) => a + b, 0) }
})`

type walk struct{ Seen, Most, Behind int }

func (b *tab) walk(enough int) walk {
	b.t.Helper()
	return js[walk](b, fmt.Sprintf("%s(%d)", through, enough))
}

// TestCalendar_FullMonth: with ten thousand posts in a month each view draws few at a time, every post can be come to, posts are dragged,
// the keyboard goes from one to the next across what was not drawn, and a screen reader is told of what is not.
func TestCalendar_FullMonth(t *testing.T) {
	t.Parallel()
	m := busyMonth(t)
	b := m.browse(t)
	b.signIn(m.handle)
	at := func(view string, day int) {
		t.Helper()
		b.open(fmt.Sprintf("/?view=%s&zone=UTC&date=%s", view, m.first.AddDate(0, 0, day).Format(time.DateOnly)))
		b.until("posts in the "+view, func() bool { return peek[bool](b, "document.querySelector('.card > a, article a.title') !== null") })
	}
	want := func(view string, got walk, all int) {
		t.Helper()
		t.Logf("%s: %d posts were seen and %d are one press away; at most %d were drawn at a time", view, got.Seen, got.Behind, got.Most)
		if got.Most > mostDrawn {
			t.Errorf("the %s draws %d posts at a time", view, got.Most)
		}
		if got.Seen+got.Behind != all {
			t.Errorf("in the %s %d posts can be seen and %d are behind a press; there are %d", view, got.Seen, got.Behind, all)
		}
	}
	count := func(from time.Time, days int) int {
		t.Helper()
		n := 0
		for i := range monthPosts {
			due := m.first.Add(time.Duration(i*int(monthLength.Seconds())/monthPosts) * time.Second)
			if !due.Before(from) && due.Before(from.AddDate(0, 0, days)) {
				n++
			}
		}
		return n
	}

	at("month", 9)
	month := b.walk(monthPosts)
	want("month", month, monthPosts+crowd)
	monday := m.first.AddDate(0, 0, 9)
	for monday.Weekday() != time.Monday {
		monday = monday.AddDate(0, 0, -1)
	}
	at("week", 9)
	want("week", b.walk(monthPosts), count(monday, 7))
	day := m.first.AddDate(0, 0, 9)
	at("day", 9)
	want("day", b.walk(monthPosts), count(day, 1))
	at("list", 9)
	if list := b.walk(600); list.Seen < 600 || list.Most > mostDrawn {
		t.Errorf("the list showed %d posts and drew %d at a time", list.Seen, list.Most)
	}

	// A crowd in one hour opens where it stands.
	at("day", 19)
	b.press("button", "more posts at 12")
	b.until("the crowd", func() bool { return len(b.all("button", "more posts at 12")) == 0 })
	want("crowded day", b.walk(monthPosts), count(m.first.AddDate(0, 0, 19), 1)+crowd)

	// The keyboard goes over the edge of what was drawn.
	at("week", 9)
	b.until("cards to stand", func() bool { return peek[int](b, "document.querySelectorAll('.card > a').length") > 60 })
	js[bool](b, "document.querySelector('.card > a').focus(), true")
	went := js[int](b, "document.activeElement.closest('tr').rowIndex")
	for range 240 {
		b.keys("\t")
	}
	if to := js[int](b, "document.activeElement.closest('tr')?.rowIndex ?? -1"); to < went+8 {
		t.Errorf("240 steps of the keyboard lead from row %d to row %d", went, to)
	}
	b.flawless()
	if !strings.Contains(js[string](b, "document.querySelector('table').textContent"), "15 posts") {
		t.Error("nothing says how many posts an hour has that is not drawn")
	}

	// A post is dragged to another hour of another day.
	at("day", 8)
	js[bool](b, "scrollTo(0, 0), true")
	card := js[string](b, "document.querySelector('.card > a[draggable=true]').getAttribute('href')")
	id := card[strings.LastIndex(card, "/")+1:]
	before, err := m.Post(t.Context(), id)
	must(t, err)
	b.dragCard(card, 3, -1)
	b.see("Moved to")
	moved, err := m.when(t.Context(), id, func(p client.Post) bool { return !p.DueAt.Equal(before.DueAt) })
	must(t, err)
	if d := moved.DueAt.Sub(before.DueAt); d != 3*time.Hour { // its seconds stay
		t.Errorf("dragged three rows down, the post moved by %v", d)
	}
}

// dragCard drags a post by the mouse some rows down, to a column, or to its own column for -1.
func (b *tab) dragCard(href string, rows, column int) {
	b.t.Helper()
	type places struct{ X, Y, ToX, ToY float64 }
	var at places
	b.until("the places to drag between to lie still", func() bool {
		before := at
		at = js[places](b, fmt.Sprintf(`(async () => {
			for (let i = 0; i < 3; i++) await new Promise((next) => { requestAnimationFrame(next); setTimeout(next, 250) })
			const card = document.querySelector('.card > a[href=%q]')
			const cell = card?.closest('td')
			const to = cell?.parentNode.parentNode.rows[cell.parentNode.sectionRowIndex + %d]?.cells[%d < 0 ? cell.cellIndex : %[3]d]
			if (!to || document.querySelector('.soon')?.getBoundingClientRect().top < innerHeight) return {}
			const [from, there] = [card.getBoundingClientRect(), to.getBoundingClientRect()]
			return { X: from.x + 10, Y: from.y + from.height / 2, ToX: there.x + there.width - 6, ToY: there.y + 4 }
		})()`, href, rows, column))
		return at == before && at.X > 0 && at.ToY > 0 && at.ToY < 890
	})
	b.do(chromedp.DragAndDropXY(at.X, at.Y, at.ToX, at.ToY))
}
