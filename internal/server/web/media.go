package web

import (
	"mime"
	"net/http"
	"strconv"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
)

// mediaPolicy makes what somebody uploaded inert, should a browser ever take it for a document.
const mediaPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'"

// media answers below /media/: avatars/ACCOUNT is a picture of a creator, MEDIA/file a file of the library.
func (p *Pages) media(w http.ResponseWriter, r *http.Request) {
	folder, name := r.PathValue("folder"), r.PathValue("name")
	switch {
	case folder == "avatars":
		p.avatar(w, r, shippost.AccountID(name))
	case name == "file":
		p.mediaFile(w, r, shippost.MediaID(folder))
	default:
		p.fail(w, r, shippost.Errorf(shippost.NotFound, "page_not_found", "There is no file at this address."))
	}
}

// mediaFile answers with a file of the library, or the part of it that is asked for.
func (p *Pages) mediaFile(w http.ResponseWriter, r *http.Request, id shippost.MediaID) {
	actor, err := p.Actor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	content, err := p.opt.Media.Content(r.Context(), actor, id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	sendContent(w, r, content)
}

// sendContent sends stored bytes, which may be kept by this browser only and are asked for anew each time, so that nobody
// sees them who may no longer.
func sendContent(w http.ResponseWriter, r *http.Request, c media.Content) {
	// Nothing was written through it, so closing cannot lose anything.
	defer func() { _ = c.Close() }()
	h := w.Header()
	h.Set("Content-Security-Policy", mediaPolicy)
	h.Set("Content-Type", c.Type)
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": c.Name}))
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", strconv.Quote(c.Version))
	http.ServeContent(w, r, "", c.ModTime, c)
}

// avatar answers with the picture of an account. Its address changes with it.
func (p *Pages) avatar(w http.ResponseWriter, r *http.Request, id shippost.AccountID) {
	actor, err := p.Actor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	picture, err := p.opt.Connect.Avatar(r.Context(), actor, id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", mediaPolicy)
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "private, max-age=86400")
	// If the browser is gone there is nobody left to tell.
	_, _ = w.Write(picture)
}
