package tiktok

import (
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// Codes that the code asks for by name.
const (
	codeTokenInvalid = "access_token_invalid"
	codeInvalidGrant = "invalid_grant"
	codeParams       = "invalid_params"
	codeScope        = "scope_not_authorized"
	codeScopeMissed  = "scope_permission_missed"
	codePrivacy      = "privacy_level_option_mismatch"
)

// untilChanged is longer than any post waits: only a person's answer helps.
const untilChanged = 365 * 24 * time.Hour

// Codes of our own.
const (
	codeUploadRefused = "upload_refused" // TikTok took an upload request for malformed
	codeMediaChanged  = "media_changed"  // the stored file is not the one that was promised
	codeTokenRenewed  = "token_renewed"  // a request was refused for its token, which had run out on the way, and there is a new token now
)

// from says where in TikTok's documents a code stands.
type from uint8

const (
	answered from = 1 << iota // error.code of an answer (TikTok contract 5)
	ended                     // fail_reason (4.10)
	signIn                    // OAuth (2.5)
	ours                      // ShipPost found it
)

// rule is a row of the table of failures: what a code means before the commit, and for a fail reason after it.
type rule struct {
	from    from
	class   platform.Class
	after   platform.Class // only for fail reasons: what a further attempt may do
	remedy  shippost.Remedy
	alarm   bool
	message string
}

// failures has a row for each documented code: API errors (TikTok contract 5), fail reasons (4.10), OAuth errors (2.5),
// and our own. The columns are where it stands, class, class after, remedy, alarm, sentence for the creator.
var failures = map[string]rule{
	// API errors.
	codeTokenInvalid:           {answered, platform.Auth, "", shippost.RemedyReconnect, false, "TikTok no longer accepts ShipPost's access to this account. Connect the account again."},
	codeScope:                  {answered, platform.Auth, "", shippost.RemedyReconnect, false, "ShipPost was not given the right to post to this account. Connect it again and leave every permission switched on."},
	codeScopeMissed:            {answered, platform.Auth, "", shippost.RemedyReconnect, false, "ShipPost was not given a permission that it needs. Connect the account again and leave every permission switched on."},
	"rate_limit_exceeded":      {answered, platform.Rate, "", shippost.RemedyWait, false, "TikTok asks for a pause for this account. ShipPost goes on after a minute."},
	"internal_error":           {answered, platform.Transient, "", shippost.RemedyWait, false, "TikTok has a problem of its own. ShipPost tries again."},
	"invalid_param":            {answered, platform.Content, "", shippost.RemedyEdit, true, "TikTok did not accept the settings of this post. Check the caption and the options; if they are right, tell whoever runs this server."},
	codeParams:                 {answered, platform.Content, "", shippost.RemedyEdit, true, "TikTok did not accept the settings of this post. Check the caption and the options; if they are right, tell whoever runs this server."},
	"invalid_file_upload":      {answered, platform.Content, "", shippost.RemedyReplaceMedia, false, "TikTok cannot use this file. Export it again as MP4 with H.264, or choose another one."},
	"app_version_check_failed": {answered, platform.Content, "", shippost.RemedyOpenTikTok, false, "The TikTok app on your phone is too old for this. Update it to version 31.8 or later, then try again."},
	"invalid_publish_id":       {answered, platform.Unknown, "", shippost.RemedyWait, false, "TikTok does not know this upload at the moment. ShipPost asks again."},
	"token_not_authorized_for_specified_publish_id":      {answered, platform.Content, "", shippost.RemedyOperator, true, "TikTok says that this upload belongs to another account. Whoever runs this server must look at it."},
	"publish_not_cancellable":                            {answered, platform.Declined, "", shippost.RemedyNone, false, "TikTok can no longer stop this post."},
	"spam_risk_too_many_posts":                           {answered | ended, platform.Quota, platform.Declined, shippost.RemedyReschedule, false, "This account has reached TikTok's limit of posts in 24 hours, which all apps share. There is room again when the oldest of them is a day old."},
	"spam_risk_user_banned_from_posting":                 {answered | ended, platform.Declined, platform.Declined, shippost.RemedyOpenTikTok, false, "TikTok does not let this account post at present. Open TikTok to see why."},
	"spam_risk_too_many_pending_share":                   {answered, platform.Quota, "", shippost.RemedyOpenTikTok, false, "Too many drafts wait in your TikTok inbox. Post or discard some of them in the TikTok app; ShipPost tries again every hour."},
	"reached_active_user_cap":                            {answered, platform.Quota, "", shippost.RemedyReschedule, true, "More creators post through this server today than TikTok allows. ShipPost tries again every hour."},
	"unaudited_client_can_only_post_to_private_accounts": {answered, platform.Content, "", shippost.RemedyOperator, true, "TikTok has not yet reviewed this server's app: it may only post for private accounts, visible to yourself. Make the account private and choose \"Only you\", or ask whoever runs this server."},
	"url_ownership_unverified":                           {answered, platform.Content, "", shippost.RemedyOperator, true, "TikTok does not trust this server's address for downloads yet. Whoever runs this server must verify it with TikTok."},
	codePrivacy:                                          {answered, platform.Content, "", shippost.RemedyEdit, true, "The account no longer offers the visibility you chose. Choose again who may see this post."},

	// Fail reasons: TikTok had everything and did not publish it.
	"file_format_check_failed":  {ended, platform.Content, platform.Content, shippost.RemedyReplaceMedia, false, "TikTok cannot read this file's format. Export it again as MP4 with H.264."},
	"duration_check_failed":     {ended, platform.Content, platform.Content, shippost.RemedyReplaceMedia, false, "TikTok found the video too long or too short for this account. Choose one of another length."},
	"frame_rate_check_failed":   {ended, platform.Content, platform.Content, shippost.RemedyReplaceMedia, false, "TikTok takes 23 to 60 frames per second. Export the video again at such a rate."},
	"picture_size_check_failed": {ended, platform.Content, platform.Content, shippost.RemedyReplaceMedia, false, "The picture is too small or too large for TikTok: each side of a video must have 360 to 4096 pixels."},
	"internal":                  {ended, platform.Transient, platform.Transient, shippost.RemedyRetry, false, "TikTok had a problem of its own and did not publish the post. Post it again."},
	"video_pull_failed":         {ended, platform.Transient, platform.Transient, shippost.RemedyRetry, true, "TikTok could not fetch the video from this server, so it was not published. Post it again; if that does not help, tell whoever runs this server."},
	"photo_pull_failed":         {ended, platform.Transient, platform.Transient, shippost.RemedyRetry, true, "TikTok could not fetch the photos from this server, so they were not published. Post them again; if that does not help, tell whoever runs this server."},
	"publish_cancelled":         {ended, platform.Declined, platform.Declined, shippost.RemedyNone, false, "The post was stopped before TikTok published it."},
	"auth_removed":              {ended, platform.Auth, platform.Auth, shippost.RemedyReconnect, false, "ShipPost's access was withdrawn in TikTok while the post was on its way. Connect the account again."},
	"spam_risk_text":            {ended, platform.Declined, platform.Declined, shippost.RemedyEdit, false, "TikTok took this caption for spam and did not publish the post. Change the caption, then post again."},
	"spam_risk":                 {ended, platform.Declined, platform.Declined, shippost.RemedyOpenTikTok, false, "TikTok judged this post to be risky and did not publish it. Open TikTok to see whether your account has a warning."},

	// OAuth errors.
	"invalid_request":           {signIn, platform.Content, "", shippost.RemedyOperator, true, "TikTok did not understand the sign-in. Start it again; if that does not help, tell whoever runs this server."},
	"invalid_client":            {signIn, platform.Content, "", shippost.RemedyOperator, true, "TikTok does not accept this server's client key. Whoever runs it must check the key and the secret."},
	codeInvalidGrant:            {signIn, platform.Auth, "", shippost.RemedyReconnect, false, "ShipPost's access to this account has ended. Connect the account again."},
	"access_denied":             {signIn, platform.Declined, "", shippost.RemedyReconnect, false, "Access was declined in TikTok. Start again if that was not meant."},
	"invalid_scope":             {signIn, platform.Content, "", shippost.RemedyOperator, true, "This server asks TikTok for a permission that its app does not have. Whoever runs it must check the app's settings."},
	"unauthorized_client":       {signIn, platform.Content, "", shippost.RemedyOperator, true, "TikTok does not let this server's app do this. Whoever runs it must check the app's products and review."},
	"unsupported_grant_type":    {signIn, platform.Content, "", shippost.RemedyOperator, true, "TikTok did not understand this server. Whoever runs it must look at it."},
	"unsupported_response_type": {signIn, platform.Content, "", shippost.RemedyOperator, true, "TikTok did not understand this server. Whoever runs it must look at it."},
	"server_error":              {signIn, platform.Transient, "", shippost.RemedyWait, false, "TikTok has a problem of its own. ShipPost tries again."},
	"temporarily_unavailable":   {signIn, platform.Transient, "", shippost.RemedyWait, false, "TikTok cannot be reached right now. ShipPost tries again."},

	// Our own.
	platform.CodeUploadGone:    {ours, platform.Transient, "", shippost.RemedyWait, false, "TikTok closed the upload before it was complete. ShipPost begins it again."},
	platform.CodeUploadForeign: {ours, platform.Declined, "", shippost.RemedyOperator, true, "TikTok named an upload address that is not its own, so nothing was sent. Whoever runs this server must look at it."},
	platform.CodeUploadWhole:   {ours, platform.Transient, "", shippost.RemedyWait, false, "TikTok has the whole file already. ShipPost asks what became of it."},
	platform.CodeNetwork:       {ours, platform.Transient, "", shippost.RemedyWait, false, "TikTok could not be reached. ShipPost tries again."},
	codeMediaChanged:           {ours, platform.Content, "", shippost.RemedyReplaceMedia, true, "The stored video is not the one you uploaded any more, so it was not sent. Upload it again."},
	codeTokenRenewed:           {ours, platform.Transient, "", shippost.RemedyWait, false, "TikTok asked ShipPost to identify itself again. ShipPost tries again."},
	platform.CodeTokenReplaced: {ours, platform.Transient, "", shippost.RemedyWait, false, "TikTok refused ShipPost's access to this account and renewed it. ShipPost tries again."},
	platform.CodeTokenRefused:  {ours, platform.Auth, "", shippost.RemedyReconnect, false, "TikTok refuses ShipPost's access to this account, even right after it was renewed. Connect the account again."},
	codeUploadRefused:          {ours, platform.Unknown, "", shippost.RemedyRetry, false, "TikTok did not take the file in the form it was sent. ShipPost tries again."},
}

// Classify says what an error means (reliability §7).
func (c *Client) Classify(err error) platform.Failure {
	e := platform.AsError(err)
	if e == nil {
		return classifyOurs(err)
	}
	r, known := failures[e.Code]
	switch {
	case known:
	case e.Status >= 500:
		r = failures["internal_error"]
	case e.Status == 429:
		r = failures["rate_limit_exceeded"]
	case e.Reach != platform.Answered:
		r = failures[platform.CodeNetwork]
	case e.Status >= 400:
		// A refusal we do not know is still a refusal: asking again would only annoy.
		r = rule{answered, platform.Declined, platform.Declined, shippost.RemedyOperator, true, "TikTok refused this post for a reason that ShipPost does not know (" + codeOr(e.Code) + ")."}
	default:
		r = rule{answered, platform.Unknown, platform.Declined, shippost.RemedyRetry, true, "TikTok gave an answer that ShipPost does not understand (" + codeOr(e.Code) + ")."}
	}
	f := platform.Failure{Class: r.class, After: r.after, Code: codeOr(e.Code), Message: r.message, Remedy: r.remedy, Alarm: r.alarm, LogID: e.LogID}
	f.Withdrawn = e.Code == codeScope || e.Code == codeScopeMissed || e.Code == platform.CodeTokenRefused
	if f.Class == platform.Rate {
		f.RetryAfter = time.Minute
	}
	if e.Code == codePrivacy {
		// Nothing is chosen in its place, and asking again with the same choice is what TikTok counts as a breach.
		f.Ask, f.RetryAfter = true, untilChanged
	}
	if (e.Code == codeParams || e.Code == "invalid_param") && strings.Contains(strings.ToLower(e.Message), "chunk") {
		f.Remedy, f.Message = shippost.RemedyOperator, "TikTok did not accept how ShipPost cuts this file into pieces. Whoever runs this server must look at it; an export of less than 64 MB helps meanwhile."
	}
	return f
}

// classifyOurs is for errors that no answer of TikTok is behind.
func classifyOurs(err error) platform.Failure {
	own := shippost.AsError(err)
	if own != nil && own.Kind == shippost.Reconnect {
		return platform.Failure{Class: platform.Auth, Code: own.Code, Message: own.Message, Remedy: shippost.RemedyReconnect}
	}
	r := failures[platform.CodeNetwork]
	return platform.Failure{Class: r.class, Code: platform.CodeNetwork, Message: r.message, Remedy: r.remedy}
}

// reason puts a fail reason into the words of the product. One that is not in the table ends the post like a refusal.
func reason(failReason, logID string) platform.Failure {
	r, known := failures[failReason]
	if !known || r.after == "" {
		r = rule{answered, platform.Declined, platform.Declined, shippost.RemedyOpenTikTok, true, "TikTok did not publish the post and gives a reason that ShipPost does not know (" + codeOr(failReason) + "). Open TikTok to see more."}
	}
	return platform.Failure{Class: r.class, After: r.after, Code: codeOr(failReason), Message: r.message, Remedy: r.remedy, Alarm: r.alarm, LogID: logID}
}

// codeOr returns a code as it may stand in a sentence: TikTok's own, unless it is missing or no code at all.
func codeOr(code string) string {
	if code == "" || len(code) > 80 || strings.IndexFunc(code, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '.' && r != '-'
	}) >= 0 {
		return "unknown"
	}
	return code
}
