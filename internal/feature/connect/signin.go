package connect

import (
	"context"
	"fmt"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// arrival is a flow whose grant is proven to be the creator's own.
type arrival struct {
	Arrival
	flow   store.OAuthFlow
	former shippost.Actor // whoever was signed in with this browser until now
	grant  platform.Grant
	who    platform.Identity
}

// signIn opens a session for the user whom the identity belongs to, and makes that user at the first sign-in.
// It also stores the new grant where the person's own workspace has the account, because the platform may have ended
// the old one by giving it.
func (d *Desk) signIn(ctx context.Context, tx *store.Tx, a *arrival) (auth.Ticket, shippost.Account, error) {
	var account shippost.Account
	actor, first, err := d.person(ctx, tx, a)
	if err != nil {
		return auth.Ticket{}, account, err
	}
	ticket, err := d.Auth.Open(ctx, tx, auth.Entrance{User: actor.User, Workspace: actor.Workspace, Network: a.Network, Browser: a.Browser, Former: a.former})
	if err != nil {
		return auth.Ticket{}, account, err
	}
	actor.Session = ticket.Session
	data := map[string]any{"platform": string(a.Platform), "purpose": a.flow.Purpose, "session": string(ticket.Session)}
	if first {
		data["first"] = true
		if d.Policy != nil {
			data["policy"] = d.Policy()
		}
		if d.Accept != nil {
			if err := d.Accept(ctx, tx, actor.User); err != nil {
				return auth.Ticket{}, account, err
			}
		}
	}
	err = tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryUserSignedIn, Actor: actor, Data: data})
	if err != nil {
		return auth.Ticket{}, account, err
	}
	if first {
		account, err = d.attach(ctx, tx, actor, a, shippost.Account{})
		return ticket, account, err
	}
	account, err = d.renew(ctx, tx, actor, a)
	return ticket, account, err
}

// person returns who signs in, as the actor of the new session, and whether it is for the first time.
func (d *Desk) person(ctx context.Context, tx *store.Tx, a *arrival) (shippost.Actor, bool, error) {
	actor := shippost.Actor{Kind: shippost.ActorUser, Network: a.Network, Request: a.Request}
	identity, err := tx.IdentityBySubject(ctx, a.Platform, a.who.Subject)
	stranger := shippost.IsKind(err, shippost.NotFound)
	switch {
	case Purpose(a.flow.Purpose) == Confirm && (stranger || err == nil && identity.User != a.flow.User):
		return actor, false, forbid("other_person", fmt.Sprintf("%s at %s is not who is signed in here. Switch to your own account there, then confirm again.",
			spoken(a.who.Handle, a.who.Name), d.title(a.Platform)))
	case stranger:
		err = d.admit(ctx, tx, &actor, a)
		return actor, true, err
	case err != nil:
		return actor, false, err
	}
	user, err := tx.User(ctx, identity.User)
	if err != nil {
		return actor, false, err
	}
	if !user.DisabledAt.IsZero() {
		return actor, false, forbid("user_disabled", "This user may not sign in any more. Ask whoever runs this server.").With(shippost.RemedyOperator)
	}
	actor.User = user.ID
	err = d.choosePlace(ctx, tx, &actor, a)
	return actor, false, err
}

// choosePlace puts the actor into a workspace: the one the session was in, if it is a confirmation, else their oldest.
func (d *Desk) choosePlace(ctx context.Context, tx *store.Tx, actor *shippost.Actor, a *arrival) error {
	places, err := tx.Memberships(ctx, actor.User)
	if err != nil {
		return err
	}
	if len(places) == 0 {
		return forbid("no_workspace", "You are not a member of any workspace on this server any more. Ask an owner to invite you.")
	}
	chosen := places[0]
	for _, m := range places {
		if m.Workspace == a.flow.Workspace {
			chosen = m
		}
	}
	actor.Workspace, actor.Role = chosen.Workspace, chosen.Role
	return nil
}

