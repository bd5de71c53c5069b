package tiktoksim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Duration is a time.Duration written as Go text ("90s", "1h30m") in JSON.
type Duration time.Duration

// MarshalText writes the duration as Go text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads Go duration text.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// Knobs is everything about the simulator that can be switched while it runs,
// as GET|PUT /_sim/knobs show and take it. The defaults are the strict profile
// of the contract (section 11); each field says what else it can be.
type Knobs struct {
	Rules      Rules           `json:"rules"`
	App        AppKnobs        `json:"app"`
	Authorize  AuthorizeKnobs  `json:"authorize"`
	Token      TokenKnobs      `json:"token"`
	Limits     LimitKnobs      `json:"limits"`
	Init       InitKnobs       `json:"init"`
	Upload     UploadKnobs     `json:"upload"`
	Pull       PullKnobs       `json:"pull"`
	Media      MediaKnobs      `json:"media"`
	Processing ProcessingKnobs `json:"processing"`
	Webhook    WebhookKnobs    `json:"webhook"`
	// Faults are scripted failures; see Fault. Writing the list starts its
	// counters anew.
	Faults []Fault `json:"faults"`
}

// AppKnobs is the state of the app that TikTok's reviewers decide about.
type AppKnobs struct {
	// Audited is false for an app that has not passed the Direct Post audit:
	// only private accounts, only SELF_ONLY, only 5 creators a day.
	Audited bool `json:"audited"`
	// Sandbox lets only Targets (handles) sign in.
	Sandbox bool     `json:"sandbox"`
	Targets []string `json:"targets"`
}

// AuthorizeKnobs changes the consent step.
type AuthorizeKnobs struct {
	// CodeLifetime is how long an authorization code can be exchanged.
	CodeLifetime Duration `json:"code_lifetime"`
	// AutoAuth says when disable_auto_auth=0 skips the consent page: "session"
	// (a browser session is enough, as documented), "granted" (only if the
	// creator granted these scopes before) or "never".
	AutoAuth string `json:"auto_auth"`
	// DenyErrorType is sent as error_type beside access_denied when not empty.
	DenyErrorType string `json:"deny_error_type"`
}

// TokenKnobs changes the token endpoint.
type TokenKnobs struct {
	// ErrorStatus is the HTTP status of an OAuth error: 200, 400 or 401 have
	// all been seen.
	ErrorStatus int `json:"error_status"`
	// Lifetimes is "24h_365d", "2h_180d", or "custom" for the two fields below.
	Lifetimes       string   `json:"lifetimes"`
	AccessLifetime  Duration `json:"access_lifetime"`
	RefreshLifetime Duration `json:"refresh_lifetime"`
	// Rotate says whether a refresh gives a new refresh token: "always",
	// "sometimes" (by the seed) or "never".
	Rotate string `json:"rotate"`
	// OldRefreshGrace is how long the old refresh token still works after a
	// rotation; 0 lets it die at once.
	OldRefreshGrace Duration `json:"old_refresh_grace"`
	// KeepRefreshExpiry keeps the first expiry of the refresh token instead of
	// starting its lifetime again at each refresh.
	KeepRefreshExpiry bool `json:"keep_refresh_expiry"`
	// OldAccessDies ends the previous access token at each refresh.
	OldAccessDies bool `json:"old_access_dies"`
	// ReauthorizeKillsOld ends all earlier tokens when the creator signs in again.
	ReauthorizeKillsOld bool `json:"reauthorize_kills_old"`
	// DropAnswers is how many of the next refreshes rotate the token and then
	// cut the connection; -1 is all of them.
	DropAnswers int `json:"drop_answers"`
	// OmitRefreshToken leaves refresh_token out of refresh answers that did
	// not rotate it.
	OmitRefreshToken bool `json:"omit_refresh_token"`
	// FieldOrder is "documented", "reversed" or "random".
	FieldOrder string `json:"field_order"`
	// RevokeBody is what a successful revoke answers: "empty" or "object".
	RevokeBody string `json:"revoke_body"`
}

