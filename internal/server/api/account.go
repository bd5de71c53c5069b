package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
)

func (a *API) accounts() {
	tags := []string{"accounts"}
	add(a, huma.Operation{OperationID: "listAccounts", Method: http.MethodGet, Path: "/accounts", Tags: tags,
		Summary: "List the connected accounts", Description: "All on one page, disconnected ones too."}, a.listAccounts)
	add(a, huma.Operation{OperationID: "getAccount", Method: http.MethodGet, Path: "/accounts/{id}", Tags: tags, Summary: "Get an account"}, a.getAccount)
	add(a, huma.Operation{OperationID: "getCreator", Method: http.MethodGet, Path: "/accounts/{id}/creator", Tags: tags,
		Summary: "Ask the platform what the creator may do now", Description: "Asked for this request. Ask each time the composer opens; who asks faster than the platform allows gets the answer of the last minute."}, a.getCreator)
	add(a, huma.Operation{OperationID: "disconnectAccount", Method: http.MethodPost, Path: "/accounts/{id}/disconnect", Tags: tags,
		Summary: "Disconnect an account", Description: "Its waiting posts end; access is revoked and our tokens are deleted."}, a.disconnectAccount)
}

// Account is a connected account.
type Account struct {
	ID             shippost.AccountID     `json:"id"`
	Platform       shippost.PlatformName  `json:"platform" enum:"tiktok"`
	Handle         string                 `json:"handle" doc:"Without @; empty when the platform did not tell."`
	Name           string                 `json:"name"`
	Status         shippost.AccountStatus `json:"status" enum:"active,needs_reconnect,disconnected"`
	StatusReason   string                 `json:"status_reason,omitempty" doc:"Why it is not active, for programs."`
	StatusMessage  string                 `json:"status_message,omitempty" doc:"The same in a sentence."`
	Scopes         []string               `json:"scopes"`
	AvatarURL      string                 `json:"avatar_url,omitempty" doc:"The creator's picture, kept on this server."`
	Limits         Limits                 `json:"limits"`
	MissingScopes  []string               `json:"missing_scopes" doc:"What ShipPost needs and the creator did not allow."`
	AccessEndsAt   time.Time              `json:"access_ends_at,omitzero" doc:"Set from four weeks before: when the platform ends ShipPost's access for good, unless the account is connected again."`
	ConnectedAt    time.Time              `json:"connected_at"`
	DisconnectedAt time.Time              `json:"disconnected_at,omitzero"`
}

// Limits is how much an account is used, beside what is possible.
type Limits struct {
	Sent          int `json:"sent_24h" doc:"Posts that ShipPost handed over within the last 24 hours. Posts made elsewhere count for the platform too."`
	DailyPosts    int `json:"daily_posts,omitempty" doc:"How many the platform usually takes within 24 hours. It does not promise a number."`
	Scheduled     int `json:"scheduled" doc:"Posts that wait or are under way."`
	MostScheduled int `json:"scheduled_limit" doc:"How many may wait."`
}

// describeAccounts returns accounts as they are shown.
func (a *API) describeAccounts(ctx context.Context, actor shippost.Actor, all ...shippost.Account) ([]Account, error) {
	loads, err := a.opt.Posts.Loads(ctx, actor)
	if err != nil {
		return nil, err
	}
	ends, err := a.opt.Posts.Ending(ctx, actor)
	if err != nil {
		return nil, err
	}
	return convert(all, func(acc shippost.Account) Account {
		body := a.accountOf(acc, loads[acc.ID])
		body.AccessEndsAt = ends[acc.ID]
		return body
	}), nil
}

func (a *API) describeAccount(ctx context.Context, actor shippost.Actor, acc shippost.Account) (Account, error) {
	list, err := a.describeAccounts(ctx, actor, acc)
	if err != nil {
		return Account{}, err
	}
	return list[0], nil
}

func (a *API) accountOf(acc shippost.Account, load compose.Load) Account {
	return Account{ID: acc.ID, Platform: acc.Platform, Handle: acc.Handle, Name: acc.Name, Status: acc.Status, StatusReason: acc.StatusReason, StatusMessage: acc.Why(),
		Scopes: convert(acc.Scopes, same), MissingScopes: convert(a.opt.Accounts.MissingScopes(acc), same),
		AvatarURL:   avatarURL(acc),
		Limits:      Limits{load.Sent, a.opt.Posts.DailyPosts(acc.Platform), load.Scheduled, a.opt.Posts.ScheduledLimit()},
		ConnectedAt: acc.ConnectedAt, DisconnectedAt: acc.DisconnectedAt}
}

