package tiktoksim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// ReachAt returns a transport for Options.PullTransport that finds hosts at
// fixed addresses ("photos.example.test" → "127.0.0.1:8443") and trusts the
// given authorities: so a made-up domain can be served on loopback. Hosts that
// are not named cannot be reached.
func ReachAt(hosts map[string]string, roots *x509.CertPool) http.RoundTripper {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			to, known := hosts[host]
			if !known {
				return nil, fmt.Errorf("no address was given for host %q", host)
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
}

// pull fetches the URLs of one publish (TikTok contract 4.8 and 11).
type pull struct {
	s       *Server
	p       *publish
	k       *Knobs
	ctx     context.Context
	fetches []*fetch
}

// fetch is one URL on its way into a file.
type fetch struct {
	*pull
	index int
	url   string
	path  string
	tries int // failed requests other than 503
	cuts  int // downloads dropped midway by the knob
	asked bool
	file  file
	done  bool
}

// verdict is what one try of a fetch came to.
type verdict struct {
	done  bool
	fatal string        // why it will never succeed
	wait  time.Duration // before the next try
	free  bool          // the try does not count
}

// startPull plans the fetch of a new publish; it begins when the init's state
// change is over. s.mu is held.
func (c *call) startPull(p *publish) {
	ctx, stop := context.WithCancel(c.s.ctx)
	j := &pull{s: c.s, p: p, k: c.k, ctx: ctx}
	for i, u := range p.urls {
		j.fetches = append(j.fetches, &fetch{pull: j, index: i, url: u,
			path: filepath.Join(c.s.dir, fmt.Sprintf("pull-%d-%d", c.s.lastPublish, i))})
	}
	limit := c.s.clock.after(c.now.Add(time.Duration(c.k.Pull.Window)), func(at time.Time) {
		j.failed("the fetch took longer than the window", at)
	})
	p.stopPull = func() {
		limit.stop()
		stop()
	}
	c.then = func() {
		if c.k.Pull.InsideInit {
			for _, f := range j.fetches {
				f.try()
			}
		}
		c.s.spawn(j.run)
	}
}

// run fetches everything, a few URLs at a time, and hands the files over.
func (j *pull) run() {
	defer j.p.stopPull()
	if !j.s.clock.sleep(time.Duration(j.k.Pull.StartAfter), j.ctx.Done()) {
		return
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, j.k.Pull.Parallel)
	for _, f := range j.fetches {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f.run()
		})
	}
	group.Wait()
	var files []file
	var last time.Time
	for _, f := range j.fetches {
		if !f.done {
			return
		}
		files = append(files, f.file)
		if f.file.lastByte.After(last) {
			last = f.file.lastByte
		}
	}
	j.s.mu.Lock()
	j.p.files = files
	j.s.mu.Unlock()
	j.s.effect(j.p, "download_complete", time.Time{}, Detail{"files": len(files), "downloaded_bytes": j.p.downloaded.Load()})
	j.s.handOver(j.p, last)
}

// run tries until the file is there, the publish has ended, or it is hopeless.
func (f *fetch) run() {
	for !f.done && f.ctx.Err() == nil {
		v := f.try()
		switch {
		case v.done || f.ctx.Err() != nil:
			return
		case v.fatal != "":
			f.failed(v.fatal, f.s.clock.Now())
			return
		}
		if !v.free {
			f.tries++
		}
		if f.tries >= f.k.Pull.Tries {
			f.failed(fmt.Sprintf("%d requests failed", f.tries), f.s.clock.Now())
			return
		}
		if !f.s.clock.sleep(v.wait, f.ctx.Done()) {
			return
		}
	}
}

func (j *pull) failed(why string, at time.Time) {
	reason := "video_pull_failed"
	if j.p.kind == "photo" {
		reason = "photo_pull_failed"
	}
	j.s.failBecause(j.p, reason, why, at)
}

// try asks once: HEAD the first time, then GET, whole or in ranges.
func (f *fetch) try() verdict {
	if f.done {
		return verdict{done: true}
	}
	if f.k.Pull.Head && !f.asked {
		if v := f.head(); !v.done {
			return v
		}
		f.asked = true
	}
	return f.get()
}

func (f *fetch) head() verdict {
	ctx, cancel := context.WithTimeout(f.ctx, time.Duration(f.k.Pull.RequestTimeout))
	defer cancel()
	resp, err := f.request(ctx, http.MethodHead, "")
	if err != nil {
		return f.note(http.MethodHead, 0, 0, err)
	}
	resp.Body.Close()
	f.note(http.MethodHead, resp.StatusCode, 0, nil)
	if resp.StatusCode == http.StatusMethodNotAllowed || resp.StatusCode == http.StatusNotImplemented {
		return verdict{done: true} // HEAD is a courtesy
	}
	return f.judge(resp)
}

func (f *fetch) request(ctx context.Context, method, span string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, f.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "TikTok-Pull-Simulator")
	r.Header.Set("Accept-Encoding", "identity")
	if span != "" {
		r.Header.Set("Range", span)
	}
	client := *f.s.pulls
	if !f.k.Rules.PullRedirect {
		client.CheckRedirect = nil
	}
	return client.Do(r)
}

// judge turns an answer's status into a verdict; done means its body is good.
func (f *fetch) judge(resp *http.Response) verdict {
	backoff := time.Duration(f.k.Pull.Backoff) << min(f.tries, 10)
	switch code := resp.StatusCode; {
	case code == http.StatusOK || code == http.StatusPartialContent:
		return verdict{done: true}
	case code >= 300 && code < 400:
		return verdict{fatal: fmt.Sprintf("status %d: redirects are not followed", code)}
	case code == http.StatusServiceUnavailable:
		return verdict{wait: retryAfter(resp, backoff), free: true}
	default:
		return verdict{wait: backoff}
	}
}

// retryAfter reads the header in both forms, seconds and date.
func retryAfter(resp *http.Response, otherwise time.Duration) time.Duration {
	text := resp.Header.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return max(time.Duration(n)*time.Second, time.Millisecond)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), time.Millisecond)
	}
	return max(otherwise, time.Second)
}

// note journals a request and judges its error, if any: a broken certificate
// stays broken, everything else may pass.
func (f *fetch) note(method string, status int, bytes int64, err error) verdict {
	e := Entry{Kind: "pull", Name: "fetch", Method: method, Status: status, Creator: f.p.account.Handle, OpenID: f.p.account.OpenID,
		PublishID: f.p.id, Detail: Detail{"index": f.index, "url": fingerprint(f.url), "bytes": bytes}}
	if err != nil {
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err // without the URL, which is a secret
		}
		e.Detail["error"] = err.Error()
	}
	f.s.journal.add(e)
	if isTLS(err) {
		return verdict{fatal: "TLS: " + err.Error()}
	}
	return verdict{wait: time.Duration(f.k.Pull.Backoff) << min(f.tries, 10)}
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &authority) || errors.As(err, &host)
}
