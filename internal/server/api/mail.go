package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/address"
)

func (a *API) mail() {
	tags := []string{"mail"}
	add(a, huma.Operation{OperationID: "getMail", Method: http.MethodGet, Path: "/mail", Tags: tags, Security: sessionOnly,
		Summary: "Where the person gets mail, and of what"}, a.getMail)
	add(a, huma.Operation{OperationID: "setMail", Method: http.MethodPut, Path: "/mail", Tags: tags, Security: sessionOnly,
		Summary: "Give a mail address", Description: "A link is mailed there. Whoever opens it within a day confirms the address; until then an earlier one stays, and it is told when it goes. Needs a sign-in of the last ten minutes; where there is an address already, all other sessions end."}, a.setMail)
	add(a, huma.Operation{OperationID: "chooseMail", Method: http.MethodPut, Path: "/mail/choices", Tags: tags, Security: sessionOnly,
		Summary: "Choose what is told by mail"}, a.chooseMail)
	add(a, huma.Operation{OperationID: "removeMail", Method: http.MethodDelete, Path: "/mail", Tags: tags, DefaultStatus: http.StatusNoContent, Security: sessionOnly,
		Summary: "Have the mail address forgotten", Description: "The address is told. Needs a sign-in of the last ten minutes; all other sessions end."}, a.removeMail)
}

// Mail is where a person gets mail, and of what.
type Mail struct {
	SendsMail    bool       `json:"sends_mail" doc:"This server sends mail."`
	Address      string     `json:"address,omitempty" doc:"Confirmed."`
	Pending      string     `json:"pending,omitempty" doc:"Waits to be confirmed."`
	PendingUntil *time.Time `json:"pending_until,omitempty"`
	Trouble      bool       `json:"trouble" doc:"Posts that failed, were missed or need somebody are told."`
	Posted       bool       `json:"posted" doc:"Posts that went out are told."`
}

func mailOf(s address.State) Mail {
	m := Mail{SendsMail: s.SendsMail, Address: s.Mail, Pending: s.Pending, Trouble: s.Trouble, Posted: s.Posted}
	if s.Pending != "" {
		m.PendingUntil = &s.PendingUntil
	}
	return m
}

func (a *API) getMail(ctx context.Context, actor shippost.Actor, _ *struct{}) (*struct{ Body Mail }, error) {
	s, err := a.opt.Addresses.State(ctx, actor)
	return &struct{ Body Mail }{mailOf(s)}, err
}

type setMailInput struct {
	Body struct {
		Address string `json:"address" minLength:"1" maxLength:"500" doc:"One plain mail address."`
	}
}

func (a *API) setMail(ctx context.Context, actor shippost.Actor, in *setMailInput) (*struct{ Body Mail }, error) {
	s, err := a.opt.Addresses.Ask(ctx, actor, in.Body.Address)
	return &struct{ Body Mail }{mailOf(s)}, err
}

type chooseMailInput struct {
	Body struct {
		Trouble bool `json:"trouble" doc:"Posts that failed, were missed or need somebody."`
		Posted  bool `json:"posted" doc:"Posts that went out."`
	}
}

func (a *API) chooseMail(ctx context.Context, actor shippost.Actor, in *chooseMailInput) (*struct{ Body Mail }, error) {
	s, err := a.opt.Addresses.Choose(ctx, actor, in.Body.Trouble, in.Body.Posted)
	return &struct{ Body Mail }{mailOf(s)}, err
}

func (a *API) removeMail(ctx context.Context, actor shippost.Actor, _ *struct{}) (*struct{}, error) {
	return &struct{}{}, a.opt.Addresses.Remove(ctx, actor)
}
