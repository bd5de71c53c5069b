package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestRestarts ends the server in each moment of a post's life, by a crash and in order, and starts it again. In the end
// there is one post with the right bytes, not early, made by one init.
func TestRestarts(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"crash": syscall.SIGKILL, "in order": syscall.SIGTERM} {
		for moment, story := range map[string]func(*testing.T, *world, *person, syscall.Signal) client.Post{
			"while bytes go to TikTok":    endWhileStaging,
			"while staged":                endWhileStaged,
			"while staged, past the time": endOverDueTime,
			"after the commit":            endAfterCommit,
		} {
			t.Run(moment+", "+name, func(t *testing.T) {
				t.Parallel()
				w := begin(t)
				p := w.creator(t, "mara.moves")
				post := story(t, w, p, sig)
				w.checkOnePost(t, p, post)
				if n := w.count("request", "video_init"); n != 1 {
					t.Errorf("%d init requests, want 1", n)
				}
			})
		}
	}
}

// checkOnePost waits until the post is posted, and holds what the API says against what viewers see.
func (w *world) checkOnePost(t *testing.T, p *person, post client.Post) {
	t.Helper()
	posted, err := p.until(t.Context(), post.ID, "posted")
	must(t, err)
	media, err := p.Media(t.Context(), post.MediaIDs[0])
	must(t, err)
	posts := w.sim.Posts()
	if len(posts) != 1 {
		t.Fatalf("%d posts are public, want 1: %+v", len(posts), posts)
	}
	seen := posts[0]
	if seen.SHA256 != media.SHA256 || seen.Caption != posted.Caption {
		t.Errorf("viewers see %.8s… %q, want %.8s… %q", seen.SHA256, seen.Caption, media.SHA256, posted.Caption)
	}
	if seen.LastByteAt.Before(posted.DueAt) || posted.LatenessMS == nil || *posted.LatenessMS < 0 {
		t.Errorf("the last byte came at %v, lateness %v; it was due at %v", seen.LastByteAt, posted.LatenessMS, posted.DueAt)
	}
}

// scheduled uploads a file and schedules it.
func (p *person) scheduled(t *testing.T, path string, in time.Duration) client.Post {
	t.Helper()
	m, err := p.upload(t.Context(), path)
	must(t, err)
	post, err := p.CreatePost(t.Context(), p.draft(m.ID, in), "")
	must(t, err)
	return post
}

func endWhileStaging(t *testing.T, w *world, p *person, sig syscall.Signal) client.Post {
	must(t, w.sim.SetKnobs(func(k *tiktoksim.Knobs) {
		k.Faults = []tiktoksim.Fault{{Name: "hold", Endpoint: "upload", Skip: 1, At: "mid_body", AfterBytes: 1 << 20, Do: "stall"}}
	}))
	path := shortClip(t, 1)
	must(t, grow(path, 70_000_000))
	post := p.scheduled(t, path, 15*time.Second)
	must(t, w.receives(t.Context(), 16_777_216+1<<20))
	w.again(t, sig)
	w.sim.Release("hold")
	return post
}

func endWhileStaged(t *testing.T, w *world, p *person, sig syscall.Signal) client.Post {
	post := p.scheduled(t, shortClip(t, 2), 12*time.Second)
	_, err := p.until(t.Context(), post.ID, "publishing/staged")
	must(t, err)
	w.again(t, sig)
	return post
}

// The due time passes while no server runs: the post goes out late, within its window, and says so.
func endOverDueTime(t *testing.T, w *world, p *person, sig syscall.Signal) client.Post {
	post := p.scheduled(t, shortClip(t, 3), 12*time.Second)
	_, err := p.until(t.Context(), post.ID, "publishing/staged")
	must(t, err)
	must(t, w.end(sig))
	must(t, eventually(t.Context(), func() (bool, error) { return time.Now().After(post.DueAt.Add(time.Second)), nil }))
	if posts := w.sim.Posts(); len(posts) != 0 {
		t.Errorf("something went out while no server ran: %+v", posts)
	}
	must(t, w.start())
	posted, err := p.until(t.Context(), post.ID, "posted")
	must(t, err)
	if posted.LatenessMS == nil || *posted.LatenessMS < 1000 {
		t.Errorf("lateness %v, want more than a second", posted.LatenessMS)
	}
	return post
}

