package web

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/usage"
	"ship-post.com/shippost/internal/server/listen"
)

// viewLimit is how many screens a minute the app may tell of for one person.
const viewLimit = 60

// count notes one page view by the pattern of its route, never by its address.
func (p *Pages) count(r *http.Request, pattern string) {
	if private(r) {
		return
	}
	method, page, found := strings.Cut(pattern, " ")
	if !found {
		page = method
	}
	req := listen.RequestOf(r.Context())
	p.opt.Usage.Note(usage.View{Page: strings.TrimSuffix(page, "{$}"), Network: req.Network, Browser: req.Browser})
}

// private reports whether the browser asks not to be tracked.
func private(r *http.Request) bool {
	return r.Header.Get("Sec-GPC") == "1" || r.Header.Get("DNT") == "1"
}

// pageView takes from the app which screen somebody went to: it is one page to the server. The body is the pattern of the screen
// and must be one of ours. Nothing else is read.
func (p *Pages) pageView(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err == nil && actor.Kind != shippost.ActorUser {
		err = shippost.Errorf(shippost.Forbidden, "person_required", "Only the app tells which screen is viewed.")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if wait := p.views.Count(string(actor.User), p.opt.Now()); wait > 0 {
		e := shippost.Errorf(shippost.Wait, "too_many_requests", "The app tells of too many screens. Nothing is lost by that.").With(shippost.RemedyWait)
		e.RetryAfter = wait
		p.fail(w, r, e)
		return
	}
	page, err := io.ReadAll(io.LimitReader(r.Body, 65)) // the longest pattern is shorter
	if err != nil || !slices.Contains(appPaths, string(page)) && string(page) != "/" {
		p.fail(w, r, shippost.Errorf(shippost.Invalid, "unknown_page", "There is no such screen."))
		return
	}
	p.count(r, string(page))
	w.WriteHeader(http.StatusNoContent)
}
