package tiktoksim

// Rules has one switch for each line of the contract's strict profile. All are
// on by default; turning one off makes the simulator lenient there and nowhere
// else. The README's table names the test of each.
type Rules struct {
	// Authorize page.
	ClientKey          bool `json:"client_key"`
	ResponseType       bool `json:"response_type"`
	ScopeKnown         bool `json:"scope_known"`
	RedirectRegistered bool `json:"redirect_registered"`
	State              bool `json:"state"`
	PKCERequired       bool `json:"pkce_required"`
	// ParameterOnce refuses a parameter that is given twice; off, the first counts.
	ParameterOnce bool `json:"parameter_once"`

	// Token endpoint.
	TokenForm   bool `json:"token_form"`
	TokenFields bool `json:"token_fields"`
	// TokenGrant refuses an unknown grant_type; off, a request with a
	// refresh_token is a refresh and any other an exchange.
	TokenGrant     bool `json:"token_grant"`
	TokenClient    bool `json:"token_client"`
	CodeSingleUse  bool `json:"code_single_use"`
	CodeExpiry     bool `json:"code_expiry"`
	TokenRedirect  bool `json:"token_redirect"`
	TokenPKCE      bool `json:"token_pkce"`
	RefreshExpiry  bool `json:"refresh_expiry"`
	RefreshRevoked bool `json:"refresh_revoked"`
	// RevokeToken refuses to revoke a token that does not live; off, that is a
	// success without effect.
	RevokeToken bool `json:"revoke_token"`

	// Every API call.
	AccessExpiry  bool `json:"access_expiry"`
	AccessRevoked bool `json:"access_revoked"`
	Scope         bool `json:"scope"`
	RateLimit     bool `json:"rate_limit"`
	JSONType      bool `json:"json_type"`
	JSONBody      bool `json:"json_body"`
	// JSONFields refuses a field of a wrong type; off, it counts as left out.
	JSONFields bool `json:"json_fields"`
	// UserFields refuses a user/info that names no field or an unknown one;
	// off, unknown ones are left out of the answer.
	UserFields bool `json:"user_fields"`
	// PublishOwner refuses to tell about, or cancel, a publish of another creator.
	PublishOwner bool `json:"publish_owner"`
	// Cancellable refuses to cancel what is no running pull; off, a cancel ends
	// all that has not ended.
	Cancellable bool `json:"cancellable"`

	// Creator and caps.
	Banned        bool `json:"banned"`
	DailyCap      bool `json:"daily_cap"`
	ActiveCap     bool `json:"active_cap"`
	PendingDrafts bool `json:"pending_drafts"`
	AppVersion    bool `json:"app_version"`

	// Init.
	// PostInfo refuses a missing post_info; off, it counts as an empty one.
	PostInfo bool `json:"post_info"`
	// Source refuses an unknown source of a video; off, a video_url means a pull.
	Source        bool `json:"source"`
	CaptionLength bool `json:"caption_length"`
	PrivacyEnum   bool `json:"privacy_enum"`
	Unaudited     bool `json:"unaudited"`
	PrivacyOption bool `json:"privacy_option"`
	VideoSize     bool `json:"video_size"`
	ChunkSize     bool `json:"chunk_size"`
	ChunkCount    bool `json:"chunk_count"`
	PullURL       bool `json:"pull_url"`
	URLOwnership  bool `json:"url_ownership"`
	PhotoFields   bool `json:"photo_fields"`
	PhotoCount    bool `json:"photo_count"`
	PhotoCover    bool `json:"photo_cover"`

	// PUT.
	// UploadToken asks for the secret part of the upload URL too.
	UploadToken  bool `json:"upload_token"`
	UploadExpiry bool `json:"upload_expiry"`
	// UploadExpiryAtEnd refuses a chunk whose last byte comes after the hour.
	UploadExpiryAtEnd bool `json:"upload_expiry_at_end"`
	UploadType        bool `json:"upload_type"`
	// UploadRange refuses a missing or bad Content-Range; off, the body goes on
	// where the last one ended.
	UploadRange bool `json:"upload_range"`
	// UploadLength refuses lengths that disagree; off, Content-Length alone
	// counts, or the range when there is none.
	UploadLength bool `json:"upload_length"`
	UploadOrder  bool `json:"upload_order"`
	UploadChunk  bool `json:"upload_chunk"`

	// Pull worker and media.
	PullRedirect bool `json:"pull_redirect"`
	Format       bool `json:"media_format"`
	Duration     bool `json:"media_duration"`
	FrameRate    bool `json:"media_frame_rate"`
	PictureSize  bool `json:"media_picture_size"`
	MediaBytes   bool `json:"media_bytes"`

	// AuthRemoved ends running posts when the creator removes the app.
	AuthRemoved bool `json:"auth_removed"`
}

func strictRules() Rules {
	return Rules{
		ClientKey: true, ResponseType: true, ScopeKnown: true, RedirectRegistered: true, State: true, PKCERequired: true, ParameterOnce: true,
		TokenForm: true, TokenFields: true, TokenGrant: true, TokenClient: true, CodeSingleUse: true, CodeExpiry: true,
		TokenRedirect: true, TokenPKCE: true, RefreshExpiry: true, RefreshRevoked: true, RevokeToken: true,
		AccessExpiry: true, AccessRevoked: true, Scope: true, RateLimit: true, JSONType: true, JSONBody: true, JSONFields: true,
		UserFields: true, PublishOwner: true, Cancellable: true,
		Banned: true, DailyCap: true, ActiveCap: true, PendingDrafts: true, AppVersion: true,
		PostInfo: true, Source: true, CaptionLength: true, PrivacyEnum: true, Unaudited: true, PrivacyOption: true,
		VideoSize: true, ChunkSize: true, ChunkCount: true, PullURL: true, URLOwnership: true,
		PhotoFields: true, PhotoCount: true, PhotoCover: true,
		UploadToken: true, UploadExpiry: true, UploadExpiryAtEnd: true, UploadType: true, UploadRange: true, UploadLength: true,
		UploadOrder: true, UploadChunk: true,
		PullRedirect: true, Format: true, Duration: true, FrameRate: true, PictureSize: true, MediaBytes: true,
		AuthRemoved: true,
	}
}
