package e2e

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestLibrary_RetryUpload: what the server refused says why, stays in the tray, and arrives once somebody presses its button, or
// that of all, and the reason is gone.
func TestLibrary_RetryUpload(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	f := w.front(t)
	var full atomic.Bool
	full.Store(true)
	to := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if full.Load() && r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/uploads") {
			rw.Header().Set("Content-Type", "application/problem+json")
			rw.WriteHeader(http.StatusRequestEntityTooLarge)
			_, _ = rw.Write([]byte(`{"detail":"There is no room for this file. Delete files that are not needed, then try it again."}`))
			return
		}
		to.ServeHTTP(rw, r)
	})
	b.url = f.url
	b.open("/library")
	b.see("Everything you post begins here")
	files := photos(t, t.TempDir(), 3)
	b.choose(files...)
	again := func(file string) string { return "Try the upload of " + filepath.Base(file) + " again" }
	for _, file := range files {
		b.find("button", again(file))
	}
	b.see("There is no room for this file")
	b.flawless()
	b.press("button", again(files[0])) // the reason is still there
	b.find("button", again(files[0]))
	full.Store(false)
	b.press("button", again(files[0]))
	b.until("the first to arrive", func() bool { return b.tiles() == 1 })
	b.press("button", "Try 2 again")
	b.until("all to arrive", func() bool { return b.tiles() == 3 && len(b.all("button", "Try ")) == 0 })
}

// ask sends something to the API as the person's browser does.
func (p *person) ask(t *testing.T, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, p.world.url+"/api/v1"+path, strings.NewReader(string(text)))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.browser.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// TestCompose_NextSlotAndHashtags: a set of hashtags goes into the caption where the cursor is, and one press chooses the next free
// time of the account's queue, in its zone.
func TestCompose_NextSlotAndHashtags(t *testing.T) {
	t.Parallel()
	p := plan(t)
	zone, err := time.LoadLocation("Europe/Zurich")
	must(t, err)
	due := time.Now().In(zone).AddDate(0, 0, 2)
	p.ask(t, http.MethodPost, "/slots", map[string]any{"account_id": p.account, "weekday": int(due.Weekday()), "clock": "18:05", "zone": zone.String()})
	p.ask(t, http.MethodPost, "/snippets", map[string]any{"kind": "hashtags", "name": "Sea", "text": "#sea #tide"})
	b := p.signedIn(t)
	b.open("/compose/" + p.draft.ID)
	b.write("Caption", "Low tide, and after")
	js[bool](b, "(() => { const t = document.querySelector('textarea'); t.setSelectionRange(8, 8); return true })()")
	b.press("button", "Insert")
	b.press("menuitem", "Sea")
	b.until("the hashtags in the caption", func() bool { return strings.Contains(b.caption(), "#sea #tide") })
	if got := b.caption(); got != "Low tide #sea #tide, and after" && got != "Low tide #sea #tide , and after" {
		t.Errorf("the caption is %q", got)
	}
	b.see("Saved as a draft")
	b.press("button", "Next free slot")
	field := func(what string) string {
		return peek[string](b, "document.querySelector('#compose-when "+what+"').value")
	}
	b.until("the slot's time", func() bool {
		return field("input[type=date]") == due.Format(time.DateOnly) && field("input[type=time]") == "18:05" && field(".zone select") == zone.String()
	})
	b.until("the offer to go, since a time is chosen", func() bool { return len(b.all("button", "Next free slot")) == 0 })
}

