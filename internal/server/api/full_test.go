package api_test

import (
	"strings"
	"testing"
	"time"
)

// TestPost_FullDayIsAHint: whoever plans more than TikTok takes is told so over the API, with the nearest time that has room, in
// the answer to each way of writing.
func TestPost_FullDayIsAHint(t *testing.T) {
	t.Parallel()
	h := build(t)
	at := func(in time.Duration) func(fields) { return func(p fields) { p["due_at"] = noon.Add(in) } }
	for n := range 15 {
		h.create(at(10*time.Hour + time.Duration(n)*10*time.Minute))
	}
	hint := func(what string, r reply) {
		t.Helper()
		list, _ := r.body["problems"].([]any)
		for _, p := range list {
			p := p.(fields)
			if choices, _ := p["choices"].([]any); p["code"] == "day_full" && p["severity"] == "warn" && p["field"] == "due_at" && len(choices) == 1 {
				if c := choices[0].(fields); c["at"] != "" && c["local"] != "" {
					return
				}
			}
		}
		t.Errorf("%s: %d %s", what, r.status, r.text)
	}
	hint("validate", h.request("POST", "/posts/validate", h.post(at(11*time.Hour))))
	created := h.request("POST", "/posts", h.post(at(11*time.Hour)))
	hint("create", created)
	path := "/posts/" + created.str("id")
	hint("reschedule", h.request("POST", path+"/reschedule", fields{"due_at": noon.Add(11*time.Hour + time.Minute)}))
	hint("edit", h.request("PATCH", path, fields{"late_window": "1h"}))
	if r := h.request("POST", path+"/reschedule", fields{"due_at": noon.Add(100 * time.Hour)}); r.status != 200 || strings.Contains(r.text, "day_full") {
		t.Errorf("where there is room: %d %s", r.status, r.text)
	}
}
