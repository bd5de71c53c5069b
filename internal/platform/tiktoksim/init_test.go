package tiktoksim_test

import (
	"strings"
	"testing"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestChunkPlan has the plans of TikTok contract 4.7, legal and not.
func TestChunkPlan(t *testing.T) {
	const size, count = "The chunk size is invalid", "The total chunk count is invalid"
	const source = "The request source info is empty or incorrect"
	for _, c := range []struct {
		name               string
		size, chunk, count int64
		message            string // "" is accepted
	}{
		// The table of published examples.
		{"4 MiB whole", 4_194_304, 4_194_304, 1, ""},
		{"official multi-chunk sample", 50_000_123, 10_000_000, 5, ""},
		{"just over 64 MB", 64_000_001, 16_777_216, 3, ""},
		{"77 MB", 77_360_899, 16_777_216, 4, ""},
		{"4 GiB", 4_294_967_296, 16_777_216, 256, ""},
		// Refusals that have been reported.
		{"10 MB chunk for a 2 MB clip", 2_000_000, 10_000_000, 1, size},
		{"64 MB chunk, count 1, for 121 MB", 121_000_000, 64_000_000, 1, size},
		{"ceil instead of floor", 50_000_123, 10_000_000, 6, count},
		// Edges.
		{"small file in pieces", 4_000_000, 2_000_000, 2, size},
		{"one chunk that is not the size", 30_000_000, 20_000_000, 1, size},
		{"smallest chunk", 11 * mib, 5 * mib, 2, ""},
		{"chunk below 5 MiB", 11 * mib, 5*mib - 1, 2, size},
		{"largest chunk", 200 * mib, 64 * mib, 3, ""},
		{"chunk above 64 MiB", 200 * mib, 64*mib + 1, 3, size},
		{"64 MiB whole", 64 * mib, 64 * mib, 1, ""},
		{"over 64 MiB whole", 65 * mib, 65 * mib, 1, size},
		{"1000 chunks is never reached under 4 GiB", 4 << 30, 5 * mib, 819, ""},
		{"over 4 GiB", 4<<30 + 1, 64 * mib, 64, source},
		{"nothing", 0, 0, 0, source},
		{"negative", -1, 5 * mib, 1, source},
		{"no chunk size", 100, 0, 1, size},
		{"no count", 100, 100, 0, count},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			a := w.api(w.connect("mara.moves"), videoInit, videoBody(0, plan(c.size, c.chunk, c.count)))
			if c.message == "" {
				w.want(a, 200, "ok")
				return
			}
			w.want(a, 400, "invalid_params")
			if a.Error.Message != c.message {
				t.Errorf("the message is %q, want %q", a.Error.Message, c.message)
			}
		})
	}
}

func TestDecimalUnits(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Init.DecimalUnits = true })
	token := w.connect("mara.moves")
	w.want(w.api(token, videoInit, videoBody(0, plan(11_000_000, 5_000_000, 2))), 200, "ok")
	w.want(w.api(token, videoInit, videoBody(0, plan(64*mib, 64*mib, 1))), 400, "invalid_params")
	w.want(w.api(token, videoInit, videoBody(0, plan(4<<30, 16_777_216, 256))), 400, "invalid_params")
}

// TestInitAnswers has the prefix of each publish_id and who gets an upload URL.
func TestInitAnswers(t *testing.T) {
	w := begin(t, noNetwork, registered)
	token := w.connect("mara.moves")
	pull := videoBody(0, setSource("source", "PULL_FROM_URL"), setSource("video_url", "https://media.example.test/v.mp4"))
	inbox := photoBody(1, func(body, _, _ object) { body["post_mode"] = "MEDIA_UPLOAD" })
	for _, c := range []struct {
		path, prefix string
		body         object
		upload       bool
	}{
		{videoInit, "v_pub_file~v2-1.", videoBody(100), true},
		{videoInit, "v_pub_url~v2.", pull, false},
		{inboxInit, "v_inbox_file~v2.", videoBody(100), true},
		{inboxInit, "v_inbox_url~v2.", pull, false},
		{contentInit, "p_pub_url~v2.", photoBody(35), false},
		{contentInit, "p_inbox_url~v2.", inbox, false},
	} {
		t.Run(c.prefix, func(t *testing.T) {
			a := w.api(token, c.path, c.body)
			w.want(a, 200, "ok")
			if !strings.HasPrefix(a.Data.PublishID, c.prefix) || len(a.Data.PublishID) > 64 {
				t.Errorf("publish_id is %q, want %s…", a.Data.PublishID, c.prefix)
			}
			if (a.Data.UploadURL != "") != c.upload || len(a.Data.UploadURL) > 256 {
				t.Errorf("upload_url is %q", a.Data.UploadURL)
			}
		})
	}
}

