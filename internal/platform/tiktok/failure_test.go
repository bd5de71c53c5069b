package tiktok

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// meaning is what a code must mean: its class before the commit, and for a fail reason what a further attempt may do.
type meaning struct {
	before, after platform.Class
	remedy        shippost.Remedy
	alarm         bool
}

const none platform.Class = ""

// apiCodes are the codes of TikTok's error tables, oauthCodes those of its OAuth error page, failReasons those of a post
// that ended as FAILED. Whoever adds a code to the client adds its meaning here.
var (
	apiCodes = map[string]meaning{
		"access_token_invalid":                               {platform.Auth, none, shippost.RemedyReconnect, false},
		"scope_not_authorized":                               {platform.Auth, none, shippost.RemedyReconnect, false},
		"scope_permission_missed":                            {platform.Auth, none, shippost.RemedyReconnect, false},
		"rate_limit_exceeded":                                {platform.Rate, none, shippost.RemedyWait, false},
		"internal_error":                                     {platform.Transient, none, shippost.RemedyWait, false},
		"invalid_param":                                      {platform.Content, none, shippost.RemedyEdit, true},
		"invalid_params":                                     {platform.Content, none, shippost.RemedyEdit, true},
		"invalid_file_upload":                                {platform.Content, none, shippost.RemedyReplaceMedia, false},
		"app_version_check_failed":                           {platform.Content, none, shippost.RemedyOpenTikTok, false},
		"invalid_publish_id":                                 {platform.Unknown, none, shippost.RemedyWait, false},
		"token_not_authorized_for_specified_publish_id":      {platform.Content, none, shippost.RemedyOperator, true},
		"publish_not_cancellable":                            {platform.Declined, none, shippost.RemedyNone, false},
		"spam_risk_too_many_posts":                           {platform.Quota, platform.Declined, shippost.RemedyReschedule, false},
		"spam_risk_user_banned_from_posting":                 {platform.Declined, platform.Declined, shippost.RemedyOpenTikTok, false},
		"spam_risk_too_many_pending_share":                   {platform.Quota, none, shippost.RemedyOpenTikTok, false},
		"reached_active_user_cap":                            {platform.Quota, none, shippost.RemedyReschedule, true},
		"unaudited_client_can_only_post_to_private_accounts": {platform.Content, none, shippost.RemedyOperator, true},
		"url_ownership_unverified":                           {platform.Content, none, shippost.RemedyOperator, true},
		"privacy_level_option_mismatch":                      {platform.Content, none, shippost.RemedyEdit, true},
	}
	oauthCodes = map[string]meaning{
		"invalid_request":           {platform.Content, none, shippost.RemedyOperator, true},
		"invalid_client":            {platform.Content, none, shippost.RemedyOperator, true},
		"invalid_grant":             {platform.Auth, none, shippost.RemedyReconnect, false},
		"access_denied":             {platform.Declined, none, shippost.RemedyReconnect, false},
		"invalid_scope":             {platform.Content, none, shippost.RemedyOperator, true},
		"unauthorized_client":       {platform.Content, none, shippost.RemedyOperator, true},
		"unsupported_grant_type":    {platform.Content, none, shippost.RemedyOperator, true},
		"unsupported_response_type": {platform.Content, none, shippost.RemedyOperator, true},
		"server_error":              {platform.Transient, none, shippost.RemedyWait, false},
		"temporarily_unavailable":   {platform.Transient, none, shippost.RemedyWait, false},
	}
	failReasons = map[string]meaning{
		"file_format_check_failed":           {platform.Content, platform.Content, shippost.RemedyReplaceMedia, false},
		"duration_check_failed":              {platform.Content, platform.Content, shippost.RemedyReplaceMedia, false},
		"frame_rate_check_failed":            {platform.Content, platform.Content, shippost.RemedyReplaceMedia, false},
		"picture_size_check_failed":          {platform.Content, platform.Content, shippost.RemedyReplaceMedia, false},
		"internal":                           {platform.Transient, platform.Transient, shippost.RemedyRetry, false},
		"video_pull_failed":                  {platform.Transient, platform.Transient, shippost.RemedyRetry, true},
		"photo_pull_failed":                  {platform.Transient, platform.Transient, shippost.RemedyRetry, true},
		"publish_cancelled":                  {platform.Declined, platform.Declined, shippost.RemedyNone, false},
		"auth_removed":                       {platform.Auth, platform.Auth, shippost.RemedyReconnect, false},
		"spam_risk_too_many_posts":           {platform.Quota, platform.Declined, shippost.RemedyReschedule, false},
		"spam_risk_user_banned_from_posting": {platform.Declined, platform.Declined, shippost.RemedyOpenTikTok, false},
		"spam_risk_text":                     {platform.Declined, platform.Declined, shippost.RemedyEdit, false},
		"spam_risk":                          {platform.Declined, platform.Declined, shippost.RemedyOpenTikTok, false},
	}
	ownCodes = map[string]meaning{
		platform.CodeUploadGone:    {platform.Transient, none, shippost.RemedyWait, false},
		platform.CodeUploadForeign: {platform.Declined, none, shippost.RemedyOperator, true},
		platform.CodeUploadWhole:   {platform.Transient, none, shippost.RemedyWait, false},
		platform.CodeNetwork:       {platform.Transient, none, shippost.RemedyWait, false},
		codeMediaChanged:           {platform.Content, none, shippost.RemedyReplaceMedia, true},
		codeTokenRenewed:           {platform.Transient, none, shippost.RemedyWait, false},
		platform.CodeTokenReplaced: {platform.Transient, none, shippost.RemedyWait, false},
		platform.CodeTokenRefused:  {platform.Auth, none, shippost.RemedyReconnect, false},
		codeUploadRefused:          {platform.Unknown, none, shippost.RemedyRetry, false},
	}
)

