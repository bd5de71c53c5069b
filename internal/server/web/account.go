package web

import (
	"net/http"

	"ship-post.com/shippost"
)

// accountPage is about one account.
type accountPage struct {
	Account shippost.Account
	Missing []string
	Next    string
}

// connected names the account that was connected, so that a wrong one is seen at once.
func (p *Pages) connected(w http.ResponseWriter, r *http.Request) {
	actor, err := p.Actor(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	user, _, err := p.opt.Auth.Me(r.Context(), actor)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	account, err := p.opt.Connect.Account(r.Context(), actor, shippost.AccountID(r.PathValue("account")))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "connected", "Account connected", user.Name, accountPage{Account: account, Missing: p.opt.Connect.MissingScopes(account),
		Next: localPath(r.URL.Query().Get("next"))})
}