// TestPostInfo covers the text and privacy rules with their knobs.
func TestPostInfo(t *testing.T) {
	no := func(*tiktoksim.Knobs) {}
	octopus := strings.Repeat("🐙", 1100) // two UTF-16 units each
	for _, c := range []struct {
		name   string
		knobs  func(*tiktoksim.Knobs)
		change func(post, source object)
		status int
		code   string
	}{
		{"longest caption", no, setPost("title", octopus), 200, "ok"},
		{"one unit too long", no, setPost("title", octopus+"a"), 400, "invalid_params"},
		{"no caption", no, setPost("title", nil), 200, "ok"},
		{"no brand flags", no, func(p, _ object) { delete(p, "brand_content_toggle"); delete(p, "brand_organic_toggle") }, 200, "ok"},
		{"cover at an odd place", no, setPost("video_cover_timestamp_ms", 99999999), 200, "ok"},
		{"missing privacy", no, setPost("privacy_level", nil), 403, "privacy_level_option_mismatch"},
		{"missing privacy, as observed", func(k *tiktoksim.Knobs) { k.Init.MissingPrivacy = "invalid_params" }, setPost("privacy_level", nil), 400, "invalid_params"},
		{"unknown privacy", no, setPost("privacy_level", "PUBLIC"), 400, "invalid_params"},
		{"known privacy, not an option", no, setPost("privacy_level", "FOLLOWER_OF_CREATOR"), 403, "privacy_level_option_mismatch"},
		{"singular spelling", func(k *tiktoksim.Knobs) { k.Init.InvalidParam = "invalid_param" }, setPost("privacy_level", "PUBLIC"), 400, "invalid_param"},
		{"wrong type", no, setPost("disable_comment", "yes"), 400, "invalid_params"},
		{"branded for nobody", no, func(p, _ object) { p["brand_content_toggle"], p["privacy_level"] = true, "SELF_ONLY" }, 200, "ok"},
		{"branded for nobody, refused", func(k *tiktoksim.Knobs) { k.Init.BrandedSelfOnly = "refuse" },
			func(p, _ object) { p["brand_content_toggle"], p["privacy_level"] = true, "SELF_ONLY" }, 400, "invalid_params"},
		{"unknown source", no, setSource("source", "CARRIER_PIGEON"), 400, "invalid_params"},
		{"pull without URL", no, setSource("source", "PULL_FROM_URL"), 400, "invalid_params"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			w.knobs(c.knobs)
			w.want(w.api(w.connect("mara.moves"), videoInit, videoBody(100, c.change)), c.status, c.code)
		})
	}
	w := begin(t)
	token := w.connect("mara.moves")
	w.want(w.api(token, videoInit, object{"source_info": videoBody(100)["source_info"]}), 400, "invalid_params")
	w.want(w.api(token, videoInit, object{"post_info": videoBody(100)["post_info"]}), 400, "invalid_params")
	w.want(w.api(token, videoInit, `[]`), 400, "invalid_params")
}

// TestIgnoredFieldsAreNoted: the API says nothing, the journal does.
func TestIgnoredFieldsAreNoted(t *testing.T) {
	w := begin(t)
	w.want(w.api(w.connect("mara.moves"), videoInit, videoBody(100, setSource("video_cover_timestamp_ms", 500))), 200, "ok")
	if !w.journalled("request", "ignored") {
		t.Error("a cover in the wrong place left no trace")
	}
}

