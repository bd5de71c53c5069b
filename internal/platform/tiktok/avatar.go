package tiktok

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
)

var _ platform.Portrayer = (*Client)(nil)

// Limits of fetching a picture.
const (
	avatarTime  = 10 * time.Second
	avatarBytes = 1 << 20
)

// pictureDomains are where TikTok serves the pictures of creators (TikTok contract 4.3).
var pictureDomains = []string{".tiktokcdn.com", ".tiktokcdn-us.com", ".tiktokcdn-eu.com"}

// PicturePolicy returns where the pictures of creators may be fetched from: TikTok's own hosts for them, or the simulator.
func PicturePolicy(apiURL string) outbound.Policy {
	p := Policy(apiURL)
	if len(p.Loopback) == 0 {
		p.Hosts = pictureDomains
	}
	return p
}

// Avatar implements platform.Portrayer. Addresses of other hosts are refused before anything is sent.
func (c *Client) Avatar(ctx context.Context, address string) ([]byte, error) {
	if c.pictures == nil {
		return nil, errors.New("tiktok: this client fetches no pictures")
	}
	ctx, cancel := context.WithTimeout(ctx, avatarTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("tiktok: the address of a picture is none") // the error would repeat it
	}
	resp, _, err := c.pictures.API().Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch a picture: %w", err)
	}
	// Nothing was written through it, so closing cannot lose anything.
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch a picture: status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, avatarBytes+1))
	if err == nil && len(data) > avatarBytes {
		err = errors.New("it is larger than 1 MiB")
	}
	if err != nil {
		return nil, fmt.Errorf("fetch a picture: %w", err)
	}
	return data, nil
}
