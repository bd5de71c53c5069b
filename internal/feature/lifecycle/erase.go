package lifecycle

import (
	"context"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/store"
)

// What can be erased.
const (
	Person    = "person"    // whoever asks, with every workspace that has no other owner
	Workspace = "workspace" // the workspace, with everybody who has no other one
)

// undoTime is how long an erasure can be undone.
const undoTime = 7 * 24 * time.Hour

// Outlook says what an erasure would do, before it is asked for.
type Outlook struct {
	What       string
	Workspaces []shippost.Workspace // these go with all that is in them
	People     int                  // how many people go, the one who asks included
	Waiting    int64                // posts that wait; they are not sent
	HandedOver int64                // posts that the platform has already; they may still appear
	Posted     int64                // posts that are on a platform and stay there
	Accounts   int                  // connections that end
	UndoUntil  time.Time
}

// Preview says what an erasure would do now.
func (k *Keeper) Preview(ctx context.Context, actor shippost.Actor, what string) (o Outlook, err error) {
	if err := mayErase(actor, what, false); err != nil {
		return o, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		plan, err := planErasure(ctx, tx, actor.User, actor.Workspace, what)
		if err != nil {
			return err
		}
		o, err = foresee(ctx, tx, plan)
		return err
	})
	o.What, o.UndoUntil = what, k.Now().Add(undoTime).UTC()
	return o, err
}

func foresee(ctx context.Context, tx *store.Tx, plan store.ErasurePlan) (o Outlook, err error) {
	o.People, o.Accounts = len(plan.Users), len(plan.Accounts)
	for _, id := range plan.Workspaces {
		ws, err := tx.Workspace(ctx, id)
		if err != nil {
			return o, err
		}
		o.Workspaces = append(o.Workspaces, ws)
		accounts, err := tx.Accounts(ctx, id)
		if err != nil {
			return o, err
		}
		for _, a := range accounts {
			if a.Status != shippost.AccountDisconnected {
				o.Accounts++
			}
		}
		counts, err := tx.CountPosts(ctx, id)
		if err != nil {
			return o, err
		}
		handed, err := tx.HandedOver(ctx, id)
		if err != nil {
			return o, err
		}
		o.HandedOver += handed
		o.Waiting += counts[shippost.PostQueued] + counts[shippost.PostPublishing] - handed
		o.Posted += counts[shippost.PostPosted]
	}
	return o, nil
}

// mayErase lets everybody erase themselves and owners their workspace, with a fresh sign-in when it is meant.
func mayErase(actor shippost.Actor, what string, meant bool) error {
	may := shippost.ReadWorkspace
	switch what {
	case Person:
	case Workspace:
		may = shippost.ManageData
	default:
		return shippost.Errorf(shippost.Invalid, "invalid_erasure", "Say what is to be deleted: person or workspace.").At("what").With(shippost.RemedyEdit)
	}
	if meant {
		return actor.RequireFresh(may)
	}
	if actor.Kind == shippost.ActorKey {
		return shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	return actor.Require(may)
}

// planErasure finds out what goes. A workspace goes with its only owner, and a person with their only workspace, since there
// is nothing left for which they would be known here.
func planErasure(ctx context.Context, tx *store.Tx, user shippost.UserID, ws shippost.WorkspaceID, what string) (plan store.ErasurePlan, err error) {
	goes, leaves := map[shippost.WorkspaceID]bool{}, map[shippost.UserID]bool{}
	if what == Workspace {
		goes[ws] = true
	} else {
		leaves[user] = true
		places, err := tx.Memberships(ctx, user)
		if err != nil {
			return plan, err
		}
		for _, place := range places {
			others, err := otherOwners(ctx, tx, place.Workspace, user)
			if err != nil {
				return plan, err
			}
			goes[place.Workspace] = !others
		}
		plan.Users = append(plan.Users, user)
	}
	for ws, gone := range goes {
		if !gone {
			continue
		}
		plan.Workspaces = append(plan.Workspaces, ws)
		members, err := tx.Members(ctx, ws)
		if err != nil {
			return plan, err
		}
		for _, m := range members {
			places, err := tx.Memberships(ctx, m.User)
			if err != nil {
				return plan, err
			}
			stays := leaves[m.User]
			for _, p := range places {
				stays = stays || !goes[p.Workspace]
			}
			if !stays {
				leaves[m.User] = true
				plan.Users = append(plan.Users, m.User)
			}
		}
	}
	for user := range leaves {
		own, err := tx.AccountsOfPerson(ctx, user)
		if err != nil {
			return plan, err
		}
		for _, a := range own {
			if !goes[a.Workspace] {
				plan.Accounts = append(plan.Accounts, a.ID)
			}
		}
	}
	return plan, nil
}

func otherOwners(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID, but shippost.UserID) (bool, error) {
	members, err := tx.Members(ctx, ws)
	for _, m := range members {
		if m.User != but && m.Role == shippost.Owner {
			return true, err
		}
	}
	return false, err
}

// Asked is an erasure that has just been asked for.
type Asked struct {
	Outlook
	ID    string
	Token shippost.Secret // ends the address of the page that tells how it goes and can undo it
}

// Erase asks for an erasure. From when it returns nobody of those who go is signed in or can sign in, their keys are refused,
// nothing that was not handed over is sent, and the accounts are disconnected. Seven days later all of it is deleted, unless
// it is undone.
func (k *Keeper) Erase(ctx context.Context, actor shippost.Actor, what string) (asked Asked, err error) {
	if err := mayErase(actor, what, true); err != nil {
		return asked, err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		plan, err := planErasure(ctx, tx, actor.User, actor.Workspace, what)
		if err == nil {
			asked, err = k.begin(ctx, tx, actor, what, plan, "")
		}
		return err
	})
	return asked, err
}

