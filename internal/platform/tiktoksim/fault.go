package tiktoksim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault is a scripted failure: which calls it meets, when in the call it
// strikes, and what it does.
type Fault struct {
	// Name appears in the journal and releases a stall (POST /_sim/release).
	Name string `json:"name,omitempty"`
	// Endpoint is one of token, revoke, user_info, creator_info, video_init,
	// inbox_init, content_init, status, cancel, upload; "*" is every one.
	Endpoint string `json:"endpoint"`
	// Creator (a handle) limits the fault to one creator's calls.
	Creator string `json:"creator,omitempty"`
	// FinalChunk limits it to the PUT that completes an upload.
	FinalChunk bool `json:"final_chunk,omitempty"`
	// At is before_effect, after_effect_before_reply, mid_reply, or for
	// uploads mid_body (after AfterBytes bytes of the body were read).
	At         string `json:"at"`
	AfterBytes int64  `json:"after_bytes,omitempty"`
	// Do is status, refuse, reset, stall or slow. A stalled or slowed call goes
	// on normally afterwards. refuse answers the error Code of TikTok contract 5
	// with its own status, as if a rule had come to it.
	Do     string `json:"do"`
	Status int    `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
	// For is how long a stall lasts or a slow reply takes (real time); a stall
	// without it lasts until released.
	For Duration `json:"for,omitempty"`
	// Of the matching calls, Skip pass first, then every Every-th (default 1)
	// is met with Probability (0 means always), Times times in all (0: once,
	// -1: always).
	Skip        int     `json:"skip,omitempty"`
	Every       int     `json:"every,omitempty"`
	Times       int     `json:"times,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
}

const (
	beforeEffect = "before_effect"
	afterEffect  = "after_effect_before_reply"
	midReply     = "mid_reply"
	midBody      = "mid_body"
)

var faultEndpoints = []string{
	"*", "token", "revoke", "user_info", "creator_info", "video_init", "inbox_init", "content_init", "status", "cancel", "upload",
}

func (f *Fault) validate() error {
	if !slices.Contains(faultEndpoints, f.Endpoint) {
		return fmt.Errorf("endpoint cannot be %q; choose one of %q", f.Endpoint, faultEndpoints)
	}
	if moments := []string{beforeEffect, afterEffect, midReply, midBody}; !slices.Contains(moments, f.At) {
		return fmt.Errorf("at cannot be %q; choose one of %q", f.At, moments)
	}
	if f.At == midBody && f.Endpoint != "upload" {
		return errors.New("mid_body is for uploads")
	}
	switch f.Do {
	case "status":
		if f.Status < 400 || f.Status > 599 {
			return fmt.Errorf("status cannot be %d; choose 400 to 599", f.Status)
		}
		if f.At == midReply || f.At == midBody {
			return errors.New("a status can be answered before_effect or after_effect_before_reply")
		}
	case "refuse":
		if documented(f.Code) == nil {
			return fmt.Errorf("code cannot be %q; choose one of TikTok's error table", f.Code)
		}
		if f.At != beforeEffect || slices.Contains([]string{"*", "token", "revoke", "upload"}, f.Endpoint) {
			return errors.New("refuse is for API calls before_effect")
		}
	case "reset", "stall":
	case "slow":
		if f.For <= 0 {
			return errors.New("slow needs for")
		}
	default:
		return fmt.Errorf("do cannot be %q; choose status, refuse, reset, stall or slow", f.Do)
	}
	if f.Probability < 0 || f.Probability > 1 {
		return fmt.Errorf("probability cannot be %v", f.Probability)
	}
	return nil
}

// faultState is a Fault with its counters.
type faultState struct {
	Fault
	seen, met int
	random    *rand.Rand
}

// faults decides which call meets which fault. It is replaced as a whole when
// the knob is written.
type faults struct {
	mu   sync.Mutex
	list []*faultState

	stalls map[string]chan struct{} // released by name
}

func newFaults() *faults { return &faults{stalls: map[string]chan struct{}{}} }

func (fs *faults) replace(list []Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
	for _, f := range list {
		fs.list = append(fs.list, &faultState{Fault: f, random: rand.New(rand.NewPCG(f.Seed, 1))})
	}
}

