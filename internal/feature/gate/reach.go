package gate

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"ship-post.com/shippost"
)

// Mark is a header of every answer at an address; its value is new each time, so that a stored answer shows.
const Mark = "Shippost-Pull"

const (
	checkTime  = 8 * time.Second // how long the check may take
	soundLife  = 5 * time.Minute // how long a good result counts
	brokenLife = 20 * time.Second
)

// reach remembers whether platforms can reach the addresses.
type reach struct {
	mu      sync.Mutex // held while it is checked, so that many who ask share one check
	checked time.Time
	problem *shippost.Problem
}

// Problems says in words why platforms cannot fetch photos from this server; nil when nothing is known to be in the way.
// It asks the server itself from outside, at most once in a while. What could not be found out is a warning.
func (g *Gate) Problems(ctx context.Context) []shippost.Problem {
	if p := g.unreachable(); p != nil {
		return []shippost.Problem{*p}
	}
	if g.Clients == nil {
		return nil
	}
	g.reach.mu.Lock()
	defer g.reach.mu.Unlock()
	life := soundLife
	if g.reach.problem != nil {
		life = brokenLife
	}
	if age := g.Now().Sub(g.reach.checked); g.reach.checked.IsZero() || age < 0 || age > life {
		p := g.check(ctx)
		if ctx.Err() != nil {
			return nil // whoever asked has left; that says nothing about the address
		}
		g.reach.checked, g.reach.problem = g.Now(), p
	}
	if g.reach.problem == nil {
		return nil
	}
	return []shippost.Problem{*g.reach.problem}
}

const mediaField = "media_ids"

// unreachable returns why no platform can ever reach this server, or nil.
func (g *Gate) unreachable() *shippost.Problem {
	if strings.HasPrefix(g.URL, "https://") {
		return nil
	}
	return &shippost.Problem{Code: "photos_need_public_address", Field: mediaField, Severity: shippost.Block, Remedy: shippost.RemedyOperator,
		Message: "TikTok fetches photos from this server, and this server has no public https address. Whoever runs it must give it one; videos can be posted without."}
}

// check asks twice for a token that nobody issued. Both answers must be this server's own 404, and not the same one.
func (g *Gate) check(ctx context.Context) *shippost.Problem {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	address := strings.TrimSuffix(g.CheckURL, "/") + Path + newToken()
	wrong := func(code, message string) *shippost.Problem {
		return &shippost.Problem{Code: code, Field: mediaField, Severity: shippost.Block, Remedy: shippost.RemedyOperator, Message: message}
	}
	var marks [2]string
	for i := range marks {
		status, mark, err := g.ask(ctx, address)
		switch {
		case err != nil:
			g.Log.Warn("this server cannot reach its own public address, so nobody knows whether TikTok can fetch photos", "err", err)
			return &shippost.Problem{Code: "photos_unchecked", Field: mediaField, Severity: shippost.Warn, Remedy: shippost.RemedyOperator,
				Message: "TikTok fetches photos from this server's public address, which does not answer from here. If it cannot be reached from outside, the post fails."}
		case status >= 300 && status < 400:
			return wrong("photos_redirected", "TikTok fetches photos from this server's public address, which redirects. TikTok does not follow; whoever runs this server must switch that off.")
		case mark == "":
			return wrong("photos_elsewhere", "TikTok fetches photos from this server's public address, where something else answers. Whoever runs this server must look at it.")
		case status != http.StatusNotFound:
			return wrong("photos_wrong_answer", "TikTok fetches photos from this server's public address, which does not answer as it should. Whoever runs this server must look at it.")
		}
		marks[i] = mark
	}
	if marks[0] == marks[1] {
		return wrong("photos_cached", "A cache in front of this server keeps what TikTok fetches. Whoever runs this server must switch it off below "+Path+".")
	}
	return nil
}

func (g *Gate) ask(ctx context.Context, address string) (status int, mark string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	resp, _, err := g.Clients.API().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	// The rest of the answer does not matter; reading some of it lets the connection be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	return resp.StatusCode, resp.Header.Get(Mark), nil
}
