package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// front stands before the server of a world, as a proxy does. Cookies ignore ports, so whoever signed in is signed in here too.
type front struct {
	*httptest.Server
	url string

	page atomic.Pointer[func([]byte) []byte] // what is made of the app's first page; nil leaves it
	away atomic.Pointer[http.HandlerFunc]    // what answers in place of the server; nil lets everything through
}

// cut breaks every connection that there is. Until it is mended instead answers whoever asks.
func (f *front) cut(instead http.HandlerFunc) {
	f.away.Store(&instead)
	f.CloseClientConnections()
}

// mend lets everything through again.
func (f *front) mend() { f.away.Store(nil) }

// front starts one.
func (w *world) front(t *testing.T) *front {
	t.Helper()
	to, err := url.Parse(w.url)
	must(t, err)
	f := &front{}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, // events come one by one
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to) // the host becomes that of the server, which answers for no other
			if r.In.Header.Get("Origin") != "" {
				r.Out.Header.Set("Origin", w.url)
			}
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			change := f.page.Load()
			if change == nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body = (*change)(body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			r.Header.Del("Etag")
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if instead := f.away.Load(); instead != nil {
			(*instead)(rw, r)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(f.Close)
	t.Cleanup(f.CloseClientConnections) // runs first: a page still listens
	f.url = strings.Replace(f.URL, "127.0.0.1", "localhost", 1)
	return f
}

// TestPromise_P09_TheEndIsToldAfterACut: the line to the browser is cut, by a network that is gone or a proxy without its server, and
// a post ends meanwhile. Once the line is back its page and the list of what waits tell so by themselves.
func TestPromise_P09_TheEndIsToldAfterACut(t *testing.T) {
	t.Parallel()
	p := plan(t)
	first, err := p.CreatePost(t.Context(), p.person.draft(p.media, time.Hour), "")
	must(t, err)
	later := p.person.draft(p.media, time.Hour)
	later.Caption = "Second tide"
	second, err := p.CreatePost(t.Context(), later, "")
	must(t, err)
	page, list := p.signedIn(t), p.signedIn(t)
	f := p.world.front(t)
	page.url, list.url = f.url, f.url
	page.open("/posts/" + first.ID)
	page.see("Goes out")
	list.open("/posts?view=upcoming")
	list.see("Low tide", "Second tide")
	for _, c := range []struct {
		what    string
		instead http.HandlerFunc
		ends    client.Post
	}{
		{"a network that is gone", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, first},
		{"a proxy without its server", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }, second},
	} {
		var asked atomic.Int64
		f.cut(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v1/events" {
				asked.Add(1)
			}
			c.instead(rw, r)
		})
		_, err = p.EditPost(t.Context(), c.ends.ID, client.Change{DueAt: time.Now().Add(time.Second)})
		must(t, err)
		_, err = p.until(t.Context(), c.ends.ID, "posted")
		must(t, err)
		page.until("both pages to have come in vain: "+c.what, func() bool { return asked.Load() >= 2 })
		if shown := list.text(); !strings.Contains(shown, c.ends.Caption) {
			t.Errorf("%s: the list knows of the end, so nothing was cut:\n%s", c.what, shown)
		}
		f.mend()
		page.see("Posted: TikTok confirmed it")
		list.until("the post to leave the list", func() bool { return len(list.all("link", c.ends.Caption)) == 0 })
	}
	for _, b := range []*tab{page, list} {
		if loads := js[int](b, "performance.getEntriesByType('navigation').length"); loads != 1 {
			t.Errorf("%s was loaded %d times", b.path(), loads)
		}
	}
}

// TestLive_FailureCounts: a post that fails while somebody looks elsewhere is counted beside the way to it, without a reload.
func TestLive_FailureCounts(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.open("/library")
	b.see("low-tide.mp4")
	if n := len(b.all("link", "needs you")); n != 0 {
		t.Errorf("%d posts need somebody before anything failed", n)
	}
	must(t, p.sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Processing.FailReason = "file_format_check_failed" }))
	post, err := p.CreatePost(t.Context(), p.person.draft(p.media, time.Second), "")
	must(t, err)
	b.find("link", "needs you")
	b.flawless()
	if loads := js[int](b, "performance.getEntriesByType('navigation').length"); loads != 1 {
		t.Errorf("the page was loaded %d times", loads)
	}
	b.press("link", "needs you")
	b.find("link", post.Caption)
	b.see("Failed")
}

