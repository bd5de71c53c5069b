package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
)

func (a *API) sessions() {
	tags := []string{"sessions"}
	add(a, huma.Operation{OperationID: "listSessions", Method: http.MethodGet, Path: "/sessions", Tags: tags, Security: sessionOnly,
		Summary: "List the browsers that are signed in", Description: "The asker's own, all on one page, the latest seen first."}, a.listSessions)
	add(a, huma.Operation{OperationID: "revokeSession", Method: http.MethodPost, Path: "/sessions/{id}/revoke", Tags: tags, DefaultStatus: http.StatusNoContent,
		Security: sessionOnly, Summary: "Sign a browser out", Description: "It is signed out from its next request on."}, a.revokeSession)
	add(a, huma.Operation{OperationID: "revokeOtherSessions", Method: http.MethodPost, Path: "/sessions/revoke-others", Tags: tags, DefaultStatus: http.StatusNoContent,
		Security: sessionOnly, Summary: "Sign all other browsers out"}, a.revokeOtherSessions)
}

// Session is a browser that is signed in.
type Session struct {
	ID        shippost.SessionID `json:"id"`
	Browser   string             `json:"browser,omitempty" doc:"Its family."`
	Network   string             `json:"network,omitempty" doc:"Where it signed in from: a truncated address."`
	Current   bool               `json:"current" doc:"The one that asks."`
	CreatedAt time.Time          `json:"created_at"`
	SeenAt    time.Time          `json:"seen_at" doc:"Exact to a minute."`
	ExpiresAt time.Time          `json:"expires_at" doc:"The end, unless it is used before."`
}

func sessionOf(s auth.Session) Session {
	return Session{s.ID, s.Browser, s.Network, s.Current, s.CreatedAt, s.SeenAt, s.ExpiresAt}
}

func (a *API) listSessions(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Session], error) {
	all, err := a.opt.Keys.Sessions(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Session]{Body: page[Session]{Items: convert(all, sessionOf)}}, nil
}

type sessionPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) revokeSession(ctx context.Context, actor shippost.Actor, in *sessionPath) (*struct{}, error) {
	return &struct{}{}, a.opt.Keys.EndSession(ctx, actor, shippost.SessionID(in.ID))
}

func (a *API) revokeOtherSessions(ctx context.Context, actor shippost.Actor, _ *struct{}) (*struct{}, error) {
	return &struct{}{}, a.opt.Keys.EndOthers(ctx, actor)
}
