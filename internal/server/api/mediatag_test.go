package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// names returns a field of each item of a list.
func names(r reply, field string) (list []string) {
	items, _ := r.body["items"].([]any)
	for _, item := range items {
		list = append(list, fmt.Sprint(item.(fields)[field]))
	}
	return list
}

func (h *house) tag(body fields) reply { return h.request(http.MethodPost, "/media/tags", body) }

// TestTags: given, found by, counted, and taken away again, in whatever writing.
func TestTags(t *testing.T) {
	t.Parallel()
	h := build(t)
	one := h.video()
	h.clock.Advance(time.Second) // the ids of one moment have no order
	two := h.video()
	if r := h.tag(fields{"media_ids": []any{one, two}, "add": []any{"#Été", "Tide  pools"}}); r.status != 200 || !cmp.Equal(names(r, "tag"), []string{"Été", "Tide pools"}) {
		t.Fatalf("%d %s", r.status, r.text)
	}
	before := h.rows()
	if r := h.tag(fields{"media_ids": []any{one}, "add": []any{"ETE"}, "remove": []any{"nothing"}}); r.status != 200 || h.rows() != before {
		t.Errorf("a tag that is there already changed something: %d %s", r.status, r.text)
	}
	h.tag(fields{"media_ids": []any{two}, "remove": []any{"tide POOLS"}})
	for query, want := range map[string][]string{
		"tag=ete": {string(two), string(one)}, "tag=ete,tide+pools": {string(one)}, "search=pools": {string(one)}, "search=TIDE.mp4+ete": {string(two), string(one)},
		"search=nowhere": nil, "tag=nowhere": nil, "search=%25": nil, "search=%27+OR+1%3D1": nil,
	} {
		if r := h.request(http.MethodGet, "/media?"+query, nil); r.status != 200 || !cmp.Equal(names(r, "id"), want) {
			t.Errorf("%s: %d %v, want %v", query, r.status, names(r, "id"), want)
		}
	}
	if r := h.request(http.MethodGet, "/media/"+string(one), nil); fmt.Sprint(r.body["tags"]) != "[Été Tide pools]" {
		t.Errorf("the file has %v", r.body["tags"])
	}
	// Pages of what was found go on where the one before ended.
	page := h.request(http.MethodGet, "/media?tag=ete&limit=1", nil)
	if next := h.request(http.MethodGet, "/media?tag=ete&limit=1&cursor="+url.QueryEscape(page.str("next_cursor")), nil); !cmp.Equal(names(next, "id"), []string{string(one)}) || next.str("next_cursor") != "" {
		t.Errorf("the second page: %s", next.text)
	}
	h.request(http.MethodDelete, "/media/"+string(one), nil)
	if r := h.request(http.MethodGet, "/media/tags", nil); !cmp.Equal(names(r, "tag"), []string{"Été"}) {
		t.Errorf("after deleting a file: %s", r.text)
	}
}

// TestTags_Hostile: what cannot be a tag, and what is not theirs, is refused in a sentence and changes nothing.
func TestTags_Hostile(t *testing.T) {
	t.Parallel()
	h := build(t)
	ours, foreign := h.video(), func() shippost.MediaID {
		stranger := build(t)
		return stranger.video()
	}()
	many := make([]any, 200)
	for i := range many {
		many[i] = fmt.Sprint("tag", i)
	}
	ids := make([]any, 201)
	for i := range ids {
		ids[i] = ours
	}
	for name, c := range map[string]struct {
		body   any
		status int
		says   string
	}{
		"a thousand characters":    {fields{"media_ids": []any{ours}, "add": []any{strings.Repeat("x", 1000)}}, 422, "at most 40 characters"},
		"two hundred tags":         {fields{"media_ids": []any{ours}, "add": many}, 422, "at most 30"},
		"nothing":                  {fields{"media_ids": []any{ours}, "add": []any{" \u202e "}}, 422, "at least one letter"},
		"a comma":                  {fields{"media_ids": []any{ours}, "add": []any{"a,b"}}, 422, "comma"},
		"no file":                  {fields{"media_ids": []any{}, "add": []any{"a"}}, 422, ""},
		"too many files":           {fields{"media_ids": ids, "add": []any{"a"}}, 422, "at most 200"},
		"a foreign file beside":    {fields{"media_ids": []any{ours, foreign}, "add": []any{"a"}}, 404, "not yours"},
		"a made-up file":           {fields{"media_ids": []any{"../../etc/passwd"}, "add": []any{"a"}}, 404, "not yours"},
		"a number":                 {fields{"media_ids": []any{ours}, "add": []any{7}}, 422, "text"},
		"no JSON":                  {`{"media_ids": [`, 400, "JSON"},
		"a field that is not ours": {fields{"media_ids": []any{ours}, "workspace_id": "ws_x"}, 422, "no field of this name"},
	} {
		before := h.rows()
		r := h.request(http.MethodPost, "/media/tags", c.body)
		if r.status != c.status || !strings.Contains(r.text, c.says) {
			t.Errorf("%s: %d %s, want %d %q", name, r.status, r.text, c.status, c.says)
		}
		checkProblem(t, name, r)
		if h.rows() != before {
			t.Errorf("%s changed something", name)
		}
	}
	// Markup and scripts that run from right to left are tags like others, and come back as they were written.
	odd := []any{"<script>alert(1)</script>", "مد وجزر", "👩\u200d👧"}
	if r := h.tag(fields{"media_ids": []any{ours}, "add": odd}); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	if r := h.request(http.MethodGet, "/media/"+string(ours), nil); !cmp.Equal(map[string]bool{"<script>alert(1)</script>": true, "مد وجزر": true, "👩\u200d👧": true}, setOf(r.body["tags"].([]any))) {
		t.Errorf("the file has %v", r.body["tags"])
	}
	// In several requests, too, a file has no more than it may.
	for i := range 28 {
		h.tag(fields{"media_ids": []any{ours}, "add": []any{fmt.Sprint("n", i)}})
	}
	if r := h.request(http.MethodGet, "/media/"+string(ours), nil); len(r.body["tags"].([]any)) != shippost.MaxMediaTags {
		t.Errorf("a file has %d tags", len(r.body["tags"].([]any)))
	}
	for _, query := range []string{"search=" + strings.Repeat("x", 201), "tag=%00", "cursor=abc", "tag=" + strings.Repeat("a,", 10) + "a"} {
		if r := h.request(http.MethodGet, "/media?"+query, nil); r.status != 422 {
			t.Errorf("%.20s: %d %s", query, r.status, r.text)
		}
	}
}

