package web

import (
	"net/http"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/address"
)

// confirmAddress asks for one press: programs that look through mail open every link in it.
func (p *Pages) confirmAddress(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "mail-confirm", "Confirm your address", "", r.PathValue("code"))
}

func (p *Pages) confirmedAddress(w http.ResponseWriter, r *http.Request) {
	if err := p.opt.Addresses.Confirm(r.Context(), shippost.NewSecret(r.PathValue("code"))); err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "mail-confirm", "Address confirmed", "", "")
}

// mailOffPage asks what is to be ended, or says that it was.
type mailOffPage struct {
	address.Known
	Path string
	Done bool
	All  bool
}

func (p *Pages) mailOff(w http.ResponseWriter, r *http.Request) {
	known, err := p.opt.Addresses.Look(r.Context(), shippost.NewSecret(r.PathValue("token")))
	if shippost.IsKind(err, shippost.NotFound) {
		p.show(w, r, http.StatusOK, "mail-off", "No mail", "", mailOffPage{Done: true, All: true})
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "mail-off", "No more mail", "", mailOffPage{Known: known, Path: r.URL.Path})
}

// endMail ends mail without a sign-in, for a person at the page and for mail programs, which ask at the address in a header of each
// mail (RFC 8058).
func (p *Pages) endMail(w http.ResponseWriter, r *http.Request) {
	all := r.URL.Query().Has("all") || r.PostFormValue("what") == "all"
	if err := p.opt.Addresses.Leave(r.Context(), shippost.NewSecret(r.PathValue("token")), all); err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "mail-off", "No more mail", "", mailOffPage{Done: true, All: all})
}