// LimitKnobs holds the numbers of the rate limits and caps.
type LimitKnobs struct {
	// Window is "sliding" or "fixed"; requests per minute follow.
	Window       string `json:"window"`
	CreatorInfo  int    `json:"creator_info"`
	Init         int    `json:"init"`
	Status       int    `json:"status"`
	UserInfo     int    `json:"user_info"`
	Cancel       int    `json:"cancel"` // not published; 0 is no limit
	CountRefused bool   `json:"count_refused"`
	// DailyPosts is the cap per creator in 24 h over all apps; a creator may
	// have another one.
	DailyPosts int `json:"daily_posts"`
	// DailyCounts is "handed_over" (posts whose bytes arrived) or "inits".
	DailyCounts             string `json:"daily_counts"`
	ActiveCreators          int    `json:"active_creators"`
	ActiveCreatorsUnaudited int    `json:"active_creators_unaudited"`
	// PendingDrafts is the cap on drafts in 24 h; PendingCounts is
	// "unfinished" or "all", the two readings of the documentation.
	PendingDrafts int    `json:"pending_drafts"`
	PendingCounts string `json:"pending_counts"`
}

// InitKnobs changes what the init endpoints answer where sources disagree.
type InitKnobs struct {
	// InvalidParam is the spelling of the code: "invalid_params" (wire) or
	// "invalid_param" (page).
	InvalidParam string `json:"invalid_param"`
	// MissingPrivacy is the answer to an absent privacy_level: "mismatch"
	// (documented) or "invalid_params" (observed).
	MissingPrivacy string `json:"missing_privacy"`
	// DecimalUnits reads MB and GB as powers of ten.
	DecimalUnits bool `json:"decimal_units"`
	// BrandedSelfOnly is "accept" or "refuse": branded content for nobody.
	BrandedSelfOnly string `json:"branded_self_only"`
}

// UploadKnobs changes the upload host.
type UploadKnobs struct {
	URLLifetime Duration `json:"url_lifetime"`
	// MissingRangeStatus answers a PUT without Content-Range: 400 or 416.
	MissingRangeStatus int `json:"missing_range_status"`
	// Progress is the meaning of N in "bytes 0-N/T": "count" or "index".
	Progress string `json:"progress"`
	// PartialCredit keeps the bytes of a PUT whose connection broke. Without
	// it a chunk counts only when complete.
	PartialCredit bool `json:"partial_credit"`
	// BodyIdle cuts a PUT that brings no byte for this long (real time); 0 is
	// never.
	BodyIdle Duration `json:"body_idle"`
}

// PullKnobs changes the pull worker.
type PullKnobs struct {
	// InsideInit fetches once before init answers.
	InsideInit bool `json:"inside_init"`
	// StartAfter waits between init and the first fetch.
	StartAfter Duration `json:"start_after"`
	Window     Duration `json:"window"`
	Head       bool     `json:"head"`
	// RangeBytes asks in ranged GETs of this size; 0 is one plain GET.
	RangeBytes int64 `json:"range_bytes"`
	// Parallel is how many photos are fetched at once.
	Parallel int `json:"parallel"`
	// Tries bounds requests per URL that fail otherwise than by 503; Backoff
	// lies between them. A 503 is retried until the window ends.
	Tries   int      `json:"tries"`
	Backoff Duration `json:"backoff"`
	// RequestTimeout bounds one request (real time).
	RequestTimeout Duration `json:"request_timeout"`
	// BytesPerSecond slows reading; 0 is full speed.
	BytesPerSecond int64 `json:"bytes_per_second"`
	// CutAfterBytes drops that many first downloads of each URL midway, to
	// be fetched again; 0 is none.
	CutAfterBytes int64 `json:"cut_after_bytes"`
	CutTimes      int   `json:"cut_times"`
	// CancelIneffective answers a cancel with ok and goes on.
	CancelIneffective bool `json:"cancel_ineffective"`
}

// MediaKnobs holds the media restrictions of the contract (4.12).
type MediaKnobs struct {
	MinSide        int      `json:"min_side"`
	MaxSide        int      `json:"max_side"`
	MinFrameRate   float64  `json:"min_frame_rate"`
	MaxFrameRate   float64  `json:"max_frame_rate"`
	MinDuration    Duration `json:"min_duration"`
	MaxDuration    Duration `json:"max_duration"`
	PhotoShortSide int      `json:"photo_short_side"`
	PhotoLongSide  int      `json:"photo_long_side"`
	PhotoBytes     int64    `json:"photo_bytes"`
	VideoBytes     int64    `json:"video_bytes"`
	// Discard removes the bytes once they are inspected, so that a herd of
	// posts does not fill the disk; pages then show no media.
	Discard bool `json:"discard"`
}

