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
		Summary: "Ask the platform what the creator may do now", Description: "At most a minute old. Ask each time the composer opens."}, a.getCreator)
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
	StatusReason   string                 `json:"status_reason,omitempty"`
	Scopes         []string               `json:"scopes"`
	MissingScopes  []string               `json:"missing_scopes" doc:"What ShipPost needs and the creator did not allow."`
	ConnectedAt    time.Time              `json:"connected_at"`
	DisconnectedAt time.Time              `json:"disconnected_at,omitzero"`
}

func (a *API) accountOf(acc shippost.Account) Account {
	return Account{ID: acc.ID, Platform: acc.Platform, Handle: acc.Handle, Name: acc.Name, Status: acc.Status, StatusReason: acc.StatusReason,
		Scopes: convert(acc.Scopes, same), MissingScopes: convert(a.opt.Accounts.MissingScopes(acc), same),
		ConnectedAt: acc.ConnectedAt, DisconnectedAt: acc.DisconnectedAt}
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
	return &listed[Account]{Body: page[Account]{Items: convert(all, a.accountOf)}}, nil
}

func (a *API) getAccount(ctx context.Context, actor shippost.Actor, in *accountPath) (*struct{ Body Account }, error) {
	acc, err := a.opt.Accounts.Account(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return &struct{ Body Account }{a.accountOf(acc)}, nil
}

// Creator is what the platform says a creator may do now.
type Creator struct {
	Handle          string        `json:"handle"`
	Nickname        string        `json:"nickname" doc:"Must be shown where the post is composed."`
	AvatarURL       string        `json:"avatar_url,omitempty" doc:"Served by the platform for some hours only."`
	PrivacyOptions  []string      `json:"privacy_options" doc:"The only values privacy_level may have. None is preselected."`
	CommentDisabled bool          `json:"comment_disabled"`
	DuetDisabled    bool          `json:"duet_disabled"`
	StitchDisabled  bool          `json:"stitch_disabled"`
	MaxVideoSeconds int64         `json:"max_video_seconds,omitempty"`
	Declarations    []Declaration `json:"declarations" doc:"The text a creator agrees to: the first for ordinary, the second for branded content."`
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
	ordinary, branded := compose.Declarations()
	return &struct{ Body Creator }{Creator{Handle: c.Handle, Nickname: c.Nickname, AvatarURL: c.AvatarURL,
		PrivacyOptions: convert(c.PrivacyOptions, same), CommentDisabled: c.CommentDisabled, DuetDisabled: c.DuetDisabled,
		StitchDisabled: c.StitchDisabled, MaxVideoSeconds: int64(c.MaxVideoDuration / time.Second),
		Declarations: convert([]compose.Declaration{ordinary, branded}, declarationOf)}}, nil
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
	return &struct{ Body Parting }{Parting{a.accountOf(p.Account), p.Revoked}}, nil
}
