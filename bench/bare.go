package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// bareCaption marks what is posted without the product.
const bareCaption = "bare"

// heldBack is how many bytes a bare request keeps back, as the product does, of files from heldFrom on; smaller ones are sent
// whole.
const (
	heldBack = 4 << 10
	heldFrom = 16_000
)

// What TikTok's rules leave to the bare accounts, beside those of the product: inits a minute, and active creators a day.
const (
	bareAtOnce   = 4
	bareRest     = 61 * time.Second
	bareAccounts = 900
)

// bare is the limit to come close to: as many requests on bare connections, held before their last bytes (or unsent, when
// the files are small) and let go at one instant. No database, no checks. It returns when each last write had ended.
func (s *stage) bare(ctx context.Context, h herd) (spread, error) {
	tokens := make([]string, min((h.posts+bareAtOnce-1)/bareAtOnce, bareAccounts))
	for i := range tokens {
		var err error
		if tokens[i], err = s.bareToken(ctx, fmt.Sprintf("bare%d", i)); err != nil {
			return nil, err
		}
	}
	puts := make([]*put, h.posts)
	defer func() {
		for _, p := range puts {
			if p != nil && p.conn != nil {
				_ = p.conn.Close()
			}
		}
	}()
	for from, round := 0, bareAtOnce*len(tokens); from < h.posts; from += round {
		if from > 0 {
			if err := sleep(ctx, bareRest); err != nil {
				return nil, err
			}
		}
		err := each(min(round, h.posts-from), 16, func(i int) (err error) {
			puts[from+i], err = s.announcePut(ctx, tokens[i/bareAtOnce], h.size)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	clip, err := s.b.clip(ctx)
	if err != nil {
		return nil, err
	}
	if h.size >= heldFrom {
		if err := hold(ctx, puts, clip, h.size-heldBack); err != nil {
			return nil, err
		}
	}
	due := time.Now().Add(2 * time.Second)
	late, errs := make(spread, h.posts), make([]error, h.posts)
	var group sync.WaitGroup
	for i, p := range puts {
		group.Go(func() {
			time.Sleep(time.Until(due))
			var at time.Time
			at, errs[i] = p.finish()
			late[i] = at.Sub(due)
		})
	}
	group.Wait()
	return late, errors.Join(errs...)
}

// put is an upload on a bare connection.
type put struct {
	address *url.URL
	head    string
	conn    net.Conn
	left    int64
}

// announcePut announces an upload of a video.
func (s *stage) announcePut(ctx context.Context, token string, size int64) (*put, error) {
	address, err := s.bareInit(ctx, token, size, size)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return &put{address: u, left: size, head: fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-%d/%d\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n", u.RequestURI(), u.Host, size-1, size, size)}, nil
}

// hold opens all uploads and sends so many bytes of each. That takes a while, in which those that are held already must not
// look dead.
func hold(ctx context.Context, puts []*put, clip []byte, size int64) error {
	opening, opened := context.WithCancel(ctx)
	var trickle sync.WaitGroup
	held := make([]atomic.Bool, len(puts))
	trickle.Go(func() {
		for sleep(opening, 15*time.Second) == nil {
			for i, p := range puts {
				if held[i].Load() {
					_ = p.send(nil, 1) // finish finds out if the line is cut
				}
			}
		}
	})
	err := each(len(puts), 16, func(i int) error {
		if err := puts[i].dial(); err != nil {
			return err
		}
		defer held[i].Store(true)
		return puts[i].send(clip, size)
	})
	opened()
	trickle.Wait()
	return err
}

func (p *put) dial() (err error) {
	if p.conn, err = net.Dial("tcp", p.address.Host); err != nil {
		return err
	}
	_, err = io.WriteString(p.conn, p.head)
	return err
}

// send sends n bytes, first those of the clip and then nothing but zeros.
func (p *put) send(clip []byte, n int64) error {
	p.left -= n
	_, err := io.CopyN(p.conn, io.MultiReader(strings.NewReader(string(clip)), zeros{}), n)
	return err
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// finish sends what is left and returns when the kernel had it.
func (p *put) finish() (time.Time, error) {
	if p.conn == nil {
		if err := p.dial(); err != nil {
			return time.Time{}, err
		}
	}
	if err := p.send(nil, p.left); err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	answer := make([]byte, 1024)
	n, err := p.conn.Read(answer)
	if n > 0 && strings.HasPrefix(string(answer[:n]), "HTTP/1.1 201 ") {
		return at, nil
	}
	return at, fmt.Errorf("a bare upload was answered %.40q: %w", answer[:n], err)
}

// bareToken makes a creator and connects them without the consent page.
func (s *stage) bareToken(ctx context.Context, handle string) (string, error) {
	if err := s.addCreator(ctx, handle); err != nil {
		return "", err
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	err := s.control(ctx, http.MethodPost, "/_sim/tokens", map[string]any{"handle": handle, "scopes": []string{"user.info.basic", "video.publish"}}, &tokens)
	return tokens.AccessToken, err
}

// bareInit announces an upload and returns where it goes.
func (s *stage) bareInit(ctx context.Context, token string, size, chunk int64) (string, error) {
	body := fmt.Sprintf(`{"post_info":{"title":%q,"privacy_level":"SELF_ONLY"},"source_info":{"source":"FILE_UPLOAD","video_size":%d,"chunk_size":%d,"total_chunk_count":%d}}`,
		bareCaption, size, chunk, size/chunk)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.sim.URL+"/v2/post/publish/video/init/", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	req.Header.Set("Authorization", "Bearer "+token)
	var answer struct {
		Data struct {
			UploadURL string `json:"upload_url"`
		} `json:"data"`
		Error struct{ Code, Message string } `json:"error"`
	}
	if err := do(http.DefaultClient, req, &answer); err != nil {
		return "", err
	}
	if answer.Data.UploadURL == "" {
		return "", fmt.Errorf("init answered %s: %s", answer.Error.Code, answer.Error.Message)
	}
	return answer.Data.UploadURL, nil
}
