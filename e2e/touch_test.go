package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"ship-post.com/shippost/client"
)

// touch puts a finger somewhere, moves it, or takes it away.
func (b *tab) touch(kind input.DispatchTouchEventType, at ...*input.TouchPoint) {
	b.t.Helper()
	if at == nil {
		at = []*input.TouchPoint{} // an empty list, not none
	}
	_, err := chromedp.Call(b.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: at})
	must(b.t, err)
}

// carry rests a finger on something until it is lifted, which the page shows by `lifted`, and carries it elsewhere.
func (b *tab) carry(from, to found, lifted string) {
	b.t.Helper()
	var x, y, toX, toY float64
	b.until(from.name+" and "+to.name+" in view", func() (ok bool) {
		if toX, toY, ok = b.aim(to); ok {
			x, y, ok = b.aim(from)
		}
		return ok
	})
	b.touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	b.until(from.name+" to be lifted", func() bool { return peek[bool](b, "document.querySelector('"+lifted+"') !== null") })
	for step := 1.0; step <= 5; step++ {
		b.touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x + (toX-x)*step/5, Y: y + (toY-y)*step/5})
	}
	js[bool](b, "new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => next(true))))")
	b.picture("carried")
	b.touch(input.DispatchTouchEventTypeTouchEnd)
}

// TestCalendar_CarriedByFinger: on a tablet a card, on a phone a row below the month, is lifted by a long press and carried to another
// day; a finger that moves at once scrolls and moves nothing. Photos are put in order the same way.
func TestCalendar_CarriedByFinger(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	day := p.queued.DueAt
	moved := func(to time.Time) {
		t.Helper()
		b.see("Moved to")
		_, err := p.when(t.Context(), p.queued.ID, func(post client.Post) bool { return post.DueAt.Equal(to) })
		must(t, err)
	}
	b.do(chromedp.EmulateViewport(1024, 768, chromedp.EmulateTouch))
	b.open("/?date=" + day.Format(time.DateOnly))
	b.carry(b.find("link", "Dunes at noon"), b.find("link", "New post on "+day.AddDate(0, 0, 1).Format("January 2")), ".carried")
	moved(day.AddDate(0, 0, 1))
	if at := b.path(); at != "/?date="+day.Format(time.DateOnly) {
		t.Errorf("what was carried was pressed, too: %s", at)
	}

	b.size(phone)
	b.open("/?date=" + day.AddDate(0, 0, 1).Format(time.DateOnly))
	b.carry(b.find("link", "Dunes at noon"), b.find("button", day.Format("2 January")+", "), ".carried")
	moved(day)

	var media []string
	for _, path := range photos(t, t.TempDir(), 2) {
		m, err := p.upload(t.Context(), path)
		must(t, err)
		media = append(media, m.ID)
	}
	draft, err := p.CreatePost(t.Context(), client.NewPost{AccountID: p.account, MediaIDs: media, Caption: "Two"}, "")
	must(t, err)
	b.open("/compose/" + draft.ID)
	b.carry(b.find("button", "Photo 2 of 2"), b.find("button", "Photo 1 of 2"), "li.lifted")
	_, err = p.when(t.Context(), draft.ID, func(post client.Post) bool { return len(post.MediaIDs) == 2 && post.MediaIDs[0] == media[1] })
	must(t, err)
}
