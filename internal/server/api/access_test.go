package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
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

// onUnconfirmed asks to release a post whose attempt is unknown.
func onUnconfirmed(h *house) (string, any) {
	return "/posts/" + h.unconfirmed() + "/release", fields{"duplicate_possible": true}
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
	"GET /notices":                   {at("/notices"), 200, 200, 200, 200, 200, 200},
	"GET /codes":                     {at("/codes"), 200, 200, 200, 200, 200, 200},
	"POST /posts/{id}/release":       {onUnconfirmed, 403, 200, 200, 200, 403, 404},
	"GET /accounts":                  {at("/accounts"), 200, 200, 200, 200, 200, 200},
	"GET /accounts/{id}":             {onAccount(""), 200, 200, 200, 200, 200, 404},
	"GET /accounts/{id}/creator":     {onAccount("/creator"), 403, 200, 200, 200, 200, 404},
	"GET /accounts/{id}/days":        {onAccount("/days?from=2026-05-01"), 200, 200, 200, 200, 200, 404},
	"GET /accounts/{id}/rules":       {onAccount("/rules"), 403, 200, 200, 200, 200, 404},
	"POST /accounts/{id}/disconnect": {onAccount("/disconnect"), 403, 403, 200, 200, 200, 404},
	"GET /media":                     {at("/media"), 200, 200, 200, 200, 200, 200},
	"GET /media/tags":                {at("/media/tags"), 200, 200, 200, 200, 200, 200},
	"POST /media/tags":               {onTagging, 403, 200, 200, 200, 200, 404},
	"GET /media/usage":               {at("/media/usage"), 200, 200, 200, 200, 200, 200},
	"GET /media/{id}/posts":          {onVideo("/posts", nil), 200, 200, 200, 200, 200, 404},
	"GET /media/{id}":                {onVideo("", nil), 200, 200, 200, 200, 200, 404},
	"GET /media/{id}/fit":            {onFit, 403, 200, 200, 200, 200, 404},
	"POST /media/{id}/conversions":   {onHEVC, 403, 202, 202, 202, 202, 404},
	"GET /media/{id}/conversions":    {onVideo("/conversions", nil), 200, 200, 200, 200, 200, 404},
	"GET /conversions/{id}":          {onConversion(""), 200, 200, 200, 200, 200, 404},
	"POST /conversions/{id}/cancel":  {onConversion("/cancel"), 403, 200, 200, 200, 200, 404},
	"DELETE /media/{id}":             {onVideo("", nil), 403, 204, 204, 204, 204, 404},
	"GET /media/{id}/poster":         {onPoster, 200, 200, 200, 200, 200, 404},
	"PUT /media/{id}/poster":         {onPicture, 403, 204, 204, 204, 204, 404},
	"POST /posts":                    {func(h *house) (string, any) { return "/posts", h.post() }, 403, 201, 201, 201, 201, 422},
	"POST /posts/validate":           {func(h *house) (string, any) { return "/posts/validate", h.post() }, 403, 200, 200, 200, 200, 200},
	"GET /posts":                     {at("/posts"), 200, 200, 200, 200, 200, 200},
	"GET /posts/causes":              {at("/posts/causes"), 200, 200, 200, 200, 200, 200},
	"GET /posts/{id}":                {onPost("", nil), 200, 200, 200, 200, 200, 404},
	"PATCH /posts/{id}":              {onPost("", fields{"late_window": "15m"}), 403, 200, 200, 200, 200, 404},
	"POST /posts/{id}/reschedule":    {onPost("/reschedule", fields{"due_at": noon.Add(3 * time.Hour)}), 403, 200, 200, 200, 200, 404},
	"POST /posts/{id}/cancel":        {onPost("/cancel", nil), 403, 200, 200, 200, 200, 404},
	"GET /slots":                     {at("/slots"), 200, 200, 200, 200, 200, 200},
	"GET /slots/times":               {at("/slots/times"), 200, 200, 200, 200, 200, 200},
	"POST /slots":                    {onSlots, 403, 201, 201, 201, 201, 404},
	"DELETE /slots/{id}":             {onSlot, 403, 204, 204, 204, 204, 404},
	"GET /snippets":                  {at("/snippets"), 200, 200, 200, 200, 200, 200},
	"POST /snippets":                 {onSnippets, 403, 201, 201, 201, 201, 201},
	"DELETE /snippets/{id}":          {onSnippet, 403, 204, 204, 204, 204, 404},
	"GET /templates":                 {at("/templates"), 200, 200, 200, 200, 200, 200},
	"POST /templates":                {onTemplates, 403, 201, 201, 201, 201, 201},
	"DELETE /templates/{id}":         {onTemplate, 403, 204, 204, 204, 204, 404},
	"GET /labels":                    {at("/labels"), 200, 200, 200, 200, 200, 200},
	"POST /labels":                   {onLabels, 403, 201, 201, 201, 201, 201},
	"PUT /labels/{id}":               {onLabel(fields{"name": "Spring", "colour": "green"}), 403, 200, 200, 200, 200, 404},
	"DELETE /labels/{id}":            {onLabel(nil), 403, 204, 204, 204, 204, 404},
	"PUT /posts/{id}/labels":         {onPost("/labels", fields{"label_ids": []string{}}), 403, 200, 200, 200, 200, 404},
	"GET /posts/{id}/versions":       {onPost("/versions", nil), 200, 200, 200, 200, 200, 404},
	"GET /calendar":                  {at("/calendar?from=2026-05-01"), 200, 200, 200, 200, 200, 200},
	"GET /calendar/full":             {at("/calendar/full?from=2026-05-01"), 200, 200, 200, 200, 200, 200},
	"POST /posts/{id}/restore":       {onCancelled, 403, 200, 200, 200, 200, 404},
	"POST /posts/{id}/retry":         {onFailed, 403, 200, 200, 200, 200, 404},
	"GET /posts/{id}/consents":       {onPost("/consents", nil), 200, 200, 200, 200, 200, 404},
	"GET /posts/{id}/attempts":       {onPost("/attempts", nil), 200, 200, 200, 200, 200, 404},
	"GET /posts/{id}/journal":        {onPost("/journal", nil), 200, 200, 200, 200, 200, 404},
	"GET /journal":                   {at("/journal"), 200, 200, 200, 200, 200, 200},
	"GET /events":                    {at("/events"), 200, 200, 200, 200, 200, 200},
	"POST /posts/{id}/duplicate":     {onPost("/duplicate", nil), 403, 201, 201, 201, 201, 404},
	"DELETE /posts/{id}":             {onDraft, 403, 204, 204, 204, 204, 404},
	"GET /uploads":                   {at("/uploads"), 403, 200, 200, 200, 200, 200},
	"GET /sessions":                  {at("/sessions"), 200, 200, 200, 200, 403, 200},
	"POST /sessions/{id}/revoke":     {onSession, 404, 404, 204, 204, 403, 404},
	"POST /sessions/revoke-others":   {at("/sessions/revoke-others"), 204, 204, 204, 204, 403, 204},
	"POST /keys":                     {func(*house) (string, any) { return "/keys", fields{"name": "bot"} }, 403, 403, 201, 403, 403, 201},
	"GET /keys":                      {at("/keys"), 403, 403, 200, 200, 200, 200},
	"GET /retention":                 {at("/retention"), 200, 200, 200, 200, 200, 200},
	"PUT /retention":                 {func(*house) (string, any) { return "/retention", fields{"keep_posted_days": 7} }, 403, 403, 200, 200, 200, 200},
	"GET /exports":                   {at("/exports"), 200, 200, 200, 200, 200, 200},
	"POST /exports":                  {func(*house) (string, any) { return "/exports", fields{"what": "workspace"} }, 403, 403, 201, 403, 403, 201},
	"DELETE /exports/{id}":           {onExport, 404, 404, 204, 204, 403, 404},
	"GET /erasures/preview":          {at("/erasures/preview?what=workspace"), 403, 403, 200, 200, 403, 200},
	"GET /policy/news":               {at("/policy/news"), 200, 200, 200, 200, 200, 200},
	"POST /policy/acknowledge": {func(*house) (string, any) {
		return "/policy/acknowledge", fields{"document": "terms", "version": "2026-11-24"}
	}, 204, 204, 204, 204, 403, 204},
	"GET /mail":              {at("/mail"), 200, 200, 200, 200, 403, 200},
	"PUT /mail":              {onMail, 200, 200, 200, 403, 403, 200},
	"PUT /mail/choices":      {func(*house) (string, any) { return "/mail/choices", fields{"trouble": true, "posted": true} }, 200, 200, 200, 200, 403, 200},
	"DELETE /mail":           {at("/mail"), 204, 204, 204, 403, 403, 204},
	"POST /erasures":         {func(*house) (string, any) { return "/erasures", fields{"what": "workspace"} }, 403, 403, 201, 403, 403, 201},
	"POST /keys/{id}/revoke": {onKey, 403, 403, 204, 403, 403, 404},
}

