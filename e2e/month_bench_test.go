package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite" // writes the month, see fillMonth
)

const (
	monthPosts  = 10_000
	monthLength = 28 * 24 * time.Hour
)

// BenchmarkFullMonth looks at a month of ten thousand posts in a real browser: each view of the calendar is scrolled from end to end, a
// card is dragged over the days, and the browser's own trace says which frames were dropped and for how long the page computed
// without a pause. The baseline is the same with one post a day.
func BenchmarkFullMonth(b *testing.B) {
	w, err := newWorld(b.TempDir())
	orStop(b, err)
	b.Cleanup(func() { _ = w.close() })
	orStop(b, w.start())
	p, err := w.signIn(b.Context(), "mara.moves")
	orStop(b, err)
	orStop(b, p.connectOthers())
	accounts, err := p.Accounts(b.Context())
	orStop(b, err)
	path := filepath.Join(b.TempDir(), "tide.mp4")
	orStop(b, clip(path, "1", "360x640"))
	media, err := p.upload(b.Context(), path)
	orStop(b, err)
	now := time.Now().UTC()
	first := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	for day := range 28 {
		d := p.draft(media.ID, 0)
		d.DueAt = first.AddDate(0, 0, day).Add(12 * time.Hour)
		_, err := p.CreatePost(b.Context(), d, "")
		orStop(b, err)
	}
	few, err := p.lookThrough(b.Context(), first)
	orStop(b, err)
	orStop(b, w.end(syscall.SIGTERM))
	orStop(b, w.fill(b.Context(), first, monthLength, monthPosts, len(accounts)))
	orStop(b, w.start())
	var many []smoothness
	for b.Loop() {
		many, err = p.lookThrough(b.Context(), first)
		orStop(b, err)
	}
	for i, m := range many {
		b.Logf("%-5s dropped %d of %d frames (one post a day: %d of %d), computed at most %v at a time (%v), posts after %v (%v)",
			m.what, m.bad, m.frames, few[i].bad, few[i].frames, m.longest, few[i].longest, m.shown.Round(time.Millisecond), few[i].shown.Round(time.Millisecond))
		b.ReportMetric(float64(m.bad), m.what+"-dropped")
		b.ReportMetric(float64(few[i].bad), m.what+"-dropped-baseline")
		b.ReportMetric(float64(m.longest)/1e6, m.what+"-ms-longest")
		b.ReportMetric(float64(few[i].longest)/1e6, m.what+"-ms-longest-baseline")
	}
}

// connectOthers connects the sample creators of the simulator to the person's workspace.
func (p *person) connectOthers() error {
	for _, c := range p.world.sim.Creators() {
		if c.Handle == p.handle {
			continue
		}
		consent, err := p.browser.PostForm(p.world.url+"/connect/tiktok", nil)
		if err != nil {
			return err
		}
		_ = consent.Body.Close()
		at := consent.Request.URL
		home, err := p.browser.PostForm(at.String(), url.Values{"creator": {c.Handle}, "decision": {"allow"}, "scope": strings.Split(at.Query().Get("scope"), ",")})
		if err != nil {
			return err
		}
		_ = home.Body.Close()
	}
	return nil
}

// fill copies one queued post many times, evenly over some time and all accounts. It is written into the database, because the limit
// of 500 waiting posts for each account stands in the way. The server must not run.
func (w *world) fill(ctx context.Context, first time.Time, over time.Duration, posts, accounts int) (err error) {
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "shippost.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	id := fmt.Sprintf("'post_00' || printf('%%024d', %d + c.i)", first.Unix()*monthPosts)
	second := fmt.Sprintf("(%d + c.i * %d / %d)", first.Unix(), int(over.Seconds()), posts)
	copies := func(table, key string, change map[string]string) error {
		columns, err := db.QueryContext(ctx, "SELECT name FROM pragma_table_info($1)", table)
		if err != nil {
			return err
		}
		var names, values []string
		for columns.Next() {
			var name string
			if err := columns.Scan(&name); err != nil {
				return errors.Join(err, columns.Close())
			}
			value, ok := change[name]
			if !ok {
				value = "t." + name
			}
			names, values = append(names, name), append(values, value)
		}
		if err := columns.Err(); err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, fmt.Sprintf(`WITH RECURSIVE c (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %d)
			INSERT INTO %s (%s) SELECT %s FROM c, (SELECT * FROM %s WHERE %s = (SELECT max(id) FROM posts) LIMIT 1) t`,
			posts-1, table, strings.Join(names, ", "), strings.Join(values, ", "), table, key))
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE TEMP TABLE turns AS SELECT row_number() OVER () - 1 AS n, id FROM accounts"); err != nil {
		return err
	}
	return errors.Join(
		copies("posts", "id", map[string]string{"id": id, "account_id": fmt.Sprintf("(SELECT id FROM turns WHERE n = c.i %% %d)", accounts), "due_zone": "'UTC'", "due_fold": "''",
			"due_local": "strftime('%Y-%m-%dT%H:%M:%S', " + second + ", 'unixepoch')", "due_at": second + " * 1000000", "wake_at": second + " * 1000000 - 50000000"}),
		copies("post_media", "post_id", map[string]string{"post_id": id}),
	)
}

// smoothness is what a trace says about some seconds of a page.
type smoothness struct {
	what        string
	shown       time.Duration // from asking for the page until posts are there
	frames, bad int           // wanted, and those of them that were seen to be missing
	longest     time.Duration // that the page computed without a pause, in processor time: what else the machine does is not its doing
}

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

// lookThrough opens each view of the calendar in a profile of its own, scrolls through it and drags a card.
func (p *person) lookThrough(ctx context.Context, month time.Time) ([]smoothness, error) {
	parent, err := startChromium()
	if err != nil {
		return nil, err
	}
	t := &trace{}
	tab, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext(), chromedp.WithListener(t.listen))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	if err := chromedp.Do(tab, chromedp.EmulateViewport(1440, 900)); err != nil {
		return nil, err
	}
	if err := p.lendCookies(tab); err != nil {
		return nil, err
	}
	var list []smoothness
	for _, view := range []string{"month", "week", "day", "list"} {
		ctx, cancel := context.WithTimeout(tab, patience)
		m, err := p.lookAt(ctx, t, view, month)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", view, err)
		}
		m.what = view
		list = append(list, m)
	}
	return list, nil
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

func (p *person) lookAt(ctx context.Context, t *trace, view string, month time.Time) (m smoothness, err error) {
	path := fmt.Sprintf("%s/?view=%s&zone=UTC&date=%s", p.world.url, view, month.AddDate(0, 0, 9).Format(time.DateOnly))
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
