package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"ship-post.com/shippost"
)

// Post is a post as it is shown.
type Post struct {
	ID          shippost.PostID     `json:"id"`
	Account     shippost.AccountID  `json:"account_id"`
	Group       shippost.GroupID    `json:"group_id,omitempty"`
	Status      shippost.PostStatus `json:"status" enum:"draft,queued,publishing,posted,failed,cancelled,missed,in_inbox,unconfirmed"`
	Phase       shippost.Phase      `json:"phase,omitempty" enum:"staging,staged,committing,processing,stopping" doc:"How far a publishing post is."`
	Media       []shippost.MediaID  `json:"media_ids"`
	Files       []PostMedia         `json:"media" doc:"The files in short."`
	Caption     string              `json:"caption"`
	Options     PostOptions         `json:"options"`
	Labels      []shippost.LabelID  `json:"label_ids"`
	DueAt       time.Time           `json:"due_at,omitzero"`
	Due         *Due                `json:"due,omitempty"`
	LateWindow  string              `json:"late_window" example:"1h"`
	Deadline    time.Time           `json:"deadline_at,omitzero" doc:"The post is not sent for the first time after this."`
	Version     int64               `json:"version" doc:"Grows with each change of content or time."`
	Hold        *Hold               `json:"hold,omitempty" doc:"Why a queued post waits."`
	Failure     *Failure            `json:"failure,omitempty" doc:"Why it did not go out."`
	OverdueAt   time.Time           `json:"overdue_at,omitzero" doc:"Set when the post was found past its late window, five minutes more, and without an end. Somebody should look at the server."`
	CreatedBy   shippost.UserID     `json:"created_by"`
	CreatedAt   time.Time           `json:"created_at"`
	UpdatedAt   time.Time           `json:"updated_at"`
	CommittedAt time.Time           `json:"committed_at,omitzero" doc:"When the last byte was handed over; never before due_at."`
	LatenessMS  *float64            `json:"lateness_ms,omitempty" doc:"committed_at minus due_at in milliseconds."`
	PostedAt    time.Time           `json:"posted_at,omitzero" doc:"When the platform's confirmation was learnt."`
	PlatformIDs []string            `json:"platform_ids" doc:"The platform's ids of the post."`
	Permalink   string              `json:"permalink,omitempty"`
	WithdrawnAt time.Time           `json:"withdrawn_at,omitzero" doc:"Since when viewers cannot see the post any more: the platform took it down, or its creator made it private or deleted it. The post was posted all the same."`
	Forecast    *Forecast           `json:"forecast,omitempty" doc:"What the latest look ahead found, for a post that waits."`
	Problems    []shippost.Problem  `json:"problems,omitempty" doc:"After a change: warnings, and what keeps a draft from being queued."`
}

// PostMedia is a file of a post, in short.
type PostMedia struct {
	ID         shippost.MediaID     `json:"id"`
	Kind       shippost.MediaKind   `json:"kind,omitempty" enum:"video,photo"`
	Status     shippost.MediaStatus `json:"status" enum:"receiving,checking,ready,rejected,deleted"`
	PosterURL  string               `json:"poster_url,omitempty"`
	DurationMS int64                `json:"duration_ms,omitempty"`
}

// addFiles puts the files of posts in short beside their ids.
func (a *API) addFiles(ctx context.Context, actor shippost.Actor, posts ...*Post) error {
	var ids []shippost.MediaID
	for _, p := range posts {
		ids = append(ids, p.Media...)
	}
	slices.Sort(ids)
	files, err := a.opt.Posts.Files(ctx, actor, slices.Compact(ids))
	if err != nil {
		return err
	}
	for _, p := range posts {
		p.Files = convert(p.Media, func(id shippost.MediaID) PostMedia {
			m := files[id]
			body := PostMedia{ID: id, Kind: m.Kind, Status: m.Status, DurationMS: m.Facts.Duration.Milliseconds()}
			if m.PosterKey != "" {
				body.PosterURL = posterURL(id)
			}
			return body
		})
	}
	return nil
}

// Due is a wall-clock time in a zone.
type Due struct {
	Local     string `json:"local" maxLength:"40" example:"2026-11-24T09:00:00" doc:"Wall-clock time without a zone."`
	Zone      string `json:"zone" maxLength:"64" example:"Europe/Zurich" doc:"IANA name of the time zone."`
	Fold      string `json:"fold,omitempty" enum:"earlier,later" doc:"Which of the two, when clocks are put back and the time happens twice."`
	Offset    string `json:"offset,omitempty" readOnly:"true" example:"+02:00" doc:"Of the zone's clocks from UTC at that time."`
	ZoneRules string `json:"zone_rules,omitempty" readOnly:"true" example:"2026b" doc:"The version of the time zone database that made it an instant."`
}

// Hold says why a queued post waits.
type Hold struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Remedy  shippost.Remedy `json:"remedy,omitempty"`
	Since   time.Time       `json:"since"`
}

// Failure says why a post did not go out.
type Failure struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Remedy  shippost.Remedy `json:"remedy,omitempty"`
	LogID   string          `json:"log_id,omitempty" doc:"The platform's reference, for support."`
}

// PostOptions are the choices that only the platform of the account knows.
type PostOptions struct {
	TikTok *TikTokOptions `json:"tiktok,omitempty"`
}

