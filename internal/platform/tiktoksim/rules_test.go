package tiktoksim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// rule is one line of the contract's strict profile: a scenario that the rule
// refuses, and what comes of it when the rule is off.
type rule struct {
	name     string // JSON name in knobs.rules
	on       string // the refusal
	off      string // "" is acceptance
	scenario func(w *world) string
}

// TestRule runs each rule's scenario twice: refused while the rule is on,
// accepted (or refused by the next rule) once it is off.
func TestRule(t *testing.T) {
	all := append(append(append(authorizeRules, tokenRules...), apiRules...), transferRules...)
	tested := map[string]bool{}
	for _, c := range all {
		tested[c.name] = true
		for _, side := range []struct {
			name string
			on   bool
			want string
		}{{"refuses", true, c.on}, {"off", false, c.off}} {
			t.Run(c.name+"/"+side.name, func(t *testing.T) {
				t.Parallel()
				w := begin(t, noNetwork, registered)
				if !side.on {
					status, answer := w.control(http.MethodPut, "/_sim/knobs", object{"rules": object{c.name: false}})
					if status != http.StatusOK {
						t.Fatalf("switching the rule off: %d %s", status, answer)
					}
				}
				if got := c.scenario(w); got != side.want {
					t.Errorf("came to %q, want %q", got, side.want)
				}
			})
		}
	}
	rules := reflect.TypeFor[tiktoksim.Rules]()
	for i := range rules.NumField() {
		if name := rules.Field(i).Tag.Get("json"); !tested[name] {
			t.Errorf("rule %q has no scenario", name)
		}
	}
}

// noNetwork keeps the pull worker from dialling anywhere.
func noNetwork(o *tiktoksim.Options) {
	o.PullTransport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no network in this test")
	}}
}

func registered(o *tiktoksim.Options) {
	o.Redirects = []tiktoksim.Redirect{
		{URI: "https://app.example.test/callback/tiktok"},
		{URI: "http://localhost:*/callback/tiktok", Desktop: true},
	}
	o.Properties = []string{"example.test"}
}

const (
	webRedirect     = "https://app.example.test/callback/tiktok"
	desktopRedirect = "http://localhost:4711/callback/tiktok"
	verifier        = "shippost-verifier-0123456789-abcdefghijklmnopqrstuvwxyz"
	challenge       = "4063a5307e16762b433ac02517975e823d2ee2792e7686204c648d071288c995"
)

func authorizeQuery(change ...string) url.Values {
	q := url.Values{"client_key": {tiktoksim.DefaultClientKey}, "response_type": {"code"}, "scope": {"user.info.basic,video.publish"},
		"redirect_uri": {webRedirect}, "state": {"xyz"}, "disable_auto_auth": {"1"}}
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == "" {
			q.Del(change[i])
		} else {
			q.Set(change[i], change[i+1])
		}
	}
	return q
}

// authorize opens the authorize page; the result is the parameter that the
// error page names.
func authorize(change ...string) func(*world) string {
	return func(w *world) string { return w.askConsent(authorizeQuery(change...).Encode()) }
}

func (w *world) askConsent(query string) string {
	r, _ := http.NewRequest(http.MethodGet, w.URL+"/v2/auth/authorize/?"+query, nil)
	resp, _, err := w.do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	entries := w.Journal(0)
	code := entries[len(entries)-1].Code
	if (code == "") != (resp.StatusCode == http.StatusOK) {
		w.t.Errorf("the page answered %d with problem %q", resp.StatusCode, code)
	}
	return code
}

var authorizeRules = []rule{
	{"client_key", "client_key", "", authorize("client_key", "wrong")},
	{"response_type", "response_type", "", authorize("response_type", "token")},
	{"scope_known", "scope", "", authorize("scope", "user.info.basic,nonsense")},
	{"redirect_registered", "redirect_uri", "", authorize("redirect_uri", "https://app.example.test/callback/tiktok/")},
	{"state", "state", "", authorize("state", "")},
	{"pkce_required", "code_challenge", "", authorize("redirect_uri", desktopRedirect)},
	{"parameter_once", "param_error", "", func(w *world) string {
		return w.askConsent(authorizeQuery().Encode() + "&state=abc")
	}},
}

