package admin

import (
	"net/http"

	"ship-post.com/shippost"
)

func (p *Pages) inquiries(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	open, closed, err := p.opt.Inquiries.Open(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	type row struct {
		shippost.Inquiry
		Late bool
	}
	var waiting []row
	for _, i := range open {
		waiting = append(waiting, row{i, i.Overdue(p.opt.Inquiries.Now())})
	}
	p.show(w, r, "inquiries", "Requests", name, struct {
		Open   []row
		Closed []shippost.Inquiry
	}{waiting, closed})
}

func (p *Pages) inquiry(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	i, err := p.opt.Inquiries.Inquiry(r.Context(), actor, shippost.InquiryID(r.PathValue("id")))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, "inquiry", "Request", name, struct {
		shippost.Inquiry
		Late, ByMail bool
	}{i, i.Overdue(p.opt.Inquiries.Now()), p.opt.Inquiries.SendsMail()})
}

func (p *Pages) prove(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	p.done(w, r, p.opt.Inquiries.ProveByHand(r.Context(), actor, shippost.InquiryID(r.PathValue("id")), r.PostFormValue("note")))
}

func (p *Pages) answer(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	p.done(w, r, p.opt.Inquiries.Answer(r.Context(), actor, shippost.InquiryID(r.PathValue("id")), r.PostFormValue("answer"), r.PostFormValue("how") == "refuse"))
}

func (p *Pages) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/admin/inquiries/"+r.PathValue("id"), http.StatusSeeOther)
}
