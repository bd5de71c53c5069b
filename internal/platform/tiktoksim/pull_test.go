package tiktoksim_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// host is a web server with a certificate that the pull worker knows under
// every name of example.com, the domain of httptest's certificate.
type host struct {
	*httptest.Server
	w *world
}

// host restarts the simulator with a pull worker that reaches the handler.
func (w *world) host(h http.HandlerFunc) *host {
	w.t.Helper()
	server := httptest.NewTLSServer(h)
	w.t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	rules := w.Knobs()
	*w = *begin(w.t, func(o *tiktoksim.Options) {
		o.PullTransport = transport
		o.Properties = []string{"example.com"}
		o.Knobs = func(k *tiktoksim.Knobs) { *k = rules }
	})
	return &host{server, w}
}

// pullVideo posts a video from a path of the host and returns its end.
func (h *host) pullVideo(path string) reply {
	h.w.t.Helper()
	token, id := h.startVideo(path)
	return h.end(token, id)
}

func (h *host) startVideo(path string) (token, id string) {
	h.w.t.Helper()
	token = h.w.connect("mara.moves")
	a := h.w.api(token, videoInit, videoBody(0, setSource("source", "PULL_FROM_URL"), setSource("video_url", "https://media.example.com"+path)))
	h.w.want(a, 200, "ok")
	return token, a.Data.PublishID
}

// end waits until the fetch is over, then lets processing end.
func (h *host) end(token, id string) reply {
	h.w.t.Helper()
	h.w.eventually("the fetch is over", func() bool {
		for _, p := range h.w.Publishes() {
			if p.PublishID == id {
				return p.Status == "FAILED" || !p.LastByteAt.IsZero()
			}
		}
		return false
	})
	h.w.MoveClock(processing)
	return h.w.status(token, id)
}
