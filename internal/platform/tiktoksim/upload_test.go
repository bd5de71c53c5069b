package tiktoksim_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestPutRefusals has every header a PUT can get wrong.
func TestPutRefusals(t *testing.T) {
	const size = 11 * mib
	for _, c := range []struct {
		name   string
		change func(*chunk)
		knobs  func(*tiktoksim.Knobs)
		status int
		header string // Content-Range of the answer
	}{
		{"unknown upload", func(c *chunk) { c.url = strings.Replace(c.url, "upload_id=7", "upload_id=8", 1) }, nil, 404, ""},
		{"wrong token", func(c *chunk) { c.url += "x" }, nil, 404, ""},
		{"no Content-Range", func(c *chunk) { c.rangeHeader = "-" }, nil, 400, ""},
		{"no Content-Range, as 416", func(c *chunk) { c.rangeHeader = "-" }, func(k *tiktoksim.Knobs) { k.Upload.MissingRangeStatus = 416 }, 416, "bytes 0-0/11534336"},
		{"unit", func(c *chunk) { c.rangeHeader = "octets 0-5242879/11534336" }, nil, 400, ""},
		{"open range", func(c *chunk) { c.rangeHeader = "bytes 0-/11534336" }, nil, 400, ""},
		{"unknown total", func(c *chunk) { c.rangeHeader = "bytes 0-5242879/*" }, nil, 400, ""},
		{"no type", func(c *chunk) { c.header = http.Header{"Content-Type": nil} }, nil, 400, ""},
		{"other type", func(c *chunk) { c.contentType = "video/x-matroska" }, nil, 400, ""},
		{"other total", func(c *chunk) { c.total++ }, nil, 400, ""},
		{"range longer than body", func(c *chunk) { c.body = c.body[1:]; c.rangeHeader = "bytes 0-5242879/11534336" }, nil, 400, ""},
		{"range past the end", func(c *chunk) { c.first = size - 1 }, nil, 400, ""},
		{"not the next byte", func(c *chunk) { c.first = 5 * mib }, nil, 416, "bytes 0-0/11534336"},
		{"first chunk too short", func(c *chunk) { c.body = c.body[1:] }, nil, 416, "bytes 0-0/11534336"},
		{"first chunk too long", func(c *chunk) { c.body = make([]byte, 5*mib+1) }, nil, 416, "bytes 0-0/11534336"},
		{"progress as index, nothing stored", func(c *chunk) { c.first = 5 * mib }, func(k *tiktoksim.Knobs) { k.Upload.Progress = "index" }, 416, "bytes */11534336"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			if c.knobs != nil {
				w.knobs(c.knobs)
			}
			u := w.newUpload(size, plan(size, 5*mib, 2))
			send := chunk{url: u, body: make([]byte, 5*mib), total: size}
			c.change(&send)
			resp, err := w.tryPut(send)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || resp.Header.Get("Content-Range") != c.header {
				t.Errorf("answered %d with Content-Range %q, want %d with %q", resp.StatusCode, resp.Header.Get("Content-Range"), c.status, c.header)
			}
			if resp := w.put(chunk{url: u, body: make([]byte, 5*mib), total: size}); resp.StatusCode != http.StatusPartialContent {
				t.Errorf("the right chunk afterwards answered %d, want 206: a refusal must change nothing", resp.StatusCode)
			}
		})
	}
}

// TestChunkedTransferEncodingIsRefused: Content-Length is required.
func TestChunkedTransferEncodingIsRefused(t *testing.T) {
	w := begin(t)
	r, _ := http.NewRequest(http.MethodPut, w.newUpload(100), io.MultiReader(bytes.NewReader(make([]byte, 100))))
	r.Header.Set("Content-Type", "video/mp4")
	r.Header.Set("Content-Range", "bytes 0-99/100")
	if resp, _, err := w.do(r); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("answered %v %v, want 400", resp, err)
	}
}

