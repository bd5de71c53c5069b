package tiktok

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// Files of every kind of plan arrive byte for byte.
func TestUploadArrivesWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{1, 4096, 4097, 15_999, 16_000, 5_000_000, 64_000_001} {
		b := newBench(t)
		p := b.video(size)
		b.publish(p)
		if post := b.onlyPost(); post.SHA256 != p.Media[0].SHA256 || post.Size != size || post.Caption != p.Caption {
			t.Errorf("%d bytes arrived as %d with another hash or caption", size, post.Size)
		}
		for _, e := range b.requests("upload") {
			if w := e.Detail["warning"]; w != nil {
				t.Errorf("%d bytes: %v", size, w)
			}
		}
	}
}

// Staging is invisible: TikTok has all but the last bytes, and whatever time passes nothing is out before the commit.
func TestHeldCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(k *tiktoksim.Knobs) { k.Upload.BodyIdle = 0 })
	const size = 300_000
	p, l := b.video(size), &ledger{}
	p.Due = time.Now().Add(time.Second)
	s := b.stage(p, l)
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.eventually("all but the tail is there", func() bool { return b.received() == size-b.hold.tail })
	b.sim.MoveClock(30 * time.Minute)
	if n := len(b.sim.Posts()); n != 0 || b.effects("upload_complete") != 0 {
		t.Fatal("the post is out before its commit")
	}
	if l.told() != "intend opened" || l.receipt != s.Receipt() || s.Receipt().IsZero() {
		t.Errorf("steps %q", l.told())
	}
	released := time.Now()
	out, err := b.Commit(t.Context(), s)
	if err != nil || !out.Accepted || out.LastByteAt.Before(released) {
		t.Errorf("%+v, %v; released at %v", out, err, released)
	}
	if post := b.onlyPost(); post.SHA256 != p.Media[0].SHA256 || post.LastByteAt.Before(released) {
		t.Errorf("%+v", post)
	}
	if n := len(b.requests("upload")); n != 1 {
		t.Errorf("%d PUTs for a small file, want 1", n)
	}
}

// A held request trickles, so that a host that cuts idle ones does not cut it.
func TestHeldRequestOutlivesIdleTimeouts(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(k *tiktoksim.Knobs) { k.Upload.BodyIdle = tiktoksim.Duration(2 * time.Second) })
	b.hold.trickle = 20 * time.Millisecond
	const size = 300_000
	s := b.stage(b.video(size), &ledger{})
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.eventually("the tail trickles", func() bool { return b.received() >= size-b.hold.tail+5 })
	out, err := b.Commit(t.Context(), s)
	if err != nil || !out.Accepted {
		t.Errorf("%+v, %v", out, err)
	}
	if n := len(b.requests("upload")); n != 1 {
		t.Errorf("%d PUTs, want the one that was held", n)
	}
	// At most half of the tail may leave, however long it takes.
	body := newBody(t.Context(), 8, func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("12345678")), nil }, time.Now)
	body.tail, body.trickle, body.longest = 8, time.Microsecond, time.Second
	given := 0
	for {
		n, err := body.Read(make([]byte, 8))
		given += n
		if errors.Is(err, errHeldTooLong) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if given != 4 || !body.last().IsZero() {
		t.Errorf("%d of 8 bytes left before the release", given)
	}
}

// A host that cuts a request while its last bytes are held back: that shows at once, not with the next byte, and is an
// ordinary resume before the commit.
func TestCutWhileHolding(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(k *tiktoksim.Knobs) { k.Upload.BodyIdle = tiktoksim.Duration(50 * time.Millisecond) })
	b.hold.trickle = time.Hour
	const size = 300_000
	p := b.video(size)
	s := b.stage(p, &ledger{})
	for range 2 {
		if err := s.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-s.Lost()
	}
	b.knobs(func(k *tiktoksim.Knobs) { k.Upload.BodyIdle = 0 })
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Commit(t.Context(), s); err != nil || !out.Accepted {
		t.Errorf("%+v, %v", out, err)
	}
	if post := b.onlyPost(); post.SHA256 != p.Media[0].SHA256 {
		t.Error("other bytes arrived")
	}
	if n := len(b.requests("video_init")); n != 1 {
		t.Errorf("%d inits, want 1", n)
	}
}

