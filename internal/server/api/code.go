package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) codes() {
	add(a, huma.Operation{OperationID: "listCodes", Method: http.MethodGet, Path: "/codes", Tags: []string{"codes"},
		Summary: "Everything that a platform may refuse, in words",
		Description: "The one table from which failures and holds of posts take their sentence and remedy. A post that failed has one of these as failure.code; " +
			"one that is held as hold.code, beside codes of ShipPost's own that say what they mean in their message. `shippost codes` prints the same table."}, a.listCodes)
}

// Code is a row of the table of failures.
type Code struct {
	Platform shippost.PlatformName `json:"platform" example:"tiktok"`
	Code     string                `json:"code" example:"spam_risk_too_many_posts"`
	Sources  []shippost.CodeSource `json:"sources" doc:"answer: the platform refuses a request. fail_reason: it had everything, and ends the post. sign_in: it refuses to give or renew access. shippost: ShipPost found it."`
	Class    string                `json:"class" enum:"transient,rate,quota,auth,content,refused,unknown" doc:"What ShipPost does. transient: tries again within the late window. rate: is quiet for a minute. quota: holds the post and asks hourly. auth: holds it until the account is connected anew. content: somebody must change something. refused: never tries again. unknown: tries three times."`
	After    string                `json:"class_after,omitempty" doc:"For a fail_reason: the same, for a post that was handed over. Only transient leads to another attempt."`
	Message  string                `json:"message" doc:"The sentence for the creator."`
	Remedy   shippost.Remedy       `json:"remedy,omitempty" doc:"What helps, for programs."`
	Does     string                `json:"remedy_words" example:"Choose a new time" doc:"What helps, as it stands on the button."`
	Operator bool                  `json:"alerts_operator" doc:"Whoever runs the server is told too."`
}

func (a *API) listCodes(_ context.Context, actor shippost.Actor, _ *struct{}) (*listed[Code], error) {
	list, err := a.opt.Publisher.Codes(actor)
	if err != nil {
		return nil, err
	}
	return &listed[Code]{Body: page[Code]{Items: convert(list, func(c shippost.Code) Code {
		return Code{c.Platform, c.Code, c.Sources, c.Class, c.After, c.Message, c.Remedy, c.Remedy.Words(), c.Alarm}
	})}}, nil
}
