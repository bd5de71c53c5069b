package tiktoksim

import "net/http"

// apiError is an error of the Content Posting and user APIs (TikTok contract 5).
type apiError struct {
	status  int
	code    string
	message string
}

// Messages are deliberately as unhelpful as the real ones: only the code says
// what is wrong.
const guidelines = "Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/"

var (
	errToken       = &apiError{http.StatusUnauthorized, "access_token_invalid", "The access token is invalid or not found in the request."}
	errScope       = &apiError{http.StatusUnauthorized, "scope_not_authorized", "The user did not authorize the scope required for completing this request."}
	errRate        = &apiError{http.StatusTooManyRequests, "rate_limit_exceeded", "The API rate limit was exceeded. Please try again later."}
	errInternal    = &apiError{http.StatusInternalServerError, "internal_error", "An internal error occurred. Please try again later."}
	errBanned      = &apiError{http.StatusForbidden, "spam_risk_user_banned_from_posting", guidelines}
	errDailyCap    = &apiError{http.StatusForbidden, "spam_risk_too_many_posts", guidelines}
	errActiveCap   = &apiError{http.StatusForbidden, "reached_active_user_cap", guidelines}
	errDrafts      = &apiError{http.StatusForbidden, "spam_risk_too_many_pending_share", guidelines}
	errUnaudited   = &apiError{http.StatusForbidden, "unaudited_client_can_only_post_to_private_accounts", guidelines}
	errPrivacy     = &apiError{http.StatusForbidden, "privacy_level_option_mismatch", guidelines}
	errOwnership   = &apiError{http.StatusForbidden, "url_ownership_unverified", guidelines}
	errAppVersion  = &apiError{http.StatusBadRequest, "app_version_check_failed", "The TikTok app version is too old. Version 31.8 or later is required."}
	errPublishID   = &apiError{http.StatusBadRequest, "invalid_publish_id", "The publish_id does not exist."}
	errForeign     = &apiError{http.StatusBadRequest, "token_not_authorized_for_specified_publish_id", "The token is not authorized for the specified publish_id."}
	errUncancelled = &apiError{http.StatusBadRequest, "publish_not_cancellable", "The publish is not cancellable."}
)

// apiErrors are all errors of TikTok contract 5, those too that no rule of the
// simulator comes to: a fault can answer each.
var apiErrors = []*apiError{
	errToken, errScope, errRate, errInternal, errBanned, errDailyCap, errActiveCap, errDrafts, errUnaudited, errPrivacy, errOwnership,
	errAppVersion, errPublishID, errForeign, errUncancelled,
	{http.StatusBadRequest, "scope_permission_missed", "The scope required for this field was not granted."},
	{http.StatusBadRequest, "invalid_file_upload", "The uploaded file does not meet the requirements."},
	{http.StatusBadRequest, "invalid_param", "The request parameters are invalid."},
	{http.StatusBadRequest, "invalid_params", "The request parameters are invalid."},
}

// documented returns the error with a code, nil when there is none.
func documented(code string) *apiError {
	for _, e := range apiErrors {
		if e.code == code {
			return e
		}
	}
	return nil
}

// invalid is the refusal of a malformed request, in the spelling of the knob.
func invalid(k *Knobs, message string) *apiError {
	return &apiError{http.StatusBadRequest, k.Init.InvalidParam, message}
}

const (
	msgPostInfo   = "The request post info is empty or incorrect"
	msgSourceInfo = "The request source info is empty or incorrect"
	msgChunkSize  = "The chunk size is invalid"
	msgChunkCount = "The total chunk count is invalid"
	msgBody       = "The request body is not valid JSON"
	msgType       = "The content type must be application/json"
)

// failReasons are all values of fail_reason (TikTok contract 4.10).
var failReasons = []string{
	"file_format_check_failed", "duration_check_failed", "frame_rate_check_failed", "picture_size_check_failed",
	"internal", "video_pull_failed", "photo_pull_failed", "publish_cancelled", "auth_removed",
	"spam_risk_too_many_posts", "spam_risk_user_banned_from_posting", "spam_risk_text", "spam_risk",
}
