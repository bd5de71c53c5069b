package e2e

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
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
// card is dragged over the days, and the browser's own trace says which frames were dropped, which of them because of what the browser
// computed, and for how long the page computed without a pause. Baselines are the same with one post a day, and a bare page of the same
// run, which has nothing but a table: what that drops is the browser's and the machine's.
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
	bare, err := p.lookAtBare(b.Context())
	orStop(b, err)
	orStop(b, w.end(syscall.SIGTERM))
	orStop(b, w.fill(b.Context(), first, monthLength, monthPosts, len(accounts)))
	orStop(b, w.start())
	var many []smoothness
	for b.Loop() {
		many, err = p.lookThrough(b.Context(), first)
		orStop(b, err)
	}
	b.Logf("a bare page %v", bare)
	b.ReportMetric(0, "dropped-wanted")
	b.ReportMetric(float64(bare.own), "bare-dropped")
	b.ReportMetric(float64(bare.bad), "bare-dropped-any")
	for i, m := range many {
		b.Logf("%-5s %v; one post a day %v; posts after %v (%v)", m.what, m, few[i], m.shown.Round(time.Millisecond), few[i].shown.Round(time.Millisecond))
		b.ReportMetric(float64(m.own), m.what+"-dropped")
		b.ReportMetric(float64(few[i].own), m.what+"-dropped-baseline")
		b.ReportMetric(float64(m.bad), m.what+"-dropped-any")
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

// interval is how long a screen shows one picture.
const interval = time.Second / 60

// smoothness is what a trace says about some seconds of a page.
type smoothness struct {
	what        string
	shown       time.Duration // from asking for the page until posts are there
	frames, bad int           // wanted, and those of them that were seen to be missing
	own         int           // missing ones that the browser's own computing explains, see read
	longest     time.Duration // that the page computed without a pause, in processor time: what else the machine does is not its doing
}

func (m smoothness) String() string {
	return fmt.Sprintf("dropped %d of %d frames by computing and %d because the machine did something else, computed at most %v at a time", m.own, m.frames, m.bad-m.own, m.longest)
}

// trace collects what the browser tells about its frames, and what is dragged.
type trace struct {
	sync.Mutex
	events []traceEvent
	done   chan struct{}
	held   chan *input.DragData
}

type traceEvent struct {
	Name     string `json:"name"`
	Phase    string `json:"ph"`
	At       int64  `json:"ts"`   // microseconds, as all of them
	Took     int64  `json:"dur"`  // of the clock
	Computed int64  `json:"tdur"` // of processor time
	Process  int    `json:"pid"`
	Thread   int    `json:"tid"`
	ID       struct {
		Local string `json:"local"`
	} `json:"id2"`
	Args struct {
		Name     string `json:"name"`
		Status   string `json:"status"`
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
	case *input.EventDragIntercepted:
		t.held <- ev.Data
	}
}

// lookThrough opens each view of the calendar in a profile of its own, scrolls through it and drags a card.
func (p *person) lookThrough(ctx context.Context, month time.Time) ([]smoothness, error) {
	var list []smoothness
	err := p.traced(ctx, func(ctx context.Context, t *trace) error {
		for _, view := range []string{"month", "week", "day", "list"} {
			m, err := lookAt(ctx, t, view, fmt.Sprintf("%s/?view=%s&zone=UTC&date=%s", p.world.url, view, month.AddDate(0, 0, 9).Format(time.DateOnly)))
			if err != nil {
				return fmt.Errorf("%s: %w", view, err)
			}
			list = append(list, m)
		}
		return nil
	})
	return list, err
}

// barePage is as long as the longest view and has something to drag, and nothing that computes.
var barePage = "data:text/html," + url.PathEscape("<!doctype html><table width=100%><tbody><tr class=card><td><a href=%23 draggable=true>held</a>"+
	strings.Repeat("<tr height=60><td>a<td>b<td>c<td>d<td>e<td>f<td>g", 220)+"</table><script>document.ondragover=(e)=>e.preventDefault()</script>")

// lookAtBare does the same with a page that has nothing but a table.
func (p *person) lookAtBare(ctx context.Context) (m smoothness, err error) {
	err = p.traced(ctx, func(ctx context.Context, t *trace) error {
		m, err = lookAt(ctx, t, "bare", barePage)
		return err
	})
	return m, err
}

// traced does something in a tab that is as large as a desk's window, in a profile of its own.
func (p *person) traced(ctx context.Context, do func(context.Context, *trace) error) error {
	parent, err := startChromium()
	if err != nil {
		return err
	}
	t := &trace{held: make(chan *input.DragData, 1)}
	tab, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext(), chromedp.WithListener(t.listen))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	if err := chromedp.Do(tab, chromedp.EmulateViewport(1440, 900)); err != nil {
		return err
	}
	if err := p.lendCookies(tab); err != nil {
		return err
	}
	return do(tab, t)
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

// afterDrop resolves half a second after what was dropped lies where it goes.
const afterDrop = `new Promise((done) => {
	let left = 30
	const frame = () => (left-- > 0 ? requestAnimationFrame(frame) : done(true))
	frame()
})`

// places resolves to two days, or hours of one, between which a card is dragged, in window coordinates, once all posts in the window are drawn.
const places = `new Promise((done) => {
	const within = (e) => { const r = e.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight }
	const look = () => {
		const card = [...document.querySelectorAll('.card a[draggable=true]')].map((e) => e.getBoundingClientRect()).find((r) => r.top > 0 && r.bottom < innerHeight)
		const cell = [...document.querySelectorAll('tbody td')].map((e) => e.getBoundingClientRect()).filter((r) => r.top > 0 && r.top + 20 < innerHeight).at(-1)
		if (!card || !cell || [...document.querySelectorAll('.soon')].some(within)) return setTimeout(look, 20)
		done({ x: card.x + 10, y: card.y + card.height / 2, toX: cell.x + cell.width / 2, toY: cell.y + 10 })
	}
	look()
})`

func lookAt(ctx context.Context, t *trace, view, address string) (m smoothness, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m.what = view
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(address)); err != nil {
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
	if view != "list" { // from which nothing is dragged
		at, err := chromedp.Run(ctx, chromedp.Evaluate[struct{ X, Y, ToX, ToY float64 }](places, chromedp.EvalAwaitPromise))
		if err != nil {
			return m, err
		}
		if err := t.drag(ctx, at.X, at.Y, at.ToX, at.ToY); err != nil {
			return m, err
		}
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](afterDrop, chromedp.EvalAwaitPromise)); err != nil {
		return m, err
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

// drag takes something to another place in a second, as a hand does: it is moved once in each frame. Without a pause between them the
// browser would answer several moves for each picture, and drop pictures that no mouse makes it drop.
func (t *trace) drag(ctx context.Context, x, y, toX, toY float64) error {
	const steps = 60
	call := func(p input.DispatchMouseEventParams) error {
		p.Button, p.ClickCount = input.MouseButtonLeft, 1
		_, err := chromedp.Call(ctx, input.DispatchMouseEvent, p)
		return err
	}
	var held *input.DragData
	carry := func(kind input.DispatchDragEventType) error {
		_, err := chromedp.Call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: x, Y: y, Data: held})
		return err
	}
	if _, err := chromedp.Call(ctx, input.SetInterceptDrags, input.SetInterceptDragsParams{Enabled: true}); err != nil {
		return err
	}
	if err := call(input.DispatchMouseEventParams{Type: chromedp.MousePressed, X: x, Y: y, Buttons: 1}); err != nil {
		return err
	}
	next := time.NewTicker(interval)
	defer next.Stop()
	for left := steps; left > 0; left-- {
		<-next.C
		x, y = x+(toX-x)/float64(left), y+(toY-y)/float64(left)
		if held != nil {
			if err := carry(input.DispatchDragEventTypeDragOver); err != nil {
				return err
			}
			continue
		}
		if err := call(input.DispatchMouseEventParams{Type: chromedp.MouseMoved, X: x, Y: y, Buttons: 1}); err != nil {
			return err
		}
		select {
		case held = <-t.held:
			if err := carry(input.DispatchDragEventTypeDragEnter); err != nil {
				return err
			}
		default:
		}
	}
	if held == nil {
		return errors.New("nothing was picked up")
	}
	if err := carry(input.DispatchDragEventTypeDrop); err != nil {
		return err
	}
	if err := call(input.DispatchMouseEventParams{Type: chromedp.MouseReleased, X: x, Y: y}); err != nil {
		return err
	}
	_, err := chromedp.Call(ctx, input.SetInterceptDrags, input.SetInterceptDragsParams{Enabled: false})
	return err
}

