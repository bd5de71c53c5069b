package web

import (
	"net/http"
	"net/url"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/listen"
)

// errorPage is a sentence, a button, and what support needs to know.
type errorPage struct {
	Heading string
	Message string
	Button  string
	Target  string
	Code    string
	Request shippost.RequestID
}

// headings say in two or three words what the sentence explains.
var headings = map[shippost.Kind]string{
	shippost.Internal:        "Our mistake",
	shippost.Invalid:         "That does not fit",
	shippost.Unauthenticated: "Sign in first",
	shippost.Forbidden:       "Not allowed",
	shippost.NotFound:        "Nothing here",
	shippost.Conflict:        "Not possible now",
	shippost.Wait:            "Too many tries",
	shippost.Reconnect:       "Connect again",
	shippost.Unavailable:     "Not available",
}

// fail answers with an error: browsers get a page, or the sign-in page where that is what helps; programs a problem.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := shippost.AsError(err)
	if e.Kind == shippost.Internal {
		p.opt.Log.Error("a request failed", "request", listen.RequestOf(r.Context()).ID, "path", r.Pattern, "error", err)
	}
	status := listen.Status(e.Kind)
	if e.Code == "method_not_allowed" {
		status = http.StatusMethodNotAllowed
	}
	if !listen.WantsPage(r) {
		listen.WriteProblem(w, r, status, e)
		return
	}
	if e.Kind == shippost.Unauthenticated || e.Code == "step_up_required" {
		target := "/sign-in"
		if back := backTo(r); back != "/" {
			target += "?return_to=" + url.QueryEscape(back)
		}
		http.Redirect(w, r, target, http.StatusSeeOther)
		return
	}
	p.Page(w, r, status, e)
}

// backTo is the page to show once the person is signed in: the one asked for, if asking for it again does no harm, and
// else the one that a form would have led to.
func backTo(r *http.Request) string {
	if r.Method == http.MethodGet {
		return localPath(r.URL.RequestURI())
	}
	return localPath(r.PostFormValue("return_to"))
}

// Page renders an error for a person; it is what package listen shows for what it refuses.
func (p *Pages) Page(w http.ResponseWriter, r *http.Request, status int, e *shippost.Error) {
	problem := listen.ProblemOf(r, status, e)
	page := errorPage{Heading: headings[e.Kind], Message: problem.Detail, Button: "Back to ShipPost", Target: "/", Code: problem.Code, Request: problem.RequestID}
	if problem.Remedy == shippost.RemedySignIn || problem.Remedy == shippost.RemedyRetry {
		page.Button, page.Target = "Start again", "/sign-in"
		if e.Kind == shippost.Forbidden { // nobody is kept out: a sign-in, or a connection, came to nothing
			page.Heading = "That did not go through"
		}
	}
	listen.RetryAfter(w, e.RetryAfter)
	p.show(w, r, status, "error", page.Heading, "", page)
}