// mails makes each address another one: few links are mailed to one of them.
var mails atomic.Int64

func onMail(*house) (string, any) {
	return "/mail", fields{"address": fmt.Sprintf("ada%d@example.com", mails.Add(1))}
}

// onExport asks about a copy that was made for the owner.
func onExport(h *house) (string, any) {
	id := string(shippost.NewRequestID(h.db.Now()))
	e := store.Export{ID: "exp_" + id, Workspace: h.owner.Workspace, User: h.owner.User, What: "workspace", Status: store.ExportReady, CreatedAt: h.db.Now(), ExpiresAt: h.db.Now().Add(time.Hour)}
	storetest.Update(h.t, h.db, func(tx *store.Tx) error { return tx.InsertExport(h.t.Context(), &e) })
	return "/exports/" + e.ID, nil
}

func onTagging(h *house) (string, any) {
	return "/media/tags", fields{"media_ids": []any{h.video()}, "add": []any{"sea"}}
}

func onFit(h *house) (string, any) {
	return "/media/" + string(h.video()) + "/fit?account_id=" + string(h.account.ID), nil
}

// hevc adds a video that a conversion would change.
func (h *house) hevc() shippost.MediaID {
	id := h.video()
	storetest.Update(h.t, h.db, func(tx *store.Tx) error {
		m, err := tx.Media(h.t.Context(), h.owner.Workspace, id)
		if err != nil {
			return err
		}
		m.Facts.VideoCodec = "h265"
		_, err = tx.SaveMedia(h.t.Context(), &m, m.Status)
		return err
	})
	return id
}

