package api_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// D8: what the platform never told, a person may decide, who knows what that can mean.
func TestPost_Release(t *testing.T) {
	t.Parallel()
	h := build(t)
	id := h.unconfirmed()
	person := h.asPerson(h.owner)
	aware := fields{"duplicate_possible": true}
	for _, c := range []struct {
		name, id string
		body     any
		status   int
		code     string
	}{
		{"not aware", id, fields{"duplicate_possible": false}, 422, "acknowledgement_required"},
		{"nothing said", id, fields{}, 422, "missing_field"},
		{"another version", id, fields{"duplicate_possible": true, "version": 7}, 409, "version_conflict"},
		{"a post whose end is known", h.create().str("id"), aware, 409, "not_unconfirmed"},
	} {
		r := h.request("POST", "/posts/"+c.id+"/release", c.body, person)
		code := r.body["code"]
		if r.status != c.status || code != c.code {
			t.Errorf("%s: %d %v, want %d %s", c.name, r.status, r.body, c.status, c.code)
		}
	}
	if r := h.request("POST", "/posts/"+id+"/retry", fields{"due_at": noon.Add(time.Hour)}); r.status != 409 {
		t.Errorf("an unconfirmed post was queued again without a decision: %d", r.status)
	}
	r := h.request("POST", "/posts/"+id+"/release", aware, person)
	if failure, _ := r.body["failure"].(fields); r.status != 200 || r.body["status"] != "failed" || failure["code"] != "released" || failure["remedy"] != "reschedule" {
		t.Fatalf("released: %d %v", r.status, r.body)
	}
	attempts := h.request("GET", "/posts/"+id+"/attempts", nil).body["items"].([]any)
	if a := attempts[0].(fields); a["state"] != "dead" || a["death"] != "D8" || a["evidence"].(fields)["user_id"] != string(h.owner.User) {
		t.Errorf("the attempt is %v, want it dead by the word of the person", a)
	}
	entry := h.request("GET", "/posts/"+id+"/journal", nil).body["items"].([]any)[0].(fields)
	if entry["kind"] != "post.decided" || entry["actor"].(fields)["user_id"] != string(h.owner.User) {
		t.Errorf("the journal ends with %v", entry)
	}
	if r := h.request("POST", "/posts/"+id+"/retry", fields{"due_at": noon.Add(time.Hour)}); r.status != 200 || r.body["status"] != "queued" {
		t.Errorf("a released post cannot be scheduled again: %d %v", r.status, r.body)
	}
}

// A wall-clock time that is skipped or doubled is refused with what may have been meant, ready to be sent instead.
func TestPromise_P07_DoubledAndSkippedTimesAreAsked(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, c := range []struct {
		local, code string
		choices     []any
	}{
		{"2026-10-25T02:30:00", "ambiguous_local_time", []any{
			fields{"local": "2026-10-25T02:30:00", "fold": "earlier", "at": "2026-10-25T02:30:00+02:00"},
			fields{"local": "2026-10-25T02:30:00", "fold": "later", "at": "2026-10-25T02:30:00+01:00"}}},
		{"2027-03-28T02:30:00", "nonexistent_local_time", []any{
			fields{"local": "2027-03-28T01:59:59", "at": "2027-03-28T01:59:59+01:00"},
			fields{"local": "2027-03-28T03:00:00", "at": "2027-03-28T03:00:00+02:00"}}},
	} {
		draft := h.post(func(p fields) {
			delete(p, "due_at")
			p["due"] = fields{"local": c.local, "zone": "Europe/Zurich"}
			p["caption"] = "at " + c.local // the same words twice would be a problem of their own
		})
		for _, r := range []reply{h.request("POST", "/posts", draft), h.request("POST", "/posts/validate", draft)} {
			problems, _ := r.body["problems"].([]any)
			if len(problems) != 1 || problems[0].(fields)["code"] != c.code {
				t.Errorf("%s: %d %v, want the one problem %s", c.local, r.status, r.body, c.code)
				continue
			}
			if diff := cmp.Diff(c.choices, problems[0].(fields)["choices"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.local, diff)
			}
			if r.status == http.StatusOK {
				continue
			}
			if diff := cmp.Diff(c.choices, r.body["choices"]); diff != "" || r.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d (-want +got):\n%s", c.local, r.status, diff)
			}
			chosen := problems[0].(fields)["choices"].([]any)[1].(fields)
			w := h.create(func(p fields) {
				delete(p, "due_at")
				p["due"] = fields{"local": chosen["local"], "zone": "Europe/Zurich"}
				if fold, ok := chosen["fold"]; ok {
					p["due"].(fields)["fold"] = fold
				}
			})
			// What is shown can be sent back.
			if again := h.request("POST", "/posts/"+w.str("id")+"/reschedule", fields{"due": w.body["due"]}); again.status != http.StatusOK || again.body["version"] != 1.0 {
				t.Errorf("the due time that was shown is not accepted: %d %v", again.status, again.body)
			}
		}
	}
}

