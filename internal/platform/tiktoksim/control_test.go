package tiktoksim_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

func TestKnobsOverHTTP(t *testing.T) {
	w := begin(t)
	get := func() tiktoksim.Knobs {
		t.Helper()
		_, text := w.control(http.MethodGet, "/_sim/knobs", nil)
		var k tiktoksim.Knobs
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			t.Fatal(err)
		}
		return k
	}
	want := tiktoksim.DefaultKnobs()
	if diff := cmp.Diff(want, get()); diff != "" {
		t.Errorf("at the start the knobs are not the strict profile (-want +got):\n%s", diff)
	}
	change := `{"rules":{"daily_cap":false},"processing":{"delay":"90s"},"faults":[{"endpoint":"status","at":"before_effect","do":"reset"}]}`
	if status, text := w.control(http.MethodPut, "/_sim/knobs", change); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	want.Rules.DailyCap, want.Processing.Delay = false, tiktoksim.Duration(90*time.Second)
	want.Faults = []tiktoksim.Fault{{Endpoint: "status", At: "before_effect", Do: "reset"}}
	if diff := cmp.Diff(want, get()); diff != "" {
		t.Errorf("a change changes what it names and nothing else (-want +got):\n%s", diff)
	}
	for _, bad := range []string{
		`{"rulez":{}}`, `{"rules":{"daily":false}}`, `{"token":{"rotate":"daily"}}`, `{"processing":{"delay":5}}`, `{"processing":{"delay":"soon"}}`,
		`{"token":{"error_status":500}}`, `{"upload":{"missing_range_status":404}}`, `{"webhook":{"copies":0}}`, `{"faults":[{}]}`,
		`{"faults":[{"endpoint":"status","at":"before_effect","do":"reset","when":1}]}`, `{} {}`, `{`, ``,
		`{"processing":{"fail_reason":"bad_luck"}}`,
	} {
		if status, text := w.control(http.MethodPut, "/_sim/knobs", bad); status != 400 || !strings.Contains(text, `"error"`) {
			t.Errorf("%s: %d %s, want 400 and a reason", bad, status, text)
		}
	}
	if diff := cmp.Diff(want, get()); diff != "" {
		t.Errorf("a refused change changed something (-want +got):\n%s", diff)
	}
	w.control(http.MethodDelete, "/_sim/knobs", nil)
	if diff := cmp.Diff(tiktoksim.DefaultKnobs(), get()); diff != "" {
		t.Errorf("after the reset (-want +got):\n%s", diff)
	}
}

func TestCreatorsOverHTTP(t *testing.T) {
	w := begin(t)
	if status, text := w.control(http.MethodPost, "/_sim/creators", object{"handle": "new.comer", "nickname": "Newcomer", "private": true}); status != 200 {
		t.Fatal(status, text)
	}
	if status, text := w.control(http.MethodPost, "/_sim/creators", object{"handle": "new.comer", "banned": true}); status != 200 {
		t.Fatal(status, text)
	}
	all := w.Creators()
	got := all[len(all)-1]
	if got.Nickname != "Newcomer" || !got.Private || !got.Banned || got.OpenID == "" || got.MaxVideoSeconds != 600 || len(all) != len(tiktoksim.SampleCreators())+1 {
		t.Errorf("the creator is %+v of %d", got, len(all))
	}
	for _, bad := range []object{{"handle": ""}, {"handle": "UPPER"}, {"handle": "x"}, {"handle": "a/b"}, {"handle": "ok.ok", "colour": "red"},
		{"handle": "ok.ok", "open_id": got.OpenID}, {"handle": "ok.ok", "max_video_seconds": -1}} {
		if status, text := w.control(http.MethodPost, "/_sim/creators", bad); status != 400 {
			t.Errorf("%v: %d %s, want 400", bad, status, text)
		}
	}
	status, text := w.control(http.MethodPost, "/_sim/tokens", object{"handle": "new.comer", "scopes": []string{"video.publish"}})
	var tokens tiktoksim.Tokens
	if json.Unmarshal([]byte(text), &tokens); status != 200 || tokens.OpenID != got.OpenID || tokens.Scope != "video.publish" {
		t.Errorf("tokens: %d %s", status, text)
	}
	for _, bad := range []object{{"handle": "nobody"}, {"handle": "new.comer", "scopes": []string{"x"}}} {
		if status, _ := w.control(http.MethodPost, "/_sim/tokens", bad); status != 400 {
			t.Errorf("%v: %d, want 400", bad, status)
		}
	}
}