// ProcessingKnobs changes what happens between the last byte and the end.
type ProcessingKnobs struct {
	// Delay lies between the last byte and the terminal state; make it long to
	// see posts that stay in processing.
	Delay Duration `json:"delay"`
	// Moderation lies between PUBLISH_COMPLETE and the public post id.
	Moderation Duration `json:"moderation"`
	// IDs is "list", "never" (stays empty for good) or "omit" (the key is
	// left out instead of an empty list).
	IDs string `json:"ids"`
	// FailReason ends the next FailTimes posts as FAILED; 0 is one, -1 all.
	FailReason string `json:"fail_reason"`
	FailTimes  int    `json:"fail_times"`
	// VisibleAfter answers invalid_publish_id for so long after init, and
	// Retention again so long after it; 0 is never.
	VisibleAfter Duration `json:"visible_after"`
	Retention    Duration `json:"retention"`
}

// WebhookKnobs changes the webhook sender.
type WebhookKnobs struct {
	// URL receives the events; empty sends none.
	URL string `json:"url"`
	// Copies is how often each event is delivered.
	Copies  int      `json:"copies"`
	Delay   Duration `json:"delay"`
	Reorder bool     `json:"reorder"`
	// BadSignature signs with another secret; StaleBy back-dates t.
	BadSignature bool     `json:"bad_signature"`
	StaleBy      Duration `json:"stale_by"`
	// RetryTimestamp is "same" (the first t) or "new" on retries.
	RetryTimestamp string   `json:"retry_timestamp"`
	Backoff        Duration `json:"backoff"`
	MaxBackoff     Duration `json:"max_backoff"`
	Horizon        Duration `json:"horizon"`
	// PostID is "string" or "number"; Spelling is "publicly" or "publicaly".
	PostID   string `json:"post_id"`
	Spelling string `json:"spelling"`
	// RealTime stamps events with the real clock instead of the simulator's.
	RealTime bool `json:"real_time"`
	// Drop names events that are never sent.
	Drop []string `json:"drop"`
}

// DefaultKnobs returns the strict profile.
func DefaultKnobs() Knobs {
	return Knobs{
		Rules: strictRules(),
		App:   AppKnobs{Audited: true, Targets: []string{}},
		Authorize: AuthorizeKnobs{
			CodeLifetime: Duration(10 * time.Minute), AutoAuth: "session",
		},
		Token: TokenKnobs{
			ErrorStatus: 400, Lifetimes: "24h_365d",
			AccessLifetime: Duration(24 * time.Hour), RefreshLifetime: Duration(365 * 24 * time.Hour),
			Rotate: "always", FieldOrder: "documented", RevokeBody: "empty",
		},
		Limits: LimitKnobs{
			Window: "sliding", CreatorInfo: 20, Init: 6, Status: 30, UserInfo: 600,
			DailyPosts: 15, DailyCounts: "handed_over",
			ActiveCreators: 2000, ActiveCreatorsUnaudited: 5,
			PendingDrafts: 5, PendingCounts: "unfinished",
		},
		Init: InitKnobs{InvalidParam: "invalid_params", MissingPrivacy: "mismatch", BrandedSelfOnly: "accept"},
		Upload: UploadKnobs{
			URLLifetime: Duration(time.Hour), MissingRangeStatus: 400, Progress: "count",
			BodyIdle: Duration(time.Minute),
		},
		Pull: PullKnobs{
			Window: Duration(time.Hour), Head: true, Parallel: 1, Tries: 4,
			Backoff: Duration(5 * time.Second), RequestTimeout: Duration(time.Minute),
		},
		Media: MediaKnobs{
			MinSide: 360, MaxSide: 4096, MinFrameRate: 23, MaxFrameRate: 60,
			MaxDuration: Duration(10 * time.Minute), PhotoShortSide: 1080, PhotoLongSide: 1920, PhotoBytes: 20 << 20, VideoBytes: 4 << 30,
		},
		Processing: ProcessingKnobs{
			Delay: Duration(2 * time.Second), Moderation: Duration(3 * time.Second), IDs: "list",
		},
		Webhook: WebhookKnobs{
			Copies: 1, RetryTimestamp: "new", Backoff: Duration(10 * time.Second),
			MaxBackoff: Duration(time.Hour), Horizon: Duration(72 * time.Hour),
			PostID: "string", Spelling: "publicly", Drop: []string{},
		},
		Faults: []Fault{},
	}
}