func TestPromise_P08_PostsTellAllThatIsKept(t *testing.T) {
	t.Parallel()
	h := build(t)
	r := h.create(func(p fields) {
		delete(p, "due_at")
		p["due"] = fields{"local": "2026-10-25T02:30:00", "zone": "Europe/Zurich", "fold": "later"}
		p["late_window"] = "15m"
		tiktokOf(p)["cover_ms"] = 1500
		tiktokOf(p)["ai_generated"] = true
	})
	id := r.str("id")
	want := fields{"id": id, "account_id": string(h.account.ID), "status": "queued", "media_ids": r.body["media_ids"],
		"media":   []any{fields{"id": r.body["media_ids"].([]any)[0], "kind": "video", "status": "ready", "duration_ms": 15000.0}},
		"caption": "Tide pools", "label_ids": []any{},
		"options": fields{"tiktok": fields{"privacy_level": "SELF_ONLY", "allow_comment": true, "allow_duet": false, "allow_stitch": false,
			"your_brand": false, "branded_content": false, "ai_generated": true, "cover_ms": 1500.0, "consent": true,
			"auto_music": false, "photo_cover_index": 0.0}},
		"due_at": "2026-10-25T01:30:00Z", "due": fields{"local": "2026-10-25T02:30:00", "zone": "Europe/Zurich", "fold": "later", "offset": "+01:00", "zone_rules": shippost.ZoneRules()},
		"late_window": "15m", "deadline_at": "2026-10-25T01:45:00Z", "version": 1.0, "created_by": string(h.owner.User),
		"created_at": "2026-05-01T12:00:00Z", "updated_at": "2026-05-01T12:00:00Z", "platform_ids": []any{}}
	if r.header.Get("Location") != "/api/v1/posts/"+id || r.header.Get("ETag") != `"1"` {
		t.Errorf("Location %q, ETag %q", r.header.Get("Location"), r.header.Get("ETag"))
	}
	for name, got := range map[string]reply{"created": r, "read": h.request("GET", "/posts/"+id, nil)} {
		if diff := cmp.Diff(want, got.body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		sent := noon.Add(time.Second).UnixMicro()
		if _, err := tx.SQL().ExecContext(t.Context(), `UPDATE posts SET status = 'posted', due_at = $1, committed_at = $2, posted_at = $3,
			platform_ids = '["7300000000000000001"]', permalink = 'https://www.tiktok.com/@ada/video/7300000000000000001' WHERE id = $4`,
			noon.UnixMicro(), sent+12_345, sent+5e6, id); err != nil {
			return err
		}
		return tx.InsertAttempt(t.Context(), &shippost.Attempt{ID: "att_1", Post: shippost.PostID(id), Workspace: h.owner.Workspace, Account: h.account.ID,
			State: shippost.AttemptLive, PublishID: "v_pub_file~v2-1.7", UploadURL: "sealed-secret", PlannedAt: noon, Evidence: `{"status":"PUBLISH_COMPLETE"}`})
	})
	posted := h.request("GET", "/posts/"+id, nil)
	for field, value := range map[string]any{"status": "posted", "committed_at": "2026-05-01T12:00:01.012345Z", "lateness_ms": 1012.345,
		"posted_at": "2026-05-01T12:00:06Z", "platform_ids": []any{"7300000000000000001"}, "permalink": "https://www.tiktok.com/@ada/video/7300000000000000001"} {
		if diff := cmp.Diff(value, posted.body[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	attempts := h.request("GET", "/posts/"+id+"/attempts", nil)
	if a := attempts.body["items"].([]any)[0].(fields); a["publish_id"] != "v_pub_file~v2-1.7" || a["evidence"].(fields)["status"] != "PUBLISH_COMPLETE" ||
		strings.Contains(attempts.text, "sealed-secret") {
		t.Errorf("attempts: %s", attempts.text)
	}
}

// TestPost_BadInput: every mistake is named by code, field and a sentence, is not repeated, and saves nothing.
func TestPost_BadInput(t *testing.T) {
	t.Parallel()
	h := build(t)
	storetest.Workspace(t, h.db)
	good := h.create().str("id")
	const canary = "canary7f3a"
	set := func(name string, value any) any { return h.post(func(p fields) { p[name] = value }) }
	tiktok := func(name string, value any) any {
		return h.post(func(p fields) {
			tiktokOf(p)[name] = value
			if value == nil {
				delete(tiktokOf(p), name)
			}
		})
	}
	local := func(local, zone string) any {
		return h.post(func(p fields) {
			delete(p, "due_at")
			p["due"] = fields{"local": local, "zone": zone}
		})
	}
	plain := header("Content-Type", "text/plain")
	cases := []struct {
		name   string
		method string
		path   string
		body   any
		status int
		code   string
		field  string
		prep   func(*http.Request)
	}{
		{"caption one UTF-16 unit too long", "POST", "/posts", set("caption", strings.Repeat("x", 2199)+"🌊"), 422, "caption_too_long", "caption", nil},
		{"caption beyond all measure", "POST", "/posts", set("caption", strings.Repeat("x", 10001)), 422, "invalid_field", "caption", nil},
		{"time in the past", "POST", "/posts", set("due_at", noon.Add(-2*time.Minute)), 422, "time_in_past", "due_at", nil},
		{"no time but text", "POST", "/posts", set("due_at", canary), 422, "invalid_time", "due_at", nil},
		{"time without an offset", "POST", "/posts", set("due_at", "2026-05-01T13:00:00"), 422, "invalid_time", "due_at", nil},
		{"two years ahead", "POST", "/posts", set("due_at", noon.AddDate(2, 0, 0)), 422, "too_far_ahead", "due_at", nil},
		{"skipped hour", "POST", "/posts", local("2027-03-28T02:30:00", "Europe/Zurich"), 422, "nonexistent_local_time", "due.local", nil},
		{"doubled hour without fold", "POST", "/posts", local("2026-10-25T02:30:00", "Europe/Zurich"), 422, "ambiguous_local_time", "due.fold", nil},
		{"unknown zone", "POST", "/posts", local("2026-10-25T02:30:00", "Mars/Olympus"), 422, "unknown_time_zone", "due.zone", nil},
		{"both times", "POST", "/posts", set("due", fields{"local": "2026-10-25T12:30:00", "zone": "UTC"}), 422, "two_times", "due", nil},
		{"local time without zone", "POST", "/posts", set("due", fields{"local": "2026-10-25T12:30:00"}), 422, "missing_field", "due.zone", nil},
		{"privacy not offered", "POST", "/posts", tiktok("privacy_level", "FOLLOWER_OF_CREATOR"), 422, "privacy_unavailable", "options.tiktok.privacy_level", nil},
		{"privacy made up", "POST", "/posts", tiktok("privacy_level", canary), 422, "privacy_unknown", "options.tiktok.privacy_level", nil},
		{"privacy not answered", "POST", "/posts", tiktok("privacy_level", nil), 422, "privacy_missing", "options.tiktok.privacy_level", nil},
		{"brand not answered", "POST", "/posts", tiktok("your_brand", nil), 422, "your_brand_missing", "options.tiktok.your_brand", nil},
		{"partnership not answered", "POST", "/posts", tiktok("branded_content", nil), 422, "branded_content_missing", "options.tiktok.branded_content", nil},
		{"private partnership", "POST", "/posts", tiktok("branded_content", true), 422, "branded_private", "options.tiktok.branded_content", nil},
		{"no consent", "POST", "/posts", tiktok("consent", false), 422, "consent_missing", "options.tiktok.consent", nil},
		{"consent as text", "POST", "/posts", tiktok("consent", canary), 422, "invalid_field", "options.tiktok.consent", nil},
		{"negative cover", "POST", "/posts", tiktok("cover_ms", -1), 422, "invalid_field", "options.tiktok.cover_ms", nil},
		{"odd late window", "POST", "/posts", set("late_window", canary), 422, "invalid_field", "late_window", nil},
		{"foreign account", "POST", "/posts", set("account_id", "acc_"+canary), 422, "account_not_found", "account_id", nil},
		{"foreign file", "POST", "/posts", set("media_ids", []any{"med_" + canary}), 422, "media_not_found", "media_ids[0]", nil},
		{"two videos", "POST", "/posts", set("media_ids", []any{h.video(), h.video()}), 422, "too_many_videos", "media_ids", nil},
		{"no video", "POST", "/posts", set("media_ids", []any{}), 422, "media_missing", "media_ids", nil},
		{"a file as a number", "POST", "/posts", set("media_ids", []any{7}), 422, "invalid_field", "media_ids[0]", nil},
		{"odd group", "POST", "/posts", set("group_id", canary), 422, "invalid_group_id", "group_id", nil},
		{"unknown field", "POST", "/posts", set("captoin", canary), 422, "unknown_field", "captoin", nil},
		{"field in other letters", "POST", "/posts", set("Caption", canary), 422, "unknown_field", "Caption", nil},
		{"unknown field inside", "POST", "/posts", tiktok("disable_duet", true), 422, "unknown_field", "options.tiktok.disable_duet", nil},
		{"unknown field with a hostile name", "POST", "/posts", set("<script>x</script>", canary), 422, "unknown_field", "scriptxscript", nil},
		{"broken JSON", "POST", "/posts", `{"caption": "` + canary, 400, "invalid_json", "", nil},
		{"a list", "POST", "/posts", `["` + canary + `"]`, 422, "invalid_field", "", nil},
		{"nothing", "POST", "/posts", "", 400, "invalid_json", "", nil},
		{"wrong content type", "POST", "/posts", h.post(), 415, "unsupported_media_type", "Content-Type", plain},
		{"no content type", "POST", "/posts", h.post(), 415, "unsupported_media_type", "Content-Type", header("Content-Type", "")},
		{"another charset", "POST", "/posts", h.post(), 415, "unsupported_media_type", "Content-Type", header("Content-Type", "application/json; charset=latin1")},
		{"huge body", "POST", "/posts", `{"caption": "` + strings.Repeat(canary, 10_000) + `"}`, 413, "body_too_large", "", nil},
		{"endless body", "POST", "/posts", nil, 413, "body_too_large", "", endless},
		{"NUL in the caption", "POST", "/posts", set("caption", "a\x00b"), 422, "invalid_text", "caption", nil},
		{"unprintable key", "POST", "/posts", h.post(), 422, "invalid_idempotency_key", "Idempotency-Key", header("Idempotency-Key", "caf\xe9")},
		{"unknown post", "GET", "/posts/post_" + canary, nil, 404, "post_not_found", "", nil},
		{"hostile id", "GET", "/posts/" + strings.Repeat("x", 65), nil, 422, "invalid_field", "id", nil},
		{"edit of an unknown post", "PATCH", "/posts/post_" + canary, fields{"caption": "x"}, 404, "post_not_found", "", nil},
		{"edit without consent", "PATCH", "/posts/" + good, fields{"caption": canary}, 422, "consent_missing", "options.tiktok.consent", nil},
		{"edit of another version", "PATCH", "/posts/" + good, fields{"late_window": "6h", "version": 9}, 409, "version_conflict", "version", nil},
		{"If-Match of another version", "PATCH", "/posts/" + good, fields{"late_window": "24h"}, 409, "version_conflict", "version", header("If-Match", `"9"`)},
		{"If-Match in other words", "PATCH", "/posts/" + good, fields{"late_window": "24h"}, 422, "invalid_if_match", "If-Match", header("If-Match", canary)},
		{"If-Match against the body", "PATCH", "/posts/" + good, fields{"late_window": "24h", "version": 1}, 422, "invalid_if_match", "If-Match", header("If-Match", `"2"`)},
		{"cancel of another version", "POST", "/posts/" + good + "/cancel", nil, 409, "version_conflict", "version", header("If-Match", `"9"`)},
		{"reschedule without a time", "POST", "/posts/" + good + "/reschedule", fields{}, 422, "time_required", "due_at", nil},
		{"retry of a waiting post", "POST", "/posts/" + good + "/retry", fields{"due_at": noon.Add(time.Hour)}, 409, "not_retryable", "", nil},
		{"foreign cursor", "GET", "/posts?cursor=" + canary, nil, 422, "invalid_cursor", "cursor", nil},
		{"odd state", "GET", "/posts?status=" + canary, nil, 422, "invalid_field", "status[0]", nil},
		{"limit too high", "GET", "/posts?limit=501", nil, 422, "invalid_field", "limit", nil},
		{"limit no number", "GET", "/posts?limit=" + canary, nil, 422, "invalid_field", "limit", nil},
		{"odd time", "GET", "/posts?from=" + canary, nil, 422, "invalid_time", "from", nil},
		{"unknown parameter", "GET", "/posts?stauts=queued", nil, 422, "unknown_parameter", "stauts", nil},
		{"hash too short", "GET", "/media?sha256=abc", nil, 422, "invalid_sha256", "sha256", nil},
		{"poster that is none", "PUT", "/media/" + string(h.video()) + "/poster", []byte(canary), 422, "", "", nil},
		{"poster as JSON", "PUT", "/media/" + string(h.video()) + "/poster", fields{}, 415, "unsupported_media_type", "Content-Type", nil},
		{"unknown file", "GET", "/media/med_" + canary, nil, 404, "media_not_found", "", nil},
		{"unknown account", "POST", "/accounts/acc_" + canary + "/disconnect", nil, 404, "account_not_found", "", nil},
		{"wrong scheme", "GET", "/me", nil, 401, "unknown_credentials", "", header("Authorization", "Basic "+canary)},
		{"wrong key", "GET", "/me", nil, 401, "key_refused", "", header("Authorization", "Bearer sp_"+canary)},
	}
	before := h.rows()
	for _, c := range cases {
		var prepare []func(*http.Request)
		if c.prep != nil {
			prepare = append(prepare, c.prep)
		}
		r := h.request(c.method, c.path, c.body, prepare...)
		if r.status != c.status || c.code != "" && r.str("code") != c.code || r.str("field") != c.field {
			t.Errorf("%s: %d %s; want %d, %s about %q", c.name, r.status, r.text, c.status, c.code, c.field)
		}
		checkProblem(t, c.name, r)
		if strings.Contains(r.text, canary) || strings.Contains(fmt.Sprint(r.header), canary) {
			t.Errorf("%s: the answer repeats what was sent: %s", c.name, r.text)
		}
		if after := h.rows(); after != before {
			t.Errorf("%s: something was saved:\n%s", c.name, cmp.Diff(before, after))
			before = after
		}
	}
}

// endless sends JSON that never ends, without telling its length.
func endless(r *http.Request) {
	r.Header.Set("Content-Type", "application/json")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"caption":"`), repeat('x')))
	r.ContentLength = -1
}

type repeat byte

func (b repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func TestPost_AllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	bad := h.post(func(p fields) {
		p["caption"] = strings.Repeat("x", 2201)
		p["due_at"] = noon.Add(-time.Hour)
		delete(tiktokOf(p), "your_brand")
		delete(tiktokOf(p), "consent")
	})
	want := []string{"time_in_past", "caption_too_long", "your_brand_missing", "consent_missing"}
	created, validated := h.request("POST", "/posts", bad), h.request("POST", "/posts/validate", bad)
	if validated.status != 200 || validated.body["ok"] != false {
		t.Errorf("validate: %d %s", validated.status, validated.text)
	}
	for name, r := range map[string]reply{"create": created, "validate": validated} {
		var codes []string
		for _, p := range r.body["problems"].([]any) {
			codes = append(codes, p.(fields)["code"].(string))
		}
		for _, code := range want {
			if !slices.Contains(codes, code) {
				t.Errorf("%s: %v lacks %s", name, codes, code)
			}
		}
	}
	if fine := h.request("POST", "/posts/validate", h.post()); fine.body["ok"] != true || len(fine.body["problems"].([]any)) != 0 {
		t.Errorf("nothing wrong: %s", fine.text)
	}
}

func TestPost_DraftToQueue(t *testing.T) {
	t.Parallel()
	h := build(t)
	draft := h.request("POST", "/posts", fields{"account_id": h.account.ID, "caption": "Soon"})
	if draft.status != 201 || draft.str("status") != "draft" || draft.body["problems"] == nil || draft.body["due_at"] != nil {
		t.Fatalf("draft: %d %s", draft.status, draft.text)
	}
	path := "/posts/" + draft.str("id")
	full := h.post()
	edited := h.request("PATCH", path, fields{"media_ids": full["media_ids"], "options": full["options"], "due_at": full["due_at"]}, header("If-Match", draft.header.Get("ETag")))
	if edited.status != 200 || edited.str("status") != "queued" || edited.str("caption") != "Soon" || edited.header.Get("ETag") != `"2"` {
		t.Fatalf("queued: %d %s", edited.status, edited.text)
	}
	moved := h.request("POST", path+"/reschedule", fields{"due": fields{"local": "2026-05-02T09:00", "zone": "America/New_York"}})
	if moved.status != 200 || moved.str("due_at") != "2026-05-02T13:00:00Z" {
		t.Errorf("moved: %d %s", moved.status, moved.text)
	}
	for range 2 {
		if c := h.request("POST", path+"/cancel", nil); c.status != 200 || c.str("status") != "cancelled" {
			t.Errorf("cancelled: %d %s", c.status, c.text)
		}
	}
	var kinds []string
	for _, e := range h.request("GET", path+"/journal", nil).body["items"].([]any) {
		kinds = append(kinds, e.(fields)["kind"].(string))
	}
	if diff := cmp.Diff([]string{"post.cancelled", "post.rescheduled", "post.scheduled", "post.created"}, kinds); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

func TestC30_IdempotencyKey(t *testing.T) {
	t.Parallel()
	h := build(t)
	body := h.post()
	key := header("Idempotency-Key", "order-66")
	first := h.request("POST", "/posts", body, key)
	h.request("POST", "/posts/"+first.str("id")+"/cancel", nil)
	again := h.request("POST", "/posts", body, key)
	if again.status != 201 || again.text != first.text || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" ||
		again.header.Get("Location") != first.header.Get("Location") || again.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("first %s\nagain %s", first.text, again.text)
	}
	body["caption"] = "Other"
	if other := h.request("POST", "/posts", body, key); other.status != 422 || other.str("code") != "idempotency_key_reused" {
		t.Errorf("other body: %d %s", other.status, other.text)
	}
	replies := make([]reply, 12)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = h.request("POST", "/posts", body, header("Idempotency-Key", "race")) })
	}
	all.Wait()
	for _, r := range replies {
		if r.status != 201 || r.text != replies[0].text {
			t.Errorf("racing: %d %s", r.status, r.text)
		}
	}
	if list := h.request("GET", "/posts", nil); len(list.body["items"].([]any)) != 2 {
		t.Errorf("posts: %s", list.text)
	}
}

