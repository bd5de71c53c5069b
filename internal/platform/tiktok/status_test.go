package tiktok

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TikTok's words about a post in every form that was seen, and some that were not.
func TestStatus(t *testing.T) {
	for name, c := range map[string]struct {
		data  string
		state platform.State
		have  int64
		ids   string
	}{
		"begun":                   {`{"status":"PROCESSING_UPLOAD","uploaded_bytes":0}`, platform.Incomplete, 0, ""},
		"half":                    {`{"status":"PROCESSING_UPLOAD","uploaded_bytes":500}`, platform.Incomplete, 500, ""},
		"whole":                   {`{"status":"PROCESSING_UPLOAD","uploaded_bytes":1000}`, platform.Processing, 1000, ""},
		"more than whole":         {`{"status":"PROCESSING_UPLOAD","uploaded_bytes":1001}`, platform.Processing, 1001, ""},
		"without a number":        {`{"status":"PROCESSING_UPLOAD"}`, platform.Processing, -1, ""},
		"null number":             {`{"status":"PROCESSING_UPLOAD","uploaded_bytes":null}`, platform.Processing, -1, ""},
		"inbox":                   {`{"status":"SEND_TO_USER_INBOX"}`, platform.InInbox, -1, ""},
		"published, no ids":       {`{"status":"PUBLISH_COMPLETE"}`, platform.Published, -1, ""},
		"published, empty ids":    {`{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":[]}`, platform.Published, -1, ""},
		"published, null ids":     {`{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":null}`, platform.Published, -1, ""},
		"beyond what floats hold": {`{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":[7602997517160123666]}`, platform.Published, -1, "7602997517160123666"},
		"as text":                 {`{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":["7602997517160123666"]}`, platform.Published, -1, "7602997517160123666"},
		"spelt right":             {`{"status":"PUBLISH_COMPLETE","publicly_available_post_id":[7602997517160123667]}`, platform.Published, -1, "7602997517160123667"},
		"several":                 {`{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":[1,9223372036854775807]}`, platform.Published, -1, "1 9223372036854775807"},
		"ids of another kind":     {`{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":{"a":1}}`, platform.Published, -1, ""},
		"a status of tomorrow":    {`{"status":"POLISHING"}`, platform.Processing, -1, ""},
		"no status":               {`{}`, platform.Processing, -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := api(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"data":`+c.data+`,"error":{"code":"ok","message":"","logid":"log_7"}}`)
			})
			p := (&bench{tokens: &wallet{access: []string{"act.canary"}}}).video(1000)
			p.Receipt = shippost.Receipt{PublishID: "v_pub_file~v2-1.1", UploadURL: shippost.NewSecret("https://x.tiktokapis.com/?t=canary")}
			v, err := c2.Confirm(t.Context(), p)
			if err != nil || v.State != c.state || v.Have != c.have || strings.Join(v.PostIDs, " ") != c.ids || v.LogID != "log_7" {
				t.Errorf("%+v, %v", v, err)
			}
			if len(v.PostIDs) > 0 && v.Permalink != c2.site+"/@mara.moves/video/"+v.PostIDs[0] || len(v.PostIDs) == 0 && v.Permalink != "" {
				t.Errorf("permalink %q", v.Permalink)
			}
			if !json.Valid([]byte(v.Evidence)) || strings.Contains(v.Evidence, "canary") || !strings.Contains(v.Evidence, p.Receipt.PublishID) {
				t.Errorf("evidence %s", v.Evidence)
			}
		})
	}
}

func TestNoPermalinkWithoutAHandle(t *testing.T) {
	if got := permalink("https://www.tiktok.com", "", shippost.Video, []string{"1"}); got != "" {
		t.Errorf("%q", got)
	}
	if got := permalink("https://www.tiktok.com", "@mara.moves", shippost.Video, []string{"1", "2"}); got != "https://www.tiktok.com/@mara.moves/video/1" {
		t.Errorf("%q", got)
	}
}

// Answers that are no answers say nothing about the post.
func TestStatusCannotBeRead(t *testing.T) {
	for name, body := range map[string]string{
		"a page": `<html>`, "nothing": ``, "half": `{"data":{"status":"FAI`, "an array": `[]`, "no error object": `{"data":{"status":"FAILED"}}`,
		"data of another kind": `{"data":[],"error":{"code":"ok"}}`, "no data": `{"error":{"code":"ok"}}`,
		"numbers that overflow": `{"data":{"status":"FAILED","uploaded_bytes":99999999999999999999},"error":{"code":"ok"}}`,
	} {
		c := api(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		p := (&bench{tokens: &wallet{access: []string{"act.1"}}}).video(1000)
		p.Receipt.PublishID = "id"
		if v, err := c.Confirm(t.Context(), p); err == nil {
			t.Errorf("%s: %+v", name, v)
		} else if class := c.Classify(err).Class; class != platform.Unknown && class != platform.Transient {
			t.Errorf("%s: class %s of %v", name, class, err)
		}
	}
}

// The whole walk of a public post, with the simulator's own ids, which no float holds.
func TestConfirmFollowsAPost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.video(1000)
	p.Receipt = b.publish(p)
	if v, err := b.Confirm(t.Context(), p); err != nil || v.State != platform.Processing || v.Have != 1000 {
		t.Errorf("right after: %+v, %v", v, err)
	}
	post := b.onlyPost()
	v, err := b.Confirm(t.Context(), p)
	if err != nil || v.State != platform.Published || !slices.Equal(v.PostIDs, []string{post.PostID}) || !strings.HasSuffix(v.Permalink, "/"+post.PostID) {
		t.Errorf("at the end: %+v, %v; the post is %s", v, err, post.PostID)
	}
	// Another account's token may not ask.
	p.Tokens = b.connect("quiet.kiln")
	if _, err := b.Confirm(t.Context(), p); codeOf(err) != "token_not_authorized_for_specified_publish_id" {
		t.Errorf("with a foreign token: %v", err)
	}
	p.Receipt.PublishID = "v_pub_file~v2-1.404"
	if _, err := b.Confirm(t.Context(), p); codeOf(err) != "invalid_publish_id" {
		t.Errorf("an unknown id: %v", err)
	}
}

func TestEveryFailReasonEndsThePost(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(k *tiktoksim.Knobs) { k.Limits.Init, k.Limits.DailyPosts, k.Limits.Status = 1000, 1000, 1000 })
	for code := range failReasons {
		b.knobs(func(k *tiktoksim.Knobs) { k.Processing.FailReason, k.Processing.FailTimes = code, -1 })
		p := b.video(1000)
		p.Receipt = b.publish(p)
		b.eventually(code, func() bool {
			b.sim.MoveClock(10 * time.Second)
			v, err := b.Confirm(t.Context(), p)
			return err == nil && v.State == platform.Refused && v.Reason.Code == code && v.Reason.LogID != ""
		})
	}
	if n := len(b.sim.Posts()); n != 0 {
		t.Errorf("%d posts are out", n)
	}
}
