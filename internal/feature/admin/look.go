package admin

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/store"
)

// Person is a user in the list of administrators.
type Person struct {
	shippost.User
	Workspaces int
	Accounts   int
	SeenAt     time.Time // zero for somebody without a session
}

// People returns all users, the newest first. That it was looked at is noted.
func (k *Keeper) People(ctx context.Context, actor shippost.Actor) (list []Person, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return nil, err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		list = nil
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		for i := len(users) - 1; i >= 0; i-- {
			p := Person{User: users[i]}
			places, err := tx.Memberships(ctx, p.ID)
			if err != nil {
				return err
			}
			p.Workspaces = len(places)
			for _, place := range places {
				accounts, err := tx.Accounts(ctx, place.Workspace)
				if err != nil {
					return err
				}
				p.Accounts += len(accounts)
			}
			sessions, err := tx.Sessions(ctx, p.ID)
			if err != nil {
				return err
			}
			if len(sessions) > 0 {
				p.SeenAt = sessions[0].SeenAt
			}
			list = append(list, p)
		}
		return k.noteLook(ctx, tx, actor, "users")
	})
	return list, err
}

// Place is an account with its workspace.
type Place struct {
	shippost.Account
	WorkspaceName string
}

// Accounts returns all accounts. That it was looked at is noted.
func (k *Keeper) Accounts(ctx context.Context, actor shippost.Actor) (list []Place, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return nil, err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		list = nil
		workspaces, err := tx.Workspaces(ctx)
		if err != nil {
			return err
		}
		for _, ws := range workspaces {
			accounts, err := tx.Accounts(ctx, ws.ID)
			if err != nil {
				return err
			}
			for _, a := range accounts {
				list = append(list, Place{a, ws.Name})
			}
		}
		return k.noteLook(ctx, tx, actor, "accounts")
	})
	return list, err
}

func (k *Keeper) noteLook(ctx context.Context, tx *store.Tx, actor shippost.Actor, what string) error {
	return k.record(ctx, tx, shippost.EntryAdminRead, Visit{Network: actor.Network, Request: actor.Request}, actor.Admin, map[string]any{"what": what})
}

// Health is how the server does.
type Health struct {
	Posts []store.Load // by status
	Work  []store.Load // jobs that wait, run or failed
	Nodes []store.Node
	Now   time.Time
}

// Health returns how the server does. It names nobody.
func (k *Keeper) Health(ctx context.Context, actor shippost.Actor) (h Health, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return h, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		if h.Posts, err = tx.PostLoad(ctx); err != nil {
			return err
		}
		if h.Work, err = tx.WorkLoad(ctx); err != nil {
			return err
		}
		h.Nodes, err = tx.Nodes(ctx)
		return err
	})
	h.Now = k.Now()
	return h, err
}

// auditPage is how many entries a page of the audit log has.
const auditPage = 100

// Audit returns a page of the audit log, the newest first, from before an entry on (0: from the newest). That it was looked at
// is noted.
func (k *Keeper) Audit(ctx context.Context, actor shippost.Actor, before int64) (list []shippost.Entry, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return nil, err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		if list, err = tx.AuditBefore(ctx, before, auditPage); err != nil {
			return err
		}
		return k.noteLook(ctx, tx, actor, "audit log")
	})
	return list, err
}

// Log returns whether the audit log is as this server wrote it, as of the latest check; false before the first.
func (k *Keeper) Log(actor shippost.Actor) (journal.Report, bool, error) {
	if err := actor.RequireAdmin(); err != nil {
		return journal.Report{}, false, err
	}
	report, checked := k.Chain.State()
	return report, checked, nil
}

// SetDisabled keeps a user out, or lets them in again. Whoever does it must have signed in within the last ten minutes.
func (k *Keeper) SetDisabled(ctx context.Context, actor shippost.Actor, id shippost.UserID, disabled bool) error {
	if err := actor.RequireFreshAdmin(); err != nil {
		return err
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		user, err := tx.User(ctx, id)
		if err != nil {
			return err
		}
		erasing, err := tx.OpenErasures(ctx)
		if err != nil {
			return err
		}
		for _, e := range erasing {
			for _, gone := range e.Plan.Users {
				if gone == id {
					return shippost.Errorf(shippost.Conflict, "user_leaves", "This person asked to be deleted. Only they can take that back.")
				}
			}
		}
		when := tx.Now()
		if !disabled {
			if user.Name == "" {
				return shippost.Errorf(shippost.Conflict, "user_leaves", "This person was deleted.")
			}
			when = time.Time{}
		}
		changed, err := tx.DisableUser(ctx, id, when)
		if err != nil || !changed {
			return err
		}
		if disabled {
			if _, err := tx.DeleteSessions(ctx, id); err != nil {
				return err
			}
		}
		return k.record(ctx, tx, shippost.EntryUserDisabled, Visit{Network: actor.Network, Request: actor.Request}, actor.Admin, map[string]any{"user": string(id), "disabled": disabled})
	})
}
