package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ship-post.com/shippost/client"
)

// stage is the product and a simulated TikTok with an owner and their accounts. All of TikTok's rules are on.
type stage struct {
	b        *bench
	name     string
	database string // address of the product's database; empty: SQLite in its folder
	sim      *process
	product  *process
	browser  *http.Client
	api      *client.Client
	key      string
	accounts []client.Account
}

// simulatorApp is how the simulator knows the product.
const (
	simulatorKey    = "simulated-client-key"
	simulatorSecret = "simulated-client-secret"
)

// newStage starts both and connects as many accounts as are wanted.
func (b *bench) newStage(ctx context.Context, name string, accounts int) (_ *stage, err error) {
	s := &stage{b: b, name: name}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	ports := make([]string, 2)
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	product := "http://localhost:" + ports[0]
	s.sim, err = b.start(name+"-simulator", "http://127.0.0.1:"+ports[1], []string{"TMPDIR=" + b.platformDir}, "simulate", "tiktok",
		"--listen", "127.0.0.1:"+ports[1], "--redirect", product+"/callback/tiktok")
	if err != nil {
		return nil, err
	}
	if _, err := s.sim.answers(ctx, "/_sim/clock"); err != nil {
		return nil, err
	}
	// Not a rule: what was inspected is removed, so that a herd does not fill the disk.
	if err := s.control(ctx, http.MethodPut, "/_sim/knobs", map[string]any{"media": map[string]any{"discard": true}}, nil); err != nil {
		return nil, err
	}
	if s.database, err = b.database(ctx, name); err != nil {
		return nil, err
	}
	if err := s.startProduct(ctx, product); err != nil {
		return nil, err
	}
	if err := s.settle(ctx, accounts); err != nil {
		return nil, err
	}
	return s, nil
}

// startProduct starts the product on its data.
func (s *stage) startProduct(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	env := []string{
		"SHIPPOST_LISTEN=127.0.0.1:" + u.Port(), "SHIPPOST_PUBLIC_URL=" + address, "SHIPPOST_DATA_DIR=" + s.data(), "SHIPPOST_SIGNUP=open",
		"SHIPPOST_TIKTOK_CLIENT_KEY=" + simulatorKey, "SHIPPOST_TIKTOK_CLIENT_SECRET=" + simulatorSecret, "SHIPPOST_TIKTOK_API_URL=" + s.sim.URL,
		"SHIPPOST_TIKTOK_AUTHORIZE_URL=" + s.sim.URL + "/v2/auth/authorize/", "SHIPPOST_LOG_LEVEL=error", "SHIPPOST_STORAGE_QUOTA=1TB", "SHIPPOST_API_LIMIT=0",
	}
	if s.database != "" {
		env = append(env, "SHIPPOST_DATABASE_URL="+s.database)
	}
	s.product, err = s.b.start(s.name+"-product", address, env, "serve")
	if err != nil {
		return err
	}
	_, err = s.product.answers(ctx, "/readyz")
	return err
}

// stopProduct ends the product and leaves its data.
func (s *stage) stopProduct() error {
	p := s.product
	s.product = nil
	return p.stop()
}

// data is the product's folder.
func (s *stage) data() string { return filepath.Join(s.b.dir, s.name) }

// settle signs an owner in, connects the accounts and makes an API key, all through the pages.
func (s *stage) settle(ctx context.Context, accounts int) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	s.browser = &http.Client{Jar: jar, Timeout: time.Minute}
	for i := range max(accounts, 1) {
		handle := fmt.Sprintf("creator%d", i)
		if err := s.addCreator(ctx, handle); err != nil {
			return err
		}
		button := "/connect/tiktok"
		if i == 0 {
			button = "/sign-in/tiktok"
		}
		if err := s.agree(ctx, button, handle); err != nil {
			return fmt.Errorf("connect %s: %w", handle, err)
		}
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := call(ctx, s.browser, http.MethodPost, s.product.URL+"/api/v1/keys", map[string]string{"name": "bench"}, &made); err != nil {
		return err
	}
	s.key = made.Key
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	if s.api, err = client.New(s.product.URL, client.Options{Key: s.key, HTTP: &http.Client{Transport: transport}}); err != nil {
		return err
	}
	s.accounts, err = s.api.Accounts(ctx)
	return err
}

