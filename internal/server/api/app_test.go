package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// One request is enough for a calendar: pictures and lengths come with the posts.
func TestPosts_ComeWithTheirFilesInShort(t *testing.T) {
	t.Parallel()
	h := build(t)
	with, without := h.video(), h.video()
	must(t, h.library.SetPoster(t.Context(), h.owner, with, picture(t)))
	for _, id := range []shippost.MediaID{with, without} {
		h.create(func(body fields) { body["media_ids"] = []any{id} })
	}
	h.create(func(body fields) { delete(body, "due_at"); delete(body, "media_ids") })
	seen := map[string]string{}
	list := h.request(http.MethodGet, "/posts", nil)
	for _, item := range list.body["items"].([]any) {
		post := item.(fields)
		for _, file := range post["media"].([]any) {
			m := file.(fields)
			poster, _ := m["poster_url"].(string)
			seen[m["id"].(string)] = poster
			if m["kind"] != "video" || m["status"] != "ready" || m["duration_ms"] != 15000.0 {
				t.Errorf("file %v", m)
			}
		}
	}
	if len(seen) != 2 || seen[string(with)] != "/api/v1/media/"+string(with)+"/poster" || seen[string(without)] != "" {
		t.Errorf("files of the list: %v", seen)
	}
	if r := h.request(http.MethodGet, seen[string(with)][len("/api/v1"):], nil); r.status != 200 || r.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the picture: %d", r.status)
	}
}

func TestPost_DuplicateAndDelete(t *testing.T) {
	t.Parallel()
	h := build(t)
	post := h.create()
	copied := h.request(http.MethodPost, "/posts/"+post.str("id")+"/duplicate", nil)
	options := tiktokOf(copied.body)
	if copied.status != 201 || copied.str("status") != "draft" || copied.str("caption") != "Tide pools" || copied.body["due_at"] != nil || copied.str("id") == post.str("id") ||
		options["consent"] != false || options["privacy_level"] != "SELF_ONLY" || len(copied.body["media"].([]any)) != 1 {
		t.Errorf("copied: %d %s", copied.status, copied.text)
	}
	path := "/posts/" + copied.str("id")
	if r := h.request(http.MethodDelete, path, nil); r.status != 204 || r.text != "" {
		t.Fatalf("delete: %d %s", r.status, r.text)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if r := h.request(method, path, nil); r.status != 404 || r.str("code") != "post_not_found" {
			t.Errorf("%s afterwards: %d %s", method, r.status, r.text)
		}
	}
	r := h.request(http.MethodDelete, "/posts/"+post.str("id"), nil)
	checkProblem(t, "a queued post", r)
	if r.status != 409 || r.str("code") != "not_a_draft" || h.request(http.MethodGet, "/posts/"+post.str("id"), nil).str("status") != "queued" {
		t.Errorf("a queued post: %d %s", r.status, r.text)
	}
	// Of a post whose file is gone the words remain.
	h.request(http.MethodPost, "/posts/"+post.str("id")+"/cancel", nil)
	file, _ := post.body["media_ids"].([]any)[0].(string)
	if r := h.request(http.MethodDelete, "/media/"+file, nil); r.status != 204 {
		t.Fatalf("delete the file: %d %s", r.status, r.text)
	}
	if r := h.request(http.MethodPost, "/posts/"+post.str("id")+"/duplicate", nil); r.status != 201 || len(r.body["media_ids"].([]any)) != 0 || r.str("caption") != "Tide pools" {
		t.Errorf("without its file: %d %s", r.status, r.text)
	}
}

func TestAccounts_TellTheirLimits(t *testing.T) {
	t.Parallel()
	h := build(t)
	sent := func(status string, ago time.Duration) {
		id := h.create().str("id")
		storetest.Update(t, h.db, func(tx *store.Tx) error {
			_, err := tx.SQL().ExecContext(t.Context(), "UPDATE posts SET status = $1, committed_at = $2 WHERE id = $3", status, h.clock.Now().Add(-ago).UnixMicro(), id)
			return err
		})
	}
	h.create()
	h.create(func(body fields) { delete(body, "due_at") })
	sent("posted", 23*time.Hour)
	sent("unconfirmed", time.Hour)
	sent("publishing", time.Minute)
	sent("failed", time.Hour)
	sent("posted", 25*time.Hour)
	account := h.request(http.MethodGet, "/accounts/"+string(h.account.ID), nil)
	limits, _ := account.body["limits"].(fields)
	if limits["sent_24h"] != 3.0 || limits["daily_posts"] != 15.0 || limits["scheduled"] != 2.0 || limits["scheduled_limit"] != 500.0 {
		t.Errorf("limits %v", limits)
	}
	list := h.request(http.MethodGet, "/accounts", nil)
	if first := list.body["items"].([]any)[0].(fields)["limits"].(fields); first["sent_24h"] != 3.0 {
		t.Errorf("in the list: %v", first)
	}
}

