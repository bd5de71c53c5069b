package tiktoksim_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// host is a web server with a certificate that the pull worker knows under
// every name of example.com, the domain of httptest's certificate.
type host struct {
	*httptest.Server
	w *world
}

// host restarts the simulator with a pull worker that reaches the handler.
func (w *world) host(h http.HandlerFunc) *host {
	w.t.Helper()
	server := httptest.NewTLSServer(h)
	w.t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	rules := w.Knobs()
	*w = *begin(w.t, func(o *tiktoksim.Options) {
		o.PullTransport = transport
		o.Properties = []string{"example.com"}
		o.Knobs = func(k *tiktoksim.Knobs) { *k = rules }
	})
	return &host{server, w}
}

// pullVideo posts a video from a path of the host and returns its end.
func (h *host) pullVideo(path string) reply {
	h.w.t.Helper()
	token, id := h.startVideo(path)
	return h.end(token, id)
}

func (h *host) startVideo(path string) (token, id string) {
	h.w.t.Helper()
	token = h.w.connect("mara.moves")
	a := h.w.api(token, videoInit, videoBody(0, setSource("source", "PULL_FROM_URL"), setSource("video_url", "https://media.example.com"+path)))
	h.w.want(a, 200, "ok")
	return token, a.Data.PublishID
}

// end waits until the fetch is over, then lets processing end.
func (h *host) end(token, id string) reply {
	h.w.t.Helper()
	h.w.eventually("the fetch is over", func() bool {
		for _, p := range h.w.Publishes() {
			if p.PublishID == id {
				return p.Status == "FAILED" || !p.LastByteAt.IsZero()
			}
		}
		return false
	})
	h.w.MoveClock(processing)
	return h.w.status(token, id)
}

// served answers like a plain web server with one file.
func served(b []byte) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		http.ServeContent(rw, r, "v.mp4", time.Time{}, bytes.NewReader(b))
	}
}

// fetches lists the answers the pull worker got, by method.
func (w *world) fetches(method string) (statuses []int) {
	for _, e := range w.Journal(0) {
		if e.Kind == "pull" && e.Method == method {
			statuses = append(statuses, e.Status)
		}
	}
	return statuses
}

func TestPullVideo(t *testing.T) {
	b := file(t, "h264.mp4")
	for _, c := range []struct {
		name  string
		knobs func(*tiktoksim.PullKnobs)
		heads int
		gets  int
	}{
		{"HEAD, then one GET", func(*tiktoksim.PullKnobs) {}, 1, 1},
		{"without HEAD", func(k *tiktoksim.PullKnobs) { k.Head = false }, 0, 1},
		{"in ranges", func(k *tiktoksim.PullKnobs) { k.RangeBytes = 5000 }, 1, 3},
		{"slow", func(k *tiktoksim.PullKnobs) { k.BytesPerSecond = 1 << 20 }, 1, 1},
		{"cut midway twice", func(k *tiktoksim.PullKnobs) { k.CutTimes, k.CutAfterBytes, k.Backoff = 2, 100, 0 }, 1, 3},
		{"inside init", func(k *tiktoksim.PullKnobs) { k.InsideInit = true }, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { c.knobs(&k.Pull) })
			h := w.host(served(b))
			token, id := h.startVideo("/v.mp4")
			if c.name == "inside init" && len(w.fetches("GET")) != 1 {
				t.Error("nothing was fetched before init answered")
			}
			a := h.end(token, id)
			if a.Data.Status != "PUBLISH_COMPLETE" || a.Data.Downloaded != int64(len(b)) {
				t.Fatalf("ended as %s", a.Raw)
			}
			if p := w.Posts()[0]; p.SHA256 != sum(b) || !p.Pulled {
				t.Errorf("the post is %+v", p)
			}
			if heads, gets := len(w.fetches("HEAD")), len(w.fetches("GET")); heads != c.heads || gets != c.gets {
				t.Errorf("%d HEADs and %d GETs, want %d and %d", heads, gets, c.heads, c.gets)
			}
		})
	}
}

// TestPullWaitsFor503: a closed gate is asked again after Retry-After, on the
// simulator's clock, as long as the window lasts.
func TestPullWaitsFor503(t *testing.T) {
	var open atomic.Bool
	w := begin(t)
	h := w.host(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !open.Load() {
			rw.Header().Set("Retry-After", "5")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		served(file(t, "h264.mp4"))(rw, r)
	})
	token, id := h.startVideo("/v.mp4")
	for i := 1; i <= 10; i++ {
		w.eventually("another GET was refused", func() bool { return len(w.fetches("GET")) == i && w.waiting() })
		w.MoveClock(4 * time.Second)
		if n := len(w.fetches("GET")); n != i {
			t.Fatalf("%d GETs before Retry-After was over, want %d", n, i)
		}
		w.wantStatus(token, id, "PROCESSING_DOWNLOAD", "")
		if i == 10 {
			open.Store(true)
		}
		w.MoveClock(time.Second)
	}
	if a := h.end(token, id); a.Data.Status != "PUBLISH_COMPLETE" {
		t.Errorf("ended as %s", a.Raw)
	}
}

