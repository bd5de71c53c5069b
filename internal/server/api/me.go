package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) me() {
	add(a, huma.Operation{OperationID: "getMe", Method: http.MethodGet, Path: "/me", Tags: []string{"me"}, Summary: "Who is asking"}, a.getMe)
}

// Me is who is asking.
type Me struct {
	Kind        shippost.ActorKind    `json:"kind" enum:"user,key" doc:"A person in a session, or a program with a key."`
	UserID      shippost.UserID       `json:"user_id"`
	UserName    string                `json:"user_name"`
	Role        shippost.Role         `json:"role" enum:"viewer,editor,owner"`
	Permissions []shippost.Permission `json:"permissions" doc:"What the role allows in this workspace."`
	Fresh       bool                  `json:"fresh" doc:"Signed in within the last ten minutes; some steps ask for that."`
	Workspace   Workspace             `json:"workspace"`
	PolicyNews  bool                  `json:"policy_news" doc:"A legal text changed since this person read it; /policy/news tells."`
	Usage       bool                  `json:"usage" doc:"This server counts page views, as its privacy policy says."`
	Now         time.Time             `json:"now" doc:"The server's clock."`
}

// Workspace is where the actor is.
type Workspace struct {
	ID         shippost.WorkspaceID `json:"id"`
	Name       string               `json:"name"`
	LateWindow string               `json:"late_window" doc:"Of posts that choose none."`
}

// permissions are shown in this order.
var permissions = []shippost.Permission{shippost.ReadWorkspace, shippost.UploadMedia, shippost.DeleteMedia, shippost.WritePosts,
	shippost.ReleasePosts, shippost.ManageAccounts, shippost.ManageKeys, shippost.ManageMembers, shippost.ManageData}

func (a *API) getMe(ctx context.Context, actor shippost.Actor, _ *struct{}) (*struct{ Body Me }, error) {
	user, ws, err := a.opt.Posts.Place(ctx, actor)
	if err != nil {
		return nil, err
	}
	news, err := a.opt.Legal.News(ctx, actor)
	if err != nil {
		return nil, err
	}
	body := Me{Kind: actor.Kind, UserID: user.ID, UserName: user.Name, Role: actor.Role, Permissions: []shippost.Permission{}, Fresh: actor.Fresh,
		Workspace: Workspace{ws.ID, ws.Name, words(ws.LateWindow)}, PolicyNews: len(news) > 0, Usage: a.opt.Usage, Now: a.opt.Now().UTC()}
	for _, p := range permissions {
		if actor.Can(p) {
			body.Permissions = append(body.Permissions, p)
		}
	}
	return &struct{ Body Me }{body}, nil
}
