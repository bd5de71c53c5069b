package passkey

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/store"
)

// List returns the actor's own passkeys, the oldest first.
func (k *Keeper) List(ctx context.Context, actor shippost.Actor) (list []store.Passkey, err error) {
	if err := person(actor, false); err != nil {
		return nil, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Passkeys(ctx, string(actor.User))
		return err
	})
	return list, err
}

// person lets people at their own keys, with a fresh sign-in to change something.
func person(actor shippost.Actor, change bool) error {
	if change {
		return actor.RequireFresh(shippost.ReadWorkspace)
	}
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return err
	}
	if actor.Kind != shippost.ActorUser {
		return shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	return nil
}

// AskOwn begins to add a passkey for the actor.
func (k *Keeper) AskOwn(ctx context.Context, actor shippost.Actor) (q Question, err error) {
	if err := person(actor, true); err != nil {
		return q, err
	}
	var user shippost.User
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		user, err = tx.User(ctx, actor.User)
		return err
	})
	if err != nil {
		return q, err
	}
	return k.AskNew(ctx, Owner{ID: string(user.ID), Name: user.Name})
}

// AddOwn stores a passkey of the actor. All their other sessions end.
func (k *Keeper) AddOwn(ctx context.Context, actor shippost.Actor, token shippost.Secret, answer []byte, name string) error {
	if err := person(actor, true); err != nil {
		return err
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := k.Add(ctx, tx, Owner{ID: string(actor.User)}, token, answer, name)
		if err != nil {
			return err
		}
		if err := auth.EndOthers(ctx, tx, actor); err != nil {
			return err
		}
		return recordPasskey(ctx, tx, shippost.EntryPasskeyAdded, actor, p.ID)
	})
}

// RenameOwn gives a passkey of the actor another name.
func (k *Keeper) RenameOwn(ctx context.Context, actor shippost.Actor, id shippost.PasskeyID, name string) error {
	if err := person(actor, false); err != nil {
		return err
	}
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		found, err := tx.RenamePasskey(ctx, string(actor.User), id, name)
		if err != nil {
			return err
		}
		if !found {
			return shippost.Errorf(shippost.NotFound, "passkey_not_found", "This passkey does not exist, or is not yours.")
		}
		return recordPasskey(ctx, tx, shippost.EntryPasskeyRenamed, actor, id)
	})
}

// RemoveOwn removes a passkey of the actor. All their other sessions end.
func (k *Keeper) RemoveOwn(ctx context.Context, actor shippost.Actor, id shippost.PasskeyID) error {
	if err := person(actor, true); err != nil {
		return err
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		gone, err := tx.DeletePasskey(ctx, string(actor.User), id)
		if err != nil {
			return err
		}
		if !gone {
			return shippost.Errorf(shippost.NotFound, "passkey_not_found", "This passkey does not exist, or is not yours.")
		}
		if err := auth.EndOthers(ctx, tx, actor); err != nil {
			return err
		}
		return recordPasskey(ctx, tx, shippost.EntryPasskeyRemoved, actor, id)
	})
}

func recordPasskey(ctx context.Context, tx *store.Tx, kind shippost.EntryKind, actor shippost.Actor, id shippost.PasskeyID) error {
	return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: kind, Actor: actor, Data: map[string]any{"passkey": string(id)}})
}

// Doors opens sessions.
type Doors interface {
	// Open begins a session inside the transaction that proved the person.
	Open(ctx context.Context, tx *store.Tx, e auth.Entrance) (auth.Ticket, error)
}

// Enter signs in the person who answered, in their oldest workspace or, to confirm who is signed in, in the one they are in.
func (k *Keeper) Enter(ctx context.Context, doors Doors, former shippost.Actor, token shippost.Secret, answer []byte, e auth.Entrance) (ticket auth.Ticket, err error) {
	if err := k.Asked(ctx, token); err != nil {
		return ticket, err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		owner, err := k.Prove(ctx, tx, SignIn, token, answer)
		if err != nil {
			return err
		}
		user, err := tx.User(ctx, shippost.UserID(owner))
		switch {
		case shippost.IsKind(err, shippost.NotFound):
			return refused(err) // an administrator's
		case err != nil:
			return err
		case !user.DisabledAt.IsZero():
			return shippost.Errorf(shippost.Forbidden, "user_disabled", "This user may not sign in any more. Ask whoever runs this server.").With(shippost.RemedyOperator)
		case former.User != "" && former.User != user.ID:
			return shippost.Errorf(shippost.Forbidden, "other_person", "This passkey is not that of who is signed in here.")
		}
		places, err := tx.Memberships(ctx, user.ID)
		if err != nil {
			return err
		}
		if len(places) == 0 {
			return shippost.Errorf(shippost.Forbidden, "no_workspace", "You are not a member of any workspace on this server any more. Ask an owner to invite you.")
		}
		place := places[0]
		for _, p := range places {
			if p.Workspace == former.Workspace {
				place = p
			}
		}
		e.User, e.Workspace, e.Former = user.ID, place.Workspace, former
		if ticket, err = doors.Open(ctx, tx, e); err != nil {
			return err
		}
		actor := shippost.Actor{Kind: shippost.ActorUser, User: user.ID, Workspace: place.Workspace, Role: place.Role, Session: ticket.Session, Network: e.Network}
		return tx.Record(ctx, shippost.Entry{Workspace: place.Workspace, Kind: shippost.EntryUserSignedIn, Actor: actor, Data: map[string]any{"by": "passkey", "session": string(ticket.Session)}})
	})
	return ticket, err
}
