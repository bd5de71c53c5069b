// Package outbound is the only code of ShipPost that dials out.
//
// A Policy names the hosts that may be reached. Whatever a name resolves to, the address that is about to be connected
// is checked once more by the dialer itself, so that rebinding names, odd spellings and answers with several addresses
// all meet the same guard. Redirects are handed back instead of followed, proxies of the environment are ignored, and
// no request is ever repeated by the client.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// How long the parts of a request may take.
const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 10 * time.Second
	apiHeaderTimeout = 20 * time.Second
	apiTimeout       = 30 * time.Second // a whole call, its answer included
	answerTimeout    = 90 * time.Second // from the last byte of an upload to the first of the answer
)

// Policy says where requests may go.
type Policy struct {
	// Hosts are the names that may be reached by https on port 443: "open.tiktokapis.com" exactly, or
	// ".tiktokapis.com" for every name below it.
	Hosts []string
	// Loopback are exact host:port pairs on this machine that may be reached by http or https as well, for the
	// simulator. A host is "localhost" or a loopback address.
	Loopback []string
	// Services are exact host:port pairs that may be reached by Dial and by nothing else, such as a mail server. A host is a
	// name, an address, or this machine.
	Services []string
	// Private are private networks in which a service may stand. Without it a service has a public address or is on this machine.
	Private []netip.Prefix
	// Denied are addresses that may not be reached even though they are public, such as our own.
	Denied []netip.Prefix
	// Roots are the certificate authorities to trust; nil for the system's.
	Roots *x509.CertPool
	// Resolver looks names up; nil for the system's.
	Resolver *net.Resolver
	// Dialled is told of each connection before it is opened, with the rule that allows it; nil tells nobody.
	Dialled func(rule string)
	// Now is the clock of Trip; nil for time.Now.
	Now func() time.Time
}

// Clients makes HTTP clients that keep to one Policy. Make one per process: its connections are shared.
type Clients struct {
	api, once *Client
}

// New returns the clients of a policy, or an error when a rule of it cannot be meant.
func New(p Policy) (*Clients, error) {
	g, err := newGuard(p)
	if err != nil {
		return nil, err
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	api := g.transport(p)
	api.ResponseHeaderTimeout = apiHeaderTimeout
	api.MaxIdleConnsPerHost = 16
	api.IdleConnTimeout = 45 * time.Second
	once := g.transport(p)
	once.ResponseHeaderTimeout = answerTimeout
	once.DisableKeepAlives = true
	return &Clients{
		api:  &Client{guard: g, http: &http.Client{Transport: api, CheckRedirect: handBack, Timeout: apiTimeout}},
		once: &Client{guard: g, http: &http.Client{Transport: once, CheckRedirect: handBack}},
	}, nil
}

// API returns the client for questions: it keeps connections open, and gives a call 30 seconds.
func (c *Clients) API() *Client { return c.api }

// Once returns the client for requests that must never reach a platform twice: inits, token calls, uploads. Each has
// a connection of its own, which closes afterwards, so no layer below has reason to send it again. It sets no limit
// for the whole request, which may be an upload of hours; the context does.
func (c *Clients) Once() *Client { return c.once }

// Dial connects to one of the policy's services.
func (c *Clients) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := c.api.guard.dialService(ctx, addr)
	return conn, withoutAddress(err)
}

// Close drops connections that wait for further use.
func (c *Clients) Close() { c.api.http.CloseIdleConnections() }

func handBack(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Client sends requests under the policy. It may be used from many goroutines at once.
type Client struct {
	guard *guard
	http  *http.Client
}

// Trip is what is known of a request's way, with or without an answer.
type Trip struct {
	// Left reports whether a byte of the request may have left this machine. False is certain: the request had no effect.
	Left bool
	// LastWrite is when the latest write to the connection was handed to the kernel; zero if none was.
	LastWrite time.Time
	// Broken reports whether a write failed, so that the last bytes may not have been handed over.
	Broken bool
}

// HTTP returns a client of the standard library, for modules that take one. It keeps to the policy too.
func (c *Client) HTTP() *http.Client {
	return &http.Client{Transport: guarded{c}, CheckRedirect: handBack}
}

// guarded sends requests under the policy.
type guarded struct{ client *Client }

// RoundTrip implements http.RoundTripper.
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, _, err := g.client.Do(r)
	return resp, err
}

