package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

const monthPosts = 10_000

// measureMonth looks at a month of ten thousand posts in a real browser: each view of the calendar is scrolled from end to end, a
// card is dragged over the days, and the browser's own trace says which frames were dropped. The baseline is the same with one post
// a day. The posts are written into the database, because the limit of 500 waiting posts for each account stands in the way.
func measureMonth(ctx context.Context, b *bench) (_ []line, err error) {
	s, err := b.newStage(ctx, "month", 20)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	media, err := s.videos(ctx, 1_000_000, 1)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	first := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	for day := range 28 {
		p := post(s.accounts[day%len(s.accounts)].ID, media[0], fmt.Sprintf("Day %d", day+1), first.AddDate(0, 0, day).Add(12*time.Hour))
		if _, err := s.api.CreatePost(ctx, p, ""); err != nil {
			return nil, err
		}
	}
	few, err := s.lookThrough(ctx, first)
	if err != nil {
		return nil, fmt.Errorf("one post a day: %w", err)
	}
	address := s.product.URL
	if err := s.stopProduct(); err != nil {
		return nil, err
	}
	if err := s.fill(ctx, monthPosts, first, 28*24*time.Hour); err != nil {
		return nil, fmt.Errorf("fill the month: %w", err)
	}
	if err := s.startProduct(ctx, address); err != nil {
		return nil, err
	}
	many, err := s.lookThrough(ctx, first)
	if err != nil {
		return nil, fmt.Errorf("%d posts: %w", monthPosts, err)
	}
	var lines []line
	for i, m := range many {
		lines = append(lines, line{fmt.Sprintf("%s of %d posts (written into the database): frames dropped", m.what, monthPosts), "none more than of one a day",
			m.dropped(), few[i].dropped() + " (one post a day)", ""})
		lines = append(lines, line{"– computing without a pause at most", "≤ 50 ms", ms(m.longest), ms(few[i].longest), times(m.longest, few[i].longest)})
		lines = append(lines, line{"– until its posts are shown", "≤ 1 s", ms(m.shown), ms(few[i].shown), times(m.shown, few[i].shown)})
	}
	return lines, nil
}

// smoothness is what a trace says about some seconds of a page.
type smoothness struct {
	what        string
	shown       time.Duration // from asking for the page until posts are there
	frames, bad int           // wanted, and those of them that were seen to be missing
	longest     time.Duration // that the page computed without a pause, in processor time: what else the machine does is not its doing
}

func (s smoothness) dropped() string { return fmt.Sprintf("%d of %d", s.bad, s.frames) }

// trace collects what the browser tells about its frames.
type trace struct {
	sync.Mutex
	events []traceEvent
	done   chan struct{}
}

type traceEvent struct {
	Name     string `json:"name"`
	Phase    string `json:"ph"`
	Computed int64  `json:"tdur"` // microseconds of processor time
	Process  int    `json:"pid"`
	Thread   int    `json:"tid"`
	Args     struct {
		Name     string `json:"name"`
		Reporter struct {
			State      string `json:"state"`
			Smoothness bool   `json:"affects_smoothness"`
		} `json:"frame_reporter"`
	} `json:"args"`
}

func (t *trace) listen(ev any) {
	switch ev := ev.(type) {
	case *tracing.EventDataCollected:
		t.Lock()
		defer t.Unlock()
		for _, v := range ev.Value {
			var e traceEvent
			if json.Unmarshal(v, &e) == nil { // other kinds of events have other arguments
				t.events = append(t.events, e)
			}
		}
	case *tracing.EventTracingComplete:
		close(t.done)
	}
}

// lookThrough opens each view of the calendar in a browser of its own, scrolls through it and drags a card.
func (s *stage) lookThrough(ctx context.Context, month time.Time) ([]smoothness, error) {
	allocator, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU)...)
	defer stop()
	t := &trace{}
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithListener(t.listen))
	defer cancel()
	if err := s.bringCookies(ctx); err != nil {
		return nil, err
	}
	var list []smoothness
	for _, view := range []string{"month", "week", "day", "list"} {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		m, err := s.lookAt(ctx, t, view, month)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", view, err)
		}
		m.what = view
		list = append(list, m)
	}
	return list, nil
}

