package tiktoksim

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
)

// Entry is one line of the journal: a request, an effect it had, something the
// simulator did by itself, or a control action.
type Entry struct {
	Seq int64 `json:"seq"`
	// At is the simulator's clock, Wall the real one; they differ once the
	// clock was moved.
	At   time.Time `json:"at"`
	Wall time.Time `json:"wall"`
	// Kind is "request", "effect", "pull", "webhook", "fault" or "control".
	Kind string `json:"kind"`
	// Name is the endpoint of a request or what the effect was.
	Name   string `json:"name"`
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	Status int    `json:"status,omitempty"`
	// Code is error.code of an API answer or the OAuth error.
	Code      string `json:"code,omitempty"`
	LogID     string `json:"log_id,omitempty"`
	Creator   string `json:"creator,omitempty"`
	OpenID    string `json:"open_id,omitempty"`
	PublishID string `json:"publish_id,omitempty"`
	PostID    string `json:"post_id,omitempty"`
	// TookMS is how long the request took in real milliseconds.
	TookMS float64 `json:"took_ms,omitempty"`
	Detail Detail  `json:"detail,omitempty"`

	ended bool // the request is in the journal
}

// Detail holds what else is worth knowing about an entry. Tokens, upload URLs
// and pull URLs appear only as fingerprints.
type Detail map[string]any

// journalCap bounds memory in long runs: the oldest tenth goes when it is full.
const journalCap = 1_000_000

// journal is the append-only record. Readers that follow it wait on changed.
type journal struct {
	clock *Clock

	mu      sync.Mutex
	entries []Entry
	last    int64
	changed chan struct{} // nil while nobody waits
}

func newJournal(c *Clock) *journal {
	return &journal{clock: c}
}

// end adds the entry of a request that is over, once. Wall is when it began.
func (j *journal) end(e *Entry) {
	if e.ended {
		return
	}
	e.ended = true
	e.TookMS = float64(time.Since(e.Wall).Microseconds()) / 1000
	j.add(*e)
}

func (j *journal) add(e Entry) {
	if e.At.IsZero() {
		e.At = j.clock.Now()
	}
	if e.Wall.IsZero() {
		e.Wall = time.Now()
	}
	e.Wall = e.Wall.Round(0).UTC()
	j.mu.Lock()
	j.last++
	e.Seq = j.last
	if len(j.entries) >= journalCap {
		j.entries = append(j.entries[:0:0], j.entries[journalCap/10:]...)
	}
	j.entries = append(j.entries, e)
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
	j.mu.Unlock()
}

// since returns the entries after seq and a channel that closes when more come.
func (j *journal) since(seq int64) ([]Entry, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	if len(j.entries) == 0 || seq >= j.last {
		return nil, j.changed
	}
	from := max(0, seq+1-j.entries[0].Seq)
	// Entries never change once written, so readers may share the array.
	return j.entries[from:len(j.entries):len(j.entries)], j.changed
}

// Journal returns the entries whose sequence number is above since, in order.
func (s *Server) Journal(since int64) []Entry {
	list, _ := s.journal.since(since)
	return append([]Entry(nil), list...)
}

// fingerprint stands for a secret in the journal: equal secrets look equal,
// and nothing can be done with it.
func fingerprint(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return "#" + hex.EncodeToString(sum[:4])
}