// Do sends the request once. The body is closed as soon as the connection ends, while it is read too. Answers that redirect come back like any other. The caller closes the answer's body.
// The error names neither path nor query, because upload addresses work like keys.
func (c *Client) Do(req *http.Request) (*http.Response, Trip, error) {
	if err := c.guard.checkURL(req.URL); err != nil {
		return nil, Trip{}, err
	}
	way := way{body: req.Body}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: way.took}))
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		req.GetBody = nil // a body that cannot be rewound cannot be sent again
	}
	resp, err := c.http.Do(req)
	return resp, way.trip(err != nil), withoutAddress(err)
}

// withoutAddress takes the URL out of an error, and the address that a refused name leads to.
func withoutAddress(err error) error {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r
	}
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		return urlErr.Err
	}
	return err
}

// way follows one request.
type way struct {
	body io.Closer // nil for none
	conn atomic.Pointer[meter]
	left atomic.Bool
}

func (w *way) took(info httptrace.GotConnInfo) {
	w.left.Store(true)
	conn := info.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if m, ok := conn.(*meter); ok {
		w.conn.Store(m)
		m.carry(w.body)
	}
}

func (w *way) trip(failed bool) Trip {
	t := Trip{Left: w.left.Load()}
	if m := w.conn.Load(); m != nil {
		// A write that is still going on after a failure is not going to end well.
		t.Broken = m.broken.Load() || failed && m.busy.Load()
		t.LastWrite = m.lastWrite()
	}
	return t
}

// meter is a connection that remembers when it was last written to. When it ends it closes the body of the request that it
// carries: a body that waits, before its last bytes for example, learns so at once what the next write would show.
type meter struct {
	net.Conn
	mu     sync.Mutex
	body   io.Closer // of the request under way, nil for none
	ended  bool
	now    func() time.Time
	last   atomic.Pointer[time.Time]
	busy   atomic.Bool
	broken atomic.Bool
}

// carry notes the body of the request that the connection was given to.
func (m *meter) carry(body io.Closer) {
	m.mu.Lock()
	m.body = body
	ended := m.ended
	m.mu.Unlock()
	if ended && body != nil {
		_ = body.Close()
	}
}

func (m *meter) end() {
	m.mu.Lock()
	body := m.body
	m.body, m.ended = nil, true
	m.mu.Unlock()
	if body != nil {
		_ = body.Close()
	}
}

// Read reads, and notices the other side's end.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		m.end()
	}
	return n, err
}

// Close ends the connection.
func (m *meter) Close() error {
	defer m.end()
	return m.Conn.Close()
}

// Write hands bytes to the kernel and notes when it took the last of them.
func (m *meter) Write(p []byte) (int, error) {
	m.busy.Store(true)
	defer m.busy.Store(false)
	n, err := m.Conn.Write(p)
	if err != nil {
		m.broken.Store(true)
		return n, err
	}
	at := m.now()
	m.last.Store(&at)
	return n, nil
}

// lastWrite returns the time of the latest write. An answer can overtake the return of the write it belongs to; then
// the kernel has the bytes by now.
func (m *meter) lastWrite() time.Time {
	if m.busy.Load() {
		return m.now()
	}
	if at := m.last.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// transport returns a transport whose every connection passes the guard. HTTP/2 stays off: it repeats requests that a
// server turned away, and shares one connection between uploads.
func (g *guard) transport(p Policy) *http.Transport {
	return &http.Transport{
		Proxy: nil,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := g.dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &meter{Conn: conn, now: p.Now}, nil
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots},
		TLSHandshakeTimeout:    handshakeTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              onlyHTTP1(),
	}
}

func onlyHTTP1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

// Refused is the error of a request that the policy does not allow. Nothing of it left.
type Refused struct{ Reason string }

// Error says what was refused, without the address's path or query.
func (r *Refused) Error() string { return "outbound: refused: " + r.Reason }

func refused(format string, args ...any) error { return &Refused{Reason: fmt.Sprintf(format, args...)} }
