// Package breach ends whatever somebody may hold who got in: every sign-in, every key, the access to every account, and the keys that
// this server seals with. What people wrote and planned stays.
package breach

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/rotate"
	"ship-post.com/shippost/internal/store"
)

// codeMeta is where the command line leaves a code with which an administrator can be made.
const codeMeta = "admin_code"

// timelinePage is how many entries are read at once.
const timelinePage = 500

// Accounts gives up access to platforms.
type Accounts interface {
	// GiveUp ends what can be done with the access to an account, until its creator gives it anew.
	GiveUp(ctx context.Context, tx *store.Tx, account shippost.Account) (bool, error)
	// FinishPartings asks the platforms to revoke what was given up, and forgets it.
	FinishPartings(ctx context.Context) error
}

// Options is what a Desk needs. All fields are required.
type Options struct {
	DB       *store.DB
	Accounts Accounts
	Chain    *journal.Chain
	Keys     *rotate.Rotator
	Log      *slog.Logger
}

// Desk answers a breach.
type Desk struct{ Options }

// New returns a Desk.
func New(o Options) *Desk { return &Desk{o} }

// Toll says what an answer to a breach ends, or has ended.
type Toll struct {
	Access   []store.Load // ways in, by name
	Accounts int          // whose access is given up; their posts wait until they are connected again
	Held     int64        // access that a platform has not confirmed to be revoked yet
	Rotated  bool         // a new key seals from now on
	OldKeys  string       // why the keys before can still open something, as a sentence; "" when they are gone
}

// Foresee returns what Answer would end now. It changes nothing.
func (d *Desk) Foresee(ctx context.Context) (t Toll, err error) {
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		if t.Access, err = tx.OpenAccess(ctx); err != nil {
			return err
		}
		accounts, err := tx.AccountsWithAccess(ctx)
		if err != nil {
			return err
		}
		t.Accounts = len(accounts)
		return nil
	})
	return t, err
}

// Answer ends it. Each step is whole by itself and noted in the journal: called again, after a crash or just so, it ends what is left or
// has come since. An error says that not all of it is done; what a platform has not confirmed is no error, it is asked again for seven days.
func (d *Desk) Answer(ctx context.Context) (t Toll, err error) {
	// New keys first: what is sealed from here on is not for whoever has the old ones. That there can be none, whyever, is no reason to
	// leave anything open.
	switch err := d.Keys.Begin(ctx, true); {
	case shippost.IsCode(err, "servers_run"):
		t.OldKeys = shippost.AsError(err).Message
	case err != nil:
		d.Log.Error("the keys could not be rotated", "err", err)
		t.OldKeys = fmt.Sprintf("This is why: %s. Mend that.", strings.TrimSuffix(err.Error(), "."))
	default:
		t.Rotated = true
	}
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		if t.Access, err = tx.EndAccess(ctx, tx.Now()); err != nil {
			return err
		}
		if err := tx.DropMeta(ctx, codeMeta); err != nil {
			return err
		}
		data := map[string]any{}
		for _, l := range t.Access {
			data[l.Name] = l.N
		}
		return record(ctx, tx, shippost.EntryAccessEnded, data)
	})
	if err != nil {
		return t, fmt.Errorf("end what is open: %w", err)
	}
	var accounts []shippost.Account
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		accounts, err = tx.AccountsWithAccess(ctx)
		return err
	})
	for _, account := range accounts {
		if err != nil {
			break
		}
		given := false
		err = d.DB.Update(ctx, func(tx *store.Tx) error {
			now, err := tx.AccountOfAny(ctx, account.ID)
			if err != nil {
				return err
			}
			given, err = d.Accounts.GiveUp(ctx, tx, now)
			return err
		})
		if given {
			t.Accounts++
		}
	}
	if err != nil {
		return t, fmt.Errorf("give up the access to accounts: %w", err)
	}
	if err := d.Accounts.FinishPartings(ctx); err != nil {
		d.Log.Warn("a platform did not confirm that our access is gone; it is asked again", "err", err)
	}
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		left, err := tx.PartedWithGrant(ctx)
		t.Held = int64(len(left))
		return err
	})
	if err != nil || !t.Rotated {
		return t, err
	}
	result, err := d.Keys.Finish(ctx)
	t.OldKeys = result.Waits
	return t, err
}