func TestClockOverHTTP(t *testing.T) {
	w := begin(t)
	id := w.upload(w.connect("mara.moves"), file(t, "h264.mp4"))
	for _, c := range []struct {
		body object
		want string
	}{
		{object{"advance": "1h"}, "2026-11-02T11:00:00Z"},
		{object{"now": "2030-01-01T00:00:00+01:00"}, "2029-12-31T23:00:00Z"},
		{object{"advance": "-24h"}, "2029-12-30T23:00:00Z"},
	} {
		status, text := w.control(http.MethodPost, "/_sim/clock", c.body)
		var got struct{ Now string }
		if json.Unmarshal([]byte(text), &got); status != 200 || got.Now != c.want {
			t.Errorf("%v: %d %s, want %s", c.body, status, text, c.want)
		}
	}
	// The first move was past processing: its effects happened before it answered.
	if p := w.Posts(); len(p) != 1 || p[0].PublishID != id || p[0].PublishedAt.Format(time.RFC3339) != "2026-11-02T10:00:02Z" {
		t.Errorf("posts are %+v, want one published two seconds after its last byte", p)
	}
	for _, bad := range []object{{"now": "tomorrow"}, {"advance": "soon"}, {"now": "2030-01-01T00:00:00Z", "advance": "1h"}, {"later": 1}} {
		if status, _ := w.control(http.MethodPost, "/_sim/clock", bad); status != 400 {
			t.Errorf("%v: %d, want 400", bad, status)
		}
	}
	if status, text := w.control(http.MethodPost, "/_sim/clock", object{"freeze": false}); status != 200 || !strings.Contains(text, `"frozen":false`) {
		t.Errorf("thaw: %d %s", status, text)
	}
}

// TestJournalTellsEverythingInOrder reads the lines of one post's life.
func TestJournalTellsEverythingInOrder(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	w.upload(token, file(t, "h264.mp4"))
	w.MoveClock(processing)
	_, text := w.control(http.MethodGet, "/_sim/journal", nil)
	var names []string
	var last int64
	for line := range strings.Lines(text) {
		var e tiktoksim.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.Seq != last+1 || e.At.IsZero() || e.Wall.IsZero() {
			t.Errorf("entry %+v after number %d", e, last)
		}
		last = e.Seq
		names = append(names, e.Kind+" "+e.Name)
	}
	want := []string{"control connected", "effect init_accepted", "request video_init", "effect upload_started", "effect upload_complete",
		"request upload", "effect published", "effect publicly_available"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("the journal (-want +got):\n%s", diff)
	}
	_, rest := w.control(http.MethodGet, "/_sim/journal?since=6", nil)
	if n := strings.Count(rest, "\n"); n != 2 {
		t.Errorf("since=6 gave %d lines, want 2", n)
	}
}

// TestJournalFollows streams entries as they come.
func TestJournalFollows(t *testing.T) {
	w := begin(t)
	w.connect("mara.moves")
	resp, err := http.Get(w.URL + "/_sim/journal?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for _, want := range []string{`"connected"`, `"creator_info"`} {
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Fatalf("the line is %q, want one with %s", lines.Text(), want)
		}
		if want == `"connected"` {
			w.api(w.connect("quiet.kiln"), creatorInfo, "")
			if !lines.Scan() {
				t.Fatal("the second connection did not come")
			}
		}
	}
}

