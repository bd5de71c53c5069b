package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The first browser of the process is shared; each tab of a test lives in a profile of its own, so that no cookie is shared.
var chromium struct {
	sync.Mutex
	ctx  context.Context
	stop func()
}

// browsers are the programs that tests may use, the best one first: Debian's headless shell draws no window around each page, which
// would cost more than the pages do.
var browsers = []string{"chromium-headless-shell", "headless-shell", "chromium", "google-chrome"}

// findBrowser returns the path of the first of them that this machine has.
func findBrowser() (string, error) {
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no browser for the tests: install Debian's package %s", browsers[0])
}

// startChromium starts the browser, or returns the one that runs.
func startChromium() (context.Context, error) {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		return chromium.ctx, nil
	}
	browser, err := findBrowser()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser),
		chromedp.NoSandbox, // CI runs as root
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-GB"),
		chromedp.Env("LANGUAGE=en_GB"),
		chromedp.WSURLReadTimeout(patience),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		stop()
		stopAllocator()
		return nil, fmt.Errorf("start %s: %w", browser, err)
	}
	chromium.ctx, chromium.stop = ctx, func() { stop(); stopAllocator() }
	return ctx, nil
}

// stopChromium ends the shared browser, if it runs.
func stopChromium() {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.stop != nil {
		chromium.stop()
	}
}

// tab is a page in a real browser, used as a person uses it: things are found by what screen readers call them.
type tab struct {
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc
	closed bool
	url    string // of the product

	told map[string]bool // what axe said already

	mu       sync.Mutex
	requests map[network.RequestID]request // since the last look at their weight
	faults   []string                      // what the page complained about: exceptions, refused by the content security policy
}

// request is one thing that the page asked for.
type request struct {
	url   string
	bytes int64 // as they came over the wire
	ended bool
}

// seats are for stories that use the browser: a page that computes keeps a core busy, and machines have few.
var seats = make(chan struct{}, 4)

// sit takes a seat for a test that uses the browser of this world, unless it has one.
func (w *world) sit(t *testing.T) {
	if w.seated {
		return
	}
	seats <- struct{}{}
	w.seated = true
	t.Cleanup(func() {
		w.seated = false
		<-seats
	})
}

// browse opens a tab without cookies, as wide as a desk. At the end of the test the page must not have complained.
func (w *world) browse(t *testing.T) *tab {
	t.Helper()
	w.sit(t)
	parent, err := startChromium()
	must(t, err)
	return openTab(t, w.url, parent, chromedp.WithNewBrowserContext())
}

// beside opens another tab of the same browser, with the same cookies.
func (b *tab) beside() *tab {
	b.t.Helper()
	return openTab(b.t, b.url, b.ctx)
}

// close closes the tab, whatever it is doing.
func (b *tab) close() {
	b.t.Helper()
	b.closed = true
	b.cancel()
}

func openTab(t *testing.T, url string, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{t: t, url: url, told: map[string]bool{}, requests: map[network.RequestID]request{}}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(b.listen))...)
	t.Cleanup(cancel)
	b.ctx, b.cancel = ctx, cancel
	t.Cleanup(func() {
		if t.Failed() && !b.closed {
			b.keepPicture()
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range b.faults {
			t.Errorf("the page complained: %s", f)
		}
	})
	_, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	must(t, err)
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(t, err)
	_, err = chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	must(t, err)
	b.size(desk)
	return b
}

// listen notes what the page asks for and what it complains about. Answers that refuse are the page's business.
func (b *tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complaint := ""
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		b.requests[ev.RequestID] = request{url: ev.Request.URL}
	case *network.EventLoadingFinished:
		if r, ok := b.requests[ev.RequestID]; ok { // not one of the page before
			r.bytes, r.ended = r.bytes+int64(ev.EncodedDataLength), true
			b.requests[ev.RequestID] = r
		}
	case *network.EventLoadingFailed:
		if r, ok := b.requests[ev.RequestID]; ok {
			r.ended = true
			b.requests[ev.RequestID] = r
		}
	case *runtime.EventExceptionThrown:
		complaint = ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			complaint += " " + e.Description
		}
	case *cdplog.EventEntryAdded:
		if ev.Entry.Level == "error" && ev.Entry.Source != "network" {
			complaint = ev.Entry.Text
		}
	}
	if complaint == "" {
		return
	}
	b.faults = append(b.faults, complaint)
}

// keepPicture leaves a picture of the page for whoever looks for the reason, where TEST_PICTURES says.
func (b *tab) keepPicture() {
	dir := os.Getenv("TEST_PICTURES")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(b.t.Name(), "/", "_")+".png"), picture, 0o600)
	}
	if err != nil {
		b.t.Log("no picture of the page:", err)
	}
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	b.t.Log("the page said:\n" + text)
}

