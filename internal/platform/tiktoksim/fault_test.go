package tiktoksim_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

func (w *world) faults(list ...tiktoksim.Fault) {
	w.t.Helper()
	w.knobs(func(k *tiktoksim.Knobs) { k.Faults = list })
}

// try posts JSON and returns the status, the text, or the error of the wire.
func (w *world) try(token, path string, body string) (int, string, error) {
	r, _ := http.NewRequest(http.MethodPost, w.URL+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, text, err := w.do(r)
	if resp == nil {
		return 0, text, err
	}
	return resp.StatusCode, text, err
}

const initText = `{"post_info":{"privacy_level":"SELF_ONLY"},"source_info":{"source":"FILE_UPLOAD","video_size":100,"chunk_size":100,"total_chunk_count":1}}`

// TestFaultMoments: the same failure before or after the effect looks alike to
// the client, and differs in what has happened.
func TestFaultMoments(t *testing.T) {
	for _, c := range []struct {
		fault   tiktoksim.Fault
		status  int // 0: no whole answer
		effects int
	}{
		{tiktoksim.Fault{At: "before_effect", Do: "status", Status: 503}, 503, 0},
		{tiktoksim.Fault{At: "after_effect_before_reply", Do: "status", Status: 502}, 502, 1},
		{tiktoksim.Fault{At: "before_effect", Do: "reset"}, 0, 0},
		{tiktoksim.Fault{At: "after_effect_before_reply", Do: "reset"}, 0, 1},
		{tiktoksim.Fault{At: "mid_reply", Do: "reset"}, 0, 1},
		{tiktoksim.Fault{At: "mid_reply", Do: "slow", For: tiktoksim.Duration(20 * time.Millisecond)}, 200, 1},
		{tiktoksim.Fault{At: "before_effect", Do: "slow", For: tiktoksim.Duration(time.Millisecond)}, 200, 1},
		{tiktoksim.Fault{At: "before_effect", Do: "stall", For: tiktoksim.Duration(time.Millisecond)}, 200, 1},
	} {
		t.Run(c.fault.At+" "+c.fault.Do, func(t *testing.T) {
			w := begin(t)
			c.fault.Endpoint = "video_init"
			w.faults(c.fault)
			token := w.connect("mara.moves")
			status, text, err := w.try(token, videoInit, initText)
			if c.status == 0 && err == nil || c.status != 0 && (err != nil || status != c.status) {
				t.Errorf("came to %d %q %v, want status %d", status, text, err, c.status)
			}
			if n := len(w.Publishes()); n != c.effects {
				t.Errorf("%d inits happened, want %d", n, c.effects)
			}
			if status, _, err := w.try(token, videoInit, initText); status != 200 || err != nil {
				t.Errorf("the next call met the fault again: %d %v", status, err)
			}
		})
	}
}

// TestResetIsAReset: the client sees ECONNRESET or the end, not an answer.
func TestResetIsAReset(t *testing.T) {
	w := begin(t)
	w.faults(tiktoksim.Fault{Endpoint: "status", At: "before_effect", Do: "reset"})
	_, _, err := w.try(w.connect("mara.moves"), statusFetch, "{}")
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("the error is %v", err)
	}
}

// TestFaultSelection: which calls are met.
func TestFaultSelection(t *testing.T) {
	base := tiktoksim.Fault{Endpoint: "creator_info", At: "before_effect", Do: "status", Status: 500}
	with := func(change func(*tiktoksim.Fault)) tiktoksim.Fault { f := base; change(&f); return f }
	for _, c := range []struct {
		name  string
		fault tiktoksim.Fault
		want  string // . passes, x is met
	}{
		{"once", base, "x......."},
		{"third call", with(func(f *tiktoksim.Fault) { f.Skip = 2 }), "..x....."},
		{"three times", with(func(f *tiktoksim.Fault) { f.Times = 3 }), "xxx....."},
		{"always", with(func(f *tiktoksim.Fault) { f.Times = -1 }), "xxxxxxxx"},
		{"every third, always", with(func(f *tiktoksim.Fault) { f.Times, f.Every = -1, 3 }), "x..x..x."},
		{"every second after the first, twice", with(func(f *tiktoksim.Fault) { f.Skip, f.Times, f.Every = 1, 2, 2 }), ".x.x...."},
		{"any endpoint", with(func(f *tiktoksim.Fault) { f.Endpoint = "*" }), "x......."},
		{"another endpoint", with(func(f *tiktoksim.Fault) { f.Endpoint = "status" }), "........"},
		{"this creator", with(func(f *tiktoksim.Fault) { f.Creator = "mara.moves" }), "x......."},
		{"another creator", with(func(f *tiktoksim.Fault) { f.Creator = "quiet.kiln" }), "........"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			w.faults(c.fault)
			if got := w.pattern(8); got != c.want {
				t.Errorf("met %s, want %s", got, c.want)
			}
		})
	}
	t.Run("by chance, the same for the same seed", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Limits.CreatorInfo = 0 })
		chance := with(func(f *tiktoksim.Fault) { f.Times, f.Probability, f.Seed = -1, 0.5, 7 })
		w.faults(chance)
		first := w.pattern(40)
		w.faults(chance)
		if again := w.pattern(40); again != first {
			t.Errorf("seed 7 met %s, then %s", first, again)
		}
		if !strings.Contains(first, "x") || !strings.Contains(first, ".") {
			t.Errorf("a probability of one half met %s", first)
		}
	})
}

