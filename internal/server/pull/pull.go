// Package pull is the way in for platforms that fetch photos: secret addresses below /pull/, and nothing else there.
package pull

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/server/listen"
)

// sendTime bounds how long one answer may take: twenty megabytes over a slow line.
const sendTime = 15 * time.Minute

// Handler serves the addresses of a gate. Wrong, old and finished ones all get the same 404; a photo that may not be
// given out yet is 503 after a while. Whole files, ranges and HEAD are answered; nothing may be stored on the way, and
// nothing redirects.
type Handler struct {
	gate *gate.Gate
	log  *slog.Logger
}

// New returns a Handler.
func New(g *gate.Gate, log *slog.Logger) *Handler { return &Handler{gate: g, log: log} }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Robots-Tag", "noindex")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	header.Set(gate.Mark, rand.Text())
	token := strings.TrimPrefix(r.URL.Path, gate.Path)
	switch r.Method {
	case http.MethodHead:
		h.head(w, r, token)
	case http.MethodGet:
		h.get(w, r, token)
	default:
		header.Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "only GET and HEAD")
	}
}

// head tells type and length, before the commit too.
func (h *Handler) head(w http.ResponseWriter, r *http.Request, token string) {
	p, err := h.gate.Look(r.Context(), token)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", p.Type)
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(nil, 0, p.Size))
}

func (h *Handler) get(w http.ResponseWriter, r *http.Request, token string) {
	p, err := h.gate.Admit(r.Context(), token, listen.Stopping(r.Context()))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	file, err := h.gate.Read(r.Context(), p)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer func() { _ = file.Close() }()
	// Not every kind of connection has deadlines; then the platform's own one counts.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendTime))
	w.Header().Set("Content-Type", p.Type)
	http.ServeContent(w, r, "", time.Time{}, file)
}

// refuse answers with a status and a word: machines ask here, and none is told more than it must know.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := shippost.AsError(err)
	switch {
	case r.Context().Err() != nil:
		return // nobody listens any more
	case e.Kind == shippost.NotFound:
		plain(w, http.StatusNotFound, "not found")
	case e.Kind == shippost.Unavailable:
		listen.RetryAfter(w, e.RetryAfter)
		plain(w, http.StatusServiceUnavailable, "not yet")
	default:
		h.log.Error("a photo could not be given to its platform", "err", err)
		listen.RetryAfter(w, time.Minute)
		plain(w, http.StatusServiceUnavailable, "not now")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// The status is sent; if the reader is gone there is nobody left to tell.
	_, _ = io.WriteString(w, text+"\n")
}
