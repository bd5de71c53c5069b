package api

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/listen"
)

// problemDocument is what every refusal looks like (RFC 9457).
type problemDocument struct{ listen.Problem }

var _ huma.StatusError = (*problemDocument)(nil)

// Error implements error.
func (p *problemDocument) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *problemDocument) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *problemDocument) ContentType(string) string { return "application/problem+json" }

// statusOf returns the HTTP status of an error. A few codes have a status of their own; the kind decides the rest.
func statusOf(e *shippost.Error) int {
	switch e.Code {
	case "unsupported_media_type":
		return http.StatusUnsupportedMediaType
	case "body_too_large":
		return http.StatusRequestEntityTooLarge
	case "body_unreadable", "invalid_json":
		return http.StatusBadRequest
	default:
		return listen.Status(e.Kind)
	}
}

// refuse answers a request that is not let in.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := a.logged(r.Context(), err)
	if e.Kind == shippost.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="ShipPost"`)
	}
	listen.WriteProblem(w, r, statusOf(e), e)
}

// answer turns an error of a feature into what the library sends.
func (a *API) answer(ctx context.Context, err error) error {
	e := a.logged(ctx, err)
	status := statusOf(e)
	p := &problemDocument{listen.ProblemOf(requestOf(ctx), status, e)}
	if e.RetryAfter <= 0 {
		return p
	}
	seconds := int64((e.RetryAfter + 999_999_999) / 1_000_000_000)
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}})
}

// requestOf returns a request of the context, which is all that a problem document needs of one.
func requestOf(ctx context.Context) *http.Request { return (&http.Request{}).WithContext(ctx) }

// logged logs an error that is our own fault, once, and returns it in the words of the product.
func (a *API) logged(ctx context.Context, err error) *shippost.Error {
	e := shippost.AsError(err)
	if e.Kind != shippost.Internal {
		return e
	}
	if gone := context.Cause(ctx); gone != nil && (errors.Is(err, gone) || errors.Is(err, context.Canceled)) {
		// The sender left; nobody reads the answer, and nothing is broken.
		return shippost.Errorf(shippost.Unavailable, "request_cancelled", "The request was cancelled.")
	}
	a.opt.Log.Error("a request failed; please report this", "request", listen.RequestOf(ctx).ID, "err", err)
	return e
}

// rephrase replaces the errors of the library, which repeat what was sent, by problem documents that do not.
func (a *API) rephrase(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := shippost.Errorf(shippost.Invalid, "invalid_request", "The request cannot be read as it stands.")
	switch m.Status {
	case http.StatusBadRequest:
		e = shippost.Errorf(shippost.Invalid, "invalid_json", "The body is not a JSON object. Check its commas and quotes.")
	case http.StatusUnprocessableEntity:
		e = shippost.AsError(shippost.Rejected(flaws(m.Errors)))
	case http.StatusNotAcceptable:
		e = shippost.Errorf(shippost.Invalid, "not_acceptable", "This API answers in JSON only.")
	case http.StatusInternalServerError:
		e = a.logged(ctx.Context(), m)
	}
	return &problemDocument{listen.ProblemOf(requestOf(ctx.Context()), m.Status, e)}, nil
}

// flaws returns what is wrong with the form of a request, a problem for each place.
func flaws(details []*huma.ErrorDetail) []shippost.Problem {
	problems := make([]shippost.Problem, 0, len(details))
	for _, d := range details {
		p := shippost.Problem{Code: "invalid_field", Field: place(d.Location), Remedy: shippost.RemedyEdit, Severity: shippost.Block}
		p.Code, p.Message = phrase(d.Message)
		if name, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
			name, _, _ = strings.Cut(name, " ")
			p.Field = strings.TrimPrefix(p.Field+"."+name, ".")
		}
		problems = append(problems, p)
	}
	return problems
}

// unsafe is what does not belong into the name of a field. Names of unknown fields were chosen by the sender.
var unsafe = regexp.MustCompile(`[^A-Za-z0-9_.\[\]-]+`)

// place turns "body.options.tiktok" into "options.tiktok".
func place(location string) string {
	for _, prefix := range []string{"body", "query", "path", "header"} {
		if rest, ok := strings.CutPrefix(location, prefix); ok && (rest == "" || rest[0] == '.') {
			location = strings.TrimPrefix(rest, ".")
			break
		}
	}
	location = unsafe.ReplaceAllString(location, "")
	return location[:min(len(location), 80)]
}

// phrase says in a sentence what the library found. It takes over only limits and words of the schema, never a value.
func phrase(found string) (code, sentence string) {
	switch {
	case found == "unexpected property":
		return "unknown_field", "There is no field of this name."
	case found == "unknown query parameter":
		return "unknown_parameter", "There is no parameter of this name."
	case strings.HasPrefix(found, "expected required property"), strings.HasPrefix(found, "required "):
		return "missing_field", "This field is required."
	case strings.HasPrefix(found, "expected string to be RFC 3339"), strings.Contains(found, "date/time"), strings.Contains(found, "parsing time"):
		return "invalid_time", "Write a time like 2026-11-24T08:00:00Z."
	case strings.HasPrefix(found, "expected value to be one of "):
		return "invalid_field", "Use one of " + strings.TrimPrefix(found, "expected value to be one of ") + "."
	case strings.HasPrefix(found, "expected length >= "):
		return "invalid_field", "This is too short: at least " + found[len("expected length >= "):] + " characters."
	case strings.HasPrefix(found, "expected length <= "):
		return "invalid_field", "This is too long: at most " + found[len("expected length <= "):] + " characters."
	case strings.HasPrefix(found, "expected array length <= "):
		return "invalid_field", "There are too many of these: at most " + found[len("expected array length <= "):] + "."
	case strings.HasPrefix(found, "expected number >= "), strings.HasPrefix(found, "expected number <= "):
		bound := "at least "
		if strings.Contains(found, "<=") {
			bound = "at most "
		}
		return "invalid_field", "This number is out of range: " + bound + found[len("expected number >= "):] + "."
	}
	if noun, ok := map[string]string{"boolean": "true or false", "string": "text", "integer": "a whole number", "number": "a number",
		"array": "a list", "object": "an object"}[strings.TrimPrefix(found, "expected ")]; ok {
		return "invalid_field", "This must be " + noun + "."
	}
	return "invalid_field", "This value is not accepted here."
}
