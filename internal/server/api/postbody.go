package api

import (
	"encoding/json"
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
	Phase       shippost.Phase      `json:"phase,omitempty" enum:"staging,staged,committing,processing" doc:"How far a publishing post is."`
	Media       []shippost.MediaID  `json:"media_ids"`
	Caption     string              `json:"caption"`
	Options     PostOptions         `json:"options"`
	DueAt       time.Time           `json:"due_at,omitzero"`
	Due         *Due                `json:"due,omitempty"`
	LateWindow  string              `json:"late_window" example:"1h"`
	Deadline    time.Time           `json:"deadline_at,omitzero" doc:"The post is not sent for the first time after this."`
	Version     int64               `json:"version" doc:"Grows with each change of content or time."`
	Hold        *Hold               `json:"hold,omitempty" doc:"Why a queued post waits."`
	Failure     *Failure            `json:"failure,omitempty" doc:"Why it did not go out."`
	CreatedBy   shippost.UserID     `json:"created_by"`
	CreatedAt   time.Time           `json:"created_at"`
	UpdatedAt   time.Time           `json:"updated_at"`
	CommittedAt time.Time           `json:"committed_at,omitzero" doc:"When the last byte was handed over; never before due_at."`
	LatenessMS  *float64            `json:"lateness_ms,omitempty" doc:"committed_at minus due_at in milliseconds."`
	PostedAt    time.Time           `json:"posted_at,omitzero" doc:"When the platform's confirmation was learnt."`
	PlatformIDs []string            `json:"platform_ids" doc:"The platform's ids of the post."`
	Permalink   string              `json:"permalink,omitempty"`
	Problems    []shippost.Problem  `json:"problems,omitempty" doc:"After a change: warnings, and what keeps a draft from being queued."`
}

// Due is a wall-clock time in a zone.
type Due struct {
	Local string `json:"local" maxLength:"40" example:"2026-11-24T09:00:00" doc:"Wall-clock time without a zone."`
	Zone  string `json:"zone" maxLength:"64" example:"Europe/Zurich" doc:"IANA name of the time zone."`
	Fold  string `json:"fold,omitempty" enum:"earlier,later" doc:"Which of the two, when clocks are put back and the time happens twice."`
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
	Consent        bool   `json:"consent"`
}

func postOf(p shippost.Post) Post {
	body := Post{
		ID: p.ID, Account: p.Account, Group: p.Group, Status: p.Status, Phase: p.Phase, Media: convert(p.Media, same), Caption: p.Caption,
		LateWindow: words(p.LateWindow), Version: p.Version, CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		CommittedAt: p.CommittedAt, PostedAt: p.PostedAt, PlatformIDs: convert(p.PlatformIDs, same), Permalink: p.Permalink,
		Failure: failureOf(p.Failure),
	}
	if t := p.Options.TikTok; t != nil {
		body.Options.TikTok = &TikTokOptions{t.PrivacyLevel, t.AllowComment, t.AllowDuet, t.AllowStitch, t.YourBrand, t.BrandedContent, t.AIGenerated, t.CoverMS, t.Consent}
	}
	if !p.Due.IsZero() {
		body.DueAt, body.Due, body.Deadline = p.Due.At, &Due{p.Due.Local, p.Due.Zone, string(p.Due.Fold)}, p.Deadline()
	}
	if h := p.Hold; h != nil {
		body.Hold = &Hold{h.Code, h.Message, h.Remedy, h.Since}
	}
	if !p.CommittedAt.IsZero() {
		ms := float64(p.Lateness().Microseconds()) / 1000
		body.LatenessMS = &ms
	}
	return body
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
