// Package hooks is the way in for what platforms tell by themselves: POST /hooks/ and the platform's name.
package hooks

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/callback"
	"ship-post.com/shippost/internal/server/listen"
)

// bodyLimit bounds a message; real ones have some hundred bytes.
const bodyLimit = 64 << 10

// perMinute is how many messages a network may send (reliability §16). A platform comes again with what is over it.
const perMinute = 600

// forgeries logs messages that are no platform's: at most once a minute, since anybody can send as many as they like.
type forgeries struct {
	log *slog.Logger

	mu     sync.Mutex
	told   time.Time
	silent int // since then
}

func (f *forgeries) note(now time.Time, name shippost.PlatformName, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent++; now.Sub(f.told) < time.Minute {
		return
	}
	f.log.Info("messages that claim to be a platform's were refused", "platform", name, "how_many", f.silent, "err", err)
	f.told, f.silent = now, 0
}

// New returns the handler. It answers 200 once a message is durable; anything else makes the platform come again.
func New(inbox *callback.Inbox, now func() time.Time, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	messages, forged := auth.NewTries(perMinute, time.Minute, 10000), &forgeries{log: log}
	mux.HandleFunc("POST /hooks/{platform}", func(w http.ResponseWriter, r *http.Request) {
		if wait := messages.Count(listen.RequestOf(r.Context()).Network, now()); wait > 0 {
			listen.RetryAfter(w, wait)
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
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
			forged.note(now(), name, err)
			w.WriteHeader(http.StatusForbidden)
		default:
			log.Error("a platform's message could not be kept; it comes again", "platform", name, "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	return mux
}
