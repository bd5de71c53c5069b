package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"ship-post.com/shippost/client"
)

// balancer sends requests to a node that answers, as a load balancer would. A request that a node may have begun to
// carry out is not sent to another one; that is for whoever asked to decide.
type balancer struct {
	w     *world
	inner http.Transport
}

// patience is how long a request waits for any node to answer.
const patience = 45 * time.Second

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	for {
		for _, i := range b.order() {
			n := b.w.nodes[i]
			if !n.alive() {
				continue
			}
			asking, end := n.ask(req.Context())
			try := req.Clone(asking)
			try.Host = req.URL.Host
			try.URL.Host = n.address()
			resp, err := b.inner.RoundTrip(try)
			if err != nil {
				end()
			} else {
				resp.Body = &ending{resp.Body, end}
			}
			var dial *net.OpError
			if errors.As(err, &dial) && dial.Op == "dial" {
				continue // nothing was sent
			}
			return resp, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no node answers: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// order returns the nodes in the order they are to be asked: as chance has it.
func (b *balancer) order() []int {
	if len(b.w.nodes) == 1 {
		return []int{0}
	}
	if time.Now().UnixNano()/1000%2 == 0 {
		return []int{0, 1}
	}
	return []int{1, 0}
}

// control asks the simulator itself, past any proxy.
func (w *world) control(ctx context.Context, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, w.simURL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.simWeb.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s of the simulator: %s %s %w", method, path, resp.Status, answer, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// disconnect ends a person's account.
func (w *world) disconnect(ctx context.Context, p *person) error {
	return w.ask(ctx, p, http.MethodPost, "/api/v1/accounts/"+p.account+"/disconnect", nil, nil)
}

// ask asks the product for what the client has no word for, because programs seldom need it.
func (w *world) ask(ctx context.Context, p *person, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, w.publicURL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&balancer{w: w}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		var problem struct {
			Code   string `json:"code"`
			Detail string `json:"detail"`
		}
		_ = json.Unmarshal(answer, &problem) // what is no problem document has no code
		return &client.Error{Status: resp.StatusCode, Code: problem.Code, Message: problem.Detail}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// ask returns a context for a request to the node, which ends when the node is paused, and what gives it back.
func (n *node) ask(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked == nil {
		n.asked = map[int]context.CancelFunc{}
	}
	n.asks++
	id := n.asks
	n.asked[id] = cancel
	return ctx, func() {
		n.mu.Lock()
		delete(n.asked, id)
		n.mu.Unlock()
		cancel()
	}
}

// ending is a body that tells when it was closed.
type ending struct {
	io.ReadCloser
	end func()
}

// Close implements io.Closer.
func (e *ending) Close() error {
	defer e.end()
	return e.ReadCloser.Close()
}