// R16: every documented code has its class, a sentence and a remedy.
func TestR16_EveryCodeHasItsMeaning(t *testing.T) {
	c := &Client{}
	tested := map[string]bool{}
	check := func(code string, want meaning, f platform.Failure) {
		t.Helper()
		tested[code] = true
		if f.Class != want.before || f.After != want.after || f.Remedy != want.remedy || f.Alarm != want.alarm || f.Code != code {
			t.Errorf("%s: %+v, want %+v", code, f, want)
		}
		if f.Ask != (code == codePrivacy) {
			t.Errorf("%s: whether the creator is asked is %v", code, f.Ask)
		}
		if (f.Class == platform.Rate || f.Ask) != (f.RetryAfter >= time.Minute) {
			t.Errorf("%s: a pause of %v", code, f.RetryAfter)
		}
		if problem := sentence(f.Message); problem != "" || strings.Contains(f.Message, code) && strings.Contains(code, "_") {
			t.Errorf("%s: %q is no sentence for a creator: %s", code, f.Message, problem)
		}
	}
	for _, codes := range []map[string]meaning{apiCodes, oauthCodes, ownCodes} {
		for code, want := range codes {
			check(code, want, c.Classify(&platform.Error{Op: "test", Reach: platform.Answered, Status: 400, Code: code}))
			if got := c.Classify(&platform.Error{Op: "test", Reach: platform.Answered, Status: 200, Code: code}); got.Class != want.before {
				t.Errorf("%s with status 200: %s", code, got.Class)
			}
		}
	}
	for code, want := range failReasons {
		check(code, want, reason(code, "log"))
	}
	for code := range failures {
		if !tested[code] {
			t.Errorf("the client knows %q, which no table of this test has: say what it must mean", code)
		}
	}
}

// sentence says what is wrong with a text for people, "" for nothing.
func sentence(text string) string {
	first := []rune(text + " ")[0]
	switch {
	case len(text) < 20:
		return "too short"
	case !unicode.IsUpper(first):
		return "it begins small"
	case !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?"):
		return "it does not end"
	case strings.ContainsAny(text, "_{}<>"):
		return "it has code in it"
	}
	return ""
}