func TestPullURLForms(t *testing.T) {
	w := begin(t, noNetwork, func(o *tiktoksim.Options) {
		o.Properties = []string{"example.test", "https://cdn.example.org/videos/"}
	})
	w.knobs(func(k *tiktoksim.Knobs) { k.Limits.Init = 0 })
	token := w.connect("mara.moves")
	for u, code := range map[string]string{
		"https://example.test/v.mp4":               "ok",
		"https://a.b.example.test:8443/v.mp4?x=1":  "ok",
		"https://EXAMPLE.test/v.mp4":               "ok",
		"https://notexample.test/v.mp4":            "url_ownership_unverified",
		"https://example.test.evil.org/v.mp4":      "url_ownership_unverified",
		"https://cdn.example.org/videos/a/v.mp4":   "ok",
		"https://cdn.example.org/v.mp4":            "url_ownership_unverified",
		"https://sub.cdn.example.org/videos/v.mp4": "url_ownership_unverified",
		"http://example.test/v.mp4":                "invalid_params",
		"https://127.0.0.1/v.mp4":                  "invalid_params",
		"https://[::1]/v.mp4":                      "invalid_params",
		"https://user:secret@example.test/v.mp4":   "invalid_params",
		"ftp://example.test/v.mp4":                 "invalid_params",
		"/v.mp4":                                   "invalid_params",
	} {
		status := map[string]int{"ok": 200, "url_ownership_unverified": 403, "invalid_params": 400}[code]
		a := w.api(token, videoInit, videoBody(0, setSource("source", "PULL_FROM_URL"), setSource("video_url", u)))
		if a.HTTP != status || a.Error.Code != code {
			t.Errorf("%s: %d %q, want %d %q", u, a.HTTP, a.Error.Code, status, code)
		}
	}
	for _, p := range []string{"", "10.0.0.1", "https://example.test/x", "http://example.test/", "https://10.0.0.1/"} {
		if _, err := tiktoksim.New(tiktoksim.Options{Properties: []string{p}}); err == nil {
			t.Errorf("property %q was accepted", p)
		}
	}
}

// TestPhotoInit covers what content/init refuses.
func TestPhotoInit(t *testing.T) {
	type change = func(body, post, source object)
	draft := func(body, _, _ object) { body["post_mode"] = "MEDIA_UPLOAD" }
	for _, c := range []struct {
		name   string
		n      int
		change change
		status int
		code   string
	}{
		{"35 photos", 35, func(_, _, _ object) {}, 200, "ok"},
		{"no photos", 0, func(_, _, _ object) {}, 400, "invalid_params"},
		{"36 photos", 36, func(_, _, _ object) {}, 400, "invalid_params"},
		{"mode with a space", 1, func(b, _, _ object) { b["post_mode"] = "DIRECT POST" }, 400, "invalid_params"},
		{"no media type", 1, func(b, _, _ object) { delete(b, "media_type") }, 400, "invalid_params"},
		{"byte upload", 1, func(_, _, s object) { s["source"] = "FILE_UPLOAD" }, 400, "invalid_params"},
		{"cover below", 2, func(_, _, s object) { s["photo_cover_index"] = -1 }, 400, "invalid_params"},
		{"cover above", 2, func(_, _, s object) { s["photo_cover_index"] = 2 }, 400, "invalid_params"},
		{"no cover", 2, func(_, _, s object) { delete(s, "photo_cover_index") }, 400, "invalid_params"},
		{"longest title", 1, func(_, p, _ object) { p["title"] = strings.Repeat("🐙", 45) }, 200, "ok"},
		{"title too long", 1, func(_, p, _ object) { p["title"] = strings.Repeat("🐙", 45) + "a" }, 400, "invalid_params"},
		{"longest description", 1, func(_, p, _ object) { p["description"] = strings.Repeat("x", 4000) }, 200, "ok"},
		{"description too long", 1, func(_, p, _ object) { p["description"] = strings.Repeat("x", 4001) }, 400, "invalid_params"},
		{"foreign URL among ours", 2, func(_, _, s object) { s["photo_images"] = []string{"https://example.test/1", "https://evil.org/2"} }, 403, "url_ownership_unverified"},
		{"missing privacy", 1, func(_, p, _ object) { delete(p, "privacy_level") }, 403, "privacy_level_option_mismatch"},
		{"draft without privacy", 1, func(b, p, _ object) { draft(b, p, nil); delete(p, "privacy_level") }, 200, "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t, noNetwork, registered)
			w.want(w.api(w.connect("mara.moves"), contentInit, photoBody(c.n, c.change)), c.status, c.code)
		})
	}
}

// TestPhotoScopeFollowsTheMode: DIRECT_POST and MEDIA_UPLOAD need different scopes.
func TestPhotoScopeFollowsTheMode(t *testing.T) {
	w := begin(t, noNetwork, registered)
	publish, upload := w.connect("mara.moves", "video.publish"), w.connect("mara.moves", "video.upload")
	draft := photoBody(1, func(body, _, _ object) { body["post_mode"] = "MEDIA_UPLOAD" })
	w.want(w.api(publish, contentInit, photoBody(1)), 200, "ok")
	w.want(w.api(upload, contentInit, photoBody(1)), 401, "scope_not_authorized")
	w.want(w.api(upload, contentInit, draft), 200, "ok")
	w.want(w.api(publish, contentInit, draft), 401, "scope_not_authorized")
	w.want(w.api(publish, inboxInit, videoBody(100)), 401, "scope_not_authorized")
}

