// Package tus takes uploads that survive a lost connection, by the tus protocol 1.0.0. It translates; package media decides.
package tus

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/server/listen"
)

// Prefix is the path below which a Handler answers.
const Prefix = "/uploads/"

// MediaID is the header that names the media an upload becomes. It is on every answer about an upload.
const MediaID = "ShipPost-Media-Id"

// extensions are the parts of the protocol beyond its core. The declared size is fixed, so there is no deferred length.
const extensions = "creation,creation-with-upload,termination,expiration"

// Options is what a Handler needs. Library and Authenticate are required.
type Options struct {
	Library *media.Library
	// Authenticate says who sends a request. Its error is the answer.
	Authenticate func(*http.Request) (shippost.Actor, error)
	Log          *slog.Logger // nil drops it
	// Patience is how long a request may send nothing; 0 means a minute.
	Patience time.Duration
}

// Handler answers below Prefix. A person may follow only their own workspace's uploads; any other does not exist.
type Handler struct {
	Options
	protocol http.Handler
}

// New returns a handler.
func New(o Options) (*Handler, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	h := &Handler{Options: o}
	composer := handler.NewStoreComposer()
	composer.UseCore(files{o.Library})
	composer.UseTerminater(files{o.Library})
	protocol, err := handler.NewHandler(handler.Config{
		StoreComposer:        composer,
		BasePath:             Prefix,
		DisableDownload:      true,
		DisableConcatenation: true,
		Cors:                 &handler.CorsConfig{Disable: true}, // the server in front decides about origins
		Logger:               silent,
		NetworkTimeout:       o.Patience,
		// Package media saves what arrived whatever becomes of the request.
		GracefulRequestCompletionTimeout: 2 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	h.protocol = protocol
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		h.describe(w)
		return
	}
	id := shippost.UploadID(strings.Trim(strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(Prefix, "/")), "/"))
	q := &request{id: id, answer: w, control: http.NewResponseController(w)}
	if err := h.admit(r, q); err != nil {
		h.refuse(w, r, err)
		return
	}
	r = r.Clone(context.WithValue(r.Context(), requestKey{}, q)) // whoever called us keeps theirs as it is
	// The library behind this would take DELETE out of a header of a POST, past whoever looked at the method.
	r.Header.Del("X-HTTP-Method-Override")
	r.URL.Path = "/" + string(id)
	defer q.endOnStop(listen.Stopping(r.Context()))()
	q.announce(h.Library)
	a := &answer{ResponseWriter: w, request: r, handler: h}
	h.protocol.ServeHTTP(a, r)
	a.finish()
	// The connection may serve other requests after this one, which know nothing of its deadline. That for reading the
	// server resets itself, once it is through with a body that was not read to its end.
	_ = q.control.SetWriteDeadline(time.Time{})
}

// describe answers OPTIONS: what of the protocol there is.
func (h *Handler) describe(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Tus-Resumable", "1.0.0")
	header.Set("Tus-Version", "1.0.0")
	header.Set("Tus-Extension", extensions)
	header.Set("Tus-Max-Size", strconv.FormatInt(h.Library.MaxSize, 10))
	w.WriteHeader(http.StatusNoContent)
}

// request is what the store below needs to know of a request. It travels in the context, because the protocol library has no
// other way; it is put there in this file and nowhere else.
type request struct {
	actor   shippost.Actor
	id      shippost.UploadID // "" for a new upload
	upload  media.Upload
	answer  http.ResponseWriter
	control *http.ResponseController
}

type requestKey struct{}

// admit finds out who asks, and that an upload they name is theirs, before the protocol looks at anything.
func (h *Handler) admit(r *http.Request, q *request) error {
	var err error
	if q.actor, err = h.Authenticate(r); err != nil {
		return err
	}
	if err := q.actor.Require(shippost.UploadMedia); err != nil || q.id == "" {
		return err
	}
	if q.upload, err = h.Library.Upload(r.Context(), q.actor, q.id); err != nil || r.Method != http.MethodPatch {
		return err
	}
	// While somebody writes, the offset is about to change: it would only mislead to compare it.
	return h.Library.Ready(q.id)
}

// announce sets the headers that every answer about an upload has.
func (q *request) announce(l *media.Library) {
	if q.id == "" {
		return
	}
	q.answer.Header().Set(MediaID, string(q.upload.Media))
	if q.upload.FinishedAt.IsZero() && q.upload.Received < q.upload.Size {
		q.answer.Header().Set("Upload-Expires", l.Expires(q.upload).UTC().Format(http.TimeFormat))
	} else {
		q.answer.Header().Del("Upload-Expires")
	}
}

// Interrupt makes a read of the request's body return.
func (q *request) Interrupt() {
	// A connection that cannot have a deadline is as good as dead already.
	_ = q.control.SetReadDeadline(time.Unix(1, 0))
}

// interruptAgain is how often a request is interrupted that did not end.
const interruptAgain = 20 * time.Millisecond

// endOnStop interrupts the request when the server begins to stop: what arrived is saved and the client goes on later.
func (q *request) endOnStop(stopping <-chan struct{}) (done func()) {
	if stopping == nil {
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		select {
		case <-stopping:
		case <-ended:
			return
		}
		// The protocol library moves the deadline after each read, and so may undo an interruption.
		again := time.NewTicker(interruptAgain)
		defer again.Stop()
		for {
			q.Interrupt()
			select {
			case <-again.C:
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended) }
}