// TestJournalHoldsNoSecrets: tokens, codes, upload URLs and pull URLs appear as
// fingerprints only.
func TestJournalHoldsNoSecrets(t *testing.T) {
	w := begin(t, registered)
	code := w.consent("mara.moves").Get("code")
	signedIn := w.exchange(code)
	refreshed := w.refresh(signedIn.RefreshToken)
	a := w.api(refreshed.AccessToken, videoInit, videoBody(100))
	w.put(chunk{url: a.Data.UploadURL, body: make([]byte, 100), total: 100})
	w.put(chunk{url: a.Data.UploadURL + "x", body: make([]byte, 100), total: 100})
	secrets := []string{code, signedIn.AccessToken, signedIn.RefreshToken, refreshed.AccessToken, refreshed.RefreshToken,
		a.Data.UploadURL[strings.Index(a.Data.UploadURL, "upload_token=")+13:], tiktoksim.DefaultClientSecret}
	h := w.host(served(jpegOf(t, 640, 640)))
	_, before := w.control(http.MethodGet, "/_sim/journal", nil)
	h.end(h.startPhotos(2, "DIRECT_POST"))
	_, after := w.control(http.MethodGet, "/_sim/journal", nil)
	_, posts := w.control(http.MethodGet, "/_sim/publishes", nil)
	for _, secret := range append(secrets, "secret=0", "photos.example.com") {
		if strings.Contains(before+after+posts, secret) {
			t.Errorf("%q is there", secret)
		}
	}
}

// TestControlRefusesOtherSites: a page elsewhere must not move the clock.
func TestControlRefusesOtherSites(t *testing.T) {
	w := begin(t)
	r, _ := http.NewRequest(http.MethodPost, w.URL+"/_sim/clock", strings.NewReader(`{"advance":"1h"}`))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, _, err := w.do(r)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("answered %v %v, want 403", resp, err)
	}
}

func TestPublishesTellWhatIsUnderWay(t *testing.T) {
	w := begin(t)
	id := w.api(w.connect("mara.moves"), videoInit, videoBody(100)).Data.PublishID
	if n := len(w.Posts()); n != 0 {
		t.Errorf("%d posts although nothing was published", n)
	}
	all := w.Publishes()
	if len(all) != 1 || all[0].PublishID != id || all[0].Status != "PROCESSING_UPLOAD" || all[0].DeclaredSize != 100 || all[0].PostID != "" {
		t.Errorf("publishes are %+v", all)
	}
	_, text := w.control(http.MethodGet, "/_sim/posts", nil)
	if strings.TrimSpace(text) != "[]" {
		t.Errorf("/_sim/posts says %s, want an empty list", text)
	}
}

func TestControlErrors(t *testing.T) {
	w := begin(t)
	for path, body := range map[string]object{
		"/_sim/revoke":           {"handle": "nobody"},
		"/_sim/revoke?":          {"handle": "mara.moves", "reason": 9},
		"/_sim/drafts/x/post":    {},
		"/_sim/drafts/x/delete":  {},
		"/_sim/posts/1/hide":     {},
		"/_sim/posts/x/hide":     {},
		"/_sim/drafts/y/post?":   {"privacy_level": "ALL"},
		"/_sim/release?":         {"nom": "x"},
		"/_sim/creators?nothing": nil,
	} {
		if status, text := w.control(http.MethodPost, path, body); status != 400 || !strings.Contains(text, "error") {
			t.Errorf("%s: %d %s, want 400 and a reason", path, status, text)
		}
	}
}

func TestNewRefusesImpossibleOptions(t *testing.T) {
	for name, o := range map[string]tiktoksim.Options{
		"knobs":    {Knobs: func(k *tiktoksim.Knobs) { k.Token.Rotate = "daily" }},
		"creators": {Creators: []tiktoksim.Creator{{Handle: "UPPER"}}},
		"folder":   {Dir: "/nonexistent/folder"},
	} {
		if _, err := tiktoksim.New(o); err == nil {
			t.Errorf("impossible %s were accepted", name)
		}
	}
	if !slices.ContainsFunc(tiktoksim.SampleCreators(), func(c tiktoksim.Creator) bool { return c.Business }) {
		t.Error("no business account among the samples")
	}
}