// TestLive_NewVersion: a page that is open while the server is upgraded says so once it is back, keeps what was written, and
// is loaded again when its person wants to.
func TestLive_NewVersion(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	f := p.world.front(t)
	b.url = f.url
	b.open("/compose")
	b.write("Caption", "Written before the upgrade")
	b.see("Saved as a draft")
	script := regexp.MustCompile(`/assets/index-[\w-]+\.js`)
	newer := func(page []byte) []byte { return script.ReplaceAll(page, []byte("/assets/index-ANOTHER1.js")) }
	f.page.Store(&newer)
	must(t, p.end(syscall.SIGKILL))
	b.write("Caption", "Written while it was away")
	must(t, p.start())
	b.see("ShipPost was upgraded")
	b.flawless()
	b.see("Saved as a draft") // the page of the version before still works
	f.page.Store(nil)
	b.press("button", "Load it again")
	b.until("the page to say it no more", func() bool { return b.text() != "" && !strings.Contains(b.text(), "ShipPost was upgraded") })
	b.until("what was written", func() bool {
		return peek[string](b, "document.querySelector('textarea')?.value ?? ''") == "Written while it was away"
	})
}

// TestGallery: every component in each of its states passes the checker, on a desk and on a phone, in light and dark, with its layers open.
func TestGallery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	build := exec.Command("npx", "vite", "build", "--mode", "gallery", "--outDir", dir, "--logLevel", "error")
	build.Dir = "../ui"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the gallery: %v\n%s", err, out)
	}
	w := begin(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	f := w.front(t)
	whole, err := os.ReadFile(filepath.Join(dir, "index.html"))
	must(t, err)
	handler := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/_ui":
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = rw.Write(whole)
		case strings.HasPrefix(r.URL.Path, "/assets/"):
			http.ServeFileFS(rw, r, os.DirFS(dir), r.URL.Path[1:])
		default:
			handler.ServeHTTP(rw, r)
		}
	})
	b.url = f.url
	b.beside().keepsItsLook()
	if *update {
		return
	}
	for _, size := range []window{desk, phone} {
		b.size(size)
		b.open("/_ui")
		b.see("Components", "Consents", "It becomes:", "Not planned yet", "17/15")
		look := func(what string) {
			t.Helper()
			for _, v := range b.axe() {
				if !strings.Contains(v, "Landmarks should have a unique") { // a screen has one of each; here are several
					t.Errorf("%s at %d px: %s", what, size.width, v)
				}
			}
			b.fits()
		}
		look("components")
		for _, d := range [][2]string{{"Dialog", "A dialog"}, {"Confirm", "Cancel this post?"}, {"Summary", "Schedule 2 posts"},
			{"Too full: 17", "Wednesday"}, {"What to show: some posts", "What to show"}, {"Sample", "A post of the sample"}, {"Shift", "Move 5 posts"}, {"Move", "Move to…"}} {
			b.press("button", d[0])
			b.find("dialog", d[1])
			look("dialog " + d[1])
			b.leaves(d[1])
		}
	}
}

// TestFirstSteps: an empty calendar says what to do, ticks off what was done, and stays away once it was sent away.
func TestFirstSteps(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	b := w.browse(t)
	b.signIn(p.handle)
	b.see("Your first post in four steps")
	ticked := func(step string) {
		t.Helper()
		b.until(step+" to be ticked off", func() bool { return strings.Contains(strings.ReplaceAll(b.text(), "\n", ""), step+", done") })
	}
	ticked("Connect an account")
	b.flawless()
	_, err := p.upload(t.Context(), shortClip(t, 2))
	must(t, err)
	ticked("Bring a video or photos")
	b.press("button", "Do not show this any more")
	b.open("/")
	b.see("Times are in")
	b.until("the calendar without its steps", func() bool { return b.loaded() && !strings.Contains(b.text(), "four steps") })
}
