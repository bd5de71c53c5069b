package web

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/lifecycle"
)

// archive hands a copy of data to the person who asked for it.
func (p *Pages) archive(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	a, err := p.opt.Data.Fetch(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	hand(w, a)
}

// hand writes an archive.
func hand(w http.ResponseWriter, a lifecycle.Archive) {
	defer func() { _ = a.Close() }() // it was only read
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
	h.Set("Content-Length", strconv.FormatInt(a.Size, 10))
	h.Set("Cache-Control", "no-store")
	// A browser that is gone asks again.
	_, _ = io.Copy(w, a)
}

// erasurePage tells how far an erasure is, without a sign-in: there is nobody left who could sign in.
type erasurePage struct {
	lifecycle.Progress
	Path  string
	Lines []receiptLine
}

// receiptLine is a line of a receipt.
type receiptLine struct {
	What string
	N    int64
}

// receiptWords name what went, in the order of the receipt. What is not named is of no interest to anybody.
var receiptWords = []struct{ name, words string }{
	{"posts_not_sent", "Posts that waited and were not sent"},
	{"posts_handed_over", "Posts the platform already had; they may have appeared"},
	{"posts_that_stay_on_the_platform", "Posts that are on the platform and stay there"},
	{"files", "Videos and photos deleted"},
	{"posts", "Posts deleted here"},
	{"accounts", "Connected accounts deleted"},
	{"grants", "Keys to accounts deleted"},
	{"media", "Entries of the library deleted"},
	{"sessions", "Sign-ins deleted"},
	{"api_keys", "API keys deleted"},
	{"identities", "Ways to sign in deleted"},
	{"journal", "Lines of history deleted or made nameless"},
}

func (p *Pages) erasure(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	progress, err := p.opt.Data.Progress(r.Context(), token)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := erasurePage{Progress: progress, Path: "/erasure/" + token.Reveal()}
	for _, line := range receiptWords {
		if n, ok := progress.Receipt[line.name]; ok {
			page.Lines = append(page.Lines, receiptLine{line.words, n})
		}
	}
	title := "Waiting to be deleted"
	switch {
	case !progress.UndoneAt.IsZero():
		title = "Nothing is deleted"
	case !progress.ErasedAt.IsZero():
		title = "Deleted"
	}
	p.dropGone(w, r)
	p.show(w, r, http.StatusOK, "erasure", title, "", page)
}

// dropGone takes away the cookie of a session that does not count any more.
func (p *Pages) dropGone(w http.ResponseWriter, r *http.Request) {
	if _, err := p.Actor(r); err != nil && slices.ContainsFunc(r.Cookies(), func(c *http.Cookie) bool { return strings.HasSuffix(c.Name, sessionCookie) }) {
		p.dropCookie(w, sessionCookie)
	}
}

func (p *Pages) undoErasure(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	if err := p.opt.Data.Undo(r.Context(), token); err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/erasure/"+token.Reveal(), http.StatusSeeOther)
}