// pick returns the fault that this call meets, or nil.
func (fs *faults) pick(endpoint, handle string, final bool) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.list {
		if f.Endpoint != "*" && f.Endpoint != endpoint || f.Creator != "" && f.Creator != handle || f.FinalChunk && !final {
			continue
		}
		f.seen++
		if f.meets() {
			f.met++
			met := f.Fault
			return &met
		}
	}
	return nil
}

func (f *faultState) meets() bool {
	times := f.Times
	if times == 0 {
		times = 1
	}
	if n := f.seen - f.Skip; n < 1 || times > 0 && f.met >= times || (n-1)%max(1, f.Every) != 0 {
		return false
	}
	return f.Probability == 0 || f.random.Float64() < f.Probability
}

// release lets the calls go on that wait in the stall of that name.
func (fs *faults) release(name string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if c := fs.stalls[name]; c != nil {
		close(c)
		delete(fs.stalls, name)
	}
}

func (fs *faults) gate(name string) <-chan struct{} {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.stalls[name] == nil {
		fs.stalls[name] = make(chan struct{})
	}
	return fs.stalls[name]
}

// stall waits until the fault's time is over, it is released, the client goes
// away or the simulator closes.
func (s *Server) stall(f *Fault, r *http.Request) {
	var over <-chan time.Time
	if f.For > 0 {
		t := time.NewTimer(time.Duration(f.For))
		defer t.Stop()
		over = t.C
	}
	select {
	case <-over:
	case <-s.faults.gate(f.Name):
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
}

// strike performs a fault that belongs to the given moment. It reports whether
// the call is over.
func (s *Server) strike(f *Fault, at string, w http.ResponseWriter, r *http.Request, e *Entry, failure func(status int) []byte) bool {
	if f == nil || f.At != at {
		return false
	}
	s.journal.add(Entry{Kind: "fault", Name: f.Do, Creator: e.Creator, OpenID: e.OpenID, PublishID: e.PublishID,
		Detail: Detail{"endpoint": e.Name, "at": f.At, "fault": f.Name}})
	switch f.Do {
	case "status":
		body := failure(f.Status)
		e.Status, e.Code = f.Status, "internal_error"
		if len(body) > 0 {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		w.WriteHeader(f.Status)
		w.Write(body)
		return true
	case "reset":
		e.Detail = e.Detail.with("fault", "reset "+at)
		s.journal.end(e) // whoever sees the cut finds the request recorded
		if at == midReply && e.Name == "upload" {
			reset(w, "HTTP/1.1 20")
		} else {
			reset(w, "")
		}
		return true
	case "stall":
		s.stall(f, r)
		return r.Context().Err() != nil
	case "slow":
		if at != midReply {
			s.stall(f, r)
		}
	}
	return false
}

// send writes a reply, through a mid_reply fault if there is one.
func (s *Server) send(f *Fault, w http.ResponseWriter, r *http.Request, e *Entry, status int, body []byte) {
	e.Status = status
	if f == nil || f.At != midReply {
		w.WriteHeader(status)
		w.Write(body)
		return
	}
	if len(body) == 0 && f.Do == "reset" {
		// The middle of an empty reply lies in its status line: with the whole
		// head the client would have everything there is.
		s.strike(f, midReply, w, r, e, nil)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	half := len(body) / 2
	w.Write(body[:half])
	http.NewResponseController(w).Flush()
	if s.strike(f, midReply, w, r, e, nil) {
		return
	}
	if f.Do == "slow" {
		s.trickle(w, r, body[half:], time.Duration(f.For))
		return
	}
	w.Write(body[half:])
}

func (s *Server) trickle(w http.ResponseWriter, r *http.Request, body []byte, over time.Duration) {
	if len(body) == 0 {
		return
	}
	tick := time.NewTicker(max(time.Millisecond, over/time.Duration(len(body))))
	defer tick.Stop()
	for i := range body {
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
		_, _ = w.Write(body[i : i+1])
		http.NewResponseController(w).Flush()
	}
}

// reset cuts the connection so that the client sees a reset after the last
// words, not an answer.
func reset(w http.ResponseWriter, words string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 or a recorder: end the stream without an answer instead.
		panic(http.ErrAbortHandler)
	}
	_, _ = conn.Write([]byte(words))
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// with returns d with one more field.
func (d Detail) with(key string, value any) Detail {
	if d == nil {
		d = Detail{}
	}
	d[key] = value
	return d
}