func onHEVC(h *house) (string, any) {
	return "/media/" + string(h.hevc()) + "/conversions", fields{"account_id": h.account.ID}
}

// onConversion asks about a conversion that waits.
func onConversion(suffix string) func(*house) (string, any) {
	return func(h *house) (string, any) {
		c := shippost.Conversion{ID: shippost.NewConversionID(h.db.Now()), Workspace: h.owner.Workspace, Original: h.video(), Result: shippost.NewMediaID(h.db.Now()),
			StartedBy: h.owner.User, Status: shippost.ConversionQueued, CreatedAt: h.db.Now(), UpdatedAt: h.db.Now()}
		storetest.Update(h.t, h.db, func(tx *store.Tx) error { return tx.InsertConversion(h.t.Context(), &c) })
		return "/conversions/" + string(c.ID) + suffix, nil
	}
}

func onDraft(h *house) (string, any) {
	draft := h.create(func(body fields) { delete(body, "due_at") })
	return "/posts/" + draft.str("id"), nil
}

// onSession asks about another browser of the owner.
func onSession(h *house) (string, any) {
	h.signIn(h.owner)
	var id shippost.SessionID
	storetest.View(h.t, h.db, func(tx *store.Tx) error {
		list, err := tx.Sessions(h.t.Context(), h.owner.User)
		id = list[0].ID
		return err
	})
	return "/sessions/" + string(id) + "/revoke", nil
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

func onCancelled(h *house) (string, any) {
	id := h.create().str("id")
	h.request("POST", "/posts/"+id+"/cancel", nil)
	return "/posts/" + id + "/restore", fields{}
}

// onSlots asks for a time of an account that has none yet.
func onSlots(h *house) (string, any) {
	return "/slots", fields{"account_id": string(storetest.Account(h.t, h.db, h.owner).ID), "weekday": 5, "clock": "18:00", "zone": "Europe/Zurich"}
}

func onSlot(h *house) (string, any) {
	path, body := onSlots(h)
	return "/slots/" + h.request("POST", path, body).str("id"), nil
}

func onSnippets(*house) (string, any) {
	return "/snippets", fields{"kind": "hashtags", "name": "Sea", "text": "#sea #tide"}
}

func onSnippet(h *house) (string, any) {
	path, body := onSnippets(h)
	return "/snippets/" + h.request("POST", path, body).str("id"), nil
}

func onTemplates(*house) (string, any) {
	return "/templates", fields{"name": "Tide", "caption": "Low tide"}
}

func onTemplate(h *house) (string, any) {
	path, body := onTemplates(h)
	return "/templates/" + h.request("POST", path, body).str("id"), nil
}

// onLabels asks for a label of a name that no other has.
func onLabels(*house) (string, any) {
	return "/labels", fields{"name": string(shippost.NewLabelID(noon)), "colour": "teal"}
}

func onLabel(body any) func(*house) (string, any) {
	return func(h *house) (string, any) {
		path, made := onLabels(h)
		if form, ok := body.(fields); ok {
			form = maps.Clone(form)
			form["name"] = string(shippost.NewLabelID(noon))
			body = form
		}
		return "/labels/" + h.request("POST", path, made).str("id"), body
	}
}

func onKey(h *house) (string, any) {
	return "/keys/" + string(h.keyID(h.newKey(h.owner))) + "/revoke", nil
}

// keyID finds a key of the owner's workspace by its text.
func (h *house) keyID(text string) (id shippost.APIKeyID) {
	h.t.Helper()
	storetest.View(h.t, h.db, func(tx *store.Tx) error {
		keys, err := tx.APIKeys(h.t.Context(), h.owner.Workspace)
		for _, k := range keys {
			if strings.HasPrefix(text, k.Hint) {
				id = k.ID
			}
		}
		return err
	})
	return id
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

// TestPromise_P12_S1_EveryRouteForEveryAsker calls every route as everybody. Only the cells of the policy table succeed, and a
// refusal changes nothing. A route without a row fails.
func TestPromise_P12_S1_EveryRouteForEveryAsker(t *testing.T) {
	t.Parallel()
	bare := api.New(api.Options{})
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
					if c.name == "stranger" && route != "GET /codes" { // which is the same table for everybody
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
	removedKey, revokedID := h.newKey(removed), h.keyID(revoked)
	storetest.Update(h.t, h.db, func(tx *store.Tx) error {
		if _, err := tx.RevokeAPIKey(h.t.Context(), h.owner.Workspace, revokedID, h.db.Now()); err != nil {
			return err
		}
		if _, err := tx.DisableUser(h.t.Context(), disabled.User, h.db.Now()); err != nil {
			return err
		}
		_, err := tx.DeleteMember(h.t.Context(), removed.Workspace, removed.User)
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
		// Signed in only now, because whoever asks before may sign it out.
		{"owner", p.owner, func(r *http.Request) { r.AddCookie(h.signIn(h.owner)) }},
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
	items, _ := r.body["items"].([]any)
	for _, item := range items {
		if own, _ := item.(fields); own["current"] != true { // their own session
			h.t.Errorf("a stranger lists %v", item)
		}
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

// TestDisconnect_Tells: what a person is told fits what happened, also when TikTok does not answer.
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

func TestSessions_ListAndSignOut(t *testing.T) {
	t.Parallel()
	h := build(t)
	here, there := h.signIn(h.owner), h.signIn(h.owner)
	as := func(c *http.Cookie) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del("Authorization"); r.AddCookie(c) }
	}
	list := h.request(http.MethodGet, "/sessions", nil, as(here))
	items, _ := list.body["items"].([]any)
	if len(items) != 2 {
		t.Fatalf("listed: %s", list.text)
	}
	other := ""
	for _, item := range items {
		s, _ := item.(fields)
		if s["created_at"] == nil || s["seen_at"] == nil || s["expires_at"] == nil {
			t.Errorf("session %v", s)
		}
		if s["current"] == false {
			other, _ = s["id"].(string)
		}
	}
	if strings.Contains(list.text, here.Value) || strings.Contains(list.text, there.Value) {
		t.Error("a cookie is told")
	}
	if r := h.request(http.MethodPost, "/sessions/"+other+"/revoke", nil, as(here)); r.status != 204 {
		t.Fatalf("revoke: %d %s", r.status, r.text)
	}
	if r := h.request(http.MethodGet, "/me", nil, as(there)); r.status != 401 || r.str("code") != "session_ended" || r.str("remedy") != "sign_in" {
		t.Errorf("the other browser: %d %s", r.status, r.text)
	}
	if r := h.request(http.MethodPost, "/sessions/"+other+"/revoke", nil, as(here)); r.status != 404 || r.str("code") != "session_not_found" {
		t.Errorf("again: %d %s", r.status, r.text)
	}
	// A step that needs a fresh sign-in says what to do.
	h.clock.Advance(time.Hour)
	if r := h.request(http.MethodPost, "/keys", fields{"name": "bot"}, as(here)); r.status != 403 || r.str("code") != "step_up_required" || r.str("remedy") != "sign_in" {
		t.Errorf("a key with a stale sign-in: %d %s", r.status, r.text)
	}
}
