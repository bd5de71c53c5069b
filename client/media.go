package client

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Media is an uploaded file.
type Media struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"` // receiving, checking, ready, rejected or deleted
	Kind      string    `json:"kind"`   // video or photo
	FileName  string    `json:"file_name"`
	Type      string    `json:"type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"` // of the bytes that a platform gets
	Problems  []Problem `json:"problems"`
	CreatedAt time.Time `json:"created_at"`
}

// Media returns a file of the workspace.
func (c *Client) Media(ctx context.Context, id string) (Media, error) {
	var m Media
	err := c.do(ctx, call{method: http.MethodGet, path: "/media/" + url.PathEscape(id), into: &m, repeat: true})
	return m, err
}

// WaitMedia returns a file once it has been read. A file that cannot be used is an error that says why.
func (c *Client) WaitMedia(ctx context.Context, id string) (Media, error) {
	for {
		m, err := c.Media(ctx, id)
		if err != nil {
			return m, err
		}
		switch m.Status {
		case "ready":
			return m, nil
		case "rejected", "deleted":
			e := &Error{Status: http.StatusUnprocessableEntity, Code: "media_" + m.Status, Message: "This file cannot be used.", Problems: m.Problems}
			if len(m.Problems) > 0 {
				e.Code, e.Message = m.Problems[0].Code, m.Problems[0].Message
			}
			return m, e
		}
		if err := sleep(ctx, c.poll); err != nil {
			return m, err
		}
	}
}

// UploadFile sends a file and returns its media, which is not yet read; see WaitMedia. A connection that breaks is taken
// up again where the server has it. progress, when not nil, is called with the bytes sent so far and in all.
func (c *Client) UploadFile(ctx context.Context, path string, progress func(done, total int64)) (_ Media, err error) {
	f, err := os.Open(path)
	if err != nil {
		return Media{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return Media{}, err
	}
	u := &upload{client: c, file: f, size: info.Size(), progress: progress}
	// An upload that was begun twice does no harm: the server forgets the one that nobody goes on with.
	if err := c.repeatedly(ctx, true, func() error { return u.create(ctx, filepath.Base(path)) }); err != nil {
		return Media{}, err
	}
	for u.sent < u.size {
		before := u.sent
		err := c.repeatedly(ctx, true, func() error { return u.goOn(ctx) })
		if err != nil && u.sent == before {
			return Media{}, err
		}
	}
	return c.Media(ctx, u.media)
}

// upload is a file on its way, by the tus protocol.
type upload struct {
	client   *Client
	file     *os.File
	size     int64
	sent     int64
	where    string // address of the upload
	media    string
	broken   bool // ask the server how much it has before going on
	progress func(done, total int64)
}

const (
	tusVersion  = "1.0.0"
	mediaHeader = "ShipPost-Media-Id"
)

func (u *upload) request(ctx context.Context, method, address string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Tus-Resumable", tusVersion)
	return req, nil
}

func (u *upload) create(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	base := u.client.base.JoinPath("/uploads/")
	req, err := u.request(ctx, http.MethodPost, base.String(), http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Upload-Length", strconv.FormatInt(u.size, 10))
	req.Header.Set("Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte(name)))
	resp, err := u.send(req)
	if err != nil {
		return err
	}
	place, err := base.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" || place.Host != base.Host || place.Scheme != base.Scheme {
		return errors.New("the server named no place of its own for the upload")
	}
	u.where, u.media = place.String(), resp.Header.Get(mediaHeader)
	return nil
}

// goOn sends the rest from where the server has it. A transfer that stands still for a minute is given up and begun
// again, because a dead line may look like a slow one for hours.
func (u *upload) goOn(ctx context.Context) error {
	if u.broken {
		if err := u.ask(ctx); err != nil {
			return err
		}
	}
	if u.sent == u.size {
		return nil
	}
	u.broken = true
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := time.AfterFunc(patience, cancel)
	body := &counted{Reader: io.NewSectionReader(u.file, u.sent, u.size-u.sent), upload: u, at: u.sent, stall: stall}
	defer body.end()
	req, err := u.request(ctx, http.MethodPatch, u.where, body)
	if err != nil {
		return err
	}
	req.ContentLength = u.size - u.sent
	req.Header.Set("Content-Type", "application/offset+octet-stream")
	req.Header.Set("Upload-Offset", strconv.FormatInt(u.sent, 10))
	resp, err := u.send(req)
	if e, ok := errors.AsType[*Error](err); ok && (e.Status == http.StatusConflict || e.Status == http.StatusLocked) {
		// The server still holds on to the transfer that broke; it knows better in a moment.
		return &unanswered{err}
	}
	if err != nil {
		return err
	}
	return u.took(resp)
}

// ask learns how much the server has.
func (u *upload) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := u.request(ctx, http.MethodHead, u.where, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := u.send(req)
	if err != nil {
		return err
	}
	return u.took(resp)
}

func (u *upload) took(resp *http.Response) error {
	n, err := strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || n < 0 || n > u.size {
		return errors.New("the server did not say how much of the upload it has")
	}
	u.sent, u.broken = n, false
	if u.progress != nil {
		u.progress(u.sent, u.size)
	}
	return nil
}

// send returns the answer with its body closed, or its refusal.
func (u *upload) send(req *http.Request) (*http.Response, error) {
	resp, err := u.client.send(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return nil, refusal(resp)
	}
	return resp, nil
}

// counted tells the progress of a body while it is read. The transport may read on for a moment after a request ended;
// that is nobody's progress any more.
type counted struct {
	io.Reader
	upload *upload
	at     int64
	stall  *time.Timer
	mu     sync.Mutex
	over   bool
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return 0, io.ErrUnexpectedEOF
	}
	c.at += int64(n)
	c.stall.Reset(patience)
	if c.upload.progress != nil && n > 0 && c.at < c.upload.size {
		c.upload.progress(c.at, c.upload.size)
	}
	return n, err
}

// end makes later reads fail and tell nothing.
func (c *counted) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.stall.Stop()
}
