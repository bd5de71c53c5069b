package tiktok

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
)

// bodyLimit bounds how much of an answer is read; real ones have a few hundred bytes.
const bodyLimit = 1 << 20

// call is one request to the API.
type call struct {
	op     string // for errors and logs
	client *outbound.Client
	method string
	path   string // with its trailing slash, which TikTok insists on
	body   any    // nil for none
}

// envelope is the form of every answer but those of OAuth. Tables spell logid, samples log_id (TikTok contract 4.1).
type envelope struct {
	Data  json.RawMessage `json:"data"`
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		LogID   string `json:"log_id"`
		LogID2  string `json:"logid"`
	} `json:"error"`
}

// do sends the call once and decodes its data, unless data is nil. It succeeds if the body says ok, whatever the status.
func (c *Client) do(ctx context.Context, q call, token shippost.Secret, data any) (logID string, err error) {
	req, err := c.request(ctx, q, token)
	if err != nil {
		return "", err
	}
	resp, body, err := c.send(q.op, q.client, req)
	if err != nil {
		return "", err
	}
	var e envelope
	problem := &platform.Error{Op: q.op, Reach: platform.Answered, Status: resp.StatusCode, LogID: resp.Header.Get("X-Tt-Logid")}
	if err := json.Unmarshal(body, &e); err != nil {
		return "", withCause(problem, errors.New("the answer is not the JSON that was promised"))
	}
	problem.Code, problem.Message, problem.LogID = e.Error.Code, e.Error.Message, first(e.Error.LogID, e.Error.LogID2, problem.LogID)
	if e.Error.Code != "ok" {
		return problem.LogID, problem
	}
	if data == nil {
		return problem.LogID, nil
	}
	if err := json.Unmarshal(e.Data, data); err != nil {
		return problem.LogID, withCause(problem, errors.New("the data of the answer has another form than promised"))
	}
	return problem.LogID, nil
}

func (c *Client) request(ctx context.Context, q call, token shippost.Secret) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		text, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, c.api+q.path, body)
	if err != nil {
		return nil, &platform.Error{Op: q.op, Reach: platform.NotSent, Code: platform.CodeNetwork, Err: errors.New("not an address")}
	}
	if q.body != nil {
		req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	return req, nil
}

// send sends a request once and reads the whole answer. An answer that breaks off is as good as none.
func (c *Client) send(op string, client *outbound.Client, req *http.Request) (*http.Response, []byte, error) {
	resp, trip, err := client.Do(req)
	if err != nil {
		return nil, nil, lost(op, trip, err)
	}
	defer func() { _ = resp.Body.Close() }()
	c.told.note(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1))
	if err == nil && len(body) > bodyLimit {
		err = errors.New("the answer has no end")
	}
	if err != nil {
		return nil, nil, &platform.Error{Op: op, Reach: platform.Maybe, Status: resp.StatusCode, Code: platform.CodeNetwork, Err: err}
	}
	return resp, body, nil
}

// lost is the error of a request without an answer.
func lost(op string, trip outbound.Trip, err error) *platform.Error {
	reach := platform.NotSent
	if trip.Left {
		reach = platform.Maybe
	}
	return &platform.Error{Op: op, Reach: reach, Code: platform.CodeNetwork, Err: err}
}

func withCause(e *platform.Error, err error) error {
	e.Err = err
	return e
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// ask sends a question: a call without effect, which is asked once more with another token when the first is refused.
func (c *Client) ask(ctx context.Context, q call, tokens platform.Tokens, data any) (logID string, err error) {
	token, err := tokens.Token(ctx)
	if err != nil {
		return "", err
	}
	logID, err = c.do(ctx, q, token, data)
	if !tokenInvalid(err) {
		return logID, err
	}
	if token, err = tokens.Renew(ctx, token); err != nil {
		return logID, err
	}
	logID, err = c.do(ctx, q, token, data)
	if !tokenInvalid(err) {
		return logID, err
	}
	return logID, judged(ctx, tokens, token, err, platform.CodeTokenRefused)
}

func tokenInvalid(err error) bool {
	e := platform.AsError(err)
	return e != nil && e.Code == codeTokenInvalid
}

// judged says what it means that a token was refused: nothing, if it had run out on the way or somebody else got another
// one meanwhile; the code, if it is the one that should be good.
func judged(ctx context.Context, tokens platform.Tokens, refused shippost.Secret, err error, code string) error {
	now, tokenErr := tokens.Token(ctx)
	if tokenErr != nil {
		return tokenErr
	}
	if now.Reveal() != refused.Reveal() {
		code = codeTokenRenewed
	}
	e := *platform.AsError(err)
	e.Code = code
	return &e
}