// admit makes a user with a workspace of their own for an identity that was never seen here. Nothing but the
// platform's id of the creator is compared: no name, no mail.
func (d *Desk) admit(ctx context.Context, tx *store.Tx, actor *shippost.Actor, a *arrival) error {
	// A creator whose account is somebody's already gets no second home for it; see the package comment.
	_, err := tx.ConnectedAccount(ctx, a.Platform, a.who.Subject)
	if err == nil {
		return d.accountTaken(a)
	}
	if !shippost.IsKind(err, shippost.NotFound) {
		return err
	}
	now := tx.Now()
	user := shippost.User{ID: shippost.NewUserID(now), Name: a.who.Name, CreatedAt: now}
	firstEver, err := tx.ClaimFirstUser(ctx, user.ID)
	if err != nil {
		return err
	}
	if !firstEver && !d.OpenSignup {
		return forbid("sign_up_closed", "This server takes new people by invitation only. Ask whoever runs it, or an owner of a workspace, to invite you.").
			With(shippost.RemedyOperator)
	}
	ws := shippost.Workspace{ID: shippost.NewWorkspaceID(now), Name: a.who.Name, LateWindow: defaultLateWindow, CreatedAt: now}
	actor.User, actor.Workspace, actor.Role = user.ID, ws.ID, shippost.Owner
	if err := tx.InsertUser(ctx, &user); err != nil {
		return err
	}
	if err := tx.InsertWorkspace(ctx, &ws); err != nil {
		return err
	}
	if err := tx.InsertMember(ctx, &shippost.Member{Workspace: ws.ID, User: user.ID, Role: shippost.Owner, CreatedAt: now}); err != nil {
		return err
	}
	return tx.InsertIdentity(ctx, &shippost.Identity{ID: shippost.NewIdentityID(now), User: user.ID, Platform: a.Platform, Subject: a.who.Subject, CreatedAt: now})
}

// renew stores the grant of a later sign-in. An account that was disconnected stays so until somebody connects it on
// purpose, and an account that another workspace has is none of this person's business.
func (d *Desk) renew(ctx context.Context, tx *store.Tx, actor shippost.Actor, a *arrival) (shippost.Account, error) {
	account, err := tx.ConnectedAccount(ctx, a.Platform, a.who.Subject)
	if shippost.IsKind(err, shippost.NotFound) {
		return shippost.Account{}, nil
	}
	if err != nil {
		return shippost.Account{}, err
	}
	if _, err := tx.Member(ctx, account.Workspace, actor.User); err != nil {
		if shippost.IsKind(err, shippost.NotFound) {
			return shippost.Account{}, nil
		}
		return shippost.Account{}, err
	}
	return d.attach(ctx, tx, actor, a, account)
}

// connect attaches the account to the workspace the flow was started in.
func (d *Desk) connect(ctx context.Context, tx *store.Tx, a *arrival) (shippost.Account, error) {
	actor := a.former
	// The role may have changed while the person was away.
	if err := actor.Require(shippost.ManageAccounts); err != nil {
		return shippost.Account{}, err
	}
	if a.flow.Account != "" {
		expected, err := tx.Account(ctx, actor.Workspace, a.flow.Account)
		if err != nil {
			return shippost.Account{}, err
		}
		if expected.Subject != a.who.Subject {
			return shippost.Account{}, forbid("other_account", fmt.Sprintf("You chose %s at %s, but %s was to be connected again. Switch to it there, then try again.",
				spoken(a.who.Handle, a.who.Name), d.title(a.Platform), spoken(expected.Handle, expected.Name))).With(shippost.RemedyReconnect)
		}
	}
	account, err := tx.ConnectedAccount(ctx, a.Platform, a.who.Subject)
	if err == nil && account.Workspace != actor.Workspace {
		return shippost.Account{}, d.accountTaken(a)
	}
	if shippost.IsKind(err, shippost.NotFound) {
		account, err = tx.LastAccount(ctx, actor.Workspace, a.Platform, a.who.Subject)
	}
	if err != nil && !shippost.IsKind(err, shippost.NotFound) {
		return shippost.Account{}, err
	}
	return d.attach(ctx, tx, actor, a, account)
}

func (d *Desk) accountTaken(a *arrival) error {
	return shippost.Errorf(shippost.Conflict, "account_taken", "%s is connected in another workspace on this server already. "+
		"It has to be disconnected there first.", spoken(a.who.Handle, a.who.Name))
}