// do runs steps within the patience of a story.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// size sets how large the window is; narrow ones are phones.
func (b *tab) size(w window) {
	b.t.Helper()
	if w.width < 600 {
		b.do(chromedp.EmulateViewport(w.width, w.height, chromedp.EmulateMobile))
		return
	}
	b.do(chromedp.EmulateViewport(w.width, w.height))
}

// scheme chooses what the system of the person looks like: light or dark.
func (b *tab) scheme(value string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
	must(b.t, err)
}

// open goes to an address of the product.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

// until waits until something is so. what says what, for the failure.
func (b *tab) until(what string, so func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for wait := 5 * time.Millisecond; !so(); wait = min(wait*2, 100*time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain for %s", what)
		}
		select {
		case <-b.ctx.Done():
			b.t.Fatalf("the browser went away while waiting for %s", what)
		case <-time.After(wait):
		}
	}
}

// js evaluates an expression in the page, which may be a promise.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v\n%.200s", err, expression)
	}
	return v
}

// peek evaluates an expression for somebody who will look again: between two pages there is nothing to evaluate, which is no failure.
func peek[T any](b *tab, expression string) (v T) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, _ = chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	return v
}

// text returns everything that is visible on the page; nothing between two pages.
func (b *tab) text() string { b.t.Helper(); return peek[string](b, "document.body?.innerText ?? ''") }

// see waits until the page says all the words.
func (b *tab) see(words ...string) {
	b.t.Helper()
	for _, w := range words {
		b.until(fmt.Sprintf("%q on the page", w), func() bool { return strings.Contains(b.text(), w) })
	}
}

// path is where the page is, with its query; empty between two pages.
func (b *tab) path() string {
	b.t.Helper()
	return peek[string](b, "location.pathname + location.search")
}

// home waits until the browser is back at the product, from a page of TikTok.
func (b *tab) home() {
	b.t.Helper()
	b.until("the way back from TikTok", func() bool { return strings.HasPrefix(peek[string](b, "location.href"), b.url) })
}

// at waits until the page is at an address that begins so.
func (b *tab) at(prefix string) {
	b.t.Helper()
	b.until("the address "+prefix, func() bool { return strings.HasPrefix(b.path(), prefix) })
}

// found is something on the page: its name and its node.
type found struct {
	name     string
	disabled bool
	node     cdp.BackendNodeID
}

// all returns what has a role and a name that contains the text, as screen readers see the page now.
func (b *tab) all(role, name string) []found {
	b.t.Helper()
	// Not dom.GetDocument: it would make the nodes that chromedp knows strangers.
	root, err := chromedp.Call(b.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document"})
	if err != nil || root.Result == nil {
		return nil // between two pages
	}
	tree, err := chromedp.Call(b.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root.Result.ObjectID, Role: role})
	if err != nil {
		return nil
	}
	var list []found
	for _, n := range tree.Nodes {
		f := found{node: n.BackendDOMNodeID}
		if n.Name != nil {
			_ = json.Unmarshal(n.Name.Value, &f.name) // a name is text or nothing
		}
		for _, p := range n.Properties {
			if p.Name == "disabled" && p.Value != nil && string(p.Value.Value) == "true" {
				f.disabled = true
			}
		}
		if !n.Ignored && strings.Contains(f.name, name) {
			list = append(list, f)
		}
	}
	return list
}

// find waits for the one thing with a role and a name that contains the text. An exact name wins over a longer one.
func (b *tab) find(role, name string) found {
	b.t.Helper()
	var got found
	b.until(fmt.Sprintf("a %s %q", role, name), func() bool {
		all := b.all(role, name)
		for _, f := range all {
			if f.name == name {
				got = f
				return true
			}
		}
		if len(all) > 0 {
			got = all[0]
		}
		return len(all) > 0
	})
	return got
}

// press clicks the middle of something, once it can be pressed, lies still, and nothing lies over it. Of several with the name
// it is the one that can be reached, such as that of the dialog in front; an exact name wins over a longer one. A press that the
// page took for something else, because it moved at the last moment, is done again.
func (b *tab) press(role, name string) {
	b.t.Helper()
	b.until(fmt.Sprintf("a %s %q that can be pressed", role, name), func() bool {
		all := b.all(role, name)
		slices.SortStableFunc(all, func(x, y found) int { return len(x.name) - len(y.name) })
		for _, f := range all {
			if f.disabled || len(f.name) > len(name) && all[0].name == name {
				continue
			}
			x, y, ok := b.aim(f)
			if !ok {
				continue
			}
			b.do(chromedp.MouseClickXY(x, y))
			return !peek[bool](b, "window.missed === true")
		}
		return false
	})
}