type thread struct{ process, thread int }

// drawing is a frame of a process.
type drawing struct {
	process int
	begin   int64
}

// read counts what a trace has of the page's frames and of the time for which its main thread was busy.
//
// What the browser reports as dropped is more than what a person misses. It reports a frame twice when the page and the compositor draw
// it apart. It reports one as dropped that came to the screen in time and changed nothing there, such as those of a fading colour
// between two steps of it: the screen cancels such a draw. And it says nothing of why a frame is missing: another program may have had
// the processors. So a frame counts once, it counts not when its draw was cancelled, and it is held against the page only when all
// threads of the browser together computed for a frame or longer from when it began until it was given up: less than that one free
// processor would have done in time.
func (m *smoothness) read(t *trace) {
	t.Lock()
	defer t.Unlock()
	main := map[thread]bool{}
	var draws []traceEvent
	for _, e := range t.events {
		switch {
		case e.Name == "thread_name" && e.Args.Name == "CrRendererMain":
			main[thread{e.Process, e.Thread}] = true
		case e.Name == "Graphics.Pipeline.DrawAndSwap" && e.Phase == "b":
			draws = append(draws, e)
		}
	}
	slices.SortFunc(draws, func(a, b traceEvent) int { return cmp.Compare(a.At, b.At) })
	type reporter struct {
		process int
		id      string
	}
	begun, received := map[reporter]traceEvent{}, map[reporter]int64{}
	wanted, missing := map[drawing]bool{}, map[drawing]int64{} // until when
	for _, e := range t.events {
		by := reporter{e.Process, e.ID.Local}
		switch {
		case e.Name == "PipelineReporter" && e.Phase == "b":
			begun[by] = e
			delete(received, by)
		case e.Name == "SubmitToReceiveCompositorFrame" && e.Phase == "e":
			received[by] = e.At
		case e.Name == "PipelineReporter" && e.Phase == "e":
			b, ok := begun[by]
			if !ok || b.Args.Reporter.State == "STATE_NO_UPDATE_DESIRED" {
				continue
			}
			frame := drawing{b.Process, b.At}
			wanted[frame] = true
			if b.Args.Reporter.State != "STATE_DROPPED" || !b.Args.Reporter.Smoothness {
				continue
			}
			if at, ok := received[by]; ok {
				i, _ := slices.BinarySearchFunc(draws, at, func(e traceEvent, at int64) int { return cmp.Compare(e.At, at) })
				if i < len(draws) && draws[i].Args.Status == "canceled" {
					continue
				}
			}
			missing[frame] = max(missing[frame], e.At)
		case e.Name == "RunTask" && main[thread{e.Process, e.Thread}]:
			m.longest = max(m.longest, time.Duration(e.Computed)*time.Microsecond)
		}
	}
	m.frames, m.bad = len(wanted), len(missing)
	tasks := outermost(t.events)
	for frame, until := range missing {
		if c := computed(tasks, frame.begin, until); c >= interval && 2*c >= time.Duration(until-frame.begin)*time.Microsecond {
			m.own++
		}
	}
}

// outermost returns the tasks of all threads that are no part of other tasks.
func outermost(events []traceEvent) []traceEvent {
	byStart := slices.Clone(events)
	slices.SortStableFunc(byStart, func(a, b traceEvent) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(b.Took, a.Took)) })
	until := map[thread]int64{}
	var tasks []traceEvent
	for _, e := range byStart {
		k := thread{e.Process, e.Thread}
		if e.Phase == "X" && e.Took > 0 && e.At >= until[k] {
			until[k] = e.At + e.Took
			tasks = append(tasks, e)
		}
	}
	return tasks
}

// computed returns for how long tasks had a processor within some time; a task that reaches beyond it counts in proportion.
func computed(tasks []traceEvent, from, to int64) time.Duration {
	var sum float64
	for _, e := range tasks {
		if within := min(to, e.At+e.Took) - max(from, e.At); within > 0 {
			sum += float64(e.Computed) * float64(within) / float64(e.Took)
		}
	}
	return time.Duration(sum) * time.Microsecond
}
