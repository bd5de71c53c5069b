package tiktok

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"ship-post.com/shippost/internal/platform"
)

var _ platform.TimeTeller = (*Client)(nil)

// told keeps what TikTok's latest answer said about the time.
type told struct{ latest atomic.Pointer[toldTime] }

type toldTime struct {
	at    time.Time
	heard time.Time // with the monotonic clock, which nobody sets
}

// note takes the time from an answer, if it is TikTok's own and not one that somebody kept.
func (t *told) note(resp *http.Response) {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || resp.Header.Get("Age") != "" {
		return
	}
	t.latest.Store(&toldTime{at: at, heard: time.Now()})
}

// Heard implements platform.TimeTeller.
func (c *Client) Heard() (at time.Time, ago time.Duration, ok bool) {
	latest := c.told.latest.Load()
	if latest == nil {
		return time.Time{}, 0, false
	}
	return latest.at, time.Since(latest.heard), true
}

// AskTime implements platform.TimeTeller: any answer will do, whatever it says.
func (c *Client) AskTime(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.api+"/", nil)
	if err != nil {
		return &platform.Error{Op: "time", Reach: platform.NotSent, Code: platform.CodeNetwork, Err: errors.New("not an address")}
	}
	resp, trip, err := c.clients.API().Do(req)
	if err != nil {
		return lost("time", trip, err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // only the header counts
	c.told.note(resp)
	return nil
}
