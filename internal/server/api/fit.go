package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
)

func (a *API) fits() {
	add(a, huma.Operation{OperationID: "getRules", Method: http.MethodGet, Path: "/accounts/{id}/rules", Tags: []string{"accounts"},
		Summary:     "Get the limits of an account as data",
		Description: "The same rules judge a post when it is checked, when it is saved, and again before it is sent."}, a.getRules)
	add(a, huma.Operation{OperationID: "getFit", Method: http.MethodGet, Path: "/media/{id}/fit", Tags: []string{"media"},
		Summary:     "Hold a file against the limits of an account",
		Description: "What fits, what does not and why, and how the file would be made anew."}, a.getFit)
	add(a, huma.Operation{OperationID: "getAccountDays", Method: http.MethodGet, Path: "/accounts/{id}/days", Tags: []string{"accounts"},
		Summary:     "See how full the days of an account are",
		Description: "Against the number of posts that the platform usually takes within any 24 hours. A day that is over the limit names the nearest time with room."}, a.getDays)
	conversions := []string{"conversions"}
	add(a, huma.Operation{OperationID: "startConversion", Method: http.MethodPost, Path: "/media/{id}/conversions", Tags: conversions, DefaultStatus: http.StatusAccepted,
		Summary: "Make a video anew so that it fits an account",
		Description: "The result is a new file; the original stays. Follow it by events (media.progress, media.conversion_ended) or by asking. " +
			"The same conversion is not begun twice. 409 already_fits or not_convertible when there is nothing to do or no help."}, a.startConversion)
	add(a, huma.Operation{OperationID: "listConversions", Method: http.MethodGet, Path: "/media/{id}/conversions", Tags: conversions,
		Summary: "List the conversions of a file", Description: "The latest twenty, newest first."}, a.listConversions)
	add(a, huma.Operation{OperationID: "getConversion", Method: http.MethodGet, Path: "/conversions/{id}", Tags: conversions, Summary: "Get a conversion"}, a.getConversion)
	add(a, huma.Operation{OperationID: "cancelConversion", Method: http.MethodPost, Path: "/conversions/{id}/cancel", Tags: conversions,
		Summary: "Stop a conversion", Description: "One that has ended is 409 conversion_ended."}, a.cancelConversion)
}

// RuleList is what holds for an account.
type RuleList struct {
	Rules    []shippost.Rule `json:"rules"`
	Asked    bool            `json:"asked" doc:"The platform told what this creator may do now. Without, the account's own limits are missing."`
	Converts bool            `json:"converts" doc:"This server can make videos anew that do not fit; see startConversion."`
}