// The request was cut after it was ready: Wait says so before the point of no return, by beginning another one.
func TestCutAfterReady(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(k *tiktoksim.Knobs) { k.Upload.BodyIdle = tiktoksim.Duration(50 * time.Millisecond) })
	b.hold.trickle = 100 * time.Millisecond
	p := b.video(300_000)
	s := b.stage(p, &ledger{})
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-s.(*staged).held.done
	b.knobs(func(k *tiktoksim.Knobs) { k.Upload.BodyIdle = 0 })
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Commit(t.Context(), s); err != nil || !out.Accepted {
		t.Errorf("%+v, %v", out, err)
	}
	if post := b.onlyPost(); post.SHA256 != p.Media[0].SHA256 {
		t.Error("other bytes arrived")
	}
}

// What the last PUT may be answered. After the commit nothing is repeated, whatever it is.
func TestCommitNeverRepeats(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault tiktoksim.Fault
		code  string
		reach platform.Reach
		out   int // posts in the end
	}{
		"reset after storing the last chunk": {tiktoksim.Fault{At: "after_effect_before_reply", Do: "reset"}, platform.CodeNetwork, platform.Maybe, 1},
		"reset in the middle of the body":    {tiktoksim.Fault{At: "mid_body", AfterBytes: 6_000, Do: "reset"}, platform.CodeNetwork, platform.Maybe, 0},
		"500 after storing":                  {tiktoksim.Fault{At: "after_effect_before_reply", Do: "status", Status: 500}, "", platform.Answered, 1},
		"503 before storing":                 {tiktoksim.Fault{At: "before_effect", Do: "status", Status: 503}, "", platform.Answered, 0},
		"400":                                {tiktoksim.Fault{At: "before_effect", Do: "status", Status: 400}, codeUploadRefused, platform.Answered, 0},
		"403":                                {tiktoksim.Fault{At: "before_effect", Do: "status", Status: 403}, platform.CodeUploadGone, platform.Answered, 0},
		"404":                                {tiktoksim.Fault{At: "before_effect", Do: "status", Status: 404}, platform.CodeUploadGone, platform.Answered, 0},
		"416":                                {tiktoksim.Fault{At: "before_effect", Do: "status", Status: 416}, codeUploadRefused, platform.Answered, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c.fault.Endpoint, c.fault.Times = "upload", -1
			b.fault(c.fault)
			p := b.video(12_000) // sent whole at the instant
			s := b.stage(p, &ledger{})
			if err := s.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			out, err := b.Commit(t.Context(), s)
			if e := platform.AsError(err); out.Accepted || e == nil || e.Code != c.code || e.Reach != c.reach {
				t.Errorf("%+v, %v", out, err)
			}
			if err != nil && strings.Contains(err.Error(), "upload_token") {
				t.Errorf("%q tells the upload address", err)
			}
			if n := b.arrived("upload"); n != 1 {
				t.Errorf("%d PUTs after the commit, want 1", n)
			}
			if n := len(b.requests("video_init")); n != 1 {
				t.Errorf("%d inits, want 1", n)
			}
			b.fault()
			p.Receipt = s.Receipt()
			v, err := b.Confirm(t.Context(), p)
			if want := map[int]platform.State{0: platform.Incomplete, 1: platform.Processing}[c.out]; err != nil || v.State != want {
				t.Errorf("asked afterwards: %+v, %v; want %s", v, err, want)
			}
			b.sim.MoveClock(time.Minute)
			if c.out == 1 {
				b.onlyPost()
			}
			if n := len(b.sim.Posts()); n != c.out {
				t.Errorf("%d posts, want %d", n, c.out)
			}
		})
	}
}