// bringCookies signs the browser in as the stage's own.
func (s *stage) bringCookies(ctx context.Context) error {
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900)); err != nil {
		return fmt.Errorf("start Chromium (Debian package chromium): %w", err)
	}
	resp, err := s.browser.Get(s.product.URL + "/api/v1/me")
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	for _, c := range s.browser.Jar.Cookies(resp.Request.URL) {
		if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: s.product.URL}); err != nil {
			return err
		}
	}
	return nil
}

// ready resolves when the posts and their pictures are there, and tells how many milliseconds the page took for the posts.
const ready = `new Promise((done) => {
	let shown = 0
	const look = () => {
		const cards = document.querySelectorAll('.card a, article a')
		if (cards.length > 0 && !shown) shown = performance.now()
		if (shown && performance.now() - shown > 1000) return done({ shown, height: document.documentElement.scrollHeight - innerHeight })
		setTimeout(look, 10)
	}
	look()
})`

// places are two days, or hours of one, between which a card is dragged, in window coordinates.
const places = `(() => {
	const card = [...document.querySelectorAll('.card a[draggable=true]')].map((e) => e.getBoundingClientRect()).find((r) => r.top > 0 && r.bottom < innerHeight)
	const cell = [...document.querySelectorAll('tbody td')].map((e) => e.getBoundingClientRect()).filter((r) => r.top > 0 && r.top + 20 < innerHeight).at(-1)
	return card && cell ? { found: true, x: card.x + 10, y: card.y + card.height / 2, toX: cell.x + cell.width / 2, toY: cell.y + 10 } : { found: false }
})()`

func (s *stage) lookAt(ctx context.Context, t *trace, view string, month time.Time) (m smoothness, err error) {
	path := fmt.Sprintf("%s/?view=%s&zone=UTC&date=%s", s.product.URL, view, month.AddDate(0, 0, 9).Format(time.DateOnly))
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(path)); err != nil {
		return m, err
	}
	page, err := chromedp.Run(ctx, chromedp.Evaluate[struct{ Shown, Height float64 }](ready, chromedp.EvalAwaitPromise))
	if err != nil {
		return m, err
	}
	m.shown = time.Duration(page.Shown * float64(time.Millisecond))
	t.events, t.done = nil, make(chan struct{})
	_, err = chromedp.Call(ctx, tracing.Start, tracing.StartParams{TraceConfig: &tracing.TraceConfig{
		IncludedCategories: []string{"cc", "benchmark", "toplevel", "disabled-by-default-devtools.timeline"}}})
	if err != nil {
		return m, err
	}
	far := min(page.Height, 12_000)
	if view == "list" {
		far = 12_000 // more comes while one scrolls
	}
	for _, y := range []float64{-far, far} {
		_, err := chromedp.Call(ctx, input.SynthesizeScrollGesture, input.SynthesizeScrollGestureParams{X: 800, Y: 450, YDistance: y, Speed: 4000,
			GestureSourceType: "mouse"})
		if err != nil {
			return m, err
		}
	}
	at, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
		Found          bool
		X, Y, ToX, ToY float64
	}](places))
	if err != nil {
		return m, err
	}
	if at.Found {
		if err := chromedp.Do(ctx, chromedp.DragAndDropXY(at.X, at.Y, at.ToX, at.ToY, 60)); err != nil {
			return m, err
		}
	}
	if _, err := chromedp.Call(ctx, tracing.End, cdp.Empty{}); err != nil {
		return m, err
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		return m, ctx.Err()
	}
	m.read(t)
	return m, nil
}

// read counts what a trace has of the page's frames and of the time for which its main thread was busy.
func (m *smoothness) read(t *trace) {
	t.Lock()
	defer t.Unlock()
	type thread struct{ process, thread int }
	main := map[thread]bool{}
	for _, e := range t.events {
		if e.Name == "thread_name" && e.Args.Name == "CrRendererMain" {
			main[thread{e.Process, e.Thread}] = true
		}
	}
	for _, e := range t.events {
		switch {
		case e.Name == "PipelineReporter" && e.Phase == "b" && e.Args.Reporter.State != "STATE_NO_UPDATE_DESIRED":
			m.frames++
			if e.Args.Reporter.State == "STATE_DROPPED" && e.Args.Reporter.Smoothness {
				m.bad++
			}
		case e.Name == "RunTask" && main[thread{e.Process, e.Thread}]:
			m.longest = max(m.longest, time.Duration(e.Computed)*time.Microsecond)
		}
	}
}
