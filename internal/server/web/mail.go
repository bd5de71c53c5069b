package web

import (
	"net/http"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/address"
)

// confirmAddress asks for one press: programs that look through mail open every link in it.
func (p *Pages) confirmAddress(w http.ResponseWriter, r *http.Request, _ shippost.Secret) {
	p.show(w, r, http.StatusOK, "mail-confirm", "Confirm your address", "", true)
}

// confirmedAddress does what the pressed button says: it was their address, or it is to be forgotten.
func (p *Pages) confirmedAddress(w http.ResponseWriter, r *http.Request, code shippost.Secret) {
	if r.PostFormValue("what") == "forget" {
		p.leave(w, r, code, true)
		return
	}
	if err := p.opt.Addresses.Confirm(r.Context(), code); err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "mail-confirm", "Address confirmed", "", false)
}

// mailOffPage asks what is to be ended, or says that it was.
type mailOffPage struct {
	address.Known
	Done  bool
	All   bool
	Wrote bool // the address is that of a message to whoever runs the server
}

func (p *Pages) mailOff(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	known, err := p.opt.Addresses.Look(r.Context(), token)
	wrote := false
	if shippost.IsKind(err, shippost.NotFound) {
		known.Mail, err = p.opt.Inquiries.Look(r.Context(), token)
		wrote = err == nil
	}
	if shippost.IsKind(err, shippost.NotFound) {
		p.show(w, r, http.StatusOK, "mail-off", "No mail", "", mailOffPage{Done: true, All: true})
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "mail-off", "No more mail", "", mailOffPage{Known: known, Wrote: wrote})
}

// endMail ends mail without a sign-in, for a person at the page and for mail programs, which ask at the address in a header of each
// mail (RFC 8058).
func (p *Pages) endMail(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	p.leave(w, r, token, r.URL.Query().Has("all") || r.PostFormValue("what") == "all")
}

func (p *Pages) leave(w http.ResponseWriter, r *http.Request, token shippost.Secret, all bool) {
	err := p.opt.Addresses.Leave(r.Context(), token, all)
	if err == nil && all {
		err = p.opt.Inquiries.Leave(r.Context(), token)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "mail-off", "No more mail", "", mailOffPage{Done: true, All: all})
}
