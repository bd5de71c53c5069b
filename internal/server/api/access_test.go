package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/api"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// policy says for each route who may use it: the status for each kind of asker. It has to name every route.
type policy struct {
	make     func(*house) (path string, body any) // the object it is asked about, anew for each asker
	viewer   int
	editor   int
	owner    int // signed in a moment ago
	stale    int // owner, signed in an hour ago
	program  int // owner's key
	stranger int // owner of another workspace
}

func at(path string) func(*house) (string, any) {
	return func(*house) (string, any) { return path, nil }
}

// onPost asks about a fresh queued post.
func onPost(suffix string, body any) func(*house) (string, any) {
	return func(h *house) (string, any) { return "/posts/" + h.create().str("id") + suffix, body }
}

func onAccount(suffix string) func(*house) (string, any) {
	return func(h *house) (string, any) {
		return "/accounts/" + string(storetest.Account(h.t, h.db, h.owner).ID) + suffix, nil
	}
}

func onVideo(suffix string, body any) func(*house) (string, any) {
	return func(h *house) (string, any) { return "/media/" + string(h.video()) + suffix, body }
}

var policies = map[string]policy{
	"GET /me":                        {at("/me"), 200, 200, 200, 200, 200, 200},
	"GET /accounts":                  {at("/accounts"), 200, 200, 200, 200, 200, 200},
	"GET /accounts/{id}":             {onAccount(""), 200, 200, 200, 200, 200, 404},
	"GET /accounts/{id}/creator":     {onAccount("/creator"), 403, 200, 200, 200, 200, 404},
	"POST /accounts/{id}/disconnect": {onAccount("/disconnect"), 403, 403, 200, 200, 200, 404},
	"GET /media":                     {at("/media"), 200, 200, 200, 200, 200, 200},
	"GET /media/{id}":                {onVideo("", nil), 200, 200, 200, 200, 200, 404},
	"DELETE /media/{id}":             {onVideo("", nil), 403, 204, 204, 204, 204, 404},
	"GET /media/{id}/poster":         {onPoster, 200, 200, 200, 200, 200, 404},
	"PUT /media/{id}/poster":         {onPicture, 403, 204, 204, 204, 204, 404},
	"POST /posts":                    {func(h *house) (string, any) { return "/posts", h.post() }, 403, 201, 201, 201, 201, 422},
	"POST /posts/validate":           {func(h *house) (string, any) { return "/posts/validate", h.post() }, 403, 200, 200, 200, 200, 200},
	"GET /posts":                     {at("/posts"), 200, 200, 200, 200, 200, 200},
	"GET /posts/{id}":                {onPost("", nil), 200, 200, 200, 200, 200, 404},
	"PATCH /posts/{id}":              {onPost("", fields{"late_window": "15m"}), 403, 200, 200, 200, 200, 404},
	"POST /posts/{id}/reschedule":    {onPost("/reschedule", fields{"due_at": noon.Add(3 * time.Hour)}), 403, 200, 200, 200, 200, 404},
	"POST /posts/{id}/cancel":        {onPost("/cancel", nil), 403, 200, 200, 200, 200, 404},
	"POST /posts/{id}/retry":         {onFailed, 403, 200, 200, 200, 200, 404},
	"GET /posts/{id}/attempts":       {onPost("/attempts", nil), 200, 200, 200, 200, 200, 404},
	"GET /posts/{id}/journal":        {onPost("/journal", nil), 200, 200, 200, 200, 200, 404},
	"GET /journal":                   {at("/journal"), 200, 200, 200, 200, 200, 200},
	"POST /keys":                     {func(*house) (string, any) { return "/keys", fields{"name": "bot"} }, 403, 403, 201, 403, 403, 201},
	"GET /keys":                      {at("/keys"), 403, 403, 200, 200, 200, 200},
	"POST /keys/{id}/revoke":         {onKey, 403, 403, 204, 403, 403, 404},
}

func onPoster(h *house) (string, any) {
	id := h.video()
	must(h.t, h.library.SetPoster(h.t.Context(), h.owner, id, picture(h.t)))
	return "/media/" + string(id) + "/poster", nil
}

func onPicture(h *house) (string, any) {
	return "/media/" + string(h.video()) + "/poster", picture(h.t)
}