// TestPlanWithoutSense: once the rules let every plan pass, no chunk is empty and the file still comes together.
func TestPlanWithoutSense(t *testing.T) {
	for _, c := range []struct {
		chunk, count int64
		ends         []int64
	}{
		{0, 0, []int64{100}}, {-1, 3, []int64{100}}, {40, 9, []int64{40, 80, 100}}, {40, 0, []int64{100}}, {400, 2, []int64{100}},
	} {
		t.Run(fmt.Sprintf("%d chunks of %d", c.count, c.chunk), func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { k.Rules.ChunkSize, k.Rules.ChunkCount = false, false })
			u, first := w.newUpload(100, plan(100, c.chunk, c.count)), int64(0)
			for _, end := range c.ends {
				if r := putResult(w.put(chunk{url: u, body: make([]byte, end-first), first: first, total: 100})); r != "" {
					t.Fatalf("bytes %d to %d are answered %s", first, end, r)
				}
				first = end
			}
			if p := w.Publishes()[0]; p.LastByteAt.IsZero() || p.Chunks != len(c.ends) {
				t.Errorf("after %d bytes in %d chunks the upload is not complete", p.ReceivedBytes, p.Chunks)
			}
		})
	}
}

// TestSequentialChunks sends a padded video in chunks and finds the same bytes
// published; each replay is told the progress.
func TestSequentialChunks(t *testing.T) {
	for _, progress := range []string{"count", "index"} {
		t.Run(progress, func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { k.Upload.Progress = progress })
			token, b := w.connect("mara.moves"), pad(t, file(t, "h264.mp4"), 17*mib)
			a := w.api(token, videoInit, videoBody(0, plan(17*mib, 5*mib, 3)))
			w.want(a, 200, "ok")
			for i, end := range []int64{5 * mib, 10 * mib, 17 * mib} {
				first := int64(i) * 5 * mib
				c := chunk{url: a.Data.UploadURL, body: b[first:end], first: first, total: 17 * mib}
				said := end
				if progress == "index" {
					said--
				}
				for _, status := range []int{206 - i/2*5, 416} {
					resp := w.put(c)
					want := fmt.Sprintf("bytes 0-%d/%d", said, 17*mib)
					if resp.StatusCode != status || resp.Header.Get("Content-Range") != want {
						t.Fatalf("chunk %d: %d %q, want %d %q", i, resp.StatusCode, resp.Header.Get("Content-Range"), status, want)
					}
				}
				if n := w.status(token, a.Data.PublishID).Data.Uploaded; n != end {
					t.Errorf("uploaded_bytes is %d after chunk %d, want %d", n, i, end)
				}
			}
			w.MoveClock(processing)
			w.wantStatus(token, a.Data.PublishID, "PUBLISH_COMPLETE", "")
			if p := w.Posts()[0]; p.SHA256 != sum(b) || p.Size != 17*mib || p.Chunks != 3 {
				t.Errorf("published %d bytes in %d chunks with hash %s, want 3 and %s", p.Size, p.Chunks, p.SHA256, sum(b))
			}
		})
	}
}

// TestBrokenPutCountsNothing: a chunk counts only when complete; the same range
// may be sent again.
func TestBrokenPutCountsNothing(t *testing.T) {
	w := begin(t)
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	a := w.api(token, videoInit, videoBody(int64(len(b))))
	held := w.hold(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))}, len(b)-4)
	held.breakOff()
	if n := w.status(token, a.Data.PublishID).Data.Uploaded; n != 0 {
		t.Errorf("uploaded_bytes is %d after a broken PUT, want 0", n)
	}
	w.MoveClock(processing)
	w.wantStatus(token, a.Data.PublishID, "PROCESSING_UPLOAD", "")
	if resp := w.put(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))}); resp.StatusCode != 201 {
		t.Fatalf("the same range again answered %d", resp.StatusCode)
	}
	w.MoveClock(processing)
	w.wantStatus(token, a.Data.PublishID, "PUBLISH_COMPLETE", "")
	if p := w.Posts()[0]; p.SHA256 != sum(b) {
		t.Error("the published bytes differ")
	}
}

// breakOff cuts the connection of a held PUT and waits until that is noticed.
func (h *heldPut) breakOff() {
	h.w.t.Helper()
	h.pipe.CloseWithError(io.ErrClosedPipe)
	<-h.reply
	h.w.eventually("the broken PUT is noticed", func() bool { return h.w.journalled("request", "broken") })
}