func record(ctx context.Context, tx *store.Tx, kind shippost.EntryKind, data map[string]any) error {
	return tx.Record(ctx, shippost.Entry{Kind: kind, Actor: shippost.Actor{Kind: shippost.ActorSystem}, Data: data})
}

// Person is somebody whom a breach may concern.
type Person struct {
	ID       shippost.UserID      `json:"id"`
	Name     string               `json:"name"`
	Mail     string               `json:"mail"` // "" when none was confirmed
	Accounts []shippost.AccountID `json:"account_ids"`
}

// Event is a line of the timeline. It holds nothing of what people wrote.
type Event struct {
	At        time.Time            `json:"at"`
	Kind      shippost.EntryKind   `json:"kind"`
	By        shippost.ActorKind   `json:"by"`
	User      shippost.UserID      `json:"user_id,omitempty"`
	Key       shippost.APIKeyID    `json:"key_id,omitempty"`
	Network   string               `json:"network,omitempty"`
	Workspace shippost.WorkspaceID `json:"workspace_id,omitempty"`
	Account   shippost.AccountID   `json:"account_id,omitempty"`
	Post      shippost.PostID      `json:"post_id,omitempty"`
}

// Findings are what is known of a breach: who is to be told, and what the audit log has.
type Findings struct {
	Since    time.Time `json:"since"`
	Log      string    `json:"log"` // whether the log can be relied on
	People   []Person  `json:"people"`
	Timeline []Event   `json:"timeline"` // oldest first
}

// Find returns whom a breach may concern, and what happened since a moment. Being read like this is noted.
func (d *Desk) Find(ctx context.Context, since time.Time) (f Findings, err error) {
	report, err := d.Chain.Verify(ctx)
	verdict := report.Sentence()
	switch {
	case shippost.IsCode(err, "sealed_value_unreadable"): // who came in may have damaged its keys
		verdict = fmt.Sprintf("The log cannot be checked: %s. Do not rely on it.", strings.TrimSuffix(err.Error(), "."))
	case err != nil:
		return f, err
	}
	f = Findings{Since: since.UTC(), Log: verdict, People: []Person{}, Timeline: []Event{}}
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range users {
			if u.Name == "" && !u.DisabledAt.IsZero() {
				continue // what an erasure leaves behind
			}
			p := Person{ID: u.ID, Name: u.Name, Accounts: []shippost.AccountID{}}
			address, err := tx.Address(ctx, u.ID)
			if err != nil && !shippost.IsKind(err, shippost.NotFound) {
				return err
			}
			p.Mail = address.Mail
			places, err := tx.Memberships(ctx, u.ID)
			if err != nil {
				return err
			}
			for _, place := range places {
				accounts, err := tx.Accounts(ctx, place.Workspace)
				if err != nil {
					return err
				}
				for _, a := range accounts {
					p.Accounts = append(p.Accounts, a.ID)
				}
			}
			f.People = append(f.People, p)
		}
		for before := int64(0); ; {
			page, err := tx.Journal(ctx, store.JournalQuery{Since: since, Before: before, Limit: timelinePage})
			if err != nil {
				return err
			}
			for _, e := range page {
				f.Timeline = append(f.Timeline, Event{e.At, e.Kind, e.Actor.Kind, e.Actor.User, e.Actor.Key, e.Actor.Network, e.Workspace, e.Account, e.Post})
				before = e.Seq
			}
			if len(page) < timelinePage {
				slices.Reverse(f.Timeline)
				return nil
			}
		}
	})
	if err != nil {
		return f, err
	}
	return f, d.DB.Update(ctx, func(tx *store.Tx) error {
		return record(ctx, tx, shippost.EntryAdminRead, map[string]any{"what": "people and timeline of a breach"})
	})
}
