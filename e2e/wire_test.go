package e2e

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// wire lies between browser and server. It counts the bytes of uploads that pass, and can hold and cut them.
type wire struct {
	mu      sync.Mutex
	bytes   int64
	stop    int64         // no more than so many bytes pass
	changed chan struct{} // closed when stop is another one
	cut     chan struct{} // closed to break what passes now
	made    int           // uploads that were begun
	offsets []int64       // where each transfer of bytes began
}

// wired makes a world that browsers reach over a wire, which lets everything pass.
func wired(t *testing.T) (*world, *wire) {
	t.Helper()
	w := prepare(t)
	l := &wire{stop: 1 << 62, changed: make(chan struct{}), cut: make(chan struct{})}
	_, port, _ := net.SplitHostPort(w.listen)
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(t, err)
	w.listen = freeAddress()
	must(t, w.start())
	front := &http.Server{Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: w.listen})
			r.Out.Host = r.In.Host
			l.note(r)
		},
		// A broken line says nothing.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	go func() { _ = front.Serve(ln) }() // ends when it is closed
	t.Cleanup(func() { _ = front.Close() })
	return w, l
}

// note writes down what begins, and has the bytes of a transfer go over the wire.
func (l *wire) note(r *httputil.ProxyRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case r.In.Method == http.MethodPost && strings.HasPrefix(r.In.URL.Path, "/uploads"):
		l.made++
	case r.In.Method == http.MethodPatch && r.In.Body != nil && strings.HasPrefix(r.In.URL.Path, "/uploads"):
		from, err := strconv.ParseInt(r.In.Header.Get("Upload-Offset"), 10, 64)
		if err != nil {
			from = -1
		}
		l.offsets = append(l.offsets, from)
		r.Out.Body = &counted{ReadCloser: r.In.Body, wire: l, gone: r.In.Context().Done(), cut: l.cut}
	}
}

// passed is how many bytes of uploads passed so far.
func (l *wire) passed() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// stopAt lets no more than so many bytes pass.
func (l *wire) stopAt(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = n
	close(l.changed)
	l.changed = make(chan struct{})
}

// cutNow breaks the transfers that are under way, and lets later ones have so many bytes.
func (l *wire) cutNow(n int64) {
	l.mu.Lock()
	close(l.cut)
	l.cut = make(chan struct{})
	l.mu.Unlock()
	l.stopAt(n)
}

// begun is how many uploads were begun, and where each transfer of bytes began.
func (l *wire) begun() (made int, offsets []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made, append([]int64(nil), l.offsets...)
}

// counted is the body of an upload on its way over the wire.
type counted struct {
	io.ReadCloser
	wire *wire
	gone <-chan struct{} // the browser went away
	cut  <-chan struct{}
}

var errBroken = errors.New("the line is broken")

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	l := c.wire
	for {
		l.mu.Lock()
		room, changed := l.stop-l.bytes, l.changed
		l.mu.Unlock()
		if room > 0 {
			p = p[:min(int64(len(p)), room)]
			break
		}
		select {
		case <-changed:
		case <-c.gone:
			return 0, errBroken
		case <-c.cut:
			return 0, errBroken
		}
	}
	n, err := c.ReadCloser.Read(p)
	l.mu.Lock()
	l.bytes += int64(n)
	l.mu.Unlock()
	return n, err
}