func onFailed(h *house) (string, any) {
	id := h.create().str("id")
	storetest.Update(h.t, h.db, func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(h.t.Context(), "UPDATE posts SET status = 'failed' WHERE id = $1", id)
		return err
	})
	return "/posts/" + id + "/retry", fields{"due_at": noon.Add(3 * time.Hour)}
}

func onKey(h *house) (string, any) {
	h.newKey(h.owner)
	var id string
	storetest.View(h.t, h.db, func(tx *store.Tx) error {
		keys, err := tx.APIKeys(h.t.Context(), h.owner.Workspace)
		id = string(keys[0].ID)
		return err
	})
	return "/keys/" + id + "/revoke", nil
}

// routes reads every route from the published document.
func routes(t *testing.T, document []byte) []string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	must(t, json.Unmarshal(document, &doc))
	var all []string
	for path, methods := range doc.Paths {
		for method := range methods {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(all)
	return all
}

// TestS1_EveryRouteForEveryAsker calls every route as everybody. Only the cells of the policy table succeed, and a
// refusal changes nothing. A route without a row fails.
func TestS1_EveryRouteForEveryAsker(t *testing.T) {
	t.Parallel()
	bare, err := api.New(api.Options{})
	must(t, err)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(policies)), routes(t, bare.Document())); diff != "" {
		t.Fatalf("the policy table and the routes differ; add a row for each route (-table +routes):\n%s", diff)
	}
	for route, p := range policies {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			h := build(t)
			for _, c := range h.askers(p) {
				path, body := p.make(h)
				before := h.rows()
				method, _, _ := strings.Cut(route, " ")
				r := h.request(method, path, body, func(r *http.Request) { r.Header.Del("Authorization") }, c.as)
				if r.status != c.want {
					t.Errorf("%s: %d %s, want %d", c.name, r.status, r.text, c.want)
				}
				if r.status < 300 {
					if c.name == "stranger" {
						h.checkNothingOfOurs(r)
					}
					continue
				}
				checkProblem(t, c.name, r)
				if diff := cmp.Diff(before, h.rows()); diff != "" {
					t.Errorf("%s was refused and changed something:\n%s", c.name, diff)
				}
			}
		})
	}
}

type asker struct {
	name string
	want int
	as   func(*http.Request)
}

// askers returns one of each kind, those that are refused first.
func (h *house) askers(p policy) []asker {
	h.t.Helper()
	cookie := func(a shippost.Actor) func(*http.Request) {
		c := h.signIn(a)
		return func(r *http.Request) { r.AddCookie(c) }
	}
	bearer := func(key string) func(*http.Request) { return header("Authorization", "Bearer "+key) }
	stale := cookie(h.owner)
	h.clock.Advance(time.Hour)
	revoked, disabled := h.newKey(h.owner), h.member(shippost.Owner)
	disabledCookie, removed := cookie(disabled), h.member(shippost.Owner)
	removedKey := h.newKey(removed)
	storetest.Update(h.t, h.db, func(tx *store.Tx) error {
		keys, err := tx.APIKeys(h.t.Context(), h.owner.Workspace)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if strings.HasPrefix(revoked, k.Hint) {
				if _, err := tx.RevokeAPIKey(h.t.Context(), h.owner.Workspace, k.ID, h.db.Now()); err != nil {
					return err
				}
			}
		}
		if _, err := tx.DisableUser(h.t.Context(), disabled.User, h.db.Now()); err != nil {
			return err
		}
		_, err = tx.DeleteMember(h.t.Context(), removed.Workspace, removed.User)
		return err
	})
	return []asker{
		{"anonymous", 401, func(*http.Request) {}},
		{"made-up key", 401, bearer("sp_0123456789")},
		{"revoked key", 401, bearer(revoked)},
		{"disabled user", 401, disabledCookie},
		{"key of a removed member", 401, bearer(removedKey)},
		{"made-up cookie", 401, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "shippost", Value: "abc"}) }},
		{"stranger", p.stranger, cookie(storetest.Workspace(h.t, h.db))},
		{"viewer", p.viewer, cookie(h.member(shippost.Viewer))},
		{"stale owner", p.stale, stale},
		{"program", p.program, bearer(h.key)},
		{"editor", p.editor, cookie(h.member(shippost.Editor))},
		{"owner", p.owner, cookie(h.owner)},
	}
}