func (s *stage) addCreator(ctx context.Context, handle string) error {
	return s.control(ctx, http.MethodPost, "/_sim/creators", map[string]any{"handle": handle, "nickname": handle, "max_video_seconds": 600}, nil)
}

// agree presses a button of the product that leads to TikTok, and agrees there to all that is asked.
func (s *stage) agree(ctx context.Context, button, handle string) error {
	page, err := s.press(ctx, s.product.URL+button, nil)
	if err != nil {
		return err
	}
	end, err := s.press(ctx, page.String(), url.Values{"other": {handle}, "decision": {"allow"}, "scope": strings.Split(page.Query().Get("scope"), ",")})
	if err != nil {
		return err
	}
	if end.Hostname() != "localhost" || strings.HasPrefix(end.Path, "/callback") {
		return fmt.Errorf("ended at %s%s", end.Host, end.Path)
	}
	return nil
}

// press sends a form and returns where that led.
func (s *stage) press(ctx context.Context, address string, fields url.Values) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.browser.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", resp.Request.URL.Path, resp.Status)
	}
	return resp.Request.URL, nil
}

// control speaks to the simulator's own paths.
func (s *stage) control(ctx context.Context, method, path string, body, into any) error {
	return call(ctx, http.DefaultClient, method, s.sim.URL+path, body, into)
}

// call sends JSON and decodes the answer.
func call(ctx context.Context, c *http.Client, method, address string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return do(c, req, into)
}

// do sends a request and decodes a good answer.
func do(c *http.Client, req *http.Request, into any) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("%s %s answered %s: %s", req.Method, req.URL.Path, resp.Status, answer)
	}
	if into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// videos gives so many videos of a size to the product and returns their media once they are ready.
func (s *stage) videos(ctx context.Context, size int64, files int) ([]string, error) {
	var ids []string
	for i := range files {
		file, err := s.b.video(ctx, size, i)
		if err != nil {
			return nil, err
		}
		m, err := s.api.UploadFile(ctx, file, nil)
		if err != nil {
			return nil, err
		}
		if m, err = s.api.WaitMedia(ctx, m.ID); err != nil {
			return nil, err
		}
		ids = append(ids, m.ID)
	}
	return ids, nil
}

// post is a post with the answers of a careful creator.
func post(account, media, caption string, due time.Time) client.NewPost {
	off := false
	return client.NewPost{AccountID: account, MediaIDs: []string{media}, Caption: caption, DueAt: due,
		Options: client.Choices{TikTok: &client.TikTok{PrivacyLevel: "PUBLIC_TO_EVERYONE", AllowComment: &off, AllowDuet: &off,
			AllowStitch: &off, YourBrand: &off, BrandedContent: &off, Consent: true}}}
}

// each calls fn for 0 to n-1 from so many goroutines, and returns the first error.
func each(n, goroutines int, fn func(int) error) error {
	next := make(chan int)
	errs := make(chan error, goroutines)
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			var err error
			for i := range next {
				if err == nil {
					err = fn(i)
				}
			}
			errs <- err
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// complaints are what the product logged; a measurement without errors has none.
func (s *stage) complaints() string {
	text, err := os.ReadFile(s.product.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > 5 {
		lines = append(lines[:5], fmt.Sprintf("… and %d more", len(lines)-5))
	}
	return strings.Join(lines, "\n")
}

// close ends both processes and removes the product's data.
func (s *stage) close() error {
	var errs []error
	for _, p := range []*process{s.product, s.sim} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	if s.product != nil {
		if text := s.complaints(); text != "" {
			s.b.log("%s: the product logged:\n%s", s.name, text)
		}
	}
	return errors.Join(append(errs, os.RemoveAll(s.data()))...)
}
