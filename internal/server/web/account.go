package web

import (
	"net/http"

	"ship-post.com/shippost"
)

// homePage lists what the signed-in person has here.
type homePage struct {
	Workspace string
	Accounts  []shippost.Account
	MayManage bool
}

func (p *Pages) home(w http.ResponseWriter, r *http.Request) {
	actor, name, ok := p.person(w, r)
	if !ok {
		return
	}
	_, ws, err := p.opt.Auth.Me(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	accounts, err := p.opt.Connect.Accounts(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "home", "Accounts", name, homePage{Workspace: ws.Name, Accounts: accounts, MayManage: actor.Can(shippost.ManageAccounts)})
}

// accountPage is about one account.
type accountPage struct {
	Account shippost.Account
	Missing []string
	Next    string
	Revoked bool
}

// connected names the account that was connected, so that a wrong one is seen at once.
func (p *Pages) connected(w http.ResponseWriter, r *http.Request) {
	p.showAccount(w, r, "connected", "Account connected")
}

func (p *Pages) askDisconnect(w http.ResponseWriter, r *http.Request) {
	p.showAccount(w, r, "disconnect", "Disconnect an account")
}

func (p *Pages) showAccount(w http.ResponseWriter, r *http.Request, page, title string) {
	actor, name, ok := p.person(w, r)
	if !ok {
		return
	}
	account, err := p.opt.Connect.Account(r.Context(), actor, shippost.AccountID(r.PathValue("account")))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, page, title, name, accountPage{Account: account, Missing: p.opt.Connect.MissingScopes(account), Next: localPath(r.URL.Query().Get("next"))})
}

func (p *Pages) disconnect(w http.ResponseWriter, r *http.Request) {
	actor, name, ok := p.person(w, r)
	if !ok {
		return
	}
	parting, err := p.opt.Connect.Disconnect(r.Context(), actor, shippost.AccountID(r.PathValue("account")))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "disconnected", "Account disconnected", name, accountPage{Account: parting.Account, Revoked: parting.Revoked})
}

// person returns who is signed in and their name. It answers the request itself when that is nobody.
func (p *Pages) person(w http.ResponseWriter, r *http.Request) (shippost.Actor, string, bool) {
	actor, err := p.Actor(r)
	if err == nil {
		var user shippost.User
		if user, _, err = p.opt.Auth.Me(r.Context(), actor); err == nil {
			return actor, user.Name, true
		}
	}
	p.fail(w, r, err)
	return shippost.Actor{}, "", false
}
