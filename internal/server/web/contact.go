package web

import (
	"fmt"
	"net/http"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/server/listen"
)

// contactPage is the form, with what was wrong with it.
type contactPage struct {
	Kinds    []kindChoice
	Draft    inquiry.Draft
	SignedIn bool
	ByMail   bool   // this server sends mail
	Field    string // what was wrong
	Message  string
}

type kindChoice struct {
	Kind     shippost.InquiryKind
	Words    string
	Selected bool
}

// inquiryPage tells how far an inquiry is.
type inquiryPage struct {
	inquiry.Page
	Path      string
	Words     string
	Overdue   bool
	SignedIn  bool
	ByMail    bool       // this server sends mail
	Erasure   string     // address of the page of the erasure that carries it out; "" for none
	Copies    []copyLink // addresses at which the copies made for it can be fetched here
	Elsewhere bool       // they are in the settings instead
}

// copyLink is where a copy can be fetched.
type copyLink struct{ Path, Words string }

// carriedOut adds what the inquiry is carried out by.
func (page inquiryPage) carriedOut(token shippost.Secret) inquiryPage {
	for _, id := range page.Carried {
		switch {
		case page.Kind.Carries() == shippost.ErasesData:
			page.Erasure = "/erasure/" + token.Reveal()
		case page.Copied(id):
			page.Copies = append(page.Copies, copyLink{page.Path + "/copy/" + id, fmt.Sprintf("Copy %d", len(page.Copies)+1)})
		default:
			page.Elsewhere = true
		}
	}
	return page
}

// Person returns whoever is signed in, with the name; the zero Actor for a stranger or a program.
func (p *Pages) Person(r *http.Request) (shippost.Actor, string, error) {
	actor, err := p.visitor(r)
	if err != nil || actor.Kind != shippost.ActorUser {
		return shippost.Actor{}, "", err
	}
	user, _, err := p.opt.Auth.Me(r.Context(), actor)
	return actor, user.Name, err
}

func (p *Pages) contact(w http.ResponseWriter, r *http.Request) {
	p.contactForm(w, r, http.StatusOK, inquiry.Draft{Kind: shippost.InquiryKind(r.URL.Query().Get("about"))}, nil)
}

// contactForm shows the form, again with all that was written when something was wrong with it.
func (p *Pages) contactForm(w http.ResponseWriter, r *http.Request, status int, draft inquiry.Draft, wrong *shippost.Error) {
	actor, name, err := p.Person(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := contactPage{Draft: draft, SignedIn: actor.Kind == shippost.ActorUser, ByMail: p.opt.Inquiries.SendsMail()}
	for _, k := range shippost.InquiryKinds {
		page.Kinds = append(page.Kinds, kindChoice{k, k.Words(), k == draft.Kind})
	}
	if wrong != nil {
		page.Field, page.Message = wrong.Field, wrong.Message
	}
	p.show(w, r, status, "contact", "Contact", name, page)
}

func (p *Pages) ask(w http.ResponseWriter, r *http.Request) {
	actor, _, err := p.Person(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	draft := inquiry.Draft{Kind: shippost.InquiryKind(r.PostFormValue("kind")), Name: r.PostFormValue("name"), Mail: r.PostFormValue("mail"),
		Message: r.PostFormValue("message"), Network: listen.RequestOf(r.Context()).Network}
	asked, err := p.opt.Inquiries.Ask(r.Context(), actor, draft)
	if e := shippost.AsError(err); err != nil && (e.Kind == shippost.Invalid || e.Kind == shippost.Wait) && listen.WantsPage(r) {
		listen.RetryAfter(w, e.RetryAfter)
		p.contactForm(w, r, listen.Status(e.Kind), draft, e)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/contact/"+asked.Token.Reveal(), http.StatusSeeOther)
}

// inquiry shows whoever has its address how far an inquiry is.
func (p *Pages) inquiry(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	actor, name, err := p.Person(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	i, err := p.opt.Inquiries.Read(r.Context(), token)
	if shippost.IsKind(err, shippost.NotFound) {
		// A request that was carried out by an erasure went with the rest; the receipt stands at the same address.
		if _, gone := p.opt.Data.Progress(r.Context(), token); gone == nil {
			http.Redirect(w, r, "/erasure/"+token.Reveal(), http.StatusSeeOther)
			return
		}
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	title := map[shippost.InquiryStatus]string{shippost.InquiryOpen: "Received", shippost.InquiryAnswered: "Answered", shippost.InquiryRefused: "Refused",
		shippost.InquiryWithdrawn: "Withdrawn"}[i.Status]
	page := inquiryPage{Page: i, Path: "/contact/" + token.Reveal(), Words: i.Kind.Words(),
		Overdue: i.Overdue(p.opt.Inquiries.Now()), SignedIn: actor.Kind == shippost.ActorUser, ByMail: p.opt.Inquiries.SendsMail()}
	p.show(w, r, http.StatusOK, "inquiry", title, name, page.carriedOut(token))
}

// copied hands a copy that was made for a request to whoever has the address of its page.
func (p *Pages) copied(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	a, err := p.opt.Inquiries.Fetch(r.Context(), token, r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	hand(w, a)
}

func (p *Pages) proveInquiry(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	actor, err := p.Actor(r)
	if err == nil {
		err = p.opt.Inquiries.ProveBySignIn(r.Context(), actor, token)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/contact/"+token.Reveal(), http.StatusSeeOther)
}

func (p *Pages) withdrawInquiry(w http.ResponseWriter, r *http.Request, token shippost.Secret) {
	actor, _, err := p.Person(r)
	if err == nil {
		err = p.opt.Inquiries.Withdraw(r.Context(), actor, token)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/contact/"+token.Reveal(), http.StatusSeeOther)
}

// confirmMail asks for one press: programs that look through mail open every link in it.
func (p *Pages) confirmMail(w http.ResponseWriter, r *http.Request, _ shippost.Secret) {
	p.show(w, r, http.StatusOK, "contact-confirm", "Confirm your address", "", true)
}

func (p *Pages) confirmedMail(w http.ResponseWriter, r *http.Request, code shippost.Secret) {
	if err := p.opt.Inquiries.ProveByMail(r.Context(), code); err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "contact-confirm", "Address confirmed", "", false)
}

// day and moment write times for people, in UTC.
func day(t time.Time) string    { return t.UTC().Format("2 January 2006") }
func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04") + " UTC" }