func (a *API) getRules(ctx context.Context, actor shippost.Actor, in *accountPath) (*struct{ Body RuleList }, error) {
	l, err := a.opt.Posts.Limits(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return &struct{ Body RuleList }{RuleList{convert(l.Rules, same), l.Asked, l.Converts}}, nil
}

// Fit is how a file stands to the rules of an account.
type Fit struct {
	Media    shippost.MediaID   `json:"media_id"`
	Fits     bool               `json:"fits" doc:"The platform takes the file as it is."`
	Problems []shippost.Problem `json:"problems" doc:"About the file alone. The remedy convert means that a conversion makes it fit."`
	Recipe   *Recipe            `json:"recipe,omitempty" doc:"What a conversion would make of it. Absent when there is nothing to gain, or no conversion helps."`
}

// Recipe is what a conversion makes of a video: MP4 with H.264 and AAC, upright, at a constant frame rate.
type Recipe struct {
	Width     int      `json:"width"`
	Height    int      `json:"height"`
	FrameRate float64  `json:"frame_rate"`
	LengthMS  int64    `json:"length_ms,omitempty" doc:"What is kept from the beginning; absent for all of it."`
	Changes   []string `json:"changes" doc:"What becomes different, in words."`
}

func fitOf(f compose.Fit) Fit {
	body := Fit{Media: f.Media, Fits: f.Fits, Problems: convert(f.Problems, same)}
	if f.Recipe != nil {
		body.Recipe = recipeOf(*f.Recipe)
	}
	return body
}

func recipeOf(r shippost.Recipe) *Recipe {
	return &Recipe{r.Width, r.Height, r.FrameRate, r.Length.Milliseconds(), convert(r.Changes, same)}
}

type fitInput struct {
	MediaPath
	Account string `query:"account_id" required:"true" maxLength:"64" doc:"The account whose rules count."`
}

func (a *API) getFit(ctx context.Context, actor shippost.Actor, in *fitInput) (*struct{ Body Fit }, error) {
	fit, err := a.opt.Posts.Fit(ctx, actor, shippost.AccountID(in.Account), in.id())
	if err != nil {
		return nil, err
	}
	return &struct{ Body Fit }{fitOf(fit)}, nil
}

type daysInput struct {
	ID   string `path:"id" maxLength:"64"`
	From string `query:"from" required:"true" maxLength:"10" example:"2026-11-24" doc:"The first date."`
	Days int    `query:"days" minimum:"1" maximum:"62" default:"7" doc:"How many."`
	Zone string `query:"zone" default:"UTC" maxLength:"64" doc:"IANA name of the time zone in which days begin and end."`
}

// AccountDay is how full a day is.
type AccountDay struct {
	Date   string    `json:"date" example:"2026-11-24"`
	Posts  int       `json:"posts" doc:"That go out or went out through ShipPost."`
	Limit  int       `json:"limit,omitempty" doc:"How many the platform usually takes within any 24 hours, shared with other apps. It does not promise a number."`
	Over   bool      `json:"over" doc:"Some of them are more than that."`
	FreeAt time.Time `json:"free_at,omitzero" doc:"The nearest time with room for the first that is too many."`
}

func (a *API) getDays(ctx context.Context, actor shippost.Actor, in *daysInput) (*listed[AccountDay], error) {
	list, err := a.opt.Posts.AccountDays(ctx, actor, shippost.AccountID(in.ID), in.From, in.Zone, in.Days)
	if err != nil {
		return nil, err
	}
	return &listed[AccountDay]{Body: page[AccountDay]{Items: convert(list, func(d compose.AccountDay) AccountDay {
		return AccountDay{d.Date, d.Posts, d.Most, d.Over, d.Free}
	})}}, nil
}

// Conversion makes a new file out of a video.
type Conversion struct {
	ID        shippost.ConversionID     `json:"id"`
	Original  shippost.MediaID          `json:"original_id"`
	Result    shippost.MediaID          `json:"result_id,omitempty" doc:"The new file, once it is there."`
	Status    shippost.ConversionStatus `json:"status" enum:"queued,running,done,failed,cancelled"`
	Percent   int                       `json:"percent"`
	Recipe    *Recipe                   `json:"recipe"`
	Failure   *Failure                  `json:"failure,omitempty" doc:"Why there is no new file."`
	CreatedAt time.Time                 `json:"created_at"`
	UpdatedAt time.Time                 `json:"updated_at"`
}

func conversionOf(c shippost.Conversion) Conversion {
	body := Conversion{ID: c.ID, Original: c.Original, Status: c.Status, Percent: c.Percent, Recipe: recipeOf(c.Recipe), Failure: failureOf(c.Failure),
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
	if c.Status == shippost.ConversionDone {
		body.Result = c.Result
	}
	return body
}

type startConversionInput struct {
	MediaPath
	Body struct {
		Account string `json:"account_id" maxLength:"64" doc:"The account whose rules the file is to fit."`
	}
}

func (a *API) startConversion(ctx context.Context, actor shippost.Actor, in *startConversionInput) (*struct{ Body Conversion }, error) {
	c, err := a.opt.Posts.Convert(ctx, actor, shippost.AccountID(in.Body.Account), in.id())
	if err != nil {
		return nil, err
	}
	return &struct{ Body Conversion }{conversionOf(c)}, nil
}

func (a *API) listConversions(ctx context.Context, actor shippost.Actor, in *MediaPath) (*listed[Conversion], error) {
	list, err := a.opt.Media.Conversions(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return &listed[Conversion]{Body: page[Conversion]{Items: convert(list, conversionOf)}}, nil
}

type conversionPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) getConversion(ctx context.Context, actor shippost.Actor, in *conversionPath) (*struct{ Body Conversion }, error) {
	c, err := a.opt.Media.Conversion(ctx, actor, shippost.ConversionID(in.ID))
	if err != nil {
		return nil, err
	}
	return &struct{ Body Conversion }{conversionOf(c)}, nil
}

func (a *API) cancelConversion(ctx context.Context, actor shippost.Actor, in *conversionPath) (*struct{ Body Conversion }, error) {
	c, err := a.opt.Media.CancelConversion(ctx, actor, shippost.ConversionID(in.ID))
	if err != nil {
		return nil, err
	}
	return &struct{ Body Conversion }{conversionOf(c)}, nil
}