// clone copies the knobs so deeply that decoding into the copy leaves the
// original alone.
func (k *Knobs) clone() *Knobs {
	c := *k
	c.App.Targets = slices.Clone(k.App.Targets)
	c.Webhook.Drop = slices.Clone(k.Webhook.Drop)
	c.Faults = slices.Clone(k.Faults)
	return &c
}

// merge lays JSON over the knobs: what it leaves out stays. Unknown fields and
// impossible values are refused and change nothing.
func (k *Knobs) merge(text []byte) (*Knobs, error) {
	next := k.clone()
	// A list in the text replaces the present one whole.
	var given struct {
		Faults json.RawMessage `json:"faults"`
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	if given.Faults != nil {
		next.Faults = nil
	}
	if err := strictJSON(text, next); err != nil {
		return nil, err
	}
	return next, next.validate()
}

// strictJSON decodes one JSON value and refuses unknown fields.
func strictJSON(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("text after the JSON value")
	}
	return nil
}

func (k *Knobs) validate() error {
	choices := []struct {
		name, value string
		allowed     []string
	}{
		{"authorize.auto_auth", k.Authorize.AutoAuth, []string{"session", "granted", "never"}},
		{"token.lifetimes", k.Token.Lifetimes, []string{"24h_365d", "2h_180d", "custom"}},
		{"token.rotate", k.Token.Rotate, []string{"always", "sometimes", "never"}},
		{"token.field_order", k.Token.FieldOrder, []string{"documented", "reversed", "random"}},
		{"token.revoke_body", k.Token.RevokeBody, []string{"empty", "object"}},
		{"limits.window", k.Limits.Window, []string{"sliding", "fixed"}},
		{"limits.daily_counts", k.Limits.DailyCounts, []string{"handed_over", "inits"}},
		{"limits.pending_counts", k.Limits.PendingCounts, []string{"unfinished", "all"}},
		{"init.invalid_param", k.Init.InvalidParam, []string{"invalid_params", "invalid_param"}},
		{"init.missing_privacy", k.Init.MissingPrivacy, []string{"mismatch", "invalid_params"}},
		{"init.branded_self_only", k.Init.BrandedSelfOnly, []string{"accept", "refuse"}},
		{"upload.progress", k.Upload.Progress, []string{"count", "index"}},
		{"processing.ids", k.Processing.IDs, []string{"list", "never", "omit"}},
		{"processing.fail_reason", k.Processing.FailReason, append([]string{""}, failReasons...)},
		{"webhook.retry_timestamp", k.Webhook.RetryTimestamp, []string{"same", "new"}},
		{"webhook.post_id", k.Webhook.PostID, []string{"string", "number"}},
		{"webhook.spelling", k.Webhook.Spelling, []string{"publicly", "publicaly"}},
	}
	for _, c := range choices {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("%s cannot be %q; choose one of %q", c.name, c.value, c.allowed)
		}
	}
	if !slices.Contains([]int{200, 400, 401}, k.Token.ErrorStatus) {
		return fmt.Errorf("token.error_status cannot be %d; choose 200, 400 or 401", k.Token.ErrorStatus)
	}
	if s := k.Upload.MissingRangeStatus; s != 400 && s != 416 {
		return fmt.Errorf("upload.missing_range_status cannot be %d; choose 400 or 416", s)
	}
	if k.Pull.Parallel < 1 || k.Pull.Tries < 1 || k.Webhook.Copies < 1 {
		return errors.New("pull.parallel, pull.tries and webhook.copies must be at least 1")
	}
	for i := range k.Faults {
		if err := k.Faults[i].validate(); err != nil {
			return fmt.Errorf("faults[%d]: %w", i, err)
		}
	}
	return nil
}
