package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Account is a connected account.
type Account struct {
	ID            string    `json:"id"`
	Platform      string    `json:"platform"`
	Handle        string    `json:"handle"` // without "@"
	Name          string    `json:"name"`
	Status        string    `json:"status"` // "active", "needs_reconnect" or "disconnected"
	StatusReason  string    `json:"status_reason"`
	StatusMessage string    `json:"status_message"` // the same in a sentence
	Scopes        []string  `json:"scopes"`
	MissingScopes []string  `json:"missing_scopes"`
	ConnectedAt   time.Time `json:"connected_at"`
}

// Creator is what the platform says a creator may do now.
type Creator struct {
	Handle          string        `json:"handle"`
	Nickname        string        `json:"nickname"`
	PrivacyOptions  []string      `json:"privacy_options"`
	CommentDisabled bool          `json:"comment_disabled"`
	DuetDisabled    bool          `json:"duet_disabled"`
	StitchDisabled  bool          `json:"stitch_disabled"`
	MaxVideoSeconds int64         `json:"max_video_seconds"`
	Declarations    []Declaration `json:"declarations"` // for ordinary and for branded content
	Inbox           *Inbox        `json:"inbox"`        // nil where drafts are not offered
}

// Inbox is where drafts wait for a creator, in the platform's app.
type Inbox struct {
	Granted bool `json:"granted"` // the creator allowed ShipPost to send drafts
	Waiting int  `json:"waiting"` // sent within the last 24 hours and not finished
	Most    int  `json:"most"`    // how many may wait within 24 hours
}

// Declaration is a text that a creator agrees to before a post is sent.
type Declaration struct {
	Version string `json:"version"`
	Text    string `json:"text"`
	Links   []struct {
		Words string `json:"words"`
		URL   string `json:"url"`
	} `json:"links"`
}

// list is a page of a list.
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// Accounts returns all accounts of the workspace, disconnected ones too.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	var l list[Account]
	err := c.do(ctx, call{method: http.MethodGet, path: "/accounts", into: &l, repeat: true})
	return l.Items, err
}

// Creator asks the platform what the creator of an account may do. The error says why they cannot post, if so.
func (c *Client) Creator(ctx context.Context, account string) (Creator, error) {
	var creator Creator
	err := c.do(ctx, call{method: http.MethodGet, path: "/accounts/" + url.PathEscape(account) + "/creator", into: &creator, repeat: true})
	return creator, err
}
