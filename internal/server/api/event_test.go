package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/api"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// follower reads an event stream as a browser does.
type follower struct {
	t     *testing.T
	lines *bufio.Scanner
	body  io.Closer
	last  string // id of the last event
}

// follow opens the stream. A stream that stays open for longer than any test may take is cut.
func (h *house) follow(prepare ...func(*http.Request)) *follower {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	h.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+api.Prefix+"/events", http.NoBody)
	must(h.t, err)
	for _, p := range prepare {
		p(req)
	}
	resp, err := http.DefaultClient.Do(req)
	must(h.t, err)
	h.t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		h.t.Fatalf("the stream: %s %v", resp.Status, resp.Header)
	}
	f := &follower{t: h.t, lines: bufio.NewScanner(resp.Body), body: resp.Body}
	if !f.lines.Scan() || f.lines.Text() != "retry: 2000" {
		h.t.Fatalf("the stream begins with %q", f.lines.Text())
	}
	return f
}

// next returns the next event; false when the stream ended.
func (f *follower) next() (event fields, ok bool) {
	f.t.Helper()
	for f.lines.Scan() {
		switch name, value, _ := strings.Cut(f.lines.Text(), ": "); name {
		case "id":
			f.last = value
		case "data":
			must(f.t, json.Unmarshal([]byte(value), &event))
			return event, true
		}
	}
	return nil, false
}

func (f *follower) kinds(n int) (kinds []string) {
	f.t.Helper()
	for range n {
		e, ok := f.next()
		if !ok {
			f.t.Fatalf("the stream ended after %v", kinds)
		}
		kind, _ := e["kind"].(string)
		kinds = append(kinds, kind)
	}
	return kinds
}

func (h *house) asKey(r *http.Request) { r.Header.Set("Authorization", "Bearer "+h.key) }

func TestEvents_TellAndGoOn(t *testing.T) {
	t.Parallel()
	h := build(t)
	f := h.follow(h.asKey)
	id := h.create().str("id")
	if diff := cmp.Diff([]string{"post.created"}, f.kinds(1)); diff != "" {
		t.Error(diff)
	}
	e, _ := f.next()
	if e["kind"] != "post.scheduled" || e["post_id"] != id || e["account_id"] != string(h.account.ID) || e["at"] == nil || len(e) != 4 {
		t.Errorf("told %v", e)
	}
	must(t, f.body.Close())
	h.request(http.MethodPost, "/posts/"+id+"/cancel", nil)
	again := h.follow(h.asKey, header("Last-Event-ID", f.last))
	if diff := cmp.Diff([]string{"post.cancelled"}, again.kinds(1)); diff != "" {
		t.Errorf("after coming back:\n%s", diff)
	}
	// What this journal never told is of another one.
	lost := h.follow(h.asKey, header("Last-Event-ID", "999999"))
	if diff := cmp.Diff([]string{"stream.reset"}, lost.kinds(1)); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		r := h.request(http.MethodGet, "/events", nil, header("Last-Event-ID", bad))
		checkProblem(t, bad, r)
		if r.status != 422 || r.str("code") != "invalid_event_id" || strings.Contains(r.text, "999999") {
			t.Errorf("Last-Event-ID %q: %d %s", bad, r.status, r.text)
		}
	}
}

// S2: nothing is told any more once the session, the key or the membership is gone, and the stream ends.
func TestS2_EventsEndWithTheRightToSeeThem(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, c := range map[string]struct {
		end func(h *house, who shippost.Actor, key string) error
		key bool
	}{
		"sign-out": {end: func(h *house, who shippost.Actor, _ string) error { return h.keeper.EndAll(ctx, who, false) }},
		"key revoked": {key: true, end: func(h *house, _ shippost.Actor, key string) error {
			owner := h.owner
			owner.Fresh = true
			return h.keeper.RevokeKey(ctx, owner, h.keyID(key))
		}},
		"member removed": {end: func(h *house, who shippost.Actor, _ string) error {
			return h.db.Update(ctx, func(tx *store.Tx) error { _, err := tx.DeleteMember(ctx, who.Workspace, who.User); return err })
		}},
		"user disabled": {key: true, end: func(h *house, who shippost.Actor, _ string) error {
			return h.db.Update(ctx, func(tx *store.Tx) error { _, err := tx.DisableUser(ctx, who.User, h.db.Now()); return err })
		}},
		"answer to a breach":      {end: func(h *house, _ shippost.Actor, _ string) error { _, err := h.breach.Answer(ctx); return err }},
		"answer to a breach, key": {key: true, end: func(h *house, _ shippost.Actor, _ string) error { _, err := h.breach.Answer(ctx); return err }},
		"session over":            {end: func(h *house, _ shippost.Actor, _ string) error { h.clock.Advance(31 * 24 * time.Hour); return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t)
			who := h.member(shippost.Editor)
			key, cookie := h.newKey(who), h.signIn(who)
			as := func(r *http.Request) { r.AddCookie(cookie) }
			if c.key {
				as = header("Authorization", "Bearer "+key)
			}
			f := h.follow(as)
			h.create()
			f.kinds(2)
			must(t, c.end(h, who, key))
			storetest.Update(t, h.db, func(tx *store.Tx) error {
				return tx.Record(ctx, shippost.Entry{Workspace: h.owner.Workspace, Kind: shippost.EntryPostScheduled, Actor: shippost.System(h.owner.Workspace)})
			})
			if e, ok := f.next(); ok {
				t.Errorf("still told: %v", e)
			}
		})
	}
}

// A revoked stream ends also when nothing happens.
func TestS2_QuietStreamsEndToo(t *testing.T) {
	t.Parallel()
	h := build(t)
	who := h.member(shippost.Viewer)
	cookie := h.signIn(who)
	f := h.follow(func(r *http.Request) { r.AddCookie(cookie) })
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		_, err := tx.DeleteSessions(t.Context(), who.User)
		return err
	})
	if e, ok := f.next(); ok {
		t.Errorf("told %v", e)
	}
}

func TestEvents_EndWhenTheServerStops(t *testing.T) {
	t.Parallel()
	h := build(t)
	f := h.follow(h.asKey)
	h.stop()
	if e, ok := f.next(); ok {
		t.Errorf("told %v", e)
	}
}