// An account that must be connected again says why, for programs and in the words of the one table.
func TestAccounts_SayWhy(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := "/accounts/" + string(h.account.ID)
	if r := h.request(http.MethodGet, at, nil); r.str("status") != "active" || r.body["status_message"] != nil {
		t.Errorf("an active account says %s", r.text)
	}
	broken := h.account
	broken.Status, broken.StatusReason = shippost.AccountReconnect, shippost.ReasonScopes
	storetest.Update(t, h.db, func(tx *store.Tx) error { _, err := tx.SetAccountStatus(t.Context(), broken, broken.Epoch); return err })
	if r := h.request(http.MethodGet, at, nil); r.str("status_reason") != shippost.ReasonScopes || r.str("status_message") != broken.Why() {
		t.Errorf("got %s, want %q", r.text, broken.Why())
	}
}

// The editor shows these limits instead of knowing them.
func TestRules_HaveWhatTheEditorShows(t *testing.T) {
	t.Parallel()
	h := build(t)
	r := h.request(http.MethodGet, "/accounts/"+string(h.account.ID)+"/rules", nil)
	most := map[string]any{}
	for _, item := range r.body["rules"].([]any) {
		if rule := item.(fields); rule["severity"] == "block" {
			about := rule["kind"].(string) + " " + rule["about"].(string)
			if most[about] = rule["max"]; rule["one_of"] != nil {
				most[about] = rule["one_of"]
			}
		}
	}
	for about, want := range map[string]any{"video caption": 2200.0, "photo caption": 4000.0, "photo title": 90.0, "photo count": 35.0, "video size": 4294967296.0} {
		if most[about] != want {
			t.Errorf("%s: at most %v, want %v", about, most[about], want)
		}
	}
	if taken, _ := most["video container"].([]any); len(taken) != 3 {
		t.Errorf("video container: %v", taken)
	}
}

// A file is looked for by size and fingerprint, then by its hash; only in one's own workspace.
func TestMedia_IsRecognised(t *testing.T) {
	t.Parallel()
	h := build(t)
	content := picture(t)
	m := mediatest.Upload(t, h.library, h.owner, "one.jpg", content)
	print, err := media.Fingerprint(strings.NewReader(string(content)), int64(len(content)))
	must(t, err)
	if m.Fingerprint != print || m.ReceivedSize != int64(len(content)) {
		t.Errorf("kept %q and %d", m.Fingerprint, m.ReceivedSize)
	}
	size := "size=" + strconv.Itoa(len(content))
	stranger := h.signIn(storetest.Workspace(t, h.db))
	as := func(r *http.Request) { r.Header.Del("Authorization"); r.AddCookie(stranger) }
	for query, n := range map[string]int{size + "&fingerprint=" + print: 1, size + "&fingerprint=" + strings.ToUpper(print): 1, "size=1&fingerprint=" + print: 0,
		size + "&fingerprint=" + strings.Repeat("0", 64): 0, size + "&sha256=" + m.ReceivedSHA256: 1} {
		r := h.request(http.MethodGet, "/media?"+query, nil)
		if items, _ := r.body["items"].([]any); r.status != 200 || len(items) != n || n == 1 && items[0].(fields)["id"] != string(m.ID) {
			t.Errorf("%s: %d %s", query, r.status, r.text)
		}
		if r := h.request(http.MethodGet, "/media?"+query, nil, as); r.status != 200 || len(r.body["items"].([]any)) != 0 {
			t.Errorf("a stranger, %s: %d %s", query, r.status, r.text)
		}
	}
	for query, code := range map[string]string{"fingerprint=" + print: "size_required", size + "&fingerprint=xyz": "invalid_fingerprint",
		size + "&fingerprint=" + strings.Repeat("g", 64): "invalid_fingerprint"} {
		r := h.request(http.MethodGet, "/media?"+query, nil)
		checkProblem(t, query, r)
		if r.status != 422 || r.str("code") != code {
			t.Errorf("%s: %d %s", query, r.status, r.text)
		}
	}
}

// After a closed tab the upload is found again; other people's are not.
func TestUploads_AreFoundAgain(t *testing.T) {
	t.Parallel()
	h := build(t)
	u, err := h.library.Begin(t.Context(), h.owner, media.Offer{Size: 1000, FileName: "tide.mp4", Metadata: map[string]string{media.FingerprintKey: "abc"}})
	must(t, err)
	_, err = h.library.Append(t.Context(), h.owner, u.ID, 0, strings.NewReader(strings.Repeat("x", 300)))
	must(t, err)
	mediatest.Upload(t, h.library, h.owner, "done.jpg", picture(t))
	r := h.request(http.MethodGet, "/uploads", nil)
	items, _ := r.body["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("listed: %s", r.text)
	}
	got := items[0].(fields)
	if got["id"] != string(u.ID) || got["media_id"] != string(u.Media) || got["url"] != "/uploads/"+string(u.ID) || got["file_name"] != "tide.mp4" || got["size"] != 1000.0 ||
		got["received"] != 300.0 || got["fingerprint"] != "abc" || got["expires_at"] != "2026-05-02T12:00:00Z" {
		t.Errorf("upload %v", got)
	}
	colleague := h.newKey(h.member(shippost.Editor))
	if r := h.request(http.MethodGet, "/uploads", nil, header("Authorization", "Bearer "+colleague)); len(r.body["items"].([]any)) != 0 {
		t.Errorf("a colleague's list: %s", r.text)
	}
}
