package listen

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
)

// Page renders a refusal for a person in front of a browser.
type Page func(w http.ResponseWriter, r *http.Request, status int, err *shippost.Error)

// statuses is the one table that turns kinds of errors into HTTP statuses.
var statuses = map[shippost.Kind]int{
	shippost.Internal:        http.StatusInternalServerError,
	shippost.Invalid:         http.StatusUnprocessableEntity,
	shippost.Unauthenticated: http.StatusUnauthorized,
	shippost.Forbidden:       http.StatusForbidden,
	shippost.NotFound:        http.StatusNotFound,
	shippost.Conflict:        http.StatusConflict,
	shippost.Wait:            http.StatusTooManyRequests,
	shippost.Reconnect:       http.StatusConflict,
	shippost.Unavailable:     http.StatusServiceUnavailable,
}

// Status returns the HTTP status for a kind of error.
func Status(kind shippost.Kind) int {
	if status, ok := statuses[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type      string             `json:"type"`
	Title     string             `json:"title"`
	Status    int                `json:"status"`
	Detail    string             `json:"detail,omitempty"` // a sentence for people
	Code      string             `json:"code"`
	Retryable bool               `json:"retryable"`
	Remedy    shippost.Remedy    `json:"remedy,omitempty"`
	Field     string             `json:"field,omitempty"`
	RequestID shippost.RequestID `json:"request_id,omitempty"`
	Problems  []shippost.Problem `json:"problems,omitempty"`
	Choices   []shippost.Choice  `json:"choices,omitempty"`
}

// ProblemOf returns err as a problem document. Nothing of an internal error is told.
func ProblemOf(r *http.Request, status int, err *shippost.Error) Problem {
	p := Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: err.Message, Code: err.Code,
		Retryable: err.Kind == shippost.Wait || err.Kind == shippost.Unavailable,
		Remedy:    err.Remedy, Field: err.Field, RequestID: RequestOf(r.Context()).ID, Problems: err.Problems, Choices: err.Choices,
	}
	if err.Kind == shippost.Internal {
		p.Code, p.Remedy, p.Field, p.Problems = "internal", shippost.RemedyRetry, "", nil
		p.Detail = "ShipPost made a mistake here. It was logged; try again, or give the operator the request id."
	}
	return p
}

// WriteProblem answers with a problem document.
func WriteProblem(w http.ResponseWriter, r *http.Request, status int, err *shippost.Error) {
	RetryAfter(w, err.RetryAfter)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	// The status is sent; if the reader is gone there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(ProblemOf(r, status, err))
}

// WantsPage reports whether the sender is a browser that will show the answer to a person.
func WantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// refuse answers with a page or a problem document, whichever the sender can read.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, err *shippost.Error) {
	if s.opt.Page != nil && WantsPage(r) {
		s.opt.Page(w, r, status, err)
		return
	}
	WriteProblem(w, r, status, err)
}

// RetryAfter sets the header of that name to whole seconds, if there is something to wait for.
func RetryAfter(w http.ResponseWriter, d time.Duration) {
	if d > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
}