// EraseFor begins the erasure of a person who asked whoever runs the server for it and proved who they are, in the transaction that
// notes the request as carried out. From then on it is one like any other. page is the hash of what the address of the request's page
// ends with: there it can be undone too. It needs an administrator's sign-in of the last ten minutes.
func (k *Keeper) EraseFor(ctx context.Context, tx *store.Tx, actor shippost.Actor, user shippost.UserID, page string) (asked Asked, err error) {
	if err := actor.RequireFreshAdmin(); err != nil {
		return asked, err
	}
	if err := stays(ctx, tx, user); err != nil {
		return asked, err
	}
	plan, err := planErasure(ctx, tx, user, "", Person)
	if err != nil {
		return asked, err
	}
	return k.begin(ctx, tx, actor, Person, plan, page)
}

// stays refuses somebody who is not known here, or not any more, or leaves already.
func stays(ctx context.Context, tx *store.Tx, id shippost.UserID) error {
	user, err := tx.User(ctx, id)
	if shippost.IsKind(err, shippost.NotFound) || err == nil && user.Name == "" && !user.DisabledAt.IsZero() {
		return shippost.Errorf(shippost.NotFound, "person_unknown", "Nobody is known here by this id, or they were deleted.").At("account").With(shippost.RemedyEdit)
	}
	if err != nil {
		return err
	}
	_, err = tx.ErasureOf(ctx, id)
	if err == nil {
		return shippost.Errorf(shippost.Conflict, "user_leaves", "This person asked to be deleted. Only they can take that back.")
	}
	if shippost.IsKind(err, shippost.NotFound) {
		return nil
	}
	return err
}

// begin stops what a plan names, and has it deleted when the time to undo is over.
func (k *Keeper) begin(ctx context.Context, tx *store.Tx, actor shippost.Actor, what string, plan store.ErasurePlan, page string) (asked Asked, err error) {
	now := tx.Now()
	token := auth.NewToken()
	e := store.Erasure{ID: newID("ers_"), What: what, Plan: plan, TokenHash: auth.Hash(token), PageHash: page, AskedAt: now, DueAt: now.Add(undoTime)}
	if asked.Outlook, err = foresee(ctx, tx, plan); err != nil {
		return asked, err
	}
	e.Receipt = map[string]int64{"posts_not_sent": asked.Waiting, "posts_handed_over": asked.HandedOver, "posts_that_stay_on_the_platform": asked.Posted}
	if err := k.stop(ctx, tx, actor, e); err != nil {
		return asked, err
	}
	if err := tx.InsertErasure(ctx, &e); err != nil {
		return asked, err
	}
	// At once for what has to be asked of the platforms, and again when the time to undo is over.
	for _, at := range []time.Time{now, e.DueAt} {
		if err := k.enqueueErase(ctx, tx, e.ID, at); err != nil {
			return asked, err
		}
	}
	asked.ID, asked.What, asked.UndoUntil, asked.Token = e.ID, what, e.DueAt, token
	return asked, nil
}

