package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) notices() {
	add(a, huma.Operation{OperationID: "listNotices", Method: http.MethodGet, Path: "/notices", Tags: []string{"notices"},
		Summary:     "What everybody who uses this server should know now",
		Description: "The gravest first; usually none. With several nodes, as the one that answers sees it."}, a.listNotices)
}

// Notice is something that everybody who uses the server, or the workspace, should know.
type Notice struct {
	Code    string          `json:"code" example:"clock_wrong" doc:"clock_went_back, clock_jumped, clock_wrong: nothing is published until the server's clock is right. platform_unavailable: posts wait for a platform that does not answer. posts_at_risk: a look ahead found posts of the workspace that will not go out as things are. post_withdrawn: viewers can no longer see a post that went out. access_ends: the platform ends ShipPost's access to an account soon. More may be added."`
	Message string          `json:"message"`
	Remedy  shippost.Remedy `json:"remedy,omitempty"`
	Since   time.Time       `json:"since"`
	// What it is about, if it is one.
	Account shippost.AccountID `json:"account_id,omitempty" doc:"The account it is about; left out when there is none, or more than one."`
	Post    shippost.PostID    `json:"post_id,omitempty" doc:"The post it is about; left out when there is none, or more than one."`
}

func (a *API) listNotices(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Notice], error) {
	list, err := a.opt.Publisher.Notices(actor)
	if err != nil {
		return nil, err
	}
	own, err := a.opt.Posts.Notices(ctx, actor)
	if err != nil {
		return nil, err
	}
	list = append(list, own...)
	return &listed[Notice]{Body: page[Notice]{Items: convert(list, func(n shippost.Notice) Notice {
		return Notice{n.Code, n.Message, n.Remedy, n.Since.UTC(), n.Account, n.Post}
	})}}, nil
}
