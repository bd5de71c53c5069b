package tiktoksim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

func TestStatusErrors(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	id := w.api(token, videoInit, videoBody(100)).Data.PublishID
	for _, path := range []string{statusFetch, cancelPath} {
		w.want(w.api(token, path, object{"publish_id": "v_pub_file~v2-1.1"}), 400, "invalid_publish_id")
		w.want(w.api(token, path, object{}), 400, "invalid_publish_id")
		w.want(w.api(token, path, object{"publish_id": 7}), 400, "invalid_params")
		w.want(w.api(w.connect("quiet.kiln"), path, object{"publish_id": id}), 400, "token_not_authorized_for_specified_publish_id")
		w.want(w.api(w.connect("mara.moves", "user.info.basic"), path, object{"publish_id": id}), 401, "scope_not_authorized")
	}
	for _, scope := range []string{"video.publish", "video.upload"} {
		w.want(w.api(w.connect("mara.moves", scope), statusFetch, object{"publish_id": id}), 200, "ok")
	}
}

// TestOnlyPublicPostsHaveIDs: ids are int64 numbers, after moderation, for
// public posts alone.
func TestOnlyPublicPostsHaveIDs(t *testing.T) {
	for privacy, handle := range map[string]string{
		"PUBLIC_TO_EVERYONE": "mara.moves", "MUTUAL_FOLLOW_FRIENDS": "mara.moves", "SELF_ONLY": "mara.moves", "FOLLOWER_OF_CREATOR": "quiet.kiln",
	} {
		t.Run(privacy, func(t *testing.T) {
			w := begin(t)
			token := w.connect(handle)
			id := w.upload(token, file(t, "h264.mp4"), setPost("privacy_level", privacy))
			w.MoveClock(24*time.Hour - time.Second)
			got := string(w.wantStatus(token, id, "PUBLISH_COMPLETE", "").Data.PostIDs)
			want := "[]"
			if privacy == "PUBLIC_TO_EVERYONE" {
				want = "[" + w.Posts()[0].PostID + "]"
			}
			if got != want {
				t.Errorf("ids are %s, want %s", got, want)
			}
		})
	}
}

func TestIDKnobs(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	id := w.upload(token, file(t, "h264.mp4"))
	w.knobs(func(k *tiktoksim.Knobs) { k.Processing.IDs = "omit" })
	if a := w.status(token, id); strings.Contains(a.Raw, "publicaly_available_post_id") {
		t.Errorf("the key is there: %s", a.Raw)
	}
	w.MoveClock(processing)
	if a := w.status(token, id); !strings.Contains(a.Raw, "publicaly_available_post_id") {
		t.Errorf("the key is missing although there is an id: %s", a.Raw)
	}
	w.knobs(func(k *tiktoksim.Knobs) { k.Processing.IDs = "never" })
	if a := w.status(token, id); string(a.Data.PostIDs) != "[]" {
		t.Errorf("ids are %s, want none for good", a.Data.PostIDs)
	}
}

func TestLongProcessing(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) {
		k.Processing.Delay, k.Processing.Moderation = tiktoksim.Duration(72*time.Hour), tiktoksim.Duration(5*time.Hour)
	})
	id := w.upload(w.connect("mara.moves"), file(t, "h264.mp4"))
	w.MoveClock(72*time.Hour - time.Second)
	w.wantStatus(w.connect("mara.moves"), id, "PROCESSING_UPLOAD", "")
	w.MoveClock(time.Second)
	w.wantStatus(w.connect("mara.moves"), id, "PUBLISH_COMPLETE", "")
	w.MoveClock(5*time.Hour - time.Second)
	if a := w.status(w.connect("mara.moves"), id); string(a.Data.PostIDs) != "[]" {
		t.Errorf("ids are %s before moderation is over", a.Data.PostIDs)
	}
	w.MoveClock(time.Second)
	if a := w.status(w.connect("mara.moves"), id); string(a.Data.PostIDs) == "[]" {
		t.Error("no id after moderation")
	}
}