func TestPost_TwoEditsRace(t *testing.T) {
	t.Parallel()
	h := build(t)
	id := h.create().str("id")
	replies := make([]reply, 8)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() {
			replies[i] = h.request("PATCH", "/posts/"+id, fields{"caption": fmt.Sprint("tab ", i), "options": fields{"tiktok": fields{"consent": true}}}, header("If-Match", `"1"`))
		})
	}
	all.Wait()
	saved := ""
	for _, r := range replies {
		switch {
		case r.status == 200 && saved == "":
			saved = r.str("caption")
		case r.status != 409 || r.str("code") != "version_conflict":
			t.Errorf("got %d %s", r.status, r.text)
		}
	}
	if got := h.request("GET", "/posts/"+id, nil); saved == "" || got.str("caption") != saved || got.body["version"] != 2.0 {
		t.Errorf("told %q, stored %s", saved, got.text)
	}
}

func TestPosts_PagesAndFilters(t *testing.T) {
	t.Parallel()
	h := build(t)
	video := h.video()
	var want []string
	for i := range 7 {
		r := h.create(func(p fields) {
			p["media_ids"] = []any{video}
			p["due_at"] = noon.Add(time.Duration(10-i) * time.Hour)
		})
		want = append(want, r.str("id"))
		h.clock.Advance(time.Second)
	}
	walk := func(query string) (ids []string) {
		cursor := ""
		for range 10 {
			r := h.request("GET", "/posts?limit=2"+query+cursor, nil)
			if r.status != 200 {
				t.Fatalf("%s: %d %s", query, r.status, r.text)
			}
			for _, p := range r.body["items"].([]any) {
				ids = append(ids, p.(fields)["id"].(string))
			}
			next := r.str("next_cursor")
			if next == "" {
				return ids
			}
			cursor = "&cursor=" + next
		}
		t.Fatalf("%s never ends", query)
		return nil
	}
	slices.Reverse(want)
	for query, expect := range map[string][]string{
		"":                     want,
		"&order=due":           want, // the last made is due first
		"&status=queued,draft": want,
		"&status=failed":       nil,
		"&account_id=acc_none": nil,
		"&order=due&from=2026-05-01T17:00:00Z&to=2026-05-01T20:00:00Z": want[1:4],
	} {
		if diff := cmp.Diff(expect, walk(query)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
	first := h.request("GET", "/posts?limit=2", nil).str("next_cursor")
	if r := h.request("GET", "/posts?order=due&cursor="+first, nil); r.str("code") != "invalid_cursor" {
		t.Errorf("a cursor of another order: %d %s", r.status, r.text)
	}
	var kinds int
	cursor := ""
	for {
		r := h.request("GET", "/journal?limit=5"+cursor, nil)
		kinds += len(r.body["items"].([]any))
		if r.str("next_cursor") == "" {
			break
		}
		cursor = "&cursor=" + r.str("next_cursor")
	}
	if kinds != 14 {
		t.Errorf("the journal has %d entries in pages, want 14", kinds)
	}
}

func TestPost_OwnFaultsTellNothing(t *testing.T) {
	t.Parallel()
	h := build(t)
	id := h.create().str("id")
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), "UPDATE posts SET options = 'broken-row' WHERE id = $1", id)
		return err
	})
	r := h.request("GET", "/posts/"+id, nil)
	checkProblem(t, "broken row", r)
	if r.status != 500 || r.str("code") != "internal" || strings.Contains(r.text, "broken") || strings.Contains(r.text, "invalid character") {
		t.Errorf("got %d %s", r.status, r.text)
	}
}