// TikTokOptions is the answers to TikTok's questions; one that is absent was not answered.
type TikTokOptions struct {
	PrivacyLevel   string `json:"privacy_level,omitempty"`
	AllowComment   *bool  `json:"allow_comment,omitempty"`
	AllowDuet      *bool  `json:"allow_duet,omitempty"`
	AllowStitch    *bool  `json:"allow_stitch,omitempty"`
	YourBrand      *bool  `json:"your_brand,omitempty"`
	BrandedContent *bool  `json:"branded_content,omitempty"`
	AIGenerated    bool   `json:"ai_generated"`
	CoverMS        int64  `json:"cover_ms"`
	ToInbox        bool   `json:"to_inbox,omitempty"`
	Title          string `json:"title,omitempty"`
	PhotoCover     int    `json:"photo_cover_index"`
	AutoMusic      bool   `json:"auto_music"`
	Consent        bool   `json:"consent"`
}

func postOf(p shippost.Post) Post {
	body := Post{
		ID: p.ID, Account: p.Account, Group: p.Group, Status: p.Status, Phase: p.Phase, Media: convert(p.Media, same), Files: []PostMedia{}, Caption: p.Caption, Labels: []shippost.LabelID{},
		LateWindow: words(p.LateWindow), Version: p.Version, CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		CommittedAt: p.CommittedAt, PostedAt: p.PostedAt, PlatformIDs: convert(p.PlatformIDs, same), Permalink: p.Permalink, WithdrawnAt: p.WithdrawnAt,
		Failure: failureOf(p.Failure), OverdueAt: p.OverdueAt,
	}
	body.Options = optionsOf(p.Options)
	if !p.Due.IsZero() {
		body.DueAt, body.Due, body.Deadline = p.Due.At, dueOf(p.Due), p.Deadline()
	}
	if h := p.Hold; h != nil && p.Status == shippost.PostQueued {
		body.Hold = &Hold{h.Code, h.Message, h.Remedy, h.Since}
	}
	if !p.CommittedAt.IsZero() {
		ms := float64(p.Lateness().Microseconds()) / 1000
		body.LatenessMS = &ms
	}
	return body
}

func optionsOf(o shippost.Options) PostOptions {
	t := o.TikTok
	if t == nil {
		return PostOptions{}
	}
	return PostOptions{TikTok: &TikTokOptions{t.PrivacyLevel, t.AllowComment, t.AllowDuet, t.AllowStitch, t.YourBrand, t.BrandedContent, t.AIGenerated, t.CoverMS,
		t.ToInbox, t.Title, t.PhotoCoverIndex, t.AutoMusic, t.Consent}}
}

func dueOf(d shippost.Due) *Due {
	zone := time.FixedZone("", int(d.Offset/time.Second))
	return &Due{Local: d.Local, Zone: d.Zone, Fold: string(d.Fold), Offset: d.At.In(zone).Format("-07:00"), ZoneRules: d.Rules}
}

func failureOf(f *shippost.Failure) *Failure {
	if f == nil {
		return nil
	}
	return &Failure{f.Code, f.Message, f.Remedy, f.LogID}
}

func same[T any](v T) T { return v }

// words writes a late window as it is asked for: "15m", "1h", "0".
func words(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	default:
		return d.String()
	}
}

// Attempt is one try to publish a post. The upload address is a secret and never shown.
type Attempt struct {
	ID          shippost.AttemptID    `json:"id"`
	Number      int                   `json:"number"`
	PostVersion int64                 `json:"post_version"`
	State       shippost.AttemptState `json:"state" enum:"planned,init_sent,open,committing,handed_over,live,dead,unknown"`
	PublishID   string                `json:"publish_id,omitempty" doc:"The platform's name for this try."`
	Size        int64                 `json:"size" doc:"Bytes to send."`
	Sent        int64                 `json:"sent" doc:"Bytes the platform is known to have."`
	PlannedAt   time.Time             `json:"planned_at"`
	OpenedAt    time.Time             `json:"opened_at,omitzero"`
	CommittedAt time.Time             `json:"committed_at,omitzero"`
	HandedAt    time.Time             `json:"handed_over_at,omitzero"`
	EndedAt     time.Time             `json:"ended_at,omitzero"`
	Polls       int                   `json:"polls" doc:"How often the platform was asked what became of it."`
	Death       string                `json:"death,omitempty" doc:"The rule that proves that it can never publish."`
	Evidence    any                   `json:"evidence,omitempty" doc:"What the proof rests on."`
	Failure     *Failure              `json:"failure,omitempty"`
}

func attemptOf(a shippost.Attempt) Attempt {
	body := Attempt{ID: a.ID, Number: a.Number, PostVersion: a.PostVersion, State: a.State, PublishID: a.PublishID, Size: a.Size, Sent: a.Sent,
		PlannedAt: a.PlannedAt, OpenedAt: a.OpenedAt, CommittedAt: a.CommittedAt, HandedAt: a.HandedAt, EndedAt: a.EndedAt, Polls: a.Polls,
		Death: a.Death, Failure: failureOf(a.Failure)}
	// What is no JSON is left out; the journal has it too.
	_ = json.Unmarshal([]byte(a.Evidence), &body.Evidence)
	return body
}
