package admin

import (
	"net/http"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/server/listen"
)

func (p *Pages) inquiries(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	open, closed, err := p.opt.Inquiries.Open(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	type row struct {
		inquiry.Seen
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

// inquiryPage is a request with what an administrator began to write.
type inquiryPage struct {
	inquiry.Seen
	Late, ByMail bool
	Fresh        bool   // signed in within the last ten minutes: only then it can be answered
	Answer       string // not sent yet
	Note         string
}

func (p *Pages) inquiry(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	p.request(w, r, actor, name, "", "")
}

func (p *Pages) request(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name, answer, note string) {
	i, err := p.opt.Inquiries.Inquiry(r.Context(), actor, shippost.InquiryID(r.PathValue("id")))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, "inquiry", "Request", name, inquiryPage{i, i.Overdue(p.opt.Inquiries.Now()), p.opt.Inquiries.SendsMail(), actor.Fresh, answer, note})
}

func (p *Pages) prove(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	note := r.PostFormValue("note")
	p.done(w, r, actor, name, "", note, p.opt.Inquiries.ProveByHand(r.Context(), actor, shippost.InquiryID(r.PathValue("id")), note))
}

func (p *Pages) answer(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	text := r.PostFormValue("answer")
	p.done(w, r, actor, name, text, "", p.opt.Inquiries.Answer(r.Context(), actor, shippost.InquiryID(r.PathValue("id")), text, r.PostFormValue("how") == "refuse"))
}

// done goes back to the request. Who has to sign in anew finds there what they wrote.
func (p *Pages) done(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name, answer, note string, err error) {
	if shippost.IsCode(err, "step_up_required") && listen.WantsPage(r) {
		p.request(w, r, actor, name, answer, note)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/admin/inquiries/"+r.PathValue("id"), http.StatusSeeOther)
}