// stop ends everything that those who go could still do or have done.
func (k *Keeper) stop(ctx context.Context, tx *store.Tx, actor shippost.Actor, e store.Erasure) error {
	for _, user := range e.Plan.Users {
		if _, err := tx.DisableUser(ctx, user, e.AskedAt); err != nil {
			return err
		}
		if _, err := tx.DeleteSessions(ctx, user); err != nil {
			return err
		}
		if _, err := tx.RevokeAPIKeysOf(ctx, user, e.AskedAt); err != nil {
			return err
		}
	}
	as := func(ws shippost.WorkspaceID) shippost.Actor {
		there := actor
		there.Workspace = ws
		return there
	}
	if err := k.part(ctx, tx, e.Plan, e.AskedAt, as); err != nil {
		return err
	}
	noted := map[shippost.WorkspaceID]bool{actor.Workspace: true}
	for _, ws := range e.Plan.Workspaces {
		noted[ws] = true
	}
	for ws := range noted {
		data := map[string]any{"what": e.What, "erasure": e.ID, "due": e.DueAt.Format(time.RFC3339)}
		if actor.Admin != "" {
			data["admin"] = string(actor.Admin)
		}
		if err := tx.Record(ctx, shippost.Entry{Workspace: ws, Kind: shippost.EntryErasureAsked, Actor: as(ws), Data: data}); err != nil {
			return err
		}
	}
	return nil
}

// part freezes the workspaces of a plan and ends their accounts and those that it names, each as somebody in its workspace.
func (k *Keeper) part(ctx context.Context, tx *store.Tx, plan store.ErasurePlan, at time.Time, as func(shippost.WorkspaceID) shippost.Actor) error {
	end := slices.Clone(plan.Accounts)
	for _, ws := range plan.Workspaces {
		if err := tx.FreezeWorkspace(ctx, ws, at); err != nil {
			return err
		}
		accounts, err := tx.Accounts(ctx, ws)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			end = append(end, a.ID)
		}
	}
	for _, id := range end {
		account, err := tx.AccountOfAny(ctx, id)
		if err != nil {
			return err
		}
		if err := k.Accounts.End(ctx, tx, as(account.Workspace), account); err != nil {
			return err
		}
	}
	return nil
}

// Progress is how far an erasure is, for whoever holds the address of its page.
type Progress struct {
	ID       string
	What     string
	AskedAt  time.Time
	DueAt    time.Time
	UndoneAt time.Time
	ErasedAt time.Time
	Receipt  map[string]int64
}

// Progress returns how far an erasure is; NotFound for an unknown token.
func (k *Keeper) Progress(ctx context.Context, token shippost.Secret) (p Progress, err error) {
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		e, err := tx.ErasureByHash(ctx, auth.Hash(token))
		p = Progress{e.ID, e.What, e.AskedAt, e.DueAt, e.UndoneAt, e.ErasedAt, e.Receipt}
		return err
	})
	return p, err
}

// Undo takes an erasure back. People may sign in again and find their workspaces as they were, with the accounts disconnected.
// When the time is over it is a Conflict with code erasure_over.
func (k *Keeper) Undo(ctx context.Context, token shippost.Secret) error {
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := tx.ErasureByHash(ctx, auth.Hash(token))
		if err != nil {
			return err
		}
		if !e.UndoneAt.IsZero() {
			return nil
		}
		plan := e.Plan
		e.UndoneAt, e.Plan, e.Receipt = tx.Now(), store.ErasurePlan{}, nil
		open, err := tx.SaveErasure(ctx, e)
		if err != nil {
			return err
		}
		if !open || !tx.Now().Before(e.DueAt) {
			return shippost.Errorf(shippost.Conflict, "erasure_over", "The time to undo this is over.")
		}
		for _, user := range plan.Users {
			if _, err := tx.DisableUser(ctx, user, time.Time{}); err != nil {
				return err
			}
		}
		for _, ws := range plan.Workspaces {
			if err := tx.FreezeWorkspace(ctx, ws, time.Time{}); err != nil {
				return err
			}
			err := tx.Record(ctx, shippost.Entry{Workspace: ws, Kind: shippost.EntryErasureUndone, Actor: shippost.System(ws), Data: map[string]any{"erasure": e.ID}})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

var idLetters = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newID returns a random id that tells nothing, not even when it was made.
func newID(prefix string) string {
	return prefix + strings.ToLower(idLetters.EncodeToString([]byte(auth.NewToken().Reveal())[:20]))
}
