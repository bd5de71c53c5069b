package tiktoksim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestRateLimits has every limit of TikTok contract 4.2, per token and endpoint.
func TestRateLimits(t *testing.T) {
	for _, c := range []struct {
		path  string
		limit int
	}{{creatorInfo, 20}, {videoInit, 6}, {inboxInit, 6}, {contentInit, 6}, {statusFetch, 30}} {
		t.Run(c.path, func(t *testing.T) {
			w := begin(t)
			token, other := w.connect("mara.moves"), w.connect("mara.moves")
			for i := range c.limit {
				if a := w.api(token, c.path, "{}"); a.HTTP == 429 {
					t.Fatalf("request %d of %d was refused", i+1, c.limit)
				}
			}
			w.want(w.api(token, c.path, "{}"), 429, "rate_limit_exceeded")
			if a := w.api(other, c.path, "{}"); a.HTTP == 429 {
				t.Error("another token of the same creator shares the limit")
			}
			if a := w.get(token, "/v2/user/info/?fields=open_id"); a.HTTP == 429 {
				t.Error("another endpoint shares the limit")
			}
		})
	}
	t.Run("user/info", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Limits.UserInfo = 2 })
		token := w.connect("mara.moves")
		for range 2 {
			w.want(w.get(token, "/v2/user/info/?fields=open_id"), 200, "ok")
		}
		w.want(w.get(token, "/v2/user/info/?fields=open_id"), 429, "rate_limit_exceeded")
		if n := tiktoksim.DefaultKnobs().Limits.UserInfo; n != 600 {
			t.Errorf("the default is %d, want 600", n)
		}
	})
}

func TestRateLimitWindows(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*tiktoksim.LimitKnobs)
		// The clock starts at 10:00:30; six inits follow, then one refused at
		// 10:00:59. What comes of more inits at 10:01:00 and 10:01:30?
		atMinute, after60 int
	}{
		{"sliding", func(*tiktoksim.LimitKnobs) {}, 429, 200},
		{"fixed", func(k *tiktoksim.LimitKnobs) { k.Window = "fixed" }, 200, 200},
		{"refused requests count", func(k *tiktoksim.LimitKnobs) { k.CountRefused = true }, 429, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			w.knobs(func(k *tiktoksim.Knobs) { c.change(&k.Limits) })
			w.MoveClock(30 * time.Second)
			token := w.connect("mara.moves")
			for range 6 {
				w.want(w.api(token, videoInit, videoBody(100)), 200, "ok")
			}
			w.MoveClock(29 * time.Second)
			w.want(w.api(token, videoInit, videoBody(100)), 429, "rate_limit_exceeded")
			w.MoveClock(time.Second)
			if a := w.api(token, videoInit, videoBody(100)); a.HTTP != c.atMinute {
				t.Errorf("at the full minute: %d, want %d", a.HTTP, c.atMinute)
			}
			w.MoveClock(30 * time.Second)
			if a := w.api(token, videoInit, videoBody(100)); a.HTTP != c.after60 {
				t.Errorf("60 s after the first: %d, want %d", a.HTTP, c.after60)
			}
		})
	}
	t.Run("quiet is needed when refused requests count", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Limits.CountRefused = true })
		token := w.connect("mara.moves")
		for range 12 {
			w.api(token, videoInit, videoBody(100))
		}
		for range 10 { // hammering every 9 s keeps the window full
			w.MoveClock(9 * time.Second)
			w.want(w.api(token, videoInit, videoBody(100)), 429, "rate_limit_exceeded")
		}
	})
}

// TestEveryAnswerHasTheEnvelope checks form, log id and the real Date.
func TestEveryAnswerHasTheEnvelope(t *testing.T) {
	w := begin(t)
	w.MoveClock(100 * 24 * time.Hour)
	token := w.connect("mara.moves")
	for _, path := range []string{creatorInfo, videoInit, inboxInit, contentInit, statusFetch, cancelPath} {
		a := w.api(token, path, "{}")
		var form struct {
			Data  *json.RawMessage
			Error struct{ Code, Message, LogID *string }
		}
		if err := json.Unmarshal([]byte(a.Raw), &form); err != nil || form.Data == nil || form.Error.Code == nil || form.Error.Message == nil || a.Error.LogID == "" {
			t.Errorf("%s answered %s", path, a.Raw)
		}
		date, err := http.ParseTime(a.Header.Get("Date"))
		if err != nil || time.Since(date).Abs() > time.Minute {
			t.Errorf("%s: Date is %q, want the real time whatever the clock says", path, a.Header.Get("Date"))
		}
	}
}

func TestPathsKeepTheirTrailingSlash(t *testing.T) {
	w := begin(t)
	for _, path := range []string{"/v2/oauth/token", "/v2/user/info", "/v2/post/publish/video/init", "/v2/post/publish/video/init/x/", "/v2/nonsense/"} {
		r, _ := http.NewRequest(http.MethodPost, w.URL+path, strings.NewReader("{}"))
		resp, _, err := w.do(r)
		if err != nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s answered %s, want 404 and no redirect", path, fmt.Sprint(resp.StatusCode, err))
		}
	}
}