// TestAIGCCountsOnlyAtTopLevelForPhotos covers TikTok contract 4.5.
func TestAIGCCountsOnlyAtTopLevelForPhotos(t *testing.T) {
	w := begin(t, noNetwork, registered)
	token := w.connect("mara.moves")
	inside := w.api(token, contentInit, photoBody(1, func(_, p, _ object) { p["is_aigc"] = true })).Data.PublishID
	top := w.api(token, contentInit, photoBody(1, func(b, _, _ object) { b["is_aigc"] = true })).Data.PublishID
	for _, p := range w.Publishes() {
		if p.PublishID == inside && p.IsAIGC || p.PublishID == top && !p.IsAIGC {
			t.Errorf("is_aigc is %v for the flag %s", p.IsAIGC, map[bool]string{true: "inside", false: "at top"}[p.PublishID == inside])
		}
	}
}

// TestAccountForbidsToo: what the creator switched off stays off.
func TestAccountForbidsToo(t *testing.T) {
	w := begin(t)
	body := videoBody(100, setPost("disable_comment", false), setPost("disable_duet", false), setPost("disable_stitch", false), setPost("is_aigc", true),
		setPost("video_cover_timestamp_ms", 1500))
	w.want(w.api(w.connect("juno.sketches"), videoInit, body), 200, "ok")
	w.want(w.api(w.connect("mara.moves"), videoInit, body), 200, "ok")
	for _, p := range w.Publishes() {
		want := p.Creator == "juno.sketches"
		if p.DisableComment != want || p.DisableDuet != want || p.DisableStitch != want || !p.IsAIGC || p.CoverMS != 1500 {
			t.Errorf("@%s got %+v", p.Creator, p)
		}
	}
}

// TestOrderOfChecks sends requests that break several rules at once.
func TestOrderOfChecks(t *testing.T) {
	bad := videoBody(0, setPost("privacy_level", "FOLLOWER_OF_CREATOR"), setPost("title", strings.Repeat("x", 2201)))
	mismatch := videoBody(0, setPost("privacy_level", "FOLLOWER_OF_CREATOR"))
	for _, c := range []struct {
		name string
		prep func(w *world) string // returns the token
		body any
		code string
	}{
		{"token before scope", func(w *world) string {
			token := w.connect("mara.moves", "user.info.basic")
			w.RemoveApp("mara.moves", 1)
			return token
		}, bad, "access_token_invalid"},
		{"scope before rate limit", func(w *world) string {
			token := w.connect("mara.moves", "user.info.basic")
			w.knobs(func(k *tiktoksim.Knobs) { k.Limits.Init = 1 })
			w.api(token, videoInit, videoBody(100))
			return token
		}, bad, "scope_not_authorized"},
		{"rate limit before JSON", func(w *world) string {
			token := w.connect("mara.moves")
			w.knobs(func(k *tiktoksim.Knobs) { k.Limits.Init = 1 })
			w.api(token, videoInit, videoBody(100))
			return token
		}, "{", "rate_limit_exceeded"},
		{"JSON before ban", func(w *world) string { return w.connect("loud.party") }, "{", "invalid_params"},
		{"ban before daily cap", func(w *world) string {
			w.creator("daily.dose", object{"banned": true})
			return w.connect("daily.dose")
		}, bad, "spam_risk_user_banned_from_posting"},
		{"daily cap before active cap", func(w *world) string {
			w.creator("daily.dose", object{"app_capped": true})
			return w.connect("daily.dose")
		}, bad, "spam_risk_too_many_posts"},
		{"active cap before parameters", func(w *world) string {
			w.creator("mara.moves", object{"app_capped": true})
			return w.connect("mara.moves")
		}, bad, "reached_active_user_cap"},
		{"parameters before unaudited", func(w *world) string {
			w.knobs(func(k *tiktoksim.Knobs) { k.App.Audited = false })
			return w.connect("mara.moves")
		}, bad, "invalid_params"},
		{"unaudited before options", func(w *world) string {
			w.knobs(func(k *tiktoksim.Knobs) { k.App.Audited = false })
			return w.connect("mara.moves")
		}, mismatch, "unaudited_client_can_only_post_to_private_accounts"},
		{"options before source", func(w *world) string { return w.connect("mara.moves") }, mismatch, "privacy_level_option_mismatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			if a := w.api(c.prep(w), videoInit, c.body); a.Error.Code != c.code {
				t.Errorf("answered %q, want %q", a.Error.Code, c.code)
			}
		})
	}
}