func TestPullGivesUpAfterTheWindow(t *testing.T) {
	w := begin(t)
	h := w.host(func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) })
	token, id := h.startVideo("/v.mp4")
	w.eventually("a refused request", func() bool { return len(w.fetches("HEAD")) > 0 })
	w.MoveClock(time.Hour - time.Second)
	w.wantStatus(token, id, "PROCESSING_DOWNLOAD", "")
	w.MoveClock(time.Second)
	w.wantStatus(token, id, "FAILED", "video_pull_failed")
}

// TestPullFailures: what ends a pull early.
func TestPullFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		serve  http.HandlerFunc
		gets   int
		reason string
	}{
		{"redirect", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/elsewhere", http.StatusMovedPermanently)
		}, 1, "video_pull_failed"},
		{"not found, four times", http.NotFound, 4, "video_pull_failed"},
		{"server error, four times", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }, 4, "video_pull_failed"},
		{"body cut short, four times", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			rw.Write(make([]byte, 10))
		}, 4, "video_pull_failed"},
		{"not a video", func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte("<html>Sign in first</html>")) }, 1, "file_format_check_failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { k.Pull.Head, k.Pull.Backoff = false, 0 })
			a := w.host(c.serve).pullVideo("/v.mp4")
			if a.Data.FailReason != c.reason {
				t.Errorf("ended as %s, want %s", a.Raw, c.reason)
			}
			if n := len(w.fetches("GET")); n != c.gets {
				t.Errorf("%d GETs, want %d", n, c.gets)
			}
		})
	}
	t.Run("unknown certificate", func(t *testing.T) {
		w := begin(t)
		h := w.host(served(nil))
		other := httptest.NewTLSServer(served(nil))
		defer other.Close()
		*w = *begin(t, func(o *tiktoksim.Options) {
			o.Properties = []string{"example.com"}
			o.PullTransport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, other.Listener.Addr().String())
			}}
		})
		if a := h.pullVideo("/v.mp4"); a.Data.FailReason != "video_pull_failed" || len(w.fetches("HEAD")) != 1 {
			t.Errorf("ended as %s after %d requests, want a failure at once", a.Raw, len(w.fetches("HEAD")))
		}
	})
}

// TestPullPhotos posts a carousel in slide order and tells each file's hash.
func TestPullPhotos(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d at once", parallel), func(t *testing.T) {
			slides := [][]byte{jpegOf(t, 1080, 1920), file(t, "photo.webp"), jpegOf(t, 1920, 1080)}
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { k.Pull.Parallel = parallel })
			h := w.host(func(rw http.ResponseWriter, r *http.Request) {
				served(slides[int(r.URL.Path[1]-'0')])(rw, r)
			})
			token, id := h.startPhotos(len(slides), "DIRECT_POST")
			a := h.end(token, id)
			if a.Data.Status != "PUBLISH_COMPLETE" {
				t.Fatalf("ended as %s", a.Raw)
			}
			p := w.Posts()[0]
			if p.Kind != "photo" || p.Title != "Market day" || p.Caption != "Saturday stalls #food" || p.SHA256 != sum(bytes.Join(slides, nil)) || len(p.Files) != 3 {
				t.Fatalf("the post is %+v", p)
			}
			for i, f := range p.Files {
				if f.SHA256 != sum(slides[i]) || f.Size != int64(len(slides[i])) {
					t.Errorf("slide %d is %+v", i, f)
				}
			}
			if resp, _ := w.page("/@mara.moves/photo/" + p.PostID); resp.StatusCode != 200 {
				t.Errorf("the post's page answered %d", resp.StatusCode)
			}
			if resp, _ := w.page("/@mara.moves/video/" + p.PostID); resp.StatusCode != 404 {
				t.Errorf("a photo under /video/ answered %d", resp.StatusCode)
			}
		})
	}
}

func (h *host) startPhotos(n int, mode string) (token, id string) {
	h.w.t.Helper()
	token = h.w.connect("mara.moves")
	a := h.w.api(token, contentInit, photoBody(n, func(body, _, source object) {
		var urls []string
		for i := range n {
			urls = append(urls, fmt.Sprintf("https://photos.example.com/%d.jpg?secret=%d", i, i))
		}
		body["post_mode"], source["photo_images"] = mode, urls
	}))
	h.w.want(a, 200, "ok")
	return token, a.Data.PublishID
}

func jpegOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPhotoChecks(t *testing.T) {
	var asPNG bytes.Buffer
	png.Encode(&asPNG, image.NewGray(image.Rect(0, 0, 640, 640)))
	for _, c := range []struct {
		name   string
		bytes  []byte
		limit  int64
		reason string
	}{
		{"PNG", asPNG.Bytes(), 0, "file_format_check_failed"},
		{"1254 × 1254", jpegOf(t, 1254, 1254), 0, "picture_size_check_failed"},
		{"1080 × 1921", jpegOf(t, 1080, 1921), 0, "picture_size_check_failed"},
		{"too many bytes", jpegOf(t, 640, 640), 100, "picture_size_check_failed"},
		{"lossless WebP", file(t, "lossless.webp"), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			if c.limit > 0 {
				w.knobs(func(k *tiktoksim.Knobs) { k.Media.PhotoBytes = c.limit })
			}
			h := w.host(served(c.bytes))
			if a := h.end(h.startPhotos(1, "DIRECT_POST")); a.Data.FailReason != c.reason {
				t.Errorf("ended as %s, want %q", a.Raw, c.reason)
			}
		})
	}
	t.Run("gone", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Pull.Backoff = 0 })
		h := w.host(http.NotFound)
		if a := h.end(h.startPhotos(1, "DIRECT_POST")); a.Data.FailReason != "photo_pull_failed" {
			t.Errorf("ended as %s", a.Raw)
		}
	})
	t.Run("draft", func(t *testing.T) {
		w := begin(t)
		h := w.host(served(jpegOf(t, 640, 640)))
		if a := h.end(h.startPhotos(1, "MEDIA_UPLOAD")); a.Data.Status != "SEND_TO_USER_INBOX" {
			t.Errorf("ended as %s", a.Raw)
		}
	})
}

// TestCancel: only a running pull can be cancelled.
func TestCancel(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	upload := w.api(token, videoInit, videoBody(100)).Data.PublishID
	w.want(w.api(token, cancelPath, object{"publish_id": upload}), 400, "publish_not_cancellable")

	rc := w.receiver()
	hang := make(chan struct{})
	h := w.host(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(hang) })
	rc.w = w
	token, id := h.startVideo("/v.mp4")
	w.knobs(func(k *tiktoksim.Knobs) { k.Pull.CancelIneffective = true })
	w.want(w.api(token, cancelPath, object{"publish_id": id}), 200, "ok")
	w.wantStatus(token, id, "PROCESSING_DOWNLOAD", "")
	w.knobs(func(k *tiktoksim.Knobs) { k.Pull.CancelIneffective = false })
	w.want(w.api(token, cancelPath, object{"publish_id": id}), 200, "ok")
	w.wantStatus(token, id, "FAILED", "publish_cancelled")
	rc.want("post.publish.failed", `{"publish_id":"`+id+`","publish_type":"DIRECT_PUBLISH","reason":"publish_cancelled"}`)
	w.want(w.api(token, cancelPath, object{"publish_id": id}), 400, "publish_not_cancellable")
}

// TestPullStartsLater honours the start_after knob.
func TestPullStartsLater(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Pull.StartAfter = tiktoksim.Duration(time.Minute) })
	h := w.host(served(file(t, "h264.mp4")))
	token, id := h.startVideo("/v.mp4")
	w.eventually("the worker waits", w.waiting)
	w.MoveClock(59 * time.Second)
	if n := len(w.fetches("HEAD")); n != 0 {
		t.Errorf("%d requests before the start", n)
	}
	w.MoveClock(time.Second)
	if a := h.end(token, id); a.Data.Status != "PUBLISH_COMPLETE" {
		t.Errorf("ended as %s", a.Raw)
	}
}

// TestReachAt finds named hosts only, and trusts the given authorities only.
func TestReachAt(t *testing.T) {
	server := httptest.NewTLSServer(served([]byte("hello")))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	hosts := map[string]string{"photos.example.com": server.Listener.Addr().String()}
	get := func(transport http.RoundTripper, url string) error {
		r, _ := http.NewRequest(http.MethodGet, url, nil)
		resp, err := transport.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := get(tiktoksim.ReachAt(hosts, roots), "https://photos.example.com/x"); err != nil {
		t.Error(err)
	}
	if err := get(tiktoksim.ReachAt(hosts, roots), "https://other.example.com/x"); err == nil {
		t.Error("an unnamed host was reached")
	}
	if err := get(tiktoksim.ReachAt(hosts, x509.NewCertPool()), "https://photos.example.com/x"); err == nil {
		t.Error("an unknown authority was trusted")
	}
}
