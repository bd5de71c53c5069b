// Package api is the REST API under /api/v1: it turns requests into calls of features and their answers into JSON.
// Its OpenAPI document is made from the same Go types, so the two cannot drift.
package api

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/address"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/label"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/slot"
	"ship-post.com/shippost/internal/feature/snippet"
	"ship-post.com/shippost/internal/server/listen"
)

// Prefix is where the API lives on the server.
const Prefix = "/api/v1"

// Limits of request bodies. Files do not come this way; see the uploads.
const (
	jsonLimit   = 64 << 10
	posterLimit = 900 << 10 // below the limit of the server in front
)

// Options is what an API needs. All but Now and Log are required.
type Options struct {
	// Authenticate returns who sends a request, from its API key or session cookie. It is asked once for each request
	// and before anything of its body is read. The error says why nobody is.
	Authenticate func(*http.Request) (shippost.Actor, error)
	Posts        *compose.Composer
	Slots        *slot.Keeper
	Snippets     *snippet.Keeper
	Labels       *label.Keeper
	Publisher    *publish.Desk
	Journal      *journal.Journal
	Feed         *journal.Feed
	Accounts     *connect.Desk
	Keys         *auth.Keeper
	Media        *media.Library
	Data         *lifecycle.Keeper
	Legal        *legal.Desk
	Addresses    *address.Book
	Usage        bool             // page views are counted
	Limit        int              // requests of a person in a minute; a key may change something a fifth as often. 0: no limit
	Now          func() time.Time // nil: time.Now
	Log          *slog.Logger     // nil drops everything
}

// API answers requests. Make one with New.
type API struct {
	opt      Options
	mux      *http.ServeMux
	huma     huma.API
	doc      func() []byte
	requests pace // by person
	writes   pace // by key
}

// setLibrary sets what the library keeps in globals: "Caption" is an unknown field and not "caption", and a list is
// never null.
var setLibrary = sync.OnceFunc(func() { huma.ValidateStrictCasing, huma.DefaultArrayNullable = true, false })

// New returns the API as a handler of all paths below /api/.
func New(o Options) *API {
	setLibrary()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{opt: o, mux: http.NewServeMux(), requests: pace{perMinute: o.Limit, spent: map[string]time.Time{}},
		writes: pace{perMinute: (o.Limit + 4) / 5, spent: map[string]time.Time{}}}
	config := describe()
	config.Transformers = []huma.Transformer{a.rephrase}
	a.huma = humago.NewWithPrefix(a.mux, Prefix, config)
	a.huma.UseMiddleware(a.enter)
	a.me()
	a.notices()
	a.codes()
	a.accounts()
	a.media()
	a.mediaTags()
	a.fits()
	a.uploads()
	a.posts()
	a.calendar()
	a.slots()
	a.snippets()
	a.templates()
	a.labels()
	a.versions()
	a.keys()
	a.sessions()
	a.data()
	a.policy()
	a.mail()
	a.entries()
	a.events()
	a.mux.HandleFunc("GET "+Prefix+"/openapi.json", a.document)
	a.mux.HandleFunc("/", a.nothing)
	// It is written when somebody asks for it first: that takes longer than all else here, and a start should not wait for it.
	a.doc = sync.OnceValue(published(a.huma.OpenAPI()))
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Document returns the OpenAPI document as indented JSON.
func (a *API) Document() []byte { return bytes.Clone(a.doc()) }

func (a *API) document(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	// If the reader is gone there is nobody left to tell.
	_, _ = w.Write(a.doc())
}

type actorKey struct{}

// enter is the one point where a request is let in: it finds out who asks, and reads the body in whole.
func (a *API) enter(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	actor, err := a.opt.Authenticate(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if err := a.keep(actor, r.Method); err != nil {
		a.refuse(w, r, err)
		return
	}
	if err := readBody(r, ctx.Operation()); err != nil {
		a.refuse(w, r, err)
		return
	}
	next(huma.WithValue(ctx, actorKey{}, actor))
}

// readBody checks the type and the size of the body an operation wants, and holds it in memory. Where none is wanted, a person's change
// still has to come from a script: a form always names a type of its own, also for an empty body, and could be made to lead here.
func readBody(r *http.Request, op *huma.Operation) error {
	if op.RequestBody == nil {
		kind := r.Header.Get("Content-Type")
		if kind == "" || r.Header.Get("Authorization") != "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
			return nil
		}
		if name, _, err := mime.ParseMediaType(kind); err != nil || name != "application/json" {
			return shippost.Errorf(shippost.Invalid, "unsupported_media_type", "Nothing is to be sent here. Leave the Content-Type out, or name application/json.").At("Content-Type")
		}
		return nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if _, ok := op.RequestBody.Content[kind]; !ok || err != nil || len(params) > 1 || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return shippost.Errorf(shippost.Invalid, "unsupported_media_type", "Send the body as %s.", strings.Join(accepted(op), " or ")).At("Content-Type")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, op.MaxBodyBytes))
	if int64(len(body)) >= op.MaxBodyBytes {
		return shippost.Errorf(shippost.Invalid, "body_too_large", "The request is larger than the %d kB allowed here.", op.MaxBodyBytes>>10)
	}
	if err != nil {
		return shippost.Errorf(shippost.Invalid, "body_unreadable", "The request ended before all of it had arrived. Send it again.").Because(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

func accepted(op *huma.Operation) []string {
	var kinds []string
	for kind := range op.RequestBody.Content {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// nothing answers what no route takes: 405 where another method would do, and else 404.
func (a *API) nothing(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(probe); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		listen.WriteProblem(w, r, http.StatusMethodNotAllowed, shippost.Errorf(shippost.Invalid, "method_not_allowed",
			"This address does not take %s. Use %s.", known(r.Method), strings.Join(allowed, " or ")))
		return
	}
	listen.WriteProblem(w, r, http.StatusNotFound, shippost.Errorf(shippost.NotFound, "route_not_found", "There is nothing at this address."))
}

func known(method string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, method) {
		return method
	}
	return "this method"
}

// add adds an operation. What fn returns as an error becomes a problem document.
func add[I, O any](a *API, op huma.Operation, fn func(context.Context, shippost.Actor, *I) (*O, error)) {
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = jsonLimit
	}
	op.BodyReadTimeout = -1 // the body was read before, under the server's own time-out
	op.RejectUnknownQueryParameters = true
	op.Responses = merge(op.Responses, problemResponse)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		actor, _ := ctx.Value(actorKey{}).(shippost.Actor)
		out, err := fn(ctx, actor, in)
		if err != nil {
			return nil, a.answer(ctx, err)
		}
		return out, nil
	})
}