// aim brings something into view, waits until it lies still, and returns its middle if a press there reaches it or the words it
// is labelled with. Whether the next press does is in window.missed.
func (b *tab) aim(f found) (x, y float64, ok bool) {
	at := struct{ X, Y float64 }{}
	ok = b.ask(f, `async function() {
		const frame = () => new Promise((next) => { requestAnimationFrame(next); setTimeout(next, 250) }) // a tab behind another draws nothing
		const place = () => { const r = this.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 } }
		const mine = (at) => Boolean(at && (this.contains(at) || at.contains(this) || at.closest('label')?.control === this))
		this.scrollIntoViewIfNeeded()
		let now = place()
		for (let still = 0; still < 2; ) {
			await frame()
			const then = now
			now = place()
			still = now.x === then.x && now.y === then.y ? still + 1 : 0
			if (!this.isConnected) return null
		}
		if (!mine(document.elementFromPoint(now.x, now.y))) return null
		window.missed = true
		addEventListener('pointerdown', (e) => { window.missed = !mine(e.target) }, { capture: true, once: true })
		return { X: now.x, Y: now.y }
	}`, &at)
	return at.X, at.Y, ok
}

// ask calls an asynchronous function of JavaScript on something that may go away meanwhile, and reports whether it had an answer.
func (b *tab) ask(f found, function string, answer any) bool {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	object, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: f.node})
	if err != nil {
		return false
	}
	got, err := chromedp.Call(ctx, runtime.CallFunctionOn, runtime.CallFunctionOnParams{ObjectID: object.Object.ObjectID,
		FunctionDeclaration: function, AwaitPromise: new(true), ReturnByValue: new(true)})
	if err != nil || got.ExceptionDetails != nil || got.Result == nil || string(got.Result.Value) == "null" {
		return false
	}
	return json.Unmarshal(got.Result.Value, answer) == nil
}

// write replaces what stands in a text field.
func (b *tab) write(name, text string) {
	b.t.Helper()
	f := b.find("textbox", name)
	b.on(f, `function(text) { this.focus(); this.select?.(); }`, text)
	b.do(chromedp.KeyEvent(text))
}

// set gives a field of another kind (date, time, choice) a value, as its own control would.
func (b *tab) set(role, name, value string) {
	b.t.Helper()
	b.on(b.find(role, name), `function(value) {
		const proto = Object.getPrototypeOf(this)
		Object.getOwnPropertyDescriptor(proto, 'value').set.call(this, value)
		this.dispatchEvent(new Event('input', { bubbles: true }))
		this.dispatchEvent(new Event('change', { bubbles: true }))
	}`, value)
}

// on calls a function of JavaScript on something.
func (b *tab) on(f found, function string, args ...any) {
	b.t.Helper()
	object, err := chromedp.Call(b.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: f.node})
	must(b.t, err)
	call := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: object.Object.ObjectID}
	for _, a := range args {
		text, err := json.Marshal(a)
		must(b.t, err)
		call.Arguments = append(call.Arguments, &runtime.CallArgument{Value: text})
	}
	got, err := chromedp.Call(b.ctx, runtime.CallFunctionOn, call)
	must(b.t, err)
	if got.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", f.name, got.ExceptionDetails.Text)
	}
}

// choose puts files into the page's file field, as the system's own dialog does.
func (b *tab) choose(files ...string) {
	b.t.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), files, chromedp.NodeReady))
}

// keys presses keys, one after the other, wherever the focus is.
func (b *tab) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

// signIn goes the way of a newcomer: the sign-in page, the consent page of the simulated TikTok, and back.
func (b *tab) signIn(creator string) {
	b.t.Helper()
	b.open("/sign-in")
	b.press("button", "Continue with TikTok")
	b.consent(creator)
	b.home()
}

// signInAgain signs in where TikTok remembers who it is and that it was allowed.
func (b *tab) signInAgain() {
	b.t.Helper()
	b.open("/sign-in?return_to=/signed-in")
	b.press("button", "Continue with TikTok")
	b.at("/signed-in")
}

// consent agrees as a sample creator on the simulator's page.
func (b *tab) consent(creator string) {
	b.t.Helper()
	b.press("radio", creator)
	b.press("button", "Allow")
}

// loaded reports whether everything the page asked for is there, but for its stream of events.
func (b *tab) loaded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		if !r.ended && !strings.Contains(r.url, "/api/v1/events") {
			return false
		}
	}
	return true
}

// weight returns how many requests the page made since the last call, and their bytes as they came over the wire.
func (b *tab) weight() (requests int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		// What the browser had already, as the icon that it asks for twice, does not come over the wire.
		if r.bytes > 0 && !strings.Contains(r.url, "/api/v1/events") {
			requests++
			bytes += r.bytes
		}
	}
	clear(b.requests)
	return requests, bytes
}