func TestChosenFailure(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) { k.Processing.FailReason, k.Processing.FailTimes = "spam_risk_text", 1 })
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	first := w.upload(token, b)
	w.MoveClock(processing)
	second := w.upload(token, b)
	w.MoveClock(processing)
	w.wantStatus(token, first, "FAILED", "spam_risk_text")
	w.wantStatus(token, second, "PUBLISH_COMPLETE", "")
	if n := len(w.Posts()); n != 1 {
		t.Errorf("%d posts, want 1", n)
	}
}

// TestChosenFailureOfACreator ends the posts of one creator, and nobody else's.
func TestChosenFailureOfACreator(t *testing.T) {
	w := begin(t)
	if status, _ := w.control(http.MethodPost, "/_sim/creators", object{"handle": "mara.moves", "fail_reason": "bad_luck"}); status != 400 {
		t.Errorf("a reason that TikTok does not give is answered with %d, want 400", status)
	}
	w.creator("mara.moves", object{"fail_reason": "duration_check_failed"})
	b := file(t, "h264.mp4")
	mara, coffee := w.connect("mara.moves"), w.connect("northwind.coffee")
	hers, theirs := w.upload(mara, b), w.upload(coffee, b)
	w.MoveClock(processing)
	w.wantStatus(mara, hers, "FAILED", "duration_check_failed")
	w.wantStatus(coffee, theirs, "PUBLISH_COMPLETE", "")
	w.creator("mara.moves", object{"fail_reason": ""})
	again := w.upload(mara, b)
	w.MoveClock(processing)
	w.wantStatus(mara, again, "PUBLISH_COMPLETE", "")
}

func TestBannedMeanwhile(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	id := w.upload(token, file(t, "h264.mp4"))
	w.creator("mara.moves", object{"banned": true})
	w.MoveClock(processing)
	w.wantStatus(token, id, "FAILED", "spam_risk_user_banned_from_posting")
}

// TestRevocationWhileRunning ends every running post, but none that is done.
func TestRevocationWhileRunning(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	done := w.upload(token, b)
	w.MoveClock(processing)
	running := w.upload(token, b)
	waiting := w.api(token, videoInit, videoBody(100)).Data.PublishID
	if status, text := w.control(http.MethodPost, "/_sim/revoke", object{"handle": "mara.moves", "reason": 1}); status != 200 {
		t.Fatal(status, text)
	}
	w.want(w.api(token, statusFetch, object{"publish_id": running}), 401, "access_token_invalid")
	w.MoveClock(processing)
	token = w.connect("mara.moves")
	w.wantStatus(token, done, "PUBLISH_COMPLETE", "")
	w.wantStatus(token, running, "FAILED", "auth_removed")
	w.wantStatus(token, waiting, "FAILED", "auth_removed")
	rc.want("authorization.removed", `{"reason":1}`)
}

func TestPublishIDVisibility(t *testing.T) {
	w := begin(t)
	w.knobs(func(k *tiktoksim.Knobs) {
		k.Processing.VisibleAfter, k.Processing.Retention = tiktoksim.Duration(time.Second), tiktoksim.Duration(time.Hour)
	})
	token := w.connect("mara.moves")
	id := w.api(token, videoInit, videoBody(100)).Data.PublishID
	w.want(w.api(token, statusFetch, object{"publish_id": id}), 400, "invalid_publish_id")
	w.MoveClock(time.Second)
	w.wantStatus(token, id, "PROCESSING_UPLOAD", "")
	w.MoveClock(time.Hour)
	w.want(w.api(token, statusFetch, object{"publish_id": id}), 400, "invalid_publish_id")
}