// TestScreens_SlowNetwork: over a line of 50 kB/s with 400 ms each way every screen says at once that it loads, nothing shifts when it
// has come, and what was written meanwhile is kept.
func TestScreens_SlowNetwork(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.see("Times are in")
	slow := &network.Conditions{Latency: 400, DownloadThroughput: 50_000, UploadThroughput: 50_000}
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{slow}})
	must(t, err)
	js[bool](b, `(() => { window.shifts = []; new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) shifts.push(e.value) }).observe({ type: 'layout-shift', buffered: false }); return true })()`)
	for _, s := range [][2]string{{"Library", "low-tide.mp4"}, {"Posts", "Dunes at noon"}, {"Activity", "Post scheduled"}, {"Accounts", "Connected"}} {
		js[bool](b, `(() => { window.said = -1; addEventListener('click', () => { const from = performance.now(); const look = () => { const w = document.querySelector('main [role=status] .shape, [role=progressbar], [aria-busy=true]')
			if (w) window.said = performance.now() - from; else if (performance.now() - from < 5000) setTimeout(look, 5) }; look() }, { capture: true, once: true }); return true })()`)
		b.press("link", s[0])
		b.see(s[1])
		// The code of a screen is said to be coming after 40 ms. The rest is a busy machine.
		if said := js[float64](b, "window.said"); said < 0 || said > 250 {
			t.Errorf("%s said only after %.0f ms that it loads", s[0], said)
		}
	}
	if sum := js[float64](b, "shifts.reduce((a, b) => a + b, 0)"); sum > 0.1 {
		t.Errorf("what came moved what was there: %.3f", sum)
	}
	b.open("/compose/" + p.draft.ID)
	b.see("When")
	b.write("Caption", "Written over a slow line")
	b.see("Saved as a draft")
	b.open("/compose/" + p.draft.ID)
	b.until("what was written", func() bool { return b.caption() == "Written over a slow line" })
}

// TestActions_AnswerAtOnce: while the server keeps everybody waiting, whatever is pressed shows within 100 ms that it was.
func TestActions_AnswerAtOnce(t *testing.T) {
	t.Parallel()
	p := plan(t)
	unused, err := p.upload(t.Context(), shortClip(t, 2))
	must(t, err)
	b := p.signedIn(t)
	const stall = `(() => { const real = window.fetch; window.waiting = []
		window.fetch = (r, i) => { const method = r.method ?? i?.method ?? 'GET'; return window.stalls && (method !== 'GET' || window.stalls === 'all') && !String(r.url ?? r).includes('/events') ? new Promise((go) => waiting.push(() => go(real(r, i)))) : real(r, i) }
		window.measure = (el) => new Promise((done) => { const from = performance.now(); const busy = () => document.querySelector('[aria-busy=true], [role=progressbar], progress, .toast, [role=status] .shape')
			let last = 0, gap = 0 // what the machine did meanwhile is not the page's
			const look = () => { const now = performance.now() - from; gap = Math.max(gap, now - last - 10); last = now; if (busy()) done(now - gap); else if (now > 1500) done(-1); else setTimeout(look, 4) }
			el.click(); look() })
		return true })()`
	check := func(what, role, name, all string) {
		t.Helper()
		found := b.find(role, name)
		var took float64
		js[bool](b, "(window.stalls = "+all+", true)")
		if !b.ask(found, "async function() { return await window.measure(this) }", &took) {
			t.Errorf("%s: nothing was measured", what)
		} else if took < 0 || took > 100 {
			t.Errorf("%s shows nothing for %.0f ms", what, took)
		}
		js[bool](b, "(window.stalls = false, window.waiting.splice(0).forEach((go) => go()), true)")
	}
	open := func(path, says string) {
		t.Helper()
		b.open(path)
		b.see(says)
		js[bool](b, stall)
	}
	const changes, everything = "true", "'all'"
	open("/posts/"+p.queued.ID, "Goes out")
	b.press("button", "Move to…")
	b.find("dialog", "Move to…")
	check("moving a post", "button", "Move the post", changes)
	open("/posts/"+p.queued.ID, "Goes out")
	b.press("button", "What to do with this post")
	check("duplicating a post", "menuitem", "Duplicate", changes)
	open("/compose/"+p.queued.ID, "Save for")
	b.write("Caption", "Dunes, later")
	check("saving a post", "button", "Save for", changes)
	b.at("/posts/" + p.queued.ID)
	open("/library/"+unused.ID, "Where it is used")
	b.press("button", "Delete…")
	b.find("dialog", "Delete")
	check("deleting a file", "button", "Delete the file", changes)
	open("/posts/"+p.queued.ID, "Goes out")
	b.press("button", "Cancel the post")
	b.find("dialog", "Cancel this post?")
	check("cancelling a post", "button", "Cancel the post", changes)
	open("/settings", "API keys")
	b.press("button", "New key")
	b.write("What uses it?", "Night shift")
	check("making a key", "button", "Make the key", changes)
	open("/accounts", "Connected")
	b.press("button", "Disconnect…")
	b.see("Its scheduled posts will not go out.")
	check("disconnecting", "button", "Disconnect", changes)
	open("/posts/"+p.posted.ID, "TikTok confirmed it")
	check("another screen", "link", "Library", everything)
}
