package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/legal"
)

func (a *API) policy() {
	tags := []string{"policy"}
	add(a, huma.Operation{OperationID: "listPolicyNews", Method: http.MethodGet, Path: "/policy/news", Tags: tags,
		Summary: "What changed in the legal texts since the person read them", Description: "Only changes that matter; usually none."}, a.listPolicyNews)
	add(a, huma.Operation{OperationID: "acknowledgePolicy", Method: http.MethodPost, Path: "/policy/acknowledge", Tags: tags, DefaultStatus: http.StatusNoContent,
		Security: sessionOnly, Summary: "Say that a legal text was read"}, a.acknowledgePolicy)
}

// PolicyNews is a change of a legal text that the person has not read yet.
type PolicyNews struct {
	Document string     `json:"document" enum:"privacy-policy,terms"`
	Version  string     `json:"version" doc:"Its day."`
	Summary  string     `json:"summary"`
	From     *time.Time `json:"from,omitempty" doc:"When it will be in force; absent once it is."`
	URL      string     `json:"url" doc:"The text."`
	Changes  string     `json:"changes_url" doc:"What changed."`
}

func newsOf(n legal.News) PolicyNews {
	at := "/" + n.Document
	news := PolicyNews{Document: n.Document, Version: n.Version.Day, Summary: n.Version.Summary, URL: at + "/" + n.Version.Day, Changes: at + "/" + n.Version.Day + "/changes"}
	if !n.From.IsZero() {
		news.From = &n.From
	}
	return news
}

func (a *API) listPolicyNews(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[PolicyNews], error) {
	news, err := a.opt.Legal.News(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[PolicyNews]{Body: page[PolicyNews]{Items: convert(news, newsOf)}}, nil
}

type acknowledgeInput struct {
	Body struct {
		Document string `json:"document" enum:"privacy-policy,terms"`
		Version  string `json:"version" maxLength:"10" doc:"The day of the version that was read."`
	}
}

func (a *API) acknowledgePolicy(ctx context.Context, actor shippost.Actor, in *acknowledgeInput) (*struct{}, error) {
	return &struct{}{}, a.opt.Legal.Acknowledge(ctx, actor, in.Body.Document, in.Body.Version)
}
