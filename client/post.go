package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Post is a post as the server knows it.
type Post struct {
	ID          string    `json:"id"`
	AccountID   string    `json:"account_id"`
	GroupID     string    `json:"group_id"`
	Status      string    `json:"status"` // draft, queued, publishing, posted, failed, cancelled, missed, in_inbox, unconfirmed
	Phase       string    `json:"phase"`  // while publishing: staging, staged, committing, processing, stopping
	MediaIDs    []string  `json:"media_ids"`
	Caption     string    `json:"caption"`
	Options     Choices   `json:"options"`
	DueAt       time.Time `json:"due_at"`
	Due         *Due      `json:"due"`
	LateWindow  string    `json:"late_window"`
	DeadlineAt  time.Time `json:"deadline_at"`
	Version     int64     `json:"version"`
	Hold        *Reason   `json:"hold"`
	Failure     *Reason   `json:"failure"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	CommittedAt time.Time `json:"committed_at"` // when the last byte was handed over
	LatenessMS  *float64  `json:"lateness_ms"`
	PostedAt    time.Time `json:"posted_at"`
	PlatformIDs []string  `json:"platform_ids"`
	Permalink   string    `json:"permalink"`
	Problems    []Problem `json:"problems"` // after a change: warnings, and what keeps a draft from being queued
}

// Ended reports whether nothing more happens to the post by itself.
func (p Post) Ended() bool {
	switch p.Status {
	case "draft", "queued", "publishing":
		return false
	default:
		return true
	}
}

// Reason says why a post waits, or why it did not go out.
type Reason struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Remedy  string    `json:"remedy"`
	Since   time.Time `json:"since"`
	LogID   string    `json:"log_id"` // the platform's reference
}

// Due is a wall-clock time in a zone.
type Due struct {
	Local string `json:"local"`          // "2026-11-24T09:00:00"
	Zone  string `json:"zone"`           // "Europe/Zurich"
	Fold  string `json:"fold,omitempty"` // "earlier" or "later", when the time happens twice
}

// Choices are answers to a platform's questions.
type Choices struct {
	TikTok *TikTok `json:"tiktok,omitempty"`
}

// TikTok answers TikTok's questions. A nil answer was not given; the legal ones must be given before a post is queued.
type TikTok struct {
	PrivacyLevel   string `json:"privacy_level,omitempty"` // one of the creator's PrivacyOptions
	AllowComment   *bool  `json:"allow_comment,omitempty"`
	AllowDuet      *bool  `json:"allow_duet,omitempty"`
	AllowStitch    *bool  `json:"allow_stitch,omitempty"`
	YourBrand      *bool  `json:"your_brand,omitempty"`
	BrandedContent *bool  `json:"branded_content,omitempty"`
	AIGenerated    *bool  `json:"ai_generated,omitempty"`
	CoverMS        *int64 `json:"cover_ms,omitempty"`          // video: the frame that becomes the cover
	ToInbox        bool   `json:"to_inbox,omitempty"`          // a draft for the creator to finish in the TikTok app
	Title          string `json:"title,omitempty"`             // photos: a headline beside the caption
	PhotoCover     int    `json:"photo_cover_index,omitempty"` // photos: the one that becomes the cover
	AutoMusic      bool   `json:"auto_music,omitempty"`        // photos: TikTok adds music
	Consent        bool   `json:"consent,omitempty"`           // the creator agreed to the declaration
}

// NewPost is a post to be made. Without DueAt and Due it is kept as a draft; a due time that has just passed means now.
type NewPost struct {
	AccountID  string    `json:"account_id"`
	GroupID    string    `json:"group_id,omitempty"`
	MediaIDs   []string  `json:"media_ids,omitempty"`
	Caption    string    `json:"caption,omitempty"`
	DueAt      time.Time `json:"due_at,omitzero"`
	Due        *Due      `json:"due,omitempty"`
	LateWindow string    `json:"late_window,omitempty"` // "0", "15m", "1h", "6h" or "24h"; the workspace's when empty
	Options    Choices   `json:"options,omitzero"`
}

// Change is what is to be different about a post. What is empty stays.
type Change struct {
	Version    int64     `json:"version,omitempty"` // the version that was looked at; another one is version_conflict
	MediaIDs   []string  `json:"media_ids,omitempty"`
	Caption    *string   `json:"caption,omitempty"`
	DueAt      time.Time `json:"due_at,omitzero"`
	Due        *Due      `json:"due,omitempty"`
	LateWindow string    `json:"late_window,omitempty"`
	Options    Choices   `json:"options,omitzero"`
}

// CreatePost makes a post. The key makes the request safe to repeat: the same key within a day gets the first answer.
// An empty one is made up, which covers the repetitions of this call but not those of a later one.
func (c *Client) CreatePost(ctx context.Context, p NewPost, key string) (Post, error) {
	if key == "" {
		key = rand.Text()
	}
	var made Post
	err := c.do(ctx, call{method: http.MethodPost, path: "/posts", body: p, into: &made, repeat: true,
		header: http.Header{"Idempotency-Key": {key}}})
	return made, err
}

// Validate returns everything that is wrong with a post, and what might surprise, without making it.
func (c *Client) Validate(ctx context.Context, p NewPost) ([]Problem, error) {
	var v struct {
		Problems []Problem `json:"problems"`
	}
	err := c.do(ctx, call{method: http.MethodPost, path: "/posts/validate", body: p, into: &v, repeat: true})
	return v.Problems, err
}

// Post returns a post.
func (c *Client) Post(ctx context.Context, id string) (Post, error) {
	var p Post
	err := c.do(ctx, call{method: http.MethodGet, path: postPath(id), into: &p, repeat: true})
	return p, err
}

// PostQuery chooses posts.
type PostQuery struct {
	Status    string // one state, or several with commas; "" for all
	AccountID string
	From, To  time.Time // due at or after From and before To
	ByDue     bool      // by due time, earliest first; else the newest first
	Limit     int       // how many at most; 0 for all there are
}

// Posts returns the posts that the query chooses.
func (c *Client) Posts(ctx context.Context, q PostQuery) ([]Post, error) {
	v := url.Values{"limit": {"200"}}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("status", q.Status)
	set("account_id", q.AccountID)
	if q.ByDue {
		set("order", "due")
	}
	if !q.From.IsZero() {
		set("from", q.From.Format(time.RFC3339Nano))
	}
	if !q.To.IsZero() {
		set("to", q.To.Format(time.RFC3339Nano))
	}
	if q.Limit > 0 && q.Limit < 200 {
		set("limit", strconv.Itoa(q.Limit))
	}
	var all []Post
	for {
		var l list[Post]
		if err := c.do(ctx, call{method: http.MethodGet, path: "/posts", query: v, into: &l, repeat: true}); err != nil {
			return all, err
		}
		all = append(all, l.Items...)
		if q.Limit > 0 && len(all) >= q.Limit {
			return all[:q.Limit], nil
		}
		if l.NextCursor == "" {
			return all, nil
		}
		v.Set("cursor", l.NextCursor)
	}
}

// EditPost changes a post that has not been handed over. It is not repeated when the answer is lost.
func (c *Client) EditPost(ctx context.Context, id string, change Change) (Post, error) {
	var p Post
	err := c.do(ctx, call{method: http.MethodPatch, path: postPath(id), body: change, into: &p})
	return p, err
}

// RetryPost queues a failed or missed post again. The change must hold a time.
func (c *Client) RetryPost(ctx context.Context, id string, change Change) (Post, error) {
	var p Post
	err := c.do(ctx, call{method: http.MethodPost, path: postPath(id) + "/retry", body: change, into: &p})
	return p, err
}

// CancelPost cancels a post. When it returns without error the post never goes out; the code already_handed_over says
// that it was too late.
func (c *Client) CancelPost(ctx context.Context, id string) (Post, error) {
	var p Post
	err := c.do(ctx, call{method: http.MethodPost, path: postPath(id) + "/cancel", into: &p, repeat: true})
	return p, err
}

// Attempt is one try to publish a post.
type Attempt struct {
	ID          string    `json:"id"`
	Number      int       `json:"number"`
	State       string    `json:"state"`
	PublishID   string    `json:"publish_id"` // the platform's name for it
	Size        int64     `json:"size"`
	Sent        int64     `json:"sent"`
	CommittedAt time.Time `json:"committed_at"`
	Death       string    `json:"death"`
	Failure     *Reason   `json:"failure"`
}

// Attempts returns the tries to publish a post, oldest first.
func (c *Client) Attempts(ctx context.Context, id string) ([]Attempt, error) {
	var l list[Attempt]
	err := c.do(ctx, call{method: http.MethodGet, path: postPath(id) + "/attempts", into: &l, repeat: true})
	return l.Items, err
}

// WatchPost returns a post once nothing more happens to it by itself: posted, or another end that its status names.
// saw, when not nil, is called with each state in between that differs from the one before. A draft is returned at
// once, because it waits for a person.
func (c *Client) WatchPost(ctx context.Context, id string, saw func(Post)) (Post, error) {
	var last Post
	unchanged := 0
	for {
		p, err := c.Post(ctx, id)
		if err != nil {
			return last, err
		}
		unchanged++
		if p.Status != last.Status || p.Phase != last.Phase || p.Version != last.Version {
			unchanged = 0
			if saw != nil {
				saw(p)
			}
		}
		last = p
		if p.Ended() || p.Status == "draft" {
			return p, nil
		}
		if err := sleep(ctx, c.untilNext(p, unchanged)); err != nil {
			return p, err
		}
	}
}

// untilNext is how long to wait before asking about a post again: rarely while its time is far, often around it, and
// less and less while the platform works on it. unchanged says how often nothing was new.
func (c *Client) untilNext(p Post, unchanged int) time.Duration {
	if p.Status == "queued" {
		return min(max(time.Until(p.DueAt)/4, c.poll), 15*time.Second)
	}
	return min(c.poll<<min(unchanged/8, 6), 15*time.Second)
}

func postPath(id string) string { return "/posts/" + url.PathEscape(id) }