var tokenRules = []rule{
	{"token_form", "invalid_request", "", func(w *world) string {
		code := w.consent("mara.moves").Get("code")
		q := app("grant_type", "authorization_code", "code", code, "redirect_uri", webRedirect)
		r, _ := http.NewRequest(http.MethodPost, w.URL+tokenPath+"?"+q.Encode(), strings.NewReader(`{}`))
		r.Header.Set("Content-Type", "application/json")
		_, text, err := w.do(r)
		var a oauthReply
		if err != nil || json.Unmarshal([]byte(text), &a) != nil {
			w.t.Fatal(err, text)
		}
		return a.Error
	}},
	{"token_fields", "invalid_request", "", func(w *world) string {
		return w.exchange(w.consent("mara.moves").Get("code"), "client_id", "x").Error
	}},
	{"token_grant", "unsupported_grant_type", "", func(w *world) string {
		tokens, _ := w.Connect("mara.moves")
		if e := w.exchange(w.consent("mara.moves").Get("code"), "grant_type", "code").Error; e != "" {
			return e
		}
		return w.refresh(tokens.RefreshToken, "grant_type", "refresh").Error
	}},
	{"token_client", "invalid_client", "", func(w *world) string {
		return w.exchange(w.consent("mara.moves").Get("code"), "client_secret", "wrong").Error
	}},
	{"code_single_use", "invalid_grant", "", func(w *world) string {
		code := w.consent("mara.moves").Get("code")
		if e := w.exchange(code).Error; e != "" {
			return "first: " + e
		}
		return w.exchange(code).Error
	}},
	{"code_expiry", "invalid_grant", "", func(w *world) string {
		code := w.consent("mara.moves").Get("code")
		w.MoveClock(10 * time.Minute)
		return w.exchange(code).Error
	}},
	{"token_redirect", "invalid_request", "", func(w *world) string {
		return w.exchange(w.consent("mara.moves").Get("code"), "redirect_uri", "https://app.example.test/callback").Error
	}},
	{"token_pkce", "invalid_request", "", func(w *world) string {
		q := w.consent("mara.moves", "redirect_uri", desktopRedirect, "code_challenge", challenge, "code_challenge_method", "S256")
		return w.exchange(q.Get("code"), "redirect_uri", desktopRedirect, "code_verifier", verifier+"x").Error
	}},
	{"refresh_expiry", "invalid_grant", "", func(w *world) string {
		tokens, _ := w.Connect("mara.moves")
		w.MoveClock(365 * 24 * time.Hour)
		return w.refresh(tokens.RefreshToken).Error
	}},
	{"refresh_revoked", "invalid_grant", "", func(w *world) string {
		tokens, _ := w.Connect("mara.moves")
		w.RemoveApp("mara.moves", 1)
		return w.refresh(tokens.RefreshToken).Error
	}},
	{"revoke_token", "invalid_grant", "", func(w *world) string {
		form := app("token", w.connect("mara.moves"))
		if e := w.oauth("/v2/oauth/revoke/", form).Error; e != "" {
			return "first: " + e
		}
		return w.oauth("/v2/oauth/revoke/", form).Error
	}},
}

// code is what an API call came to: "" for ok.
func (a reply) code() string {
	if a.Error.Code == "ok" {
		return ""
	}
	return a.Error.Code
}

// initVideo tries a direct post with some fields changed.
func initVideo(handle string, change ...func(post, source object)) func(*world) string {
	return func(w *world) string {
		return w.api(w.connect(handle), videoInit, videoBody(1<<20, change...)).code()
	}
}

func photoBody(n int, change ...func(body, post, source object)) object {
	post := object{"title": "Market day", "description": "Saturday stalls #food", "privacy_level": "PUBLIC_TO_EVERYONE"}
	source := object{"source": "PULL_FROM_URL", "photo_cover_index": 0}
	var images []string
	for i := range n {
		images = append(images, fmt.Sprintf("https://photos.example.test/p/%d.jpg", i))
	}
	source["photo_images"] = images
	body := object{"media_type": "PHOTO", "post_mode": "DIRECT_POST", "post_info": post, "source_info": source}
	for _, c := range change {
		c(body, post, source)
	}
	return body
}