func (w *world) pattern(n int) string {
	w.t.Helper()
	token := w.connect("mara.moves")
	var b strings.Builder
	for range n {
		status, _, err := w.try(token, creatorInfo, "")
		if err != nil {
			w.t.Fatal(err)
		}
		b.WriteByte(map[bool]byte{true: '.', false: 'x'}[status == 200])
	}
	return b.String()
}

// TestStallUntilReleased holds a call until it is let go.
func TestStallUntilReleased(t *testing.T) {
	w := begin(t)
	w.faults(tiktoksim.Fault{Name: "gate", Endpoint: "video_init", At: "after_effect_before_reply", Do: "stall"})
	token, answered := w.connect("mara.moves"), make(chan string, 1)
	go func() {
		status, _, err := w.try(token, videoInit, initText)
		answered <- fmt.Sprint(status, err)
	}()
	w.eventually("the effect has happened", func() bool { return len(w.Publishes()) == 1 })
	select {
	case got := <-answered:
		t.Fatalf("the stalled call was answered: %s", got)
	default:
	}
	w.eventually("the call is released", func() bool {
		if status, text := w.control(http.MethodPost, "/_sim/release", object{"name": "gate"}); status != 200 {
			t.Fatal(status, text)
		}
		select {
		case got := <-answered:
			if got != "200 <nil>" {
				t.Errorf("the released call came to %s", got)
			}
			return true
		default:
			return false
		}
	})
}

// TestUploadFaults: what a PUT can meet, and what is stored afterwards.
func TestUploadFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  tiktoksim.Fault
		status int   // 0: no answer
		stored int64 // of 100 bytes
	}{
		{"5xx before storing", tiktoksim.Fault{At: "before_effect", Do: "status", Status: 500}, 500, 0},
		{"5xx after storing", tiktoksim.Fault{At: "after_effect_before_reply", Do: "status", Status: 504}, 504, 100},
		{"reset midway", tiktoksim.Fault{At: "mid_body", AfterBytes: 60, Do: "reset"}, 0, 0},
		{"stall midway", tiktoksim.Fault{At: "mid_body", AfterBytes: 60, Do: "stall", For: tiktoksim.Duration(time.Millisecond)}, 201, 100},
		{"reset after storing the final chunk", tiktoksim.Fault{At: "after_effect_before_reply", Do: "reset", FinalChunk: true}, 0, 100},
		{"reset in the answer", tiktoksim.Fault{At: "mid_reply", Do: "reset"}, 0, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			c.fault.Endpoint = "upload"
			w.faults(c.fault)
			token := w.connect("mara.moves")
			a := w.api(token, videoInit, videoBody(100))
			resp, err := w.tryPut(chunk{url: a.Data.UploadURL, body: make([]byte, 100), total: 100})
			if c.status == 0 && err == nil || c.status != 0 && (err != nil || resp.StatusCode != c.status) {
				t.Errorf("came to %v %v, want status %d", resp, err, c.status)
			}
			if n := w.status(token, a.Data.PublishID).Data.Uploaded; n != c.stored {
				t.Errorf("%d bytes are stored, want %d", n, c.stored)
			}
		})
	}
	t.Run("final chunk only", func(t *testing.T) {
		w := begin(t)
		w.faults(tiktoksim.Fault{Endpoint: "upload", At: "before_effect", Do: "status", Status: 500, FinalChunk: true})
		u := w.newUpload(11*mib, plan(11*mib, 5*mib, 2))
		if resp := w.put(chunk{url: u, body: make([]byte, 5*mib), total: 11 * mib}); resp.StatusCode != 206 {
			t.Errorf("the first chunk answered %d", resp.StatusCode)
		}
		if resp := w.put(chunk{url: u, body: make([]byte, 6*mib), first: 5 * mib, total: 11 * mib}); resp.StatusCode != 500 {
			t.Errorf("the final chunk answered %d", resp.StatusCode)
		}
	})
}

// TestTokenFaults: OAuth failures keep the OAuth form.
func TestTokenFaults(t *testing.T) {
	w := begin(t)
	tokens, _ := w.Connect("mara.moves")
	w.faults(tiktoksim.Fault{Endpoint: "token", Creator: "mara.moves", At: "before_effect", Do: "status", Status: 503})
	if a := w.refresh(tokens.RefreshToken); a.HTTP != 503 || a.Error != "server_error" {
		t.Errorf("answered %d %s", a.HTTP, a.Raw)
	}
	if a := w.refresh(tokens.RefreshToken); a.Error != "" {
		t.Errorf("the token was used up by a fault before the effect: %s", a.Raw)
	}
}

func TestImpossibleFaultsAreRefused(t *testing.T) {
	w := begin(t)
	for _, f := range []tiktoksim.Fault{
		{Endpoint: "nonsense", At: "before_effect", Do: "reset"},
		{Endpoint: "status", At: "whenever", Do: "reset"},
		{Endpoint: "status", At: "before_effect", Do: "explode"},
		{Endpoint: "status", At: "before_effect", Do: "status"},
		{Endpoint: "status", At: "mid_reply", Do: "status", Status: 500},
		{Endpoint: "status", At: "mid_body", Do: "reset"},
		{Endpoint: "status", At: "mid_reply", Do: "slow"},
		{Endpoint: "status", At: "mid_reply", Do: "reset", Probability: 2},
	} {
		if err := w.SetKnobs(func(k *tiktoksim.Knobs) { k.Faults = []tiktoksim.Fault{f} }); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}
