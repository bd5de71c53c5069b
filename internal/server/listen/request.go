package listen

import (
	"context"
	"net/http"
	"strings"

	"ship-post.com/shippost"
)

// Request is what the server knows about whoever sent a request. It holds nothing that names a person.
type Request struct {
	ID      shippost.RequestID
	Network string // /24 or /48 of the sender's address
	Browser string // family only, "" for programs
	stop    <-chan struct{}
}

type requestKey struct{}

// RequestOf returns the request that ctx belongs to, or the zero Request outside one.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// Stopping returns a channel that is closed when the server begins to stop. Handlers of streams that never end by
// themselves return then. It is nil outside a request of a Server.
func Stopping(ctx context.Context) <-chan struct{} { return RequestOf(ctx).stop }

// identify gives each request its name and its sender's network. Nothing the sender wrote is used as the name.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := Request{
			ID:      shippost.NewRequestID(s.opt.Now()),
			Network: network(s.client(r)),
			Browser: browserFamily(r.UserAgent()),
			stop:    s.stop,
		}
		w.Header().Set("X-Request-ID", string(req.ID))
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, req)))
	})
}

// browserFamily names the browser for the list of sessions. Many browsers claim to be others too, so order matters.
func browserFamily(agent string) string {
	for _, f := range []struct{ mark, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"}, {"Chromium/", "Chrome"}, {"Safari/", "Safari"}, {"Mozilla/", "Browser"},
	} {
		if strings.Contains(agent, f.mark) {
			return f.name
		}
	}
	return ""
}