func initPhotos(handle string, n int, change ...func(body, post, source object)) func(*world) string {
	return func(w *world) string {
		return w.api(w.connect(handle), contentInit, photoBody(n, change...)).code()
	}
}

var apiRules = []rule{
	{"access_expiry", "access_token_invalid", "", func(w *world) string {
		token := w.connect("mara.moves")
		w.MoveClock(24 * time.Hour)
		return w.api(token, creatorInfo, "").code()
	}},
	{"access_revoked", "access_token_invalid", "", func(w *world) string {
		token := w.connect("mara.moves")
		w.RemoveApp("mara.moves", 1)
		return w.api(token, creatorInfo, "").code()
	}},
	{"scope", "scope_not_authorized", "", func(w *world) string {
		return w.api(w.connect("mara.moves", "user.info.basic", "video.upload"), creatorInfo, "").code()
	}},
	{"rate_limit", "rate_limit_exceeded", "", func(w *world) string {
		token := w.connect("mara.moves")
		for range 6 {
			if code := w.api(token, videoInit, videoBody(100)).code(); code != "" {
				return "early: " + code
			}
		}
		return w.api(token, videoInit, videoBody(100)).code()
	}},
	{"json_type", "invalid_params", "", func(w *world) string {
		body, _ := json.Marshal(videoBody(100))
		return w.apiAs(w.connect("mara.moves"), videoInit, "text/plain", string(body)).code()
	}},
	{"json_body", "invalid_params", "invalid_publish_id", func(w *world) string {
		return w.api(w.connect("mara.moves"), statusFetch, `{"publish_id":`).code()
	}},
	{"json_fields", "invalid_params", "", initVideo("mara.moves", setPost("disable_duet", "yes"))},
	{"user_fields", "invalid_params", "", func(w *world) string {
		token := w.connect("mara.moves")
		if code := w.get(token, "/v2/user/info/").code(); code != "" {
			return code
		}
		return w.get(token, "/v2/user/info/?fields=open_id,shoe_size").code()
	}},
	{"publish_owner", "token_not_authorized_for_specified_publish_id", "", func(w *world) string {
		a := w.api(w.connect("mara.moves"), videoInit, videoBody(100))
		return w.api(w.connect("quiet.kiln"), statusFetch, object{"publish_id": a.Data.PublishID}).code()
	}},
	{"cancellable", "publish_not_cancellable", "", func(w *world) string {
		token := w.connect("mara.moves")
		id := w.api(token, videoInit, videoBody(100)).Data.PublishID
		if code := w.api(token, cancelPath, object{"publish_id": id}).code(); code != "" {
			return code
		}
		w.wantStatus(token, id, "FAILED", "publish_cancelled")
		return w.api(token, cancelPath, object{"publish_id": id}).code()
	}},
	{"banned", "spam_risk_user_banned_from_posting", "", initVideo("loud.party")},
	{"daily_cap", "spam_risk_too_many_posts", "", initVideo("daily.dose")},
	{"active_cap", "reached_active_user_cap", "", func(w *world) string {
		w.creator("mara.moves", object{"app_capped": true})
		return initVideo("mara.moves")(w)
	}},
	{"pending_drafts", "spam_risk_too_many_pending_share", "", func(w *world) string {
		token := w.connect("mara.moves")
		for range 5 {
			if code := w.api(token, inboxInit, videoBody(100)).code(); code != "" {
				return "early: " + code
			}
		}
		return w.api(token, inboxInit, videoBody(100)).code()
	}},
	{"app_version", "app_version_check_failed", "", func(w *world) string {
		w.creator("mara.moves", object{"app_version_too_old": true})
		return initPhotos("mara.moves", 1, func(body, _, _ object) { body["post_mode"] = "MEDIA_UPLOAD" })(w)
	}},
	{"post_info", "invalid_params", "privacy_level_option_mismatch", func(w *world) string {
		body := videoBody(100)
		delete(body, "post_info")
		return w.api(w.connect("mara.moves"), videoInit, body).code()
	}},
	{"source", "invalid_params", "", func(w *world) string {
		if code := initVideo("mara.moves", setSource("source", nil))(w); code != "" {
			return code
		}
		return initVideo("mara.moves", setSource("source", "URL"), setSource("video_url", "https://media.example.test/v.mp4"))(w)
	}},
	{"caption_length", "invalid_params", "", initVideo("mara.moves", setPost("title", strings.Repeat("🐙", 1100)+"x"))},
	{"privacy_enum", "invalid_params", "privacy_level_option_mismatch", initVideo("mara.moves", setPost("privacy_level", "EVERYBODY"))},
	{"unaudited", "unaudited_client_can_only_post_to_private_accounts", "", func(w *world) string {
		w.knobs(func(k *tiktoksim.Knobs) { k.App.Audited = false })
		return initVideo("mara.moves", setPost("privacy_level", "SELF_ONLY"))(w)
	}},
	{"privacy_option", "privacy_level_option_mismatch", "", initVideo("mara.moves", setPost("privacy_level", "FOLLOWER_OF_CREATOR"))},
	{"video_size", "invalid_params", "", initVideo("mara.moves", plan(4<<30+64<<20, 64<<20, 65))},
	{"chunk_size", "invalid_params", "", initVideo("mara.moves", plan(50<<20, 4<<20, 12))},
	{"chunk_count", "invalid_params", "", initVideo("mara.moves", plan(50_000_123, 10_000_000, 6))},
	{"pull_url", "invalid_params", "", initVideo("mara.moves", setSource("source", "PULL_FROM_URL"), setSource("video_url", "http://media.example.test/v.mp4"))},
	{"url_ownership", "url_ownership_unverified", "", initVideo("mara.moves", setSource("source", "PULL_FROM_URL"), setSource("video_url", "https://media.example.org/v.mp4"))},
	{"photo_fields", "invalid_params", "", initPhotos("mara.moves", 1, func(body, _, _ object) { body["media_type"] = "VIDEO" })},
	{"photo_count", "invalid_params", "", initPhotos("mara.moves", 36)},
	{"photo_cover", "invalid_params", "", initPhotos("mara.moves", 2, func(_, _, source object) { source["photo_cover_index"] = 2 })},
}

