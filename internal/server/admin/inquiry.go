package admin

import (
	"cmp"
	"net/http"
	"strings"

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
	Named        string // the account, as typed
}

func (p *Pages) inquiry(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	p.request(w, r, actor, name, typed{})
}

// typed is what an administrator wrote on the page of a request.
type typed struct{ answer, note, account string }

func (p *Pages) request(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string, wrote typed) {
	i, err := p.opt.Inquiries.Inquiry(r.Context(), actor, shippost.InquiryID(r.PathValue("id")))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, "inquiry", "Request", name, inquiryPage{i, i.Overdue(p.opt.Inquiries.Now()), p.opt.Inquiries.SendsMail(), actor.Fresh,
		cmp.Or(wrote.answer, carriedWords(i.Inquiry)), wrote.note, wrote.account})
}

func (p *Pages) prove(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	note := r.PostFormValue("note")
	p.done(w, r, actor, name, typed{note: note}, p.opt.Inquiries.ProveByHand(r.Context(), actor, shippost.InquiryID(r.PathValue("id")), note))
}

func (p *Pages) answer(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	text := r.PostFormValue("answer")
	p.done(w, r, actor, name, typed{answer: text}, p.opt.Inquiries.Answer(r.Context(), actor, shippost.InquiryID(r.PathValue("id")), text, r.PostFormValue("how") == "refuse"))
}

func (p *Pages) carry(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	account := strings.TrimSpace(r.PostFormValue("account"))
	p.done(w, r, actor, name, typed{account: account}, p.opt.Inquiries.CarryOut(r.Context(), actor, shippost.InquiryID(r.PathValue("id")), shippost.UserID(account)))
}

// carriedWords begin the answer to a request that was carried out.
func carriedWords(i shippost.Inquiry) string {
	switch {
	case len(i.Carried) == 0 || i.Status != shippost.InquiryOpen:
		return ""
	case i.Kind.Carries() == shippost.ErasesData:
		return "Your data is being deleted: at once nobody is signed in any more and nothing goes out, and seven days later all of it is deleted for good. Until then you can take it back on this page."
	case i.Proof != shippost.ProofOperator:
		return "Copies of all that is yours are made. Sign in and take them from the settings within seven days."
	}
	return "Copies of all that is yours are made. Take them from this page within seven days."
}

// done goes back to the request. Who has to sign in anew finds there what they wrote.
func (p *Pages) done(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string, wrote typed, err error) {
	if shippost.IsCode(err, "step_up_required") && listen.WantsPage(r) {
		p.request(w, r, actor, name, wrote)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/admin/inquiries/"+r.PathValue("id"), http.StatusSeeOther)
}