// TestPartialCredit keeps what a broken PUT brought, when the knob says so.
func TestPartialCredit(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Upload.PartialCredit = true })
	token, b := w.connect("mara.moves"), pad(t, file(t, "h264.mp4"), 11*mib)
	a := w.api(token, videoInit, videoBody(0, plan(11*mib, 5*mib, 2)))
	held := w.hold(chunk{url: a.Data.UploadURL, body: b[:5*mib], total: 11 * mib}, 2*mib)
	held.breakOff()
	if n := w.status(token, a.Data.PublishID).Data.Uploaded; n != 2*mib {
		t.Fatalf("uploaded_bytes is %d, want %d", n, 2*mib)
	}
	for _, c := range []struct {
		first, end int64
		status     int
	}{{0, 5 * mib, 416}, {2 * mib, 5 * mib, 206}, {5 * mib, 11 * mib, 201}} {
		if resp := w.put(chunk{url: a.Data.UploadURL, body: b[c.first:c.end], first: c.first, total: 11 * mib}); resp.StatusCode != c.status {
			t.Fatalf("bytes from %d: %d, want %d", c.first, resp.StatusCode, c.status)
		}
	}
	w.MoveClock(processing)
	if p := w.Posts()[0]; p.SHA256 != sum(b) {
		t.Error("the published bytes differ")
	}
}

// TestConcurrentPuts: two PUTs of the same range, as after a half-open
// connection. Whichever completes first counts, the other one is told so, and
// bytes of the loser never reach the file.
func TestConcurrentPuts(t *testing.T) {
	for _, c := range []struct {
		name       string
		firstWins  bool
		wantHeld   int
		wantSecond int
	}{{"the second overtakes", false, 416, 201}, {"the first finishes", true, 201, 416}} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			token, b := w.connect("mara.moves"), file(t, "h264.mp4")
			other := bytes.Clone(b)
			copy(other[len(other)-8:], "LOSER!!!")
			first, second := b, other
			if !c.firstWins {
				first, second = other, b
			}
			a := w.api(token, videoInit, videoBody(int64(len(b))))
			held := w.hold(chunk{url: a.Data.UploadURL, body: first, total: int64(len(b))}, len(b)-4)
			finish := func() { t.Helper(); wantPut(t, "held", held.finish(), c.wantHeld) }
			overtake := func() {
				t.Helper()
				wantPut(t, "second", w.put(chunk{url: a.Data.UploadURL, body: second, total: int64(len(b))}), c.wantSecond)
			}
			if c.firstWins {
				finish()
				overtake()
			} else {
				overtake()
				finish()
			}
			w.MoveClock(processing)
			if posts := w.Posts(); len(posts) != 1 || posts[0].SHA256 != sum(b) {
				t.Errorf("posts are %+v, want one with the winner's bytes", posts)
			}
			r, _ := http.NewRequest(http.MethodGet, w.URL+"/media/"+w.Posts()[0].PostID+"-0", nil)
			if _, text, _ := w.do(r); text != string(b) {
				t.Error("the stored file is not the winner's")
			}
		})
	}
}

func wantPut(t *testing.T, which string, resp *http.Response, status int) {
	t.Helper()
	if resp.StatusCode != status {
		t.Errorf("the %s PUT answered %d, want %d", which, resp.StatusCode, status)
	}
}

// TestHeldRefusalAnswersAtOnce: a refusal does not wait for a body that is
// being held back.
func TestHeldRefusalAnswersAtOnce(t *testing.T) {
	w := begin(t)
	u, err := url.Parse(w.newUpload(100))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: sim\r\nContent-Type: video/mp4\r\nContent-Range: bytes 1-99/100\r\nContent-Length: 99\r\n\r\n", u.RequestURI())
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	if err != nil || !strings.Contains(string(answer[:n]), " 416 ") {
		t.Errorf("got %q (%v), want a 416 before the body", answer[:n], err)
	}
}

