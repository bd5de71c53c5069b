package tiktoksim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// info is the data of creator_info.
type info struct {
	Avatar   string   `json:"creator_avatar_url"`
	Username string   `json:"creator_username"`
	Nickname string   `json:"creator_nickname"`
	Options  []string `json:"privacy_level_options"`
	Comment  bool     `json:"comment_disabled"`
	Duet     bool     `json:"duet_disabled"`
	Stitch   bool     `json:"stitch_disabled"`
	Max      int      `json:"max_video_post_duration_sec"`
}

func TestCreatorInfoOfEachKind(t *testing.T) {
	public := []string{"PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"}
	private := []string{"FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"}
	w := begin(t)
	for _, want := range []info{
		{Username: "mara.moves", Nickname: "Mara Lindqvist", Options: public, Max: 600},
		{Username: "quiet.kiln", Nickname: "Quiet Kiln", Options: private, Duet: true, Stitch: true, Max: 300},
		{Username: "northwind.coffee", Nickname: "Northwind Coffee", Options: public, Max: 600},
		{Username: "juno.sketches", Nickname: "Juno", Options: public, Comment: true, Duet: true, Stitch: true, Max: 180},
	} {
		t.Run(want.Username, func(t *testing.T) {
			a := w.api(w.connect(want.Username), creatorInfo, "{}")
			w.want(a, 200, "ok")
			var got struct{ Data info }
			if err := json.Unmarshal([]byte(a.Raw), &got); err != nil {
				t.Fatal(err)
			}
			if got.Data.Avatar == "" || a.Error.LogID == "" {
				t.Errorf("no avatar or log id: %s", a.Raw)
			}
			got.Data.Avatar = ""
			if diff := cmp.Diff(want, got.Data); diff != "" {
				t.Errorf("creator info (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCreatorInfoSaysNoWithStatus200: only the code tells.
func TestCreatorInfoSaysNoWithStatus200(t *testing.T) {
	w := begin(t)
	w.creator("mara.moves", object{"app_capped": true})
	for handle, code := range map[string]string{
		"loud.party": "spam_risk_user_banned_from_posting", "daily.dose": "spam_risk_too_many_posts", "mara.moves": "reached_active_user_cap",
	} {
		a := w.api(w.connect(handle), creatorInfo, "")
		w.want(a, 200, code)
		if !strings.Contains(a.Raw, `"data":{}`) {
			t.Errorf("%s: data is not empty: %s", handle, a.Raw)
		}
		w.want(w.api(w.connect(handle), videoInit, videoBody(100)), 403, code)
	}
}

func TestAvatarLinkLivesTwoHours(t *testing.T) {
	w := begin(t)
	a := w.get(w.connect("mara.moves"), "/v2/user/info/?fields=avatar_url")
	var got struct {
		Data struct {
			User struct {
				Avatar string `json:"avatar_url"`
			}
		}
	}
	json.Unmarshal([]byte(a.Raw), &got)
	u, err := url.Parse(got.Data.User.Avatar)
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(path string) (int, string) {
		resp, text := w.page(path)
		return resp.StatusCode, text
	}
	if status, text := fetch(u.RequestURI()); status != 200 || !strings.HasPrefix(text, "\x89PNG") {
		t.Errorf("the avatar answered %d", status)
	}
	if status, _ := fetch(strings.Replace(u.RequestURI(), "mara.moves", "quiet.kiln", 1)); status != 403 {
		t.Errorf("a forged link answered %d", status)
	}
	w.MoveClock(2 * time.Hour)
	if status, _ := fetch(u.RequestURI()); status != 403 {
		t.Errorf("after two hours the link answered %d", status)
	}
}

func TestUserInfoFieldsNeedTheirScope(t *testing.T) {
	w := begin(t)
	basic, profile := w.connect("mara.moves", "user.info.basic"), w.connect("mara.moves", "user.info.basic", "user.info.profile")
	for _, c := range []struct {
		name, token, fields string
		status              int
		code                string
	}{
		{"basic", basic, "open_id,union_id,avatar_url,avatar_url_100,avatar_large_url,display_name", 200, "ok"},
		{"profile with it", profile, "username,bio_description,profile_deep_link,is_verified", 200, "ok"},
		{"profile without it", basic, "open_id,username", 401, "scope_not_authorized"},
		{"stats without it", profile, "follower_count", 401, "scope_not_authorized"},
		{"unknown", basic, "open_id,e_mail", 400, "invalid_params"},
		{"none", basic, "", 400, "invalid_params"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.get(c.token, "/v2/user/info/?fields="+c.fields)
			w.want(a, c.status, c.code)
			if c.code == "ok" && strings.Count(a.Raw, ":") < strings.Count(c.fields, ",")+1 {
				t.Errorf("fields are missing: %s", a.Raw)
			}
		})
	}
	w.want(w.get("", "/v2/user/info/?fields=open_id"), 401, "access_token_invalid")
}

func TestOpenIDsHaveAwkwardForms(t *testing.T) {
	forms := map[string]bool{}
	w := begin(t)
	for _, c := range w.Creators() {
		forms[c.OpenID[:1]] = true
	}
	if !forms["-"] && !forms["_"] {
		t.Errorf("no sample creator has an open_id that begins with - or _: %v", forms)
	}
}

// TestDailyCapRolls: 15 posts in 24 hours over all apps, counted when their
// bytes have arrived.
func TestDailyCapRolls(t *testing.T) {
	w := begin(t)
	w.creator("mara.moves", object{"other_posts": 13})
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	w.upload(token, b)
	for range 3 { // inits without bytes publish nothing and use nothing up
		w.want(w.api(token, videoInit, videoBody(100)), 200, "ok")
	}
	w.MoveClock(time.Minute)
	w.upload(token, b)
	w.MoveClock(time.Minute)
	w.want(w.api(token, videoInit, videoBody(100)), 403, "spam_risk_too_many_posts")
	w.want(w.api(token, inboxInit, videoBody(100)), 200, "ok")
	w.MoveClock(24*time.Hour - 2*time.Minute)
	token = w.connect("mara.moves")
	w.want(w.api(token, videoInit, videoBody(100)), 200, "ok")
}

// TestDailyCapReachedMeanwhile: two uploads race for the last place.
func TestDailyCapReachedMeanwhile(t *testing.T) {
	w := begin(t)
	w.creator("mara.moves", object{"other_posts": 14})
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	first, second := w.api(token, videoInit, videoBody(int64(len(b)))), w.api(token, videoInit, videoBody(int64(len(b))))
	for _, a := range []reply{first, second} {
		w.put(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))})
	}
	w.MoveClock(processing)
	var ends []string
	for _, a := range []reply{first, second} {
		ends = append(ends, w.status(token, a.Data.PublishID).Data.FailReason)
	}
	if fmt.Sprint(ends) != "[ spam_risk_too_many_posts]" {
		t.Errorf("the ends are %q, want the first published and the second refused", ends)
	}
}

func TestDailyCapCountingInits(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Limits.DailyCounts, k.Limits.DailyPosts = "inits", 2 })
	token := w.connect("mara.moves")
	w.want(w.api(token, videoInit, videoBody(100)), 200, "ok")
	w.want(w.api(token, videoInit, videoBody(100)), 200, "ok")
	w.want(w.api(token, videoInit, videoBody(100)), 403, "spam_risk_too_many_posts")
}