func TestCreator_TellsWhatToAgreeTo(t *testing.T) {
	t.Parallel()
	h := build(t)
	r := h.request("GET", "/accounts/"+string(h.account.ID)+"/creator", nil)
	texts := r.body["declarations"].([]any)
	if r.str("nickname") != "Ada of the Sea" || r.body["max_video_seconds"] != 600.0 || len(r.body["privacy_options"].([]any)) != 3 ||
		texts[0].(fields)["text"] != "By posting, you agree to TikTok's Music Usage Confirmation" ||
		texts[1].(fields)["text"] != "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation." {
		t.Errorf("got %s", r.text)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	h := build(t)
	cookie := h.signIn(h.owner)
	person := func(r *http.Request) { r.Header.Del("Authorization"); r.AddCookie(cookie) }
	made := h.request("POST", "/keys", fields{"name": "bot"}, person)
	key := header("Authorization", "Bearer "+made.str("key"))
	if made.status != 201 || !strings.HasPrefix(made.str("key"), "sp_") || !strings.HasPrefix(made.str("key"), made.str("hint")) {
		t.Fatalf("made: %d %s", made.status, made.text)
	}
	if me := h.request("GET", "/me", nil, key); me.str("kind") != "key" || me.str("role") != "owner" || me.body["now"] != "2026-05-01T12:00:00Z" {
		t.Errorf("me: %s", me.text)
	}
	if list := h.request("GET", "/keys", nil); strings.Contains(list.text, made.str("key")) || !strings.Contains(list.text, made.str("id")) {
		t.Errorf("list: %s", list.text)
	}
	if r := h.request("POST", "/keys/"+made.str("id")+"/revoke", nil, person); r.status != 204 || r.text != "" {
		t.Errorf("revoke: %d %s", r.status, r.text)
	}
	if me := h.request("GET", "/me", nil, key); me.status != 401 {
		t.Errorf("after revoking: %d %s", me.status, me.text)
	}
}

func TestMedia_FindAndPoster(t *testing.T) {
	t.Parallel()
	h := build(t)
	id := string(h.video())
	sum := strings.Repeat("CD", 32)
	for query, n := range map[string]int{"sha256=" + sum: 1, "sha256=" + sum + "&size=8000000": 1, "sha256=" + sum + "&size=7": 0, "sha256=" + strings.Repeat("0", 64): 0, "kind=video": 1, "kind=photo": 0} {
		if r := h.request("GET", "/media?"+query, nil); r.status != 200 || len(r.body["items"].([]any)) != n {
			t.Errorf("%s: %d %s; want %d", query, r.status, r.text, n)
		}
	}
	if r := h.request("GET", "/media/"+id+"/poster", nil); r.status != 404 || r.str("code") != "no_poster" {
		t.Errorf("no poster yet: %d %s", r.status, r.text)
	}
	if r := h.request("PUT", "/media/"+id+"/poster", picture(t)); r.status != 204 {
		t.Fatalf("put: %d %s", r.status, r.text)
	}
	m := h.request("GET", "/media/"+id, nil)
	poster := h.request("GET", strings.TrimPrefix(m.str("poster_url"), "/api/v1"), nil)
	if poster.status != 200 || poster.header.Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(poster.text, "\xff\xd8") {
		t.Errorf("poster: %d %s", poster.status, poster.header)
	}
	if same := h.request("GET", "/media/"+id+"/poster", nil, header("If-None-Match", poster.header.Get("ETag"))); same.status != 304 {
		t.Errorf("asked again: %d", same.status)
	}
	if facts := m.body["facts"].(fields); facts["duration_ms"] != 15000.0 || facts["width"] != 1080.0 || m.body["usable"] != true {
		t.Errorf("media: %s", m.text)
	}
	h.create(func(p fields) { p["media_ids"] = []any{id} })
	if r := h.request("DELETE", "/media/"+id, nil); r.status != 409 {
		t.Errorf("deleting a file that a waiting post needs: %d %s", r.status, r.text)
	}
}