func setOf(list []any) map[string]bool {
	set := map[string]bool{}
	for _, v := range list {
		set[fmt.Sprint(v)] = true
	}
	return set
}

// TestMedia_WhereUsed: a file tells where it is used, how long it stays and what deleting it would break.
func TestMedia_WhereUsed(t *testing.T) {
	t.Parallel()
	h := build(t)
	id := h.video()
	var posts []string
	for range 3 {
		h.clock.Advance(time.Second) // the ids of one moment have no order
		posts = append(posts, h.create(func(body fields) { body["media_ids"] = []any{id} }).str("id"))
	}
	path := "/media/" + string(id)
	file := h.request(http.MethodGet, path, nil)
	if use := file.body["use"].(fields); use["posts"] != 3.0 || use["waiting"] != 3.0 || use["posted"] != 0.0 || file.body["stay"].(fields)["why"] != "unposted" {
		t.Errorf("the file says %v, %v", use, file.body["stay"])
	}
	page := h.request(http.MethodGet, path+"/posts?limit=2", nil)
	rest := h.request(http.MethodGet, path+"/posts?limit=2&cursor="+page.str("next_cursor"), nil)
	if got := append(names(page, "id"), names(rest, "id")...); !cmp.Equal(got, []string{posts[2], posts[1], posts[0]}) {
		t.Errorf("its posts are %v, want %v backwards", got, posts)
	}
	refused := h.request(http.MethodDelete, path, nil)
	if refused.status != 409 || refused.str("code") != "media_in_use" || !strings.Contains(refused.text, "3 posts that wait need this file") {
		t.Errorf("deleting it: %d %s", refused.status, refused.text)
	}
	for _, post := range posts {
		if !strings.Contains(refused.text, post) {
			t.Errorf("the refusal does not name %s: %s", post, refused.text)
		}
	}
	h.request(http.MethodPost, "/posts/"+posts[0]+"/cancel", nil)
	if r := h.request(http.MethodGet, path+"/posts?waiting=true", nil); !cmp.Equal(names(r, "id"), []string{posts[2], posts[1]}) {
		t.Errorf("waiting: %s", r.text)
	}
	storetest.Update(t, h.db, postedAll(h, noon))
	file = h.request(http.MethodGet, path, nil)
	if stay := file.body["stay"].(fields); stay["why"] != "posted" || stay["until"] != noon.Add(30*24*time.Hour).Format(time.RFC3339) {
		t.Errorf("it stays %v", stay)
	}
	usage := h.request(http.MethodGet, "/media/usage", nil)
	if usage.body["files"] != 4.0 || usage.body["stored_bytes"] != 32e6 || usage.body["quota_bytes"] != 50e9 {
		t.Errorf("usage: %s", usage.text)
	}
	if r := h.request(http.MethodDelete, path, nil); r.status != 204 {
		t.Errorf("deleting it after all: %d %s", r.status, r.text)
	}
	if r := h.request(http.MethodGet, path+"/posts?cursor=abc", nil); r.status != 422 {
		t.Errorf("a made-up cursor: %d", r.status)
	}
}

// postedAll makes all waiting posts posted at a time.
func postedAll(h *house, when time.Time) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(h.t.Context(), "UPDATE posts SET status = 'posted', posted_at = $1 WHERE status = 'queued'", when.UnixMicro())
		return err
	}
}
