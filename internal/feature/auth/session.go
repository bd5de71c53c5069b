package auth

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Entrance is a person who has just proved who they are.
type Entrance struct {
	User      shippost.UserID
	Workspace shippost.WorkspaceID
	Network   string
	Browser   string
	Former    shippost.Actor // whoever was signed in with this browser until now; that session ends
}

// Ticket opens a session: the cookie's value and how long it counts at most.
type Ticket struct {
	Cookie  shippost.Secret
	Session shippost.SessionID
	Life    time.Duration
}

// Open begins a session inside the transaction that proved the person. The cookie is always a new one, so that a
// value somebody planted before is worth nothing.
func (k *Keeper) Open(ctx context.Context, tx *store.Tx, e Entrance) (Ticket, error) {
	if e.Former.Session != "" {
		if _, err := tx.DeleteSession(ctx, e.Former.User, e.Former.Session); err != nil {
			return Ticket{}, err
		}
	}
	now := tx.Now()
	ticket := Ticket{Cookie: NewToken(), Session: shippost.NewSessionID(now), Life: absolute}
	return ticket, tx.InsertSession(ctx, &store.Session{
		Hash: Hash(ticket.Cookie), ID: ticket.Session, User: e.User, Workspace: e.Workspace, Network: e.Network,
		Browser: e.Browser, CreatedAt: now, ProvedAt: now, SeenAt: now, ExpiresAt: now.Add(absolute),
	})
}

// Session is a signed-in browser in the list of its user.
type Session struct {
	ID        shippost.SessionID
	Network   string // truncated address it began from
	Browser   string // family only
	CreatedAt time.Time
	SeenAt    time.Time // exact to a minute
	ExpiresAt time.Time // the end if it is not used any more
	Current   bool      // the one that asks
}

// Sessions returns the living sessions of the actor, in all workspaces, the latest seen first.
func (k *Keeper) Sessions(ctx context.Context, actor shippost.Actor) ([]Session, error) {
	if err := requirePerson(actor); err != nil {
		return nil, err
	}
	var rows []store.Session
	err := k.db.View(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.Sessions(ctx, actor.User)
		return err
	})
	if err != nil {
		return nil, err
	}
	now := k.now()
	var list []Session
	for _, s := range rows {
		if ended(s, now) {
			continue
		}
		end := s.ExpiresAt
		if unused := s.SeenAt.Add(idle); unused.Before(end) {
			end = unused
		}
		list = append(list, Session{ID: s.ID, Network: s.Network, Browser: s.Browser, CreatedAt: s.CreatedAt,
			SeenAt: s.SeenAt, ExpiresAt: end, Current: s.ID == actor.Session})
	}
	return list, nil
}

// SignOut ends the session that asks.
func (k *Keeper) SignOut(ctx context.Context, actor shippost.Actor) error {
	return k.EndSession(ctx, actor, actor.Session)
}

// EndSession ends one of the actor's own sessions, here or in another browser.
func (k *Keeper) EndSession(ctx context.Context, actor shippost.Actor, id shippost.SessionID) error {
	if err := requirePerson(actor); err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *store.Tx) error {
		found, err := tx.DeleteSession(ctx, actor.User, id)
		if err != nil {
			return err
		}
		if !found {
			return shippost.Errorf(shippost.NotFound, "session_not_found", "This session has already ended, or is not yours.")
		}
		return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryUserSignedOut, Actor: actor,
			Data: map[string]any{"session": string(id)}})
	})
}

// EndOthers ends all sessions of the actor but the one that asks.
func (k *Keeper) EndOthers(ctx context.Context, actor shippost.Actor) error {
	if err := requirePerson(actor); err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *store.Tx) error { return EndOthers(ctx, tx, actor) })
}

// EndOthers ends all sessions of the actor but the one that asks, in the transaction of what makes that necessary: whoever came in by
// stealth must not stay when its person changes the ways in, or where they are told of it.
func EndOthers(ctx context.Context, tx *store.Tx, actor shippost.Actor) error {
	n, err := tx.DeleteOtherSessions(ctx, actor.User, actor.Session)
	if err != nil || n == 0 {
		return err
	}
	return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryUserSignedOut, Actor: actor,
		Data: map[string]any{"sessions": n}})
}

// EndAll ends all sessions of the actor, also the one that asks, and with keys also all API keys the actor made, in
// all workspaces. Keys need a fresh sign-in.
func (k *Keeper) EndAll(ctx context.Context, actor shippost.Actor, keys bool) error {
	if err := requirePerson(actor); err != nil {
		return err
	}
	if keys {
		if err := actor.RequireFresh(shippost.ReadWorkspace); err != nil {
			return err
		}
	}
	return k.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.DeleteSessions(ctx, actor.User)
		if err != nil {
			return err
		}
		if keys {
			if err := k.revokeAll(ctx, tx, actor); err != nil {
				return err
			}
		}
		return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryUserSignedOut, Actor: actor,
			Data: map[string]any{"sessions": n, "keys": keys}})
	})
}

func ended(s store.Session, now time.Time) bool {
	return !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) >= idle
}

// requirePerson refuses programs: sessions are a person's own business, whatever their role.
func requirePerson(actor shippost.Actor) error {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return err
	}
	if actor.Kind != shippost.ActorUser {
		return shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	return nil
}