// newUpload starts an upload of n bytes in chunks and returns its URL.
func (w *world) newUpload(n int64, change ...func(post, source object)) string {
	w.t.Helper()
	a := w.api(w.connect("mara.moves"), videoInit, videoBody(n, change...))
	w.want(a, 200, "ok")
	return a.Data.UploadURL
}

func putResult(resp *http.Response) string {
	if resp.StatusCode == http.StatusCreated || resp.StatusCode == http.StatusPartialContent {
		return ""
	}
	return fmt.Sprint(resp.StatusCode)
}

const mib = 1 << 20

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// ends uploads a sample video and returns how the post ended.
func ends(sample string, change func(*world)) func(*world) string {
	return func(w *world) string {
		if change != nil {
			change(w)
		}
		token := w.connect("mara.moves")
		id := w.upload(token, file(w.t, sample))
		w.MoveClock(time.Minute)
		return w.status(token, id).Data.FailReason
	}
}

var transferRules = []rule{
	{"upload_token", "404", "", func(w *world) string {
		u, _ := url.Parse(w.newUpload(100))
		q := u.Query()
		q.Set("upload_token", "guessed")
		u.RawQuery = q.Encode()
		return putResult(w.put(chunk{url: u.String(), body: make([]byte, 100), total: 100}))
	}},
	{"upload_expiry", "403", "", func(w *world) string {
		u := w.newUpload(100)
		w.MoveClock(time.Hour)
		return putResult(w.put(chunk{url: u, body: make([]byte, 100), total: 100}))
	}},
	{"upload_expiry_at_end", "403", "", func(w *world) string {
		u := w.newUpload(100)
		held := w.hold(chunk{url: u, body: make([]byte, 100), total: 100}, 60)
		w.MoveClock(time.Hour)
		return putResult(held.finish())
	}},
	{"upload_type", "400", "", func(w *world) string {
		return putResult(w.put(chunk{url: w.newUpload(100), body: make([]byte, 100), total: 100, contentType: "application/octet-stream"}))
	}},
	{"upload_range", "400", "", func(w *world) string {
		u, b := w.newUpload(11*mib, plan(11*mib, 5*mib, 2)), make([]byte, 11*mib)
		if r := putResult(w.put(chunk{url: u, body: b[:5*mib], rangeHeader: "-"})); r != "" {
			return r
		}
		return putResult(w.put(chunk{url: u, body: b[5*mib:], rangeHeader: "bytes */11534336"}))
	}},
	{"upload_length", "400", "", func(w *world) string {
		if r := putResult(w.put(chunk{url: w.newUpload(100), body: make([]byte, 100), total: 101})); r != "" {
			return r
		}
		if r := putResult(w.put(chunk{url: w.newUpload(100), body: make([]byte, 100), rangeHeader: "bytes 0-49/100"})); r != "" {
			return r
		}
		r, _ := http.NewRequest(http.MethodPut, w.newUpload(100), io.LimitReader(zeros{}, 100)) // whose length nobody tells
		r.Header.Set("Content-Type", "video/mp4")
		r.Header.Set("Content-Range", "bytes 0-99/100")
		resp, _, err := w.do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		return putResult(resp)
	}},
	{"upload_order", "416", "", func(w *world) string {
		u, b := w.newUpload(11*mib, plan(11*mib, 5*mib, 2)), make([]byte, 5*mib)
		if r := putResult(w.put(chunk{url: u, body: b, total: 11 * mib})); r != "" {
			return "first: " + r
		}
		return putResult(w.put(chunk{url: u, body: b, total: 11 * mib}))
	}},
	{"upload_chunk", "416", "", func(w *world) string {
		u := w.newUpload(11*mib, plan(11*mib, 5*mib, 2))
		return putResult(w.put(chunk{url: u, body: make([]byte, 5*mib-1), total: 11 * mib}))
	}},
	{"pull_redirect", "video_pull_failed", "", func(w *world) string {
		host := w.host(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/old.mp4" {
				http.Redirect(rw, r, "/new.mp4", http.StatusFound)
				return
			}
			rw.Write(file(w.t, "h264.mp4"))
		})
		return host.pullVideo("/old.mp4").Data.FailReason
	}},
	{"media_format", "file_format_check_failed", "", ends("mpeg4.mp4", nil)},
	{"media_duration", "duration_check_failed", "", ends("h264.mp4", func(w *world) { w.creator("mara.moves", object{"max_video_seconds": 2}) })},
	{"media_frame_rate", "frame_rate_check_failed", "", ends("ten-fps.mp4", nil)},
	{"media_picture_size", "picture_size_check_failed", "", ends("narrow.mp4", nil)},
	{"media_bytes", "file_format_check_failed", "", ends("h264.mp4", func(w *world) { w.knobs(func(k *tiktoksim.Knobs) { k.Media.VideoBytes = 1000 }) })},
	{"auth_removed", "auth_removed", "", func(w *world) string {
		token := w.connect("mara.moves")
		a, video := w.api(token, videoInit, videoBody(100)), file(w.t, "h264.mp4")
		id := w.upload(token, video)
		w.RemoveApp("mara.moves", 1)
		w.MoveClock(time.Minute)
		token = w.connect("mara.moves")
		if reason := w.status(token, a.Data.PublishID).Data.FailReason; reason != "" {
			w.wantStatus(token, id, "FAILED", reason)
			return reason
		}
		w.wantStatus(token, a.Data.PublishID, "PROCESSING_UPLOAD", "")
		w.wantStatus(token, id, "PUBLISH_COMPLETE", "")
		return ""
	}},
}