// checkNothingOfOurs looks for anything of the owner's workspace in an answer to a stranger.
func (h *house) checkNothingOfOurs(r reply) {
	h.t.Helper()
	for _, secret := range []string{string(h.owner.Workspace), string(h.owner.User), string(h.account.ID), "Tide pools", "tide.mp4"} {
		if strings.Contains(r.text, secret) {
			h.t.Errorf("a stranger is told %q: %s", secret, r.text)
		}
	}
	if items, ok := r.body["items"].([]any); ok && len(items) != 0 {
		h.t.Errorf("a stranger lists %v", items)
	}
}

// checkProblem holds an answer against the form that every refusal has.
func checkProblem(t *testing.T, name string, r reply) {
	t.Helper()
	if r.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: refused as %q", name, r.header.Get("Content-Type"))
	}
	for _, field := range []string{"type", "title", "detail", "code", "request_id"} {
		if r.str(field) == "" {
			t.Errorf("%s: the problem has no %s: %s", name, field, r.text)
		}
	}
	if r.body["status"] != float64(r.status) || r.str("request_id") != r.header.Get("X-Request-Id") {
		t.Errorf("%s: status or request id differ from the header's: %s", name, r.text)
	}
	if d := r.str("detail"); d == "" || !strings.ContainsAny(d[len(d)-1:], ".!?") || d[:1] != strings.ToUpper(d[:1]) {
		t.Errorf("%s: %q is no sentence", name, d)
	}
	if _, ok := r.body["retryable"].(bool); !ok {
		t.Errorf("%s: retryable is missing", name)
	}
}

func TestDocument_IsForEverybody(t *testing.T) {
	t.Parallel()
	h := build(t)
	r := h.request(http.MethodGet, "/openapi.json", nil, func(r *http.Request) { r.Header.Del("Authorization") })
	if r.status != 200 || r.header.Get("Content-Type") != "application/openapi+json" || r.str("openapi") != "3.1.0" {
		t.Errorf("got %d %s %.80s", r.status, r.header.Get("Content-Type"), r.text)
	}
	if strings.Contains(r.text, "ErrorModel") {
		t.Error("the library's own errors stand in the document")
	}
}

func TestRoutes_Nothing(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, c := range []struct{ method, path, code, allow string }{
		{"GET", "/nothing", "route_not_found", ""},
		{"GET", "/posts/a/b/c", "route_not_found", ""},
		{"DELETE", "/posts", "method_not_allowed", "GET, POST"},
		{"PUT", "/me", "method_not_allowed", "GET"},
		{"BREW", "/me", "method_not_allowed", "GET"},
	} {
		r := h.request(c.method, c.path, nil)
		checkProblem(t, c.method+" "+c.path, r)
		if r.str("code") != c.code || r.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %s, Allow %q; want %s, %q", c.method, c.path, r.text, r.header.Get("Allow"), c.code, c.allow)
		}
		if strings.Contains(r.text, "BREW") {
			t.Errorf("the answer repeats what was sent: %s", r.text)
		}
	}
}

// TestDisconnect_NeverAlone: what a person is told fits what happened, also when TikTok does not answer.
func TestDisconnect_Tells(t *testing.T) {
	t.Parallel()
	h := build(t)
	id := h.create().str("id")
	r := h.request(http.MethodPost, "/accounts/"+string(h.account.ID)+"/disconnect", nil)
	if account, _ := r.body["account"].(fields); r.status != 200 || account["status"] != "disconnected" {
		t.Fatalf("got %d %s", r.status, r.text)
	}
	if p := h.request(http.MethodGet, "/posts/"+id, nil); p.str("status") != "failed" || fmt.Sprint(p.body["failure"]) == "<nil>" {
		t.Errorf("its post: %s", p.text)
	}
	if c := h.request(http.MethodGet, "/accounts/"+string(h.account.ID)+"/creator", nil); c.status != 409 || c.str("remedy") != "reconnect" {
		t.Errorf("its creator: %d %s", c.status, c.text)
	}
}
