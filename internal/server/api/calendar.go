package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
)

func (a *API) calendar() {
	add(a, huma.Operation{OperationID: "getCalendar", Method: http.MethodGet, Path: "/calendar", Tags: []string{"posts"},
		Summary: "See what goes out when", Description: "Some days with how many posts they have and the first of them. Each day is as long as its zone " +
			"makes it: 23 or 25 hours where clocks are changed."}, a.getCalendar)
	add(a, huma.Operation{OperationID: "getFullDays", Method: http.MethodGet, Path: "/calendar/full", Tags: []string{"posts"},
		Summary: "See which days are nearly full or too full", Description: "Against the number of posts that the platform of an account usually takes within any 24 hours. " +
			"Days that have room, or are over, are left out. A day with too many names a post and the nearest time with room for it."}, a.getFullDays)
}

type calendarInput struct {
	From    string   `query:"from" required:"true" maxLength:"10" example:"2026-11-01" doc:"The first date."`
	Days    int      `query:"days" minimum:"1" maximum:"62" default:"1" doc:"How many days; by the hour at most 14."`
	Zone    string   `query:"zone" maxLength:"64" default:"UTC" example:"Europe/Zurich" doc:"Where days begin and end: IANA name of a time zone."`
	By      string   `query:"by" enum:"day,hour" default:"day" doc:"What a span is."`
	Keep    int      `query:"keep" minimum:"0" maximum:"50" default:"3" doc:"How many posts of each span come with it."`
	Account []string `query:"account_id" maxItems:"100" doc:"Only posts to one of these accounts."`
	Label   []string `query:"label_id" maxItems:"100" doc:"Only posts with one of these labels."`
	Status  []string `query:"status" maxItems:"9" enum:"draft,queued,publishing,posted,failed,cancelled,missed,in_inbox,unconfirmed" doc:"Only posts in one of these states."`
}

type fullDaysInput struct {
	From string `query:"from" required:"true" maxLength:"10" example:"2026-11-01" doc:"The first date."`
	Days int    `query:"days" minimum:"1" maximum:"62" default:"31" doc:"How many."`
	Zone string `query:"zone" maxLength:"64" default:"UTC" doc:"IANA name of the time zone in which days begin and end."`
}

// FullDay is a day on which an account comes near to its limit, or exceeds it.
type FullDay struct {
	Date    string             `json:"date" example:"2026-11-24"`
	Account shippost.AccountID `json:"account_id"`
	Posts   int                `json:"posts" doc:"The most within any 24 hours that end on this day. It may be more than the day has alone."`
	Limit   int                `json:"limit" doc:"How many the platform usually takes within any 24 hours, shared with other apps. It does not promise a number."`
	Drafts  bool               `json:"drafts" doc:"They are drafts for the creator's inbox, in which only some may wait at a time, and do not count as posts."`
	Over    bool               `json:"over" doc:"Some of them are too many."`
	Post    shippost.PostID    `json:"post_id,omitempty" doc:"The first that is too many, where it can still be moved."`
	Free    *shippost.Choice   `json:"free,omitempty" doc:"The nearest time with room for that post, in its own zone."`
}

func (a *API) getFullDays(ctx context.Context, actor shippost.Actor, in *fullDaysInput) (*listed[FullDay], error) {
	list, err := a.opt.Posts.FullDays(ctx, actor, in.From, in.Zone, in.Days)
	if err != nil {
		return nil, err
	}
	return &listed[FullDay]{Body: page[FullDay]{Items: convert(list, func(d compose.FullDay) FullDay {
		body := FullDay{Date: d.Date, Account: d.Account, Posts: d.Peak, Limit: d.Most, Drafts: d.Drafts, Over: d.Over, Post: d.Post}
		if d.Post != "" {
			body.Free = &d.Due
		}
		return body
	})}}, nil
}

// Calendar is some days with their posts.
type Calendar struct {
	Zone string        `json:"zone"`
	Days []CalendarDay `json:"days"`
}

// CalendarDay is a day of a calendar.
type CalendarDay struct {
	Date     string         `json:"date" example:"2026-11-24"`
	StartsAt time.Time      `json:"starts_at"`
	EndsAt   time.Time      `json:"ends_at" doc:"When the next day begins."`
	Spans    []CalendarSpan `json:"spans" doc:"Those with posts, in order."`
}

// CalendarSpan is a day, or what one hour of the wall clock shows.
type CalendarSpan struct {
	StartsAt time.Time                   `json:"starts_at"`
	Count    int                         `json:"count"`
	States   map[shippost.PostStatus]int `json:"states" doc:"How many posts are in each state."`
	Posts    []Post                      `json:"posts" doc:"The first ones, earliest first."`
}

func (a *API) getCalendar(ctx context.Context, actor shippost.Actor, in *calendarInput) (*struct{ Body Calendar }, error) {
	t := compose.Timetable{From: in.From, Days: in.Days, Zone: in.Zone, ByHour: in.By == "hour", Keep: in.Keep, Labels: labelIDs(in.Label)}
	t.Accounts = accountIDs(in.Account)
	for _, s := range in.Status {
		t.Statuses = append(t.Statuses, shippost.PostStatus(s))
	}
	days, err := a.opt.Posts.Calendar(ctx, actor, t)
	if err != nil {
		return nil, err
	}
	body := Calendar{Zone: in.Zone, Days: convert(days, calendarDayOf)}
	var posts []*Post
	for i := range body.Days {
		for j := range body.Days[i].Spans {
			span := &body.Days[i].Spans[j]
			for k := range span.Posts {
				posts = append(posts, &span.Posts[k])
			}
		}
	}
	return &struct{ Body Calendar }{body}, errors.Join(a.addFiles(ctx, actor, posts...), a.addLabels(ctx, actor, posts...), a.addForecasts(ctx, actor, posts...))
}

func calendarDayOf(d compose.Day) CalendarDay {
	return CalendarDay{Date: d.Date, StartsAt: d.Start, EndsAt: d.End, Spans: convert(d.Spans, func(s compose.Span) CalendarSpan {
		return CalendarSpan{StartsAt: s.Start, Count: s.Count, States: s.States, Posts: convert(s.Posts, postOf)}
	})}
}