// No layer below the client repeats a request by itself: a host that takes it and says nothing is asked once. Go's
// transport would repeat some requests on connections that were used before.
func TestCommitTransportNeverResends(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	var conns, puts atomic.Int64
	address := "http://" + ln.Addr().String()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					if req.Method == http.MethodPut {
						puts.Add(1)
						return // and not a word
					}
					body := `{"data":{"publish_id":"id","upload_url":"` + address + `/video/?t=1"},"error":{"code":"ok"}}`
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
				}
			}()
		}
	}()
	c := clientOf(t, address, io.Discard)
	for _, size := range []int64{1, 12_000, 300_000} {
		puts.Store(0)
		p := (&bench{tokens: &wallet{access: []string{"act.1"}}}).video(size)
		s, err := c.Stage(t.Context(), p, &ledger{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		out, err := c.Commit(t.Context(), s)
		if e := platform.AsError(err); e == nil || e.Reach != platform.Maybe || out.Accepted {
			t.Errorf("%d bytes: %+v, %v", size, out, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := puts.Load(); n != 1 {
			t.Errorf("%d bytes: %d PUTs reached the host, want 1", size, n)
		}
	}
}

// Lost answers to chunks before the last: TikTok is asked how much it has, and nothing is sent twice into the file.
func TestResyncAfterLostChunkAnswers(t *testing.T) {
	t.Parallel()
	for _, reading := range []string{"count", "index"} {
		for name, fault := range map[string]tiktoksim.Fault{
			"answer lost":        {At: "after_effect_before_reply", Do: "reset", Skip: 1},
			"500 after storing":  {At: "after_effect_before_reply", Do: "status", Status: 500, Skip: 1},
			"500 before storing": {At: "before_effect", Do: "status", Status: 500, Skip: 1, Times: 3},
			"cut in the middle":  {At: "mid_body", AfterBytes: 5_000_000, Do: "reset", Skip: 1, Times: 2},
		} {
			t.Run(name+"/"+reading, func(t *testing.T) {
				b := newBench(t, func(k *tiktoksim.Knobs) { k.Upload.Progress = reading })
				fault.Endpoint = "upload"
				b.fault(fault)
				p, l := b.video(64_000_001), &ledger{}
				s, err := b.Stage(t.Context(), p, l)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				if err := s.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if out, err := b.Commit(t.Context(), s); err != nil || !out.Accepted {
					t.Fatalf("%+v, %v", out, err)
				}
				if post := b.onlyPost(); post.SHA256 != p.Media[0].SHA256 {
					t.Error("other bytes arrived")
				}
			})
		}
	}
}

// TikTok did not expect what was sent. Its own word about how much it has brings the upload into step; without one the
// attempt ends.
func TestResync(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, l := b.video(300_000), &ledger{}
	s := b.stage(p, l).(*staged)
	s.plan = usual.plan(64_000_001)
	for progress, want := range map[string]int64{"bytes 0-16777216/64000001": 16_777_216, "bytes 0-33554431/64000001": 33_554_432} {
		if err := s.resync(t.Context(), answer{status: 416, progress: progress}); err != nil || s.next != want {
			t.Errorf("%s: goes on at %d, %v; want %d", progress, s.next, err, want)
		}
	}
	if err := s.resync(t.Context(), answer{status: 416, progress: "bytes 0-64000001/64000001"}); codeOf(err) != platform.CodeUploadWhole {
		t.Errorf("all is there: %v", err)
	}
	// Without a usable progress the status counts: nothing is there.
	if err := s.resync(t.Context(), answer{status: 416}); err != nil || s.next != 0 {
		t.Errorf("goes on at %d, %v; want 0", s.next, err)
	}
	err := s.resync(t.Context(), answer{status: 416})
	if codeOf(err) != platform.CodeUploadGone || b.Classify(err).Class != platform.Transient {
		t.Errorf("nothing brings it into step: %v", err)
	}
}

// An upload whose hour is over, and one that TikTok does not know, cannot be resumed: the attempt ends, with a class that
// lets another one follow.
func TestUploadGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.stage(b.video(300_000), &ledger{})
	b.sim.MoveClock(61 * time.Minute)
	if err := refused(t, s); codeOf(err) != platform.CodeUploadGone || b.Classify(err).Class != platform.Transient {
		t.Errorf("after an hour: %v", err)
	}
	p := b.video(300_000)
	p.Receipt = s.Receipt()
	p.Receipt.UploadURL = shippost.NewSecret(b.sim.URL + "/video/?upload_id=1&upload_token=2")
	unknown := b.stage(p, &ledger{})
	if err := refused(t, unknown); codeOf(err) != platform.CodeUploadGone {
		t.Errorf("an unknown task: %v", err)
	}
}

// refused waits for the host's answer, which may come after all that is sent in advance has left.
func refused(t *testing.T, s platform.Staged) error {
	t.Helper()
	if err := s.Wait(t.Context()); err != nil {
		return err
	}
	<-s.(*staged).held.done
	return s.Wait(t.Context())
}

// A second process goes on where the first stopped, without an init.
func TestResume(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(tiktoksim.Fault{Endpoint: "upload", At: "before_effect", Do: "status", Status: 500, Skip: 1, Times: -1})
	b.hold.tries = 1
	p, l := b.video(64_000_001), &ledger{}
	if _, err := b.Stage(t.Context(), p, l); err == nil {
		t.Fatal("staged although TikTok took one chunk only")
	}
	b.fault()
	p.Receipt = l.receipt
	later := &ledger{}
	s := b.stage(p, later)
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Commit(t.Context(), s); err != nil || !out.Accepted {
		t.Fatalf("%+v, %v", out, err)
	}
	if post := b.onlyPost(); post.SHA256 != p.Media[0].SHA256 {
		t.Error("other bytes arrived")
	}
	if n := len(b.requests("video_init")); n != 1 || later.told() != "" {
		t.Errorf("%d inits, and the second process told %q", n, later.told())
	}
	// And nothing is left to send once all is there.
	if _, err := b.Stage(t.Context(), p, later); codeOf(err) != platform.CodeUploadWhole {
		t.Errorf("resumed a whole upload: %v", err)
	}
}

// The source must be what was promised; a shorter file never becomes a post.
func TestChangedFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, size := range []int64{12_000, 300_000} {
		p := b.video(size)
		p.Media[0].Open = func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(blocks(offset, size-1)), nil
		}
		s := b.stage(p, &ledger{})
		err := s.Wait(t.Context())
		if err == nil {
			_, err = b.Commit(t.Context(), s)
		}
		if codeOf(err) != codeMediaChanged || b.Classify(err).Class != platform.Content {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	b.sim.MoveClock(time.Hour)
	if n := len(b.sim.Posts()); n != 0 {
		t.Errorf("%d posts of half a file", n)
	}
}

func TestProgressHeader(t *testing.T) {
	p := usual.plan(64_000_001)
	for header, want := range map[string]int64{
		"bytes 0-16777216/64000001": 16_777_216, "bytes 0-16777215/64000001": 16_777_216, "bytes */64000001": 0, "bytes 0-0/64000001": 0,
		"bytes 0-64000001/64000001": 64_000_001, "bytes 0-64000000/64000001": 64_000_001,
		"": -1, "bytes": -1, "bytes 0-5/64000001": -1, "bytes 0-16777216/9": -1, "bytes 1-16777216/64000001": -1, "bytes 0--1/64000001": -1,
		"bytes 0-99999999999999999999/64000001": -1, "items 0-16777216/64000001": -1, "bytes 0-64000002/64000001": -1,
	} {
		if have, ok := p.progress(header); ok != (want >= 0) || ok && have != want {
			t.Errorf("%q: %d, %v; want %d", header, have, ok, want)
		}
	}
}