func endAfterCommit(t *testing.T, w *world, p *person, sig syscall.Signal) client.Post {
	must(t, w.sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Processing.Delay = tiktoksim.Duration(12 * time.Second) }))
	post := p.scheduled(t, shortClip(t, 4), time.Second)
	_, err := p.until(t.Context(), post.ID, "publishing/processing")
	must(t, err)
	w.again(t, sig)
	if n := w.count("request", "upload"); n != 1 {
		t.Errorf("%d uploads, want 1", n)
	}
	return post
}

// TestRestartDuringUpload breaks the connection of an upload after a third, and ends the server after two thirds. The client
// goes on by itself from what the server has, and the hash over all three parts is that of the file.
func TestRestartDuringUpload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sig  syscall.Signal
		from int64 // what the server still has at least
	}{
		{"crash", syscall.SIGKILL, third - 1<<20}, // what came after the cut was not yet promised
		{"in order", syscall.SIGTERM, third + 1<<20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := begin(t)
			p := w.creator(t, "mara.moves")
			path := shortClip(t, 5)
			must(t, grow(path, 3*third))
			line := &badLine{reached: make(chan struct{}), open: make(chan struct{})}
			far, err := client.New(w.url, client.Options{Key: p.key, HTTP: &http.Client{Transport: line}})
			must(t, err)
			type result struct {
				client.Media
				err error
			}
			uploaded := make(chan result, 1)
			go func() {
				m, err := far.UploadFile(t.Context(), path, nil)
				uploaded <- result{m, err}
			}()
			select {
			case <-line.reached:
			case r := <-uploaded:
				t.Fatalf("the upload ended too early: %+v", r)
			}
			must(t, w.end(c.sig))
			close(line.open)
			must(t, w.start())
			r := <-uploaded
			must(t, r.err)
			m, err := p.WaitMedia(t.Context(), r.ID)
			must(t, err)
			if sum := sumOf(t, path); m.SHA256 != sum || m.Size != 3*third {
				t.Errorf("kept %s of %d bytes, want %s of %d", m.SHA256, m.Size, sum, 3*third)
			}
			begun := line.begun()
			resumed := slices.ContainsFunc(begun, func(from int64) bool { return from > third-1<<20 && from <= third })
			if begun[0] != 0 || !resumed || begun[len(begun)-1] < c.from {
				t.Errorf("transfers began at %d; want 0, then about %d, and in the end at least %d", begun, third, c.from)
			}
			// It is as good as any other.
			post, err := p.CreatePost(t.Context(), p.draft(m.ID, 2*time.Second), "")
			must(t, err)
			w.checkOnePost(t, p, post)
		})
	}
}

// third is more than the buffers between the two ends hold.
const third = 16_000_000

func sumOf(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	must(t, err)
	return hex.EncodeToString(h.Sum(nil))
}

// badLine breaks the first transfer of an upload after a third of the file, and holds later ones after two thirds until
// it is opened. The server may turn the second one away, because it still holds on to the first.
type badLine struct {
	reached, open chan struct{}

	mu      sync.Mutex
	once    sync.Once
	offsets []int64 // where each transfer began
}

var errCut = errors.New("the line is cut")

// RoundTrip implements http.RoundTripper.
func (l *badLine) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPatch {
		return http.DefaultTransport.RoundTrip(r)
	}
	from, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.offsets = append(l.offsets, from)
	n := len(l.offsets)
	l.mu.Unlock()
	select {
	case <-l.open:
		return http.DefaultTransport.RoundTrip(r)
	default:
	}
	r = r.Clone(r.Context())
	if n == 1 {
		r.Body = &limited{r.Body, third, func() error { return errCut }}
	} else {
		r.Body = &limited{r.Body, 2*third - from, func() error {
			l.once.Do(func() { close(l.reached) })
			select {
			case <-l.open:
			case <-r.Context().Done():
			}
			return errCut
		}}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (l *badLine) begun() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.offsets)
}

// limited is a body that gives so many bytes and then fails.
type limited struct {
	io.ReadCloser
	left int64
	then func() error
}

// Read implements io.Reader.
func (b *limited) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.then()
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
