// Package client talks to a ShipPost server over its REST API: it uploads files, schedules posts and watches them.
// It needs the standard library only.
//
//	c, err := client.New("https://shippost.example", client.Options{Key: os.Getenv("SHIPPOST_API_KEY")})
//	media, err := c.UploadFile(ctx, "clip.mp4", nil)
//	media, err = c.WaitMedia(ctx, media.ID)
//	post, err := c.CreatePost(ctx, client.NewPost{AccountID: account, MediaIDs: []string{media.ID}, …}, "")
//	post, err = c.WatchPost(ctx, post.ID, nil)
//
// A refusal of the server is an *Error with a stable code. Requests that may be repeated without harm are repeated
// when the connection breaks or the server is busy, until the context ends or there is no hope.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Options is how to reach a server.
type Options struct {
	Key  string        // the API key, "sp_…"
	HTTP *http.Client  // nil: one of our own. Redirects are never followed.
	Poll time.Duration // the shortest wait between two questions about the same thing; 0 means 250 ms
}

// Client is a server and the key to it. Its methods may be called from many goroutines at once.
type Client struct {
	base *url.URL
	key  string
	http *http.Client
	poll time.Duration
}

const (
	apiPath    = "/api/v1"
	tries      = 6                      // of a request that may be repeated
	firstPause = 200 * time.Millisecond // before the second try; doubles, with jitter
	maxPause   = 10 * time.Second
	maxReply   = 16 << 20
	patience   = time.Minute // with a server that says and takes nothing
)

// New returns a Client of the server at baseURL, such as "https://shippost.example". Plain HTTP is taken for this
// machine only, because the key would be readable on the way.
func New(baseURL string, o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(baseURL, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the address of the server must look like https://shippost.example")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !onThisMachine(u.Hostname())) {
		return nil, errors.New("the address of the server must begin with https://; http:// is for this machine only")
	}
	if o.Key == "" || strings.ContainsAny(o.Key, " \r\n\t") {
		return nil, errors.New("an API key is needed; make one in the settings of ShipPost")
	}
	c := &Client{base: u, key: o.Key, http: &http.Client{}, poll: o.Poll}
	if o.HTTP != nil {
		own := *o.HTTP
		c.http = &own
	}
	// A redirect would carry the key to wherever it points.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.poll <= 0 {
		c.poll = 250 * time.Millisecond
	}
	return c, nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// call is one request to the API.
type call struct {
	method string
	path   string // below the prefix
	query  url.Values
	header http.Header
	body   any
	into   any
	repeat bool // doing it twice does no harm
}

// do sends a call and decodes the answer.
func (c *Client) do(ctx context.Context, r call) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return err
		}
	}
	address := c.base.JoinPath(apiPath, r.path)
	address.RawQuery = r.query.Encode()
	return c.repeatedly(ctx, r.repeat, func() error {
		return c.once(ctx, r, address.String(), body)
	})
}

func (c *Client) once(ctx context.Context, r call, address string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return refusal(resp)
	}
	if r.into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(r.into); err != nil {
		return &unanswered{fmt.Errorf("read the answer: %w", err)}
	}
	return nil
}

func (c *Client) send(req *http.Request) (*http.Response, error) {
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("User-Agent", "shippost-client")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &unanswered{err}
	}
	return resp, nil
}

// unanswered is the failure of a request to which no whole answer came: nobody knows whether it was carried out.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return u.err.Error() }
func (u *unanswered) Unwrap() error { return u.err }

// repeatedly calls fn until it succeeds, fails for good, or was tried often enough. Without repeat only answers that
// say that nothing was done are followed by another try.
func (c *Client) repeatedly(ctx context.Context, repeat bool, fn func() error) error {
	for n := 1; ; n++ {
		err := fn()
		var lost *unanswered
		var refused *Error
		switch {
		case err == nil || ctx.Err() != nil || n == tries:
			return err
		case errors.As(err, &lost) && repeat:
		case errors.As(err, &refused) && refused.passing(repeat):
		default:
			return err
		}
		wait := pause(n)
		if refused != nil {
			wait = max(wait, refused.RetryAfter)
		}
		if sleep(ctx, wait) != nil {
			return err
		}
	}
}

// pause is how long to wait after the nth failure.
func pause(n int) time.Duration {
	d := min(firstPause<<(n-1), maxPause)
	return d/2 + rand.N(d/2)
}

// sleep waits, or returns the context's error when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Error is a refusal of the server (RFC 9457).
type Error struct {
	Status     int           `json:"status"`
	Code       string        `json:"code"`   // stable snake_case
	Message    string        `json:"detail"` // a sentence for people
	Field      string        `json:"field"`
	Remedy     string        `json:"remedy"`
	Retryable  bool          `json:"retryable"`
	RequestID  string        `json:"request_id"`
	Problems   []Problem     `json:"problems"`
	Times      []Time        `json:"choices"` // other times, as in Problem
	RetryAfter time.Duration `json:"-"`       // how long to wait; 0 when not said
}

// Problem is one thing that is wrong with a post.
type Problem struct {
	Code     string `json:"code"`
	Field    string `json:"field"`
	Message  string `json:"message"`
	Remedy   string `json:"remedy"`
	Severity string `json:"severity"` // "block" or "warn"
	Times    []Time `json:"choices"`  // what a wall-clock time that is skipped or doubled may mean, or the nearest time with room
}

// Time is a time that may be chosen instead.
type Time struct {
	At    time.Time `json:"at"`
	Local string    `json:"local"`          // by the clock of the post's zone
	Fold  string    `json:"fold,omitempty"` // which of a doubled time: "earlier" or "later"
}

// Error returns the sentence, the code and what support needs to find the request.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = "the server answered " + strconv.Itoa(e.Status)
	}
	if len(e.Problems) > 1 {
		for _, p := range e.Problems {
			text += "\n- " + p.Message
		}
	}
	text += " (" + e.Code
	if e.RequestID != "" {
		text += ", " + e.RequestID
	}
	return text + ")"
}

// passing reports whether the same request may succeed later. Of a gateway's answers nobody knows whether the request
// was carried out.
func (e *Error) passing(repeat bool) bool {
	switch e.Status {
	case http.StatusTooManyRequests:
		return e.RetryAfter <= maxPause && e.Code != "too_many_scheduled"
	case http.StatusServiceUnavailable:
		return e.Retryable || repeat
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusInternalServerError:
		return repeat
	default:
		return false
	}
}

// HasCode reports whether err is a refusal with that code.
func HasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// refusal reads the error that an answer means.
func refusal(resp *http.Response) error {
	e := &Error{}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/problem+json" {
		// Whatever cannot be read is left out; the status says enough.
		_ = json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(e)
	}
	e.Status = resp.StatusCode
	if e.Code == "" {
		e.Code = "http_" + strconv.Itoa(resp.StatusCode)
	}
	if e.RequestID == "" {
		e.RequestID = resp.Header.Get("X-Request-Id")
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}
