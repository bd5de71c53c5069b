package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// verdict counts what the checker found. It reads the simulator's record and the public API, nothing else.
type verdict struct {
	posts      int // posts that were checked
	live       int // posts that viewers see
	fetches    int // answers with bytes of photos
	withdrawn  int // cancelled, failed or missed by rule, and not there
	untracked  int // handed over just before the account was disconnected: shown as unconfirmed
	lost       int
	duplicated int
	early      int
	other      int
	found      []string // each finding in words
}

func (v *verdict) add(o verdict) {
	v.posts, v.live, v.withdrawn = v.posts+o.posts, v.live+o.live, v.withdrawn+o.withdrawn
	v.untracked, v.fetches = v.untracked+o.untracked, v.fetches+o.fetches
	v.lost, v.duplicated, v.early, v.other = v.lost+o.lost, v.duplicated+o.duplicated, v.early+o.early, v.other+o.other
	v.found = append(v.found, o.found...)
}

func (v *verdict) fault(counter *int, format string, args ...any) {
	*counter++
	v.found = append(v.found, fmt.Sprintf(format, args...))
}

// seen is a line of the simulator's /_sim/posts.
type seen struct {
	Creator     string    `json:"creator"`
	PublishID   string    `json:"publish_id"`
	Caption     string    `json:"caption"`
	Files       []piece   `json:"files"`
	LastByteAt  time.Time `json:"last_byte_at"`
	FirstInitAt time.Time `json:"first_init_at"`
}

// piece is one file of a post as viewers see it.
type piece struct {
	SHA256 string `json:"sha256"`
}

// entry is a line of the simulator's journal.
type entry struct {
	Wall      time.Time `json:"wall"`
	Kind      string    `json:"kind"`
	Name      string    `json:"name"`
	Status    int       `json:"status"`
	Code      string    `json:"code"`
	PublishID string    `json:"publish_id"`
	Detail    struct {
		Bytes int64 `json:"bytes"`
	} `json:"detail"`
}

// check holds what viewers see against what owners were told, for every post of the world.
func (w *world) check(ctx context.Context) (verdict, error) {
	var v verdict
	var public []seen
	if err := w.control(ctx, http.MethodGet, "/_sim/posts", nil, &public); err != nil {
		return v, err
	}
	byOwner := map[string][]seen{}
	for _, p := range public {
		byOwner[p.Creator] = append(byOwner[p.Creator], p)
	}
	for _, s := range w.posts {
		if s.id == "" {
			continue // never acknowledged; its round says so
		}
		var err error
		if s.post, err = s.owner.api.Post(ctx, s.id); err != nil {
			return v, err
		}
		var mine []seen
		for _, p := range byOwner[s.owner.handle] {
			if strings.HasSuffix(p.Caption, s.base()) {
				mine = append(mine, p)
			}
		}
		v.judge(s, mine, w.settings)
	}
	if extra := len(public) - v.live - v.duplicated; extra > 0 {
		v.fault(&v.other, "%d posts are live that nobody asked for", extra)
	}
	return v, w.checkJournal(ctx, &v)
}

// base is the part of the caption that no edit takes away.
func (s *story) base() string { return s.caption[strings.LastIndex(s.caption, s.name()):] }

// judge holds one post against what is live of it, with what is known of the clocks.
func (v *verdict) judge(s *story, live []seen, settings []setting) {
	v.posts++
	name := fmt.Sprintf("%q (%s, told %q, ended %s)", s.caption, s.id, s.told, s.post.Status)
	if len(live) > 1 {
		v.fault(&v.duplicated, "%s is live %d times", name, len(live))
	}
	switch s.post.Status {
	case "posted":
		if len(live) == 0 {
			v.fault(&v.lost, "%s is not live", name)
		}
	case "cancelled", "failed", "missed":
		if len(live) > 0 {
			v.fault(&v.other, "%s is live", name)
		} else {
			v.withdrawn++
		}
	case "unconfirmed":
		v.untracked++
		if s.told != "disconnected" {
			v.fault(&v.other, "%s although it can be asked about", name)
		}
	default:
		v.fault(&v.lost, "%s has no end", name)
	}
	if wanted := s.wanted(); !strings.Contains(wanted, s.post.Status) {
		v.fault(&v.lost, "%s, wanted %s: %+v", name, wanted, s.post.Failure)
	}
	for _, p := range live {
		v.live++
		var hashes []string
		for _, f := range p.Files {
			hashes = append(hashes, f.SHA256)
		}
		if !slices.Equal(hashes, s.hashes) {
			v.fault(&v.other, "%s went out with other bytes: %s instead of %s", name, hashes, s.hashes)
		}
		if p.Caption != s.caption || s.post.Caption != s.caption {
			v.fault(&v.other, "%s went out as %q and is shown as %q", name, p.Caption, s.post.Caption)
		}
		if p.LastByteAt.Before(s.post.DueAt.Add(-earliness(settings, p.LastByteAt))) {
			v.fault(&v.early, "%s: the last byte left %s early", name, s.post.DueAt.Sub(p.LastByteAt))
		}
	}
	if len(live) > 1 {
		v.live -= len(live) - 1 // they are counted as duplicates
	}
}

// wanted is how the post may end, by what its owner was told.
func (s *story) wanted() string {
	switch s.told {
	case "cancelled":
		return "cancelled"
	case "stopping":
		return "cancelled posted" // the owner was told that it is one of them
	case "disconnected":
		return "posted failed unconfirmed" // by the moment it came
	}
	return "posted"
}

// checkJournal looks for what viewers do not see: limits of the platform that were met, each of which is a fault of ours,
// and bytes of photos that were given out before their post was due, after its cancellation, or to nobody's attempt.
func (w *world) checkJournal(ctx context.Context, v *verdict) error {
	owners := map[string]*story{}
	for _, s := range w.posts {
		if s.id == "" || !s.photos {
			continue
		}
		attempts, err := s.owner.api.Attempts(ctx, s.id)
		if err != nil {
			return err
		}
		for _, a := range attempts {
			if a.PublishID != "" {
				owners[a.PublishID] = s
			}
		}
	}
	return w.eachEntry(ctx, func(e entry) {
		switch {
		case e.Kind == "request" && e.Status == http.StatusTooManyRequests:
			v.fault(&v.other, "a limit of the platform was met: %s %s", e.Name, e.Code)
		case e.Kind == "pull" && e.Detail.Bytes > 0:
			v.fetches++
			switch s := owners[e.PublishID]; {
			case s == nil:
				v.fault(&v.other, "bytes of photos were given to %s, which no attempt knows", e.PublishID)
			case s.told == "cancelled":
				v.fault(&v.other, "bytes of %q were given out though it was cancelled", s.caption)
			case e.Wall.Before(s.post.DueAt.Add(-earliness(w.settings, e.Wall))):
				v.fault(&v.early, "bytes of %q were given out %s early", s.caption, s.post.DueAt.Sub(e.Wall))
			}
		}
	})
}

// eachEntry reads the simulator's journal.
func (w *world) eachEntry(ctx context.Context, do func(entry)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.simURL+"/_sim/journal", nil)
	if err != nil {
		return err
	}
	resp, err := w.simWeb.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	for {
		var e entry
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		do(e)
	}
}