// TestActiveCreatorCap: five a day for an unaudited app; who is active passes,
// drafts do not count.
func TestActiveCreatorCap(t *testing.T) {
	w := begin(t, func(o *tiktoksim.Options) {
		for i := range 7 {
			o.Creators = append(o.Creators, tiktoksim.Creator{Handle: fmt.Sprintf("creator%d", i), Private: true})
		}
	})
	w.knobs(func(k *tiktoksim.Knobs) { k.App.Audited = false })
	self := videoBody(100, setPost("privacy_level", "SELF_ONLY"))
	for i := range 5 {
		w.want(w.api(w.connect(fmt.Sprintf("creator%d", i)), videoInit, self), 200, "ok")
	}
	w.want(w.api(w.connect("creator5"), videoInit, self), 403, "reached_active_user_cap")
	w.want(w.api(w.connect("creator5"), creatorInfo, ""), 200, "reached_active_user_cap")
	w.want(w.api(w.connect("creator5"), inboxInit, videoBody(100)), 200, "ok")
	w.want(w.api(w.connect("creator0"), videoInit, self), 200, "ok")
	w.MoveClock(24 * time.Hour)
	w.want(w.api(w.connect("creator5"), videoInit, self), 200, "ok")
	w.knobs(func(k *tiktoksim.Knobs) { k.App.Audited, k.Limits.ActiveCreators = true, 1 })
	w.want(w.api(w.connect("creator6"), videoInit, self), 403, "reached_active_user_cap")
}

// TestUnauditedApp: only SELF_ONLY, and only while the account itself is private.
func TestUnauditedApp(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.App.Audited = false })
	const refused = "unaudited_client_can_only_post_to_private_accounts"
	for _, c := range []struct {
		handle, privacy string
		status          int
		code            string
	}{
		{"mara.moves", "PUBLIC_TO_EVERYONE", 403, refused},
		{"mara.moves", "SELF_ONLY", 403, refused},
		{"quiet.kiln", "FOLLOWER_OF_CREATOR", 403, refused},
		{"quiet.kiln", "SELF_ONLY", 200, "ok"},
	} {
		w.want(w.api(w.connect(c.handle), videoInit, videoBody(100, setPost("privacy_level", c.privacy))), c.status, c.code)
	}
	a := w.api(w.connect("mara.moves"), creatorInfo, "")
	if !strings.Contains(a.Raw, "PUBLIC_TO_EVERYONE") {
		t.Errorf("an unaudited app still sees the public option, but got %s", a.Raw)
	}
}

// TestPendingDrafts: five in 24 hours; posting or discarding one frees its slot.
func TestPendingDrafts(t *testing.T) {
	w := begin(t)
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	var ids []string
	for range 5 {
		a := w.api(token, inboxInit, videoBody(int64(len(b))))
		w.put(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))})
		ids = append(ids, a.Data.PublishID)
	}
	w.MoveClock(time.Minute)
	full := func() {
		t.Helper()
		w.want(w.api(token, inboxInit, videoBody(100)), 403, "spam_risk_too_many_pending_share")
	}
	full()
	if _, err := w.PostDraft(ids[0], tiktoksim.Posted{}); err != nil {
		t.Fatal(err)
	}
	w.want(w.api(token, inboxInit, videoBody(100)), 200, "ok")
	full()
	if status, text := w.control(http.MethodPost, "/_sim/drafts/"+ids[1]+"/delete", nil); status != 200 {
		t.Fatalf("discard: %d %s", status, text)
	}
	w.want(w.api(token, inboxInit, videoBody(100)), 200, "ok")
	w.knobs(func(k *tiktoksim.Knobs) { k.Limits.PendingCounts = "all" })
	full()
	w.MoveClock(24 * time.Hour)
	token = w.connect("mara.moves")
	w.want(w.api(token, inboxInit, videoBody(100)), 200, "ok")
}
