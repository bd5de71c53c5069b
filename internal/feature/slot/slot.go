// Package slot keeps the queues of accounts: recurring times, and which of the next ones are free.
package slot

import (
	"context"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Limits of queues.
const (
	MaxSlots   = 100                 // of one account
	MaxAhead   = 92 * 24 * time.Hour // how far times are told at once
	MaxTimes   = 500                 // how many
	soonest    = time.Minute         // a slot that begins sooner is no use to anybody
	usualAhead = 8 * 7 * 24 * time.Hour
)

// Keeper keeps the slots. Make one with New.
type Keeper struct{ db *store.DB }

// New returns a Keeper.
func New(db *store.DB) *Keeper { return &Keeper{db} }

// Add gives an account another time. One that it has already is a Conflict.
func (k *Keeper) Add(ctx context.Context, actor shippost.Actor, s shippost.Slot) (shippost.Slot, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return s, err
	}
	if err := s.Check(); err != nil {
		return s, err
	}
	s.ID, s.Workspace, s.CreatedAt = shippost.NewSlotID(k.db.Now()), actor.Workspace, k.db.Now()
	err := k.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Account(ctx, actor.Workspace, s.Account); err != nil {
			return err
		}
		all, err := tx.Slots(ctx, actor.Workspace, s.Account)
		if err != nil {
			return err
		}
		if len(all) >= MaxSlots {
			return shippost.Errorf(shippost.Conflict, "too_many_slots", "An account has at most %d slots. Remove one first.", MaxSlots)
		}
		added, err := tx.InsertSlot(ctx, &s)
		if err != nil {
			return err
		}
		if !added {
			return shippost.Errorf(shippost.Conflict, "slot_exists", "The account has this time already.").At("clock")
		}
		return record(ctx, tx, actor, s, shippost.EntrySlotAdded)
	})
	return s, err
}

// Remove takes a time out of a queue. Posts that are planned for it stay.
func (k *Keeper) Remove(ctx context.Context, actor shippost.Actor, id shippost.SlotID) error {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *store.Tx) error {
		s, err := tx.DeleteSlot(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		return record(ctx, tx, actor, s, shippost.EntrySlotRemoved)
	})
}

func record(ctx context.Context, tx *store.Tx, actor shippost.Actor, s shippost.Slot, kind shippost.EntryKind) error {
	return tx.Record(ctx, shippost.Entry{Workspace: s.Workspace, Kind: kind, Actor: actor, Account: s.Account,
		Data: map[string]any{"weekday": int(s.Weekday), "clock": s.Clock, "zone": s.Zone}})
}

// List returns the slots of the workspace in the order of the week; account "" means all.
func (k *Keeper) List(ctx context.Context, actor shippost.Actor, account shippost.AccountID) (list []shippost.Slot, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = k.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Slots(ctx, actor.Workspace, account)
		return err
	})
	return list, err
}

// Time is one occurrence of a slot.
type Time struct {
	Slot shippost.Slot
	Due  shippost.Due
	Post shippost.PostID // what goes out then; "" when it is free
}

// Ask chooses occurrences.
type Ask struct {
	Account  shippost.AccountID // "" for all
	From, To time.Time          // zero: from now, for eight weeks
	Free     bool               // only free ones
	Limit    int                // at most MaxTimes
}

// Times returns when the slots of accounts fall, earliest first, and what goes out then. Times that are less than a minute
// ahead are left out.
func (k *Keeper) Times(ctx context.Context, actor shippost.Actor, a Ask) (times []Time, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	if earliest := k.db.Now().Add(soonest); a.From.Before(earliest) {
		a.From = earliest
	}
	if a.To.IsZero() {
		a.To = a.From.Add(usualAhead)
	}
	if a.To.Sub(a.From) > MaxAhead {
		return nil, shippost.Errorf(shippost.Invalid, "too_far_ahead", "Ask for at most %d days.", int(MaxAhead/(24*time.Hour))).At("to")
	}
	err = k.db.View(ctx, func(tx *store.Tx) error {
		list, err := tx.Slots(ctx, actor.Workspace, a.Account)
		if err != nil {
			return err
		}
		if times, err = occurrences(list, a.From, a.To); err != nil {
			return err
		}
		taken := map[shippost.AccountID]map[time.Time]shippost.PostID{}
		for i, t := range times {
			if taken[t.Slot.Account] == nil {
				if taken[t.Slot.Account], err = tx.TakenTimes(ctx, t.Slot.Account, a.From.Truncate(time.Minute), a.To); err != nil {
					return err
				}
			}
			times[i].Post = taken[t.Slot.Account][t.Due.At.Truncate(time.Minute)]
		}
		return nil
	})
	if a.Free {
		times = slices.DeleteFunc(times, func(t Time) bool { return t.Post != "" })
	}
	if a.Limit > 0 && len(times) > a.Limit {
		times = times[:a.Limit]
	}
	return times, err
}

// occurrences returns when slots fall between two instants, the second left out, earliest first. It is pure.
func occurrences(list []shippost.Slot, from, to time.Time) ([]Time, error) {
	var times []Time
	for _, s := range list {
		// A day to spare on either side covers any zone; what lies outside is left out.
		for day := from.Add(-24 * time.Hour); day.Before(to.Add(48 * time.Hour)); day = day.Add(24 * time.Hour) {
			if day.UTC().Weekday() != s.Weekday {
				continue
			}
			due, err := s.On(day.UTC().Format(time.DateOnly))
			if err != nil {
				return nil, err
			}
			if !due.At.Before(from) && due.At.Before(to) {
				times = append(times, Time{Slot: s, Due: due})
			}
		}
	}
	slices.SortFunc(times, func(a, b Time) int {
		if c := a.Due.At.Compare(b.Due.At); c != 0 {
			return c
		}
		return strings.Compare(string(a.Slot.ID), string(b.Slot.ID))
	})
	return times, nil
}