// The simulated TikTok must not know a fail reason that the client does not, nor the other way round.
func TestFailReasonsAreThoseOfTikTok(t *testing.T) {
	b := newBench(t)
	for code := range failReasons {
		b.knobs(func(k *tiktoksim.Knobs) { k.Processing.FailReason = code })
	}
	err := b.sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Processing.FailReason = "no such reason" })
	if err == nil {
		t.Fatal("the simulator takes any reason, so it cannot tell which there are")
	}
	for _, known := range strings.FieldsFunc(err.Error()[strings.Index(err.Error(), "["):], func(r rune) bool { return !unicode.IsLetter(r) && r != '_' }) {
		if _, ok := failReasons[known]; !ok {
			t.Errorf("TikTok may end a post with %q, which the client does not know", known)
		}
	}
}

func TestUnknownCodes(t *testing.T) {
	c := &Client{}
	for name, x := range map[string]struct {
		err   error
		class platform.Class
		alarm bool
	}{
		"a new refusal":         {&platform.Error{Reach: platform.Answered, Status: 403, Code: "brand_new_rule"}, platform.Declined, true},
		"a refusal with markup": {&platform.Error{Reach: platform.Answered, Status: 400, Code: "<script>alert(1)</script>"}, platform.Declined, true},
		"a new 500":             {&platform.Error{Reach: platform.Answered, Status: 500, Code: "brand_new_fault"}, platform.Transient, false},
		"a bare 502":            {&platform.Error{Reach: platform.Answered, Status: 502}, platform.Transient, false},
		"a bare 429":            {&platform.Error{Reach: platform.Answered, Status: 429}, platform.Rate, false},
		"200 and not ok":        {&platform.Error{Reach: platform.Answered, Status: 200, Code: "brand_new"}, platform.Unknown, true},
		"no answer":             {&platform.Error{Reach: platform.Maybe}, platform.Transient, false},
		"not sent":              {&platform.Error{Reach: platform.NotSent}, platform.Transient, false},
		"wrapped":               {errors.Join(errors.New("x"), &platform.Error{Reach: platform.Answered, Status: 403, Code: "spam_risk"}), platform.Declined, false},
		"ours":                  {errors.New("disk on fire"), platform.Transient, false},
		"reconnect":             {shippost.Errorf(shippost.Reconnect, "needs_reconnect", "Connect the account again."), platform.Auth, false},
	} {
		f := c.Classify(x.err)
		if f.Class != x.class || f.Alarm != x.alarm || f.Remedy == "" {
			t.Errorf("%s: %+v", name, f)
		}
		if strings.ContainsAny(f.Message+f.Code, "<>") {
			t.Errorf("%s: %q repeats what anybody could have sent", name, f.Message)
		}
	}
	if f := reason("a_new_reason", "log_1"); f.Class != platform.Declined || f.After != platform.Declined || !f.Alarm || f.LogID != "log_1" {
		t.Errorf("an unknown fail reason: %+v", f)
	}
	// A code of the API is no fail reason.
	if f := reason("internal_error", ""); f.After != platform.Declined || !f.Alarm {
		t.Errorf("an API code as fail reason: %+v", f)
	}
}

// How a file is cut is ours to answer for, not the creator's.
func TestChunkRefusalsAreTheOperators(t *testing.T) {
	c := &Client{}
	for _, message := range []string{"The chunk size is invalid", "The total chunk count is invalid"} {
		f := c.Classify(&platform.Error{Reach: platform.Answered, Status: 400, Code: codeParams, Message: message})
		if f.Class != platform.Content || f.Remedy != shippost.RemedyOperator || !f.Alarm {
			t.Errorf("%q: %+v", message, f)
		}
	}
}

func TestClassesAreTheSeven(t *testing.T) {
	seven := []platform.Class{platform.Transient, platform.Rate, platform.Quota, platform.Auth, platform.Content, platform.Declined, platform.Unknown}
	for code, r := range failures {
		if !slices.Contains(seven, r.class) || r.after != "" && !slices.Contains(seven, r.after) {
			t.Errorf("%s has class %q, after %q", code, r.class, r.after)
		}
	}
}