// TestLastByteAtIsWhenItArrived: the instant is taken when the last byte is
// read, not when the request began or the answer left.
func TestLastByteAtIsWhenItArrived(t *testing.T) {
	w := begin(t)
	b := file(t, "h264.mp4")
	a := w.api(w.connect("mara.moves"), videoInit, videoBody(int64(len(b))))
	held := w.hold(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))}, len(b)-4)
	before := time.Now()
	held.finish()
	after := time.Now()
	w.MoveClock(processing)
	p := w.Posts()[0]
	if p.LastByteAt.Before(before) || p.LastByteAt.After(after) {
		t.Errorf("last_byte_at is %s, want between %s and %s", p.LastByteAt, before.UTC(), after.UTC())
	}
	if p.FirstInitAt.After(before) {
		t.Errorf("first_init_at %s is after the upload began", p.FirstInitAt)
	}
}

// TestBodyIdleTimeout cuts a PUT that stops sending; a trickle keeps it open.
func TestBodyIdleTimeout(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Upload.BodyIdle = tiktoksim.Duration(50 * time.Millisecond) })
	a := w.api(w.connect("mara.moves"), videoInit, videoBody(100))
	held := w.hold(chunk{url: a.Data.UploadURL, body: make([]byte, 100), total: 100}, 50)
	w.eventually("the idle PUT is cut", func() bool { return w.journalled("request", "broken") })
	held.pipe.Close()
	if resp := <-held.reply; resp != nil {
		t.Errorf("the idle PUT was answered with %d", resp.StatusCode)
	}
}

// TestUploadOfAFailedPostIsGone: after the creator removed the app.
func TestUploadOfAFailedPostIsGone(t *testing.T) {
	w := begin(t)
	u := w.newUpload(100)
	w.RemoveApp("mara.moves", 1)
	if resp := w.put(chunk{url: u, body: make([]byte, 100), total: 100}); resp.StatusCode != 404 {
		t.Errorf("answered %d, want 404", resp.StatusCode)
	}
}

// TestUploadsRunBesideEachOther holds many PUTs and releases them at once.
func TestUploadsRunBesideEachOther(t *testing.T) {
	const n = 50
	w := begin(t, func(o *tiktoksim.Options) {
		for i := range n {
			o.Creators = append(o.Creators, tiktoksim.Creator{Handle: fmt.Sprintf("creator%d", i)})
		}
	})
	b := file(t, "h264.mp4")
	var held []*heldPut
	for i := range n {
		a := w.api(w.connect(fmt.Sprintf("creator%d", i)), videoInit, videoBody(int64(len(b))))
		held = append(held, w.hold(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))}, len(b)-4))
	}
	var group sync.WaitGroup
	for _, h := range held {
		group.Go(func() {
			if resp := h.finish(); resp.StatusCode != 201 {
				t.Errorf("a held PUT answered %d", resp.StatusCode)
			}
		})
	}
	group.Wait()
	w.MoveClock(processing)
	if got := len(w.Posts()); got != n {
		t.Errorf("%d posts, want %d", got, n)
	}
}

// TestCloseRemovesTheBytes leaves no folder behind.
func TestCloseRemovesTheBytes(t *testing.T) {
	dir := t.TempDir()
	sim, err := tiktoksim.Start(tiktoksim.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{sim, t}
	w.upload(w.connect("mara.moves"), file(t, "h264.mp4"))
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d folders while running, want 1", len(left))
	}
	if err := sim.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDiscard keeps the facts and drops the bytes.
func TestDiscard(t *testing.T) {
	dir := t.TempDir()
	w := begin(t, func(o *tiktoksim.Options) { o.Dir = dir })
	w.knobs(func(k *tiktoksim.Knobs) { k.Media.Discard = true })
	b := file(t, "h264.mp4")
	w.upload(w.connect("mara.moves"), b)
	w.MoveClock(processing)
	if p := w.Posts()[0]; p.SHA256 != sum(b) || p.Files[0].Width != 360 {
		t.Errorf("the post is %+v", p)
	}
	if resp, _ := w.page("/media/" + w.Posts()[0].PostID + "-0"); resp.StatusCode != 404 {
		t.Errorf("the discarded media answered %d", resp.StatusCode)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left on disk: %v %v", left, err)
	}
}
