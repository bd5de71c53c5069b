package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost/client"
)

// serve runs a server and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c, err := client.New(s.URL, client.Options{Key: "sp_test", Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(w http.ResponseWriter, status int, body any) {
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

type object = map[string]any

func TestNew_Addresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "shippost.example", "http://shippost.example", "http://10.0.0.1:8080", "ftp://localhost", "https://", "https://user@shippost.example",
		"https://shippost.example?x=1", "http://localhost.evil.example"} {
		if _, err := client.New(bad, client.Options{Key: "sp_x"}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, good := range []string{"https://shippost.example", "https://shippost.example/", "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"} {
		if _, err := client.New(good, client.Options{Key: "sp_x"}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, key := range []string{"", "sp_x\r\nX-Evil: 1", "sp x"} {
		if _, err := client.New("https://shippost.example", client.Options{Key: key}); err == nil {
			t.Errorf("key %q is taken", key)
		}
	}
}

func TestError_TellsEverything(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 422, object{"status": 422, "code": "caption_too_long", "detail": "Too long.", "field": "caption", "remedy": "edit", "retryable": false, "request_id": "req_1",
			"problems": []object{{"code": "caption_too_long", "message": "Too long.", "severity": "block"}, {"code": "consent_missing", "message": "Agree first.", "severity": "block"}}})
	})
	_, err := c.CreatePost(t.Context(), client.NewPost{}, "")
	var e *client.Error
	if !errors.As(err, &e) || !client.HasCode(err, "caption_too_long") || client.HasCode(err, "other") {
		t.Fatalf("got %v", err)
	}
	want := &client.Error{Status: 422, Code: "caption_too_long", Message: "Too long.", Field: "caption", Remedy: "edit", RequestID: "req_1", Problems: []client.Problem{
		{Code: "caption_too_long", Message: "Too long.", Severity: "block"}, {Code: "consent_missing", Message: "Agree first.", Severity: "block"}}}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, part := range []string{"Too long.", "Agree first.", "caption_too_long", "req_1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// TestRepeats: what may be repeated is repeated until it works; what may not is tried once.
func TestRepeats(t *testing.T) {
	t.Parallel()
	hangUp := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"id":`)
		panic(http.ErrAbortHandler)
	}
	status := func(status int, code string, retryable bool) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			answer(w, status, object{"code": code, "retryable": retryable})
		}
	}
	read := func(c *client.Client) error { _, err := c.Post(t.Context(), "post_1"); return err }
	create := func(c *client.Client) error { _, err := c.CreatePost(t.Context(), client.NewPost{}, ""); return err }
	edit := func(c *client.Client) error { _, err := c.EditPost(t.Context(), "post_1", client.Change{}); return err }
	cancel := func(c *client.Client) error { _, err := c.CancelPost(t.Context(), "post_1"); return err }
	for _, c := range []struct {
		name   string
		call   func(*client.Client) error
		first  func(http.ResponseWriter)
		repeat bool
	}{
		{"read, line cut", read, hangUp, true},
		{"read, half an answer", read, half, true},
		{"read, gateway error", read, status(502, "", false), true},
		{"read, not found", read, status(404, "post_not_found", false), false},
		{"create, line cut", create, hangUp, true},
		{"create, half an answer", create, half, true},
		{"create, refused", create, status(422, "caption_too_long", false), false},
		{"create, account full", create, status(429, "too_many_scheduled", true), false},
		{"create, too fast", create, status(429, "rate_limited", true), true},
		{"edit, line cut", edit, hangUp, false},
		{"edit, gateway error", edit, status(502, "", false), false},
		{"edit, server busy", edit, status(503, "busy", true), true},
		{"cancel, line cut", cancel, hangUp, true},
		{"cancel, too late", cancel, status(409, "already_handed_over", false), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			var keys [2]string
			cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
				n := calls.Add(1)
				if n <= 2 {
					keys[n-1] = r.Header.Get("Idempotency-Key")
				}
				if n == 1 {
					c.first(w)
					return
				}
				answer(w, 200, object{"id": "post_1"})
			})
			err := c.call(cl)
			if c.repeat != (err == nil) || c.repeat != (calls.Load() == 2) {
				t.Errorf("%d requests, %v", calls.Load(), err)
			}
			if strings.HasPrefix(c.name, "create") && (keys[0] == "" || c.repeat && keys[0] != keys[1]) {
				t.Errorf("Idempotency-Keys %q", keys)
			}
		})
	}
}

func TestRepeats_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		stop()
		answer(w, 503, object{"code": "busy", "retryable": true})
	})
	start := time.Now()
	if _, err := c.Accounts(ctx); err == nil {
		t.Error("no error")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("went on for %s", took)
	}
}

func TestKey_StaysHere(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked.Store(true)
		t.Errorf("another server got %s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	path := t.TempDir() + "/a.mp4"
	if err := os.WriteFile(path, []byte("12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sp_test" {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("Location", other.URL+"/uploads/upl_1")
		w.Header().Set("ShipPost-Media-Id", "med_1")
		if r.URL.Path == "/uploads/" {
			w.WriteHeader(http.StatusCreated)
			return
		}
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	if _, err := c.Accounts(t.Context()); err == nil {
		t.Error("a redirect was followed")
	}
	if _, err := c.UploadFile(t.Context(), path, nil); err == nil || leaked.Load() {
		t.Errorf("an upload went to another server: %v", err)
	}
}

func TestPosts_ReadsAllPages(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("status") != "queued,publishing" || q.Get("order") != "due" || q.Get("from") != "2026-05-01T12:00:00Z" {
			t.Errorf("query %s", r.URL.RawQuery)
		}
		switch q.Get("cursor") {
		case "":
			answer(w, 200, object{"items": []object{{"id": "post_1"}, {"id": "post_2"}}, "next_cursor": "x"})
		case "x":
			answer(w, 200, object{"items": []object{{"id": "post_3"}}})
		}
	})
	q := client.PostQuery{Status: "queued,publishing", ByDue: true, From: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	for limit, want := range map[int]int{0: 3, 1: 1, 2: 2, 9: 3} {
		q.Limit = limit
		posts, err := c.Posts(t.Context(), q)
		if err != nil || len(posts) != want {
			t.Errorf("limit %d: %d posts, %v; want %d", limit, len(posts), err, want)
		}
	}
}

func TestWatchPost(t *testing.T) {
	t.Parallel()
	story := []object{{"status": "queued"}, {"status": "queued"}, {"status": "publishing", "phase": "staging"}, {"status": "publishing", "phase": "processing"},
		{"status": "publishing", "phase": "processing"}, {"status": "posted", "platform_ids": []string{"73"}}}
	var n atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		p := story[min(int(n.Add(1))-1, len(story)-1)]
		p["id"], p["due_at"] = "post_1", time.Now().UTC()
		answer(w, 200, p)
	})
	var saw []string
	p, err := c.WatchPost(t.Context(), "post_1", func(p client.Post) { saw = append(saw, strings.TrimSpace(p.Status+" "+p.Phase)) })
	if err != nil || p.Status != "posted" || len(p.PlatformIDs) != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
	if diff := cmp.Diff([]string{"queued", "publishing staging", "publishing processing", "posted"}, saw); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, ended := range []string{"draft", "failed", "cancelled", "missed", "in_inbox", "unconfirmed"} {
		story = []object{{"status": ended}}
		if p, err := c.WatchPost(t.Context(), "post_1", nil); err != nil || p.Status != ended {
			t.Errorf("%s: got %+v, %v", ended, p, err)
		}
	}
	story = []object{{"status": "publishing"}}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := c.WatchPost(ctx, "post_1", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a watch that was given up: %v", err)
	}
}

func TestWaitMedia(t *testing.T) {
	t.Parallel()
	story := []object{{"status": "receiving"}, {"status": "checking"}, {"status": "ready"}}
	var n atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, story[min(int(n.Add(1))-1, len(story)-1)])
	})
	if m, err := c.WaitMedia(t.Context(), "med_1"); err != nil || m.Status != "ready" {
		t.Errorf("got %+v, %v", m, err)
	}
	story = []object{{"status": "rejected", "problems": []object{{"code": "file_not_media", "message": "This is no video."}}}}
	if _, err := c.WaitMedia(t.Context(), "med_1"); !client.HasCode(err, "file_not_media") {
		t.Errorf("got %v", err)
	}
}

// TestTypes_FitTheDocument holds every field of the client's types against the API's published document.
func TestTypes_FitTheDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../openapi/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for kind, schemas := range map[reflect.Type][]string{
		reflect.TypeFor[client.Account](): {"Account"}, reflect.TypeFor[client.Creator](): {"Creator"}, reflect.TypeFor[client.Declaration](): {"Declaration"}, reflect.TypeFor[client.Media](): {"Media"}, reflect.TypeFor[client.Post](): {"Post"},
		reflect.TypeFor[client.NewPost](): {"NewPost"}, reflect.TypeFor[client.Change](): {"PostChange"}, reflect.TypeFor[client.TikTok](): {"TikTokAnswers", "TikTokOptions"}, reflect.TypeFor[client.Due](): {"Due"},
		reflect.TypeFor[client.Reason](): {"Hold", "Failure"}, reflect.TypeFor[client.Attempt](): {"Attempt"}, reflect.TypeFor[client.Problem](): {"Problem"}, reflect.TypeFor[client.Error](): {"ProblemDocument"}, reflect.TypeFor[client.Choices](): {"PostAnswers", "PostOptions"},
	} {
		for field := range kind.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			known := name == "-"
			for _, schema := range schemas {
				_, ok := doc.Components.Schemas[schema].Properties[name]
				known = known || ok
			}
			if !known {
				t.Errorf("%s.%s: the API knows no %q in %v", kind, field.Name, name, schemas)
			}
		}
	}
}