// avatarURL changes with the picture, so that browsers may keep it.
func avatarURL(acc shippost.Account) string {
	if acc.Avatar == "" {
		return ""
	}
	return "/media/avatars/" + string(acc.ID) + "?v=" + acc.Avatar[:12]
}

type accountPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (p accountPath) id() shippost.AccountID { return shippost.AccountID(p.ID) }

func (a *API) listAccounts(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Account], error) {
	all, err := a.opt.Accounts.Accounts(ctx, actor)
	if err != nil {
		return nil, err
	}
	list, err := a.describeAccounts(ctx, actor, all...)
	if err != nil {
		return nil, err
	}
	return &listed[Account]{Body: page[Account]{Items: list}}, nil
}

func (a *API) getAccount(ctx context.Context, actor shippost.Actor, in *accountPath) (*struct{ Body Account }, error) {
	acc, err := a.opt.Accounts.Account(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	body, err := a.describeAccount(ctx, actor, acc)
	return &struct{ Body Account }{body}, err
}

// Creator is what the platform says a creator may do now.
type Creator struct {
	Handle          string        `json:"handle"`
	Nickname        string        `json:"nickname" doc:"Must be shown where the post is composed."`
	AvatarURL       string        `json:"avatar_url,omitempty" doc:"The creator's picture, kept on this server."`
	PrivacyOptions  []string      `json:"privacy_options" doc:"The only values privacy_level may have. None is preselected."`
	CommentDisabled bool          `json:"comment_disabled"`
	DuetDisabled    bool          `json:"duet_disabled"`
	StitchDisabled  bool          `json:"stitch_disabled"`
	MaxVideoSeconds int64         `json:"max_video_seconds,omitempty"`
	Declarations    []Declaration `json:"declarations" doc:"The text a creator agrees to: the first for ordinary, the second for branded content."`
	Inbox           *Inbox        `json:"inbox,omitempty" doc:"Where drafts go with to_inbox; absent where the operator does not allow drafts."`
}

// Inbox is a creator's inbox in the platform's app.
type Inbox struct {
	Granted bool `json:"granted" doc:"The creator allowed ShipPost to send drafts. Without, the account must be connected again."`
	Waiting int  `json:"waiting" doc:"Drafts sent within the last 24 hours that the creator has not finished."`
	Most    int  `json:"most" doc:"How many the platform lets wait within 24 hours."`
}

// Declaration is a text that a creator agrees to.
type Declaration struct {
	Version string `json:"version"`
	Text    string `json:"text"`
	Links   []Link `json:"links"`
}

// Link is a part of a text that leads somewhere.
type Link struct {
	Words string `json:"words" doc:"The part of the text that leads somewhere."`
	URL   string `json:"url"`
}

func (a *API) getCreator(ctx context.Context, actor shippost.Actor, in *accountPath) (*struct{ Body Creator }, error) {
	c, err := a.opt.Posts.Creator(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	account, err := a.opt.Accounts.Account(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	inbox, err := a.opt.Posts.Inbox(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	ordinary, branded := compose.Declarations()
	return &struct{ Body Creator }{Creator{Handle: c.Handle, Nickname: c.Nickname, AvatarURL: avatarURL(account),
		PrivacyOptions: convert(c.PrivacyOptions, same), CommentDisabled: c.CommentDisabled, DuetDisabled: c.DuetDisabled,
		StitchDisabled: c.StitchDisabled, MaxVideoSeconds: int64(c.MaxVideoDuration / time.Second),
		Declarations: convert([]compose.Declaration{ordinary, branded}, declarationOf), Inbox: inboxOf(inbox)}}, nil
}

func inboxOf(i compose.Inbox) *Inbox {
	if !i.Offered {
		return nil
	}
	return &Inbox{i.Granted, i.Waiting, i.Most}
}

func declarationOf(d compose.Declaration) Declaration {
	return Declaration{d.Version, d.Text, convert(d.Links, func(l compose.Link) Link { return Link{l.Words, l.URL} })}
}

// Parting is how a disconnection ended.
type Parting struct {
	Account Account `json:"account"`
	Revoked bool    `json:"revoked" doc:"The platform confirmed that our access is gone. The creator can always remove it in the platform's app."`
}

func (a *API) disconnectAccount(ctx context.Context, actor shippost.Actor, in *accountPath) (*struct{ Body Parting }, error) {
	p, err := a.opt.Accounts.Disconnect(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	body, err := a.describeAccount(ctx, actor, p.Account)
	return &struct{ Body Parting }{Parting{body, p.Revoked}}, err
}

func accountIDs(ids []string) []shippost.AccountID {
	return convert(ids, func(id string) shippost.AccountID { return shippost.AccountID(id) })
}
