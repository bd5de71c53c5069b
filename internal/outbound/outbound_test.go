package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clientsFor returns clients that may reach the test server.
func clientsFor(t *testing.T, srv *httptest.Server) *Clients {
	t.Helper()
	p := Policy{Loopback: []string{srv.Listener.Addr().String()}}
	if srv.TLS != nil {
		p.Roots = x509.NewCertPool()
		p.Roots.AddCert(srv.Certificate())
	}
	c, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func request(t *testing.T, ctx context.Context, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestRedirectsAreHandedBack(t *testing.T) {
	var hits atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	c := clientsFor(t, srv)
	for _, client := range []*Client{c.API(), c.Once()} {
		resp, _, err := client.Do(request(t, t.Context(), http.MethodPut, srv.URL, "bytes"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("status %d, want the redirect itself", resp.StatusCode)
		}
	}
	if hits.Load() != 2 {
		t.Errorf("%d requests for 2 calls", hits.Load())
	}
}

func TestProxiesOfTheEnvironmentAreIgnored(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	for _, client := range []*Client{clientsFor(t, srv).API(), clientsFor(t, srv).Once()} {
		if tr := client.http.Transport.(*http.Transport); tr.Proxy != nil {
			t.Error("the transport asks for a proxy")
		}
	}
}

func TestForeignHostsAreRefused(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	other := listen(t, "127.0.0.1:0")
	c := clientsFor(t, srv)
	_, trip, err := c.API().Do(request(t, t.Context(), http.MethodGet, "http://"+other.Addr().String()+"/?upload_token=canary", ""))
	if err == nil || trip.Left || strings.Contains(err.Error(), "canary") {
		t.Errorf("another port of this machine: %v (left %v)", err, trip.Left)
	}
}

// A server that takes the request and then cuts the connection must see it once: nobody knows what it did with it.
func TestLostAnswersAreNotRepeated(t *testing.T) {
	ln := listen(t, "127.0.0.1:0")
	var seen atomic.Int64
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				r := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					if req.Method == http.MethodPost {
						seen.Add(1)
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
		}
	}()
	c, err := New(Policy{Loopback: []string{ln.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String() + "/init?key=canary"
	for name, client := range map[string]*Client{"api": c.API(), "once": c.Once()} {
		seen.Store(0)
		// A first answered call leaves a reusable connection, which is what tempts a transport to repeat.
		resp, _, err := client.Do(request(t, t.Context(), http.MethodGet, url, ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		req := request(t, t.Context(), http.MethodPost, url, "{}")
		req.Header.Set("Idempotency-Key", "even with this header")
		_, trip, err := client.Do(req)
		if err == nil || !trip.Left {
			t.Errorf("%s: err %v, left %v; want a lost answer", name, err, trip.Left)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %q shows the address", name, err)
		}
		if n := seen.Load(); n != 1 {
			t.Errorf("%s: the server saw the request %d times", name, n)
		}
	}
}

func TestRequestsThatNeverLeft(t *testing.T) {
	ln := listen(t, "127.0.0.1:0")
	addr := ln.Addr().String()
	_ = ln.Close()
	c, err := New(Policy{Hosts: []string{".example.com"}, Loopback: []string{addr}, Resolver: resolverOf(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"nobody listens": "http://" + addr + "/?t=canary", "no such name": "https://gone.example.com/?t=canary"} {
		_, trip, err := c.Once().Do(request(t, t.Context(), http.MethodPost, url, "{}"))
		if err == nil || trip.Left || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: err %v, left %v", name, err, trip.Left)
		}
	}
	tlsSrv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer tlsSrv.Close()
	strict, err := New(Policy{Loopback: []string{tlsSrv.Listener.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	_, trip, err := strict.Once().Do(request(t, t.Context(), http.MethodPost, tlsSrv.URL, "{}"))
	if err == nil || trip.Left {
		t.Errorf("unknown certificate: err %v, left %v", err, trip.Left)
	}
}

func TestTimeOutIsALostAnswer(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, trip, err := clientsFor(t, srv).Once().Do(request(t, ctx, http.MethodPost, srv.URL, "{}"))
	if err == nil || !trip.Left {
		t.Errorf("err %v, left %v; want a lost answer", err, trip.Left)
	}
}

// gated is a body whose last byte waits for leave.
type gated struct {
	rest  string
	leave chan time.Time
	at    time.Time
}

func (g *gated) Read(p []byte) (int, error) {
	switch len(g.rest) {
	case 0:
		return 0, io.EOF
	case 1:
		g.at = <-g.leave
	}
	n := copy(p, g.rest[:max(1, len(g.rest)-1)])
	g.rest = g.rest[n:]
	return n, nil
}

func TestLastWriteIsAfterTheLastByteWasGiven(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	for name, srv := range map[string]*httptest.Server{"http": plain, "https": secure} {
		for _, size := range []int{2, 5_000, 300_000} {
			body := &gated{rest: strings.Repeat("x", size), leave: make(chan time.Time, 1)}
			timer := time.AfterFunc(30*time.Millisecond, func() { body.leave <- time.Now() })
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL, body)
			req.ContentLength = int64(size)
			resp, trip, err := clientsFor(t, srv).Once().Do(req)
			answered := time.Now()
			timer.Stop()
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", name, size, err)
			}
			_ = resp.Body.Close()
			if trip.LastWrite.Before(body.at) || trip.LastWrite.After(answered) || trip.Broken {
				t.Errorf("%s, %d bytes: last write %v, want it between %v and %v", name, size, trip.LastWrite, body.at, answered)
			}
		}
	}
}

func TestOnceUsesAConnectionOnce(t *testing.T) {
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := clientsFor(t, srv)
	call := func(client *Client, times int) int64 {
		before := conns.Load()
		for range times {
			resp, _, err := client.Do(request(t, t.Context(), http.MethodGet, srv.URL, ""))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		return conns.Load() - before
	}
	if n := call(c.Once(), 3); n != 3 {
		t.Errorf("3 single requests used %d connections", n)
	}
	if n := call(c.API(), 3); n != 1 {
		t.Errorf("3 questions used %d connections", n)
	}
}

// waitingBody gives its first bytes and then nothing until it is closed.
type waitingBody struct {
	first  []byte
	waits  chan struct{} // closed when it is waited for
	closed chan struct{}
	once   sync.Once
	begun  sync.Once
}

func (b *waitingBody) Read(p []byte) (int, error) {
	if n := copy(p, b.first); n > 0 {
		b.first = b.first[n:]
		return n, nil
	}
	b.begun.Do(func() { close(b.waits) })
	<-b.closed
	return 0, io.ErrClosedPipe
}

func (b *waitingBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// A body that holds its last bytes back is woken by the end of its connection, however that comes. Nothing else would
// wake it before it wrote again.
func TestEndOfTheConnectionWakesTheBody(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(net.Conn) error{
		"closed": func(c net.Conn) error { return c.Close() },
		"half closed": func(c net.Conn) error {
			if secure, ok := c.(*tls.Conn); ok {
				return secure.CloseWrite()
			}
			return c.(*net.TCPConn).CloseWrite()
		},
		"reset": func(c net.Conn) error {
			if secure, ok := c.(*tls.Conn); ok {
				c = secure.NetConn()
			}
			if err := c.(*net.TCPConn).SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " secure=", secure), func(t *testing.T) {
				t.Parallel()
				body := &waitingBody{first: []byte("nearly all"), waits: make(chan struct{}), closed: make(chan struct{})}
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.ReadFull(r.Body, make([]byte, len("nearly all"))); err != nil {
						t.Error(err)
					}
					<-body.waits
					conn, _, err := http.NewResponseController(w).Hijack()
					if err == nil {
						err = end(conn)
					}
					if err != nil {
						t.Error(err)
					}
				})
				srv := httptest.NewServer(handler)
				if secure {
					srv.Close()
					srv = httptest.NewTLSServer(handler)
				}
				defer srv.Close()
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL, body)
				if err != nil {
					t.Fatal(err)
				}
				req.ContentLength = 1000
				resp, trip, err := clientsFor(t, srv).Once().Do(req)
				if err == nil {
					_ = resp.Body.Close()
					t.Fatalf("status %d, want an error", resp.StatusCode)
				}
				if !trip.Left {
					t.Error("the request is said not to have left")
				}
			})
		}
	}
}
