package tiktoksim_test

import (
	"strings"
	"testing"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestFaultRefuses: each code of TikTok's error table can be had as an answer, and nothing has happened then.
func TestFaultRefuses(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	for code, status := range map[string]int{
		"access_token_invalid": 401, "scope_not_authorized": 401, "scope_permission_missed": 400, "rate_limit_exceeded": 429, "internal_error": 500,
		"invalid_param": 400, "invalid_params": 400, "invalid_file_upload": 400, "app_version_check_failed": 400, "invalid_publish_id": 400,
		"token_not_authorized_for_specified_publish_id": 400, "publish_not_cancellable": 400, "spam_risk_too_many_posts": 403,
		"spam_risk_user_banned_from_posting": 403, "spam_risk_too_many_pending_share": 403, "reached_active_user_cap": 403,
		"unaudited_client_can_only_post_to_private_accounts": 403, "url_ownership_unverified": 403, "privacy_level_option_mismatch": 403,
	} {
		w.faults(tiktoksim.Fault{Endpoint: "video_init", At: "before_effect", Do: "refuse", Code: code})
		got, text, err := w.try(token, videoInit, initText)
		if err != nil || got != status || !strings.Contains(text, `"code":"`+code+`"`) {
			t.Errorf("%s: %d %s %v", code, got, text, err)
		}
	}
	if n := len(w.Publishes()); n != 0 {
		t.Errorf("%d inits happened", n)
	}
	for name, f := range map[string]tiktoksim.Fault{
		"no code":      {Endpoint: "status", At: "before_effect", Do: "refuse"},
		"a made-up":    {Endpoint: "status", At: "before_effect", Do: "refuse", Code: "publish_id_not_found"},
		"too late":     {Endpoint: "status", At: "mid_reply", Do: "refuse", Code: "internal_error"},
		"not the API":  {Endpoint: "upload", At: "before_effect", Do: "refuse", Code: "internal_error"},
		"another form": {Endpoint: "token", At: "before_effect", Do: "refuse", Code: "internal_error"},
	} {
		if err := w.SetKnobs(func(k *tiktoksim.Knobs) { k.Faults = []tiktoksim.Fault{f} }); err == nil {
			t.Errorf("%s: the simulator takes it", name)
		}
	}
}
