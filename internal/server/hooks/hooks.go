// Package hooks is the way in for what platforms tell by themselves: POST /hooks/ and the platform's name.
package hooks

import (
	"errors"
	"io"
	"log/slog"
	"net/http"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/callback"
)

// bodyLimit bounds a message; real ones have some hundred bytes.
const bodyLimit = 64 << 10

// New returns the handler. It answers 200 once a message is durable; anything else makes the platform come again.
func New(inbox *callback.Inbox, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/{platform}", func(w http.ResponseWriter, r *http.Request) {
		// The signature covers the raw bytes, so they are read whole before anybody looks into them.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		name := shippost.PlatformName(r.PathValue("platform"))
		err = inbox.Receive(r.Context(), name, r.Header, body)
		switch {
		case err == nil:
			w.WriteHeader(http.StatusOK)
		case shippost.IsKind(err, shippost.NotFound):
			w.WriteHeader(http.StatusNotFound)
		case shippost.IsKind(err, shippost.Forbidden):
			log.Info("a message that claims to be a platform's was refused", "platform", name, "err", err)
			w.WriteHeader(http.StatusForbidden)
		default:
			log.Error("a platform's message could not be kept; it comes again", "platform", name, "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	return mux
}