// TestExpiredUploadStaysInProcessing: the contract knows no other end.
func TestExpiredUploadStaysInProcessing(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	id := w.api(token, videoInit, videoBody(100)).Data.PublishID
	w.MoveClock(10 * time.Hour)
	if a := w.wantStatus(token, id, "PROCESSING_UPLOAD", ""); a.Data.Uploaded != 0 {
		t.Errorf("uploaded_bytes is %d", a.Data.Uploaded)
	}
}

// TestDraftInTheInbox: delivered, then posted by the creator, once and again.
func TestDraftInTheInbox(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	a := w.api(token, inboxInit, videoBody(int64(len(b))))
	id := a.Data.PublishID
	w.put(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))})
	w.MoveClock(2 * time.Second)
	w.wantStatus(token, id, "SEND_TO_USER_INBOX", "")
	rc.want("post.publish.inbox_delivered", `{"publish_id":"`+id+`","publish_type":"INBOX_SHARE"}`)
	if len(w.Posts()) != 0 {
		t.Error("a draft is on the profile before it was posted")
	}
	for i := range 2 {
		if status, text := w.control(http.MethodPost, "/_sim/drafts/"+id+"/post", object{"caption": "Mine", "privacy_level": "PUBLIC_TO_EVERYONE"}); status != 200 {
			t.Fatal(status, text)
		}
		w.MoveClock(processing)
		got := w.wantStatus(token, id, "PUBLISH_COMPLETE", "")
		if n := strings.Count(string(got.Data.PostIDs), "76"); n != i+1 {
			t.Errorf("ids are %s, want %d", got.Data.PostIDs, i+1)
		}
	}
	posts := w.Posts()
	if len(posts) != 2 || posts[0].PublishID != id || posts[1].PublishID != id || posts[0].PostID == posts[1].PostID || posts[0].Caption != "Mine" {
		t.Errorf("posts are %+v", posts)
	}
	rc.want("post.publish.complete", `{"publish_id":"`+id+`","publish_type":"INBOX_SHARE"}`)
	if _, err := w.PostDraft("v_inbox_file~v2.1", tiktoksim.Posted{}); err == nil {
		t.Error("an unknown draft was posted")
	}
}

// TestDraftMayBeLongerThanTheCreatorsLimit: the app trims it.
func TestDraftMayBeLongerThanTheCreatorsLimit(t *testing.T) {
	w := begin(t)
	w.creator("mara.moves", object{"max_video_seconds": 2})
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	a := w.api(token, inboxInit, videoBody(int64(len(b))))
	w.put(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))})
	direct := w.upload(token, b)
	w.MoveClock(processing)
	w.wantStatus(token, a.Data.PublishID, "SEND_TO_USER_INBOX", "")
	w.wantStatus(token, direct, "FAILED", "duration_check_failed")
}

// TestMediaChecks has each sample with its end.
func TestMediaChecks(t *testing.T) {
	for sample, reason := range map[string]string{
		"h264.mp4": "", "h265.mp4": "", "h264.mov": "", "vp8.webm": "", "vp9.webm": "", "live.webm": "", "fragmented.mp4": "",
		"mpeg4.mp4": "file_format_check_failed", "matroska.mkv": "file_format_check_failed", "audio-only.mp4": "file_format_check_failed",
		"photo.webp": "file_format_check_failed", "ten-fps.mp4": "frame_rate_check_failed",
		"narrow.mp4": "picture_size_check_failed", "wide.mp4": "picture_size_check_failed",
	} {
		t.Run(sample, func(t *testing.T) {
			w := begin(t)
			if got := ends(sample, nil)(w); got != reason {
				t.Errorf("ended with %q, want %q", got, reason)
			}
		})
	}
	t.Run("minimum duration", func(t *testing.T) {
		w := begin(t)
		w.knobs(func(k *tiktoksim.Knobs) { k.Media.MinDuration = tiktoksim.Duration(4 * time.Second) })
		if got := ends("h264.mp4", nil)(w); got != "duration_check_failed" {
			t.Errorf("ended with %q", got)
		}
	})
}
