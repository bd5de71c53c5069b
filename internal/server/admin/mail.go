package admin

import (
	"net/http"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/notify"
)

// letterWords say what a letter is about.
var letterWords = map[shippost.LetterKind]string{
	shippost.LetterReceived: "Receipt for a request",
	shippost.LetterAnswered: "Answer to a request",
	shippost.LetterCarried:  "Notice that a request is carried out",
	shippost.LetterAsked:    "Notice to you: somebody wrote",
	shippost.LetterDue:      "Notice to you: an answer is due",
	shippost.LetterPolicy:   "Change of a legal text",
	shippost.LetterConfirm:  "Question whether an address is theirs",
	shippost.LetterPosts:    "What became of posts",
	shippost.LetterMoved:    "Notice that mail goes elsewhere",

	shippost.LetterRecovered: "Notice that a recovery code was used",
}

// mail shows what was not sent. To whom and what it says is not shown: it is not needed to know why.
func (p *Pages) mail(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	if p.opt.Mail == nil {
		p.show(w, r, "mail", "Mail", name, nil)
		return
	}
	state, err := p.opt.Mail.State(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	type row struct {
		shippost.Letter
		About   string
		GivenUp bool
	}
	var rows []row
	for _, l := range state.Unsent {
		rows = append(rows, row{l, letterWords[l.Kind], l.Status == shippost.LetterGivenUp})
	}
	p.show(w, r, "mail", "Mail", name, &struct {
		notify.State
		Rows []row
	}{state, rows})
}

func (p *Pages) retryMail(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	err := shippost.Errorf(shippost.NotFound, "letter_not_found", "This server sends no mail.")
	if p.opt.Mail != nil {
		if err := p.opt.Mail.Revive(r.Context(), actor, shippost.LetterID(r.PathValue("id"))); err != nil {
			p.fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/admin/mail", http.StatusSeeOther)
		return
	}
	p.fail(w, r, err)
}
