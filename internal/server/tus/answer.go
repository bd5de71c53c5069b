package tus

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/listen"
)

const problemType = "application/problem+json"

// statusOf returns the status of a refusal. A few have one of their own in the protocol.
func statusOf(e *shippost.Error) int {
	switch e.Code {
	case "upload_too_large", "upload_too_long":
		return http.StatusRequestEntityTooLarge
	case "upload_busy":
		return http.StatusLocked
	case "upload_gone", "upload_lost":
		return http.StatusGone // clients begin anew
	default:
		return listen.Status(e.Kind)
	}
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// refuse answers before the protocol was asked.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := shippost.AsError(err)
	if e.Kind == shippost.Internal {
		h.Log.Error("an upload request failed; please report this", "request", listen.RequestOf(r.Context()).ID, "err", err)
	}
	if e.Kind == shippost.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="ShipPost"`)
	}
	w.Header().Set("Tus-Resumable", "1.0.0")
	listen.WriteProblem(w, r, statusOf(e), e)
}

// answer passes an answer of the protocol on, with a relative Location, and with its errors as problem documents.
type answer struct {
	http.ResponseWriter
	request *http.Request
	handler *Handler
	held    int // status of an error whose text is still awaited
}

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	header := a.Header()
	if at, err := url.Parse(header.Get("Location")); err == nil && at.Path != "" {
		header.Set("Location", at.Path) // behind a proxy we do not know our scheme
	}
	if status == http.StatusRequestEntityTooLarge {
		header.Set("Connection", "close") // the rest of the body is not worth reading
	}
	if status < 400 || header.Get("Content-Type") == problemType || a.request.Method == http.MethodHead {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	header.Del("Content-Length")
	a.held = status
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.held == 0 {
		return a.ResponseWriter.Write(p)
	}
	a.tell(string(p))
	return len(p), nil
}

// finish writes an error that came without a text.
func (a *answer) finish() {
	if a.held != 0 {
		a.tell("")
	}
}

// tell writes what the protocol library said, in the words of the product. It says "CODE: text".
func (a *answer) tell(said string) {
	status := a.held
	a.held = 0
	name, _, _ := strings.Cut(said, ":")
	t, ok := told[name]
	switch {
	case ok:
	case status == http.StatusMethodNotAllowed:
		t = saying{shippost.Invalid, "method_not_allowed", "This cannot be done with an upload.", status}
	case status >= 500:
		a.handler.Log.Error("an upload failed; please report this", "request", listen.RequestOf(a.request.Context()).ID, "err", said)
		t = saying{kind: shippost.Internal, status: http.StatusInternalServerError}
	default:
		t = saying{shippost.Invalid, "invalid_upload_request", "This request does not follow the tus protocol.", status}
	}
	listen.WriteProblem(a.ResponseWriter, a.request, t.status, shippost.Errorf(t.kind, t.code, "%s", t.words))
}

type saying struct {
	kind   shippost.Kind
	code   string
	words  string
	status int
}

const brokenOff = "The connection broke off. What arrived is kept; go on from there."

// told are the errors of the protocol library that a client can cause.
var told = map[string]saying{
	"ERR_UNSUPPORTED_VERSION":         {shippost.Invalid, "unsupported_tus_version", "Send the header Tus-Resumable: 1.0.0.", http.StatusPreconditionFailed},
	"ERR_INVALID_CONTENT_TYPE":        {shippost.Invalid, "unsupported_media_type", "Send the bytes as application/offset+octet-stream.", http.StatusUnsupportedMediaType},
	"ERR_INVALID_UPLOAD_LENGTH":       {shippost.Invalid, "invalid_upload_length", "Say how many bytes the file has, in the header Upload-Length.", http.StatusBadRequest},
	"ERR_INVALID_UPLOAD_LENGTH_DEFER": {shippost.Invalid, "invalid_upload_length", "Say how many bytes the file has, in the header Upload-Length.", http.StatusBadRequest},
	"ERR_AMBIGUOUS_UPLOAD_LENGTH":     {shippost.Invalid, "invalid_upload_length", "Say how many bytes the file has, in the header Upload-Length.", http.StatusBadRequest},
	"ERR_NOT_IMPLEMENTED":             {shippost.Invalid, "invalid_upload_length", "The size of a file must be said at the beginning and cannot change.", http.StatusBadRequest},
	"ERR_INVALID_OFFSET":              {shippost.Invalid, "invalid_offset", "Say where the bytes belong, in the header Upload-Offset.", http.StatusBadRequest},
	"ERR_MISMATCHED_OFFSET":           {shippost.Conflict, "wrong_offset", "The upload does not stand at this byte. Ask where it stands and go on from there.", http.StatusConflict},
	"ERR_UPLOAD_SIZE_EXCEEDED":        {shippost.Invalid, "upload_too_long", "More bytes came than the file was said to have.", http.StatusRequestEntityTooLarge},
	"ERR_UPLOAD_NOT_FOUND":            {shippost.NotFound, "upload_not_found", "This upload does not exist, or is not yours.", http.StatusNotFound},
	"ERR_UNEXPECTED_EOF":              {shippost.Unavailable, "upload_broken_off", brokenOff, http.StatusServiceUnavailable},
	"ERR_READ_TIMEOUT":                {shippost.Unavailable, "upload_broken_off", brokenOff, http.StatusServiceUnavailable},
	"ERR_CONNECTION_RESET":            {shippost.Unavailable, "upload_broken_off", brokenOff, http.StatusServiceUnavailable},
}
