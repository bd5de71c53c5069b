package admin

import (
	"net/http"
	"net/url"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/admin"
	"ship-post.com/shippost/internal/server/listen"
)

const (
	factorsPath = "/admin/factors"
	codePath    = "/admin/sign-in/code"
)

// factors shows administrators how they get in.
func (p *Pages) factors(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	own, err := p.opt.Keeper.Own(r.Context(), actor, p.cookie(r))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	person, called, err := p.opt.Person(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if !person.Fresh {
		called = "" // to be named takes a fresh sign-in there, too
	}
	p.show(w, r, "factors", "Sign-in", name, struct {
		admin.Own
		Fresh     bool // may change something
		Here      string
		Available bool
	}{own, actor.Fresh, called, p.opt.Keeper.Passkeys.Available()})
}

// changed leads back to the page that shows what was changed.
func (p *Pages) changed(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, factorsPath, http.StatusSeeOther)
}

func (p *Pages) passkeyQuestion(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	q, err := p.opt.Keeper.AskPasskey(r.Context(), actor, p.cookie(r))
	p.question(w, r, q, "", err)
}

func (p *Pages) addPasskey(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	p.changed(w, r, p.opt.Keeper.AddPasskey(r.Context(), actor, p.cookie(r), shippost.NewSecret(r.PostFormValue("token")), []byte(r.PostFormValue("answer")), r.PostFormValue("name")))
}

func (p *Pages) removePasskey(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	p.changed(w, r, p.opt.Keeper.RemovePasskey(r.Context(), actor, p.cookie(r), shippost.PasskeyID(r.PathValue("id"))))
}

func (p *Pages) namePerson(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	person, _, err := p.opt.Person(r)
	if err == nil {
		err = p.opt.Keeper.NamePerson(r.Context(), actor, p.cookie(r), person)
	}
	p.changed(w, r, err)
}

func (p *Pages) forgetPerson(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	p.changed(w, r, p.opt.Keeper.ForgetPerson(r.Context(), actor, p.cookie(r)))
}

func (p *Pages) askApp(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	if err := p.opt.Keeper.AskApp(r.Context(), actor, p.cookie(r)); err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, factorsPath+"/app", http.StatusSeeOther)
}

func (p *Pages) newApp(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	p.appForm(w, r, actor, name, nil)
}

// appForm shows what an app is told, and asks for its first code; again when that was wrong.
func (p *Pages) appForm(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string, wrong *shippost.Error) {
	app, err := p.opt.Keeper.NewApp(r.Context(), actor, p.cookie(r))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.form(w, r, wrong, "app", "Set up an authenticator app", name, struct {
		admin.App
		Wrong *shippost.Error
	}{app, wrong})
}

// appPicture is the QR code of the app that is being set up: a file, since the pages allow no picture inside themselves.
func (p *Pages) appPicture(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	app, err := p.opt.Keeper.NewApp(r.Context(), actor, p.cookie(r))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(app.Picture)
}

func (p *Pages) confirmApp(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	err := p.opt.Keeper.ConfirmApp(r.Context(), actor, p.cookie(r), r.PostFormValue("code"))
	if shippost.IsCode(err, "first_code_wrong") && listen.WantsPage(r) {
		p.appForm(w, r, actor, name, shippost.AsError(err))
		return
	}
	p.changed(w, r, err)
}

func (p *Pages) removeApp(w http.ResponseWriter, r *http.Request, actor shippost.Actor, _ string) {
	p.changed(w, r, p.opt.Keeper.RemoveApp(r.Context(), actor, p.cookie(r)))
}

// newCodes makes recovery codes and shows them, this once.
func (p *Pages) newCodes(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	codes, err := p.opt.Keeper.NewCodes(r.Context(), actor, p.cookie(r))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, "codes", "Your recovery codes", name, codes)
}

func (p *Pages) codePage(w http.ResponseWriter, r *http.Request) {
	p.codeForm(w, r, back(r, r.URL.Query().Get("return_to")), nil)
}

// codeForm asks whoever is signed in to the product for a code, and all others to sign in there first. It is the same for
// administrators and for everybody else.
func (p *Pages) codeForm(w http.ResponseWriter, r *http.Request, to string, wrong *shippost.Error) {
	person, called, err := p.opt.Person(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.form(w, r, wrong, "code", "Sign in without your passkey", "", struct {
		Person   string
		Fresh    bool
		Here     string // this page
		ReturnTo string
		Wrong    *shippost.Error
	}{called, person.Kind == shippost.ActorUser && person.Fresh, here(to), to, wrong})
}

func here(to string) string { return codePath + "?return_to=" + url.QueryEscape(to) }

func (p *Pages) signInByCode(w http.ResponseWriter, r *http.Request) {
	person, _, err := p.opt.Person(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	ticket, err := p.opt.Keeper.SignInByCode(r.Context(), visit(r), person, p.cookie(r), r.PostFormValue("code"))
	if (shippost.IsCode(err, "code_refused") || shippost.IsCode(err, "too_many_codes")) && listen.WantsPage(r) {
		p.codeForm(w, r, back(r, r.PostFormValue("return_to")), shippost.AsError(err))
		return
	}
	p.enter(w, r, ticket, err)
}
