package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

var slots = newTable("slots",
	column[shippost.Slot]{"id", func(s *shippost.Slot) any { return &s.ID }},
	column[shippost.Slot]{"workspace_id", func(s *shippost.Slot) any { return &s.Workspace }},
	column[shippost.Slot]{"account_id", func(s *shippost.Slot) any { return &s.Account }},
	column[shippost.Slot]{"weekday", func(s *shippost.Slot) any { return (*int)(&s.Weekday) }},
	column[shippost.Slot]{"clock", func(s *shippost.Slot) any { return &s.Clock }},
	column[shippost.Slot]{"zone", func(s *shippost.Slot) any { return &s.Zone }},
	column[shippost.Slot]{"created_at", func(s *shippost.Slot) any { return at(&s.CreatedAt) }},
)

// InsertSlot adds a slot and reports whether the account did not have it yet.
func (t *Tx) InsertSlot(ctx context.Context, s *shippost.Slot) (bool, error) {
	return t.swap(ctx, slots.insertN+" ON CONFLICT (account_id, weekday, clock, zone) DO NOTHING", slots.fields(s)...)
}

// Slots returns the slots of the accounts of a workspace, or of one of them, in the order of the week.
func (t *Tx) Slots(ctx context.Context, ws shippost.WorkspaceID, account shippost.AccountID) ([]shippost.Slot, error) {
	q := conditions{}
	q.add("workspace_id = ", ws)
	if account != "" {
		q.add("account_id = ", account)
	}
	return slots.list(ctx, t, q.where()+" ORDER BY weekday, clock, id", q.args...)
}

// DeleteSlot removes a slot of a workspace and returns it; NotFound when there is none.
func (t *Tx) DeleteSlot(ctx context.Context, ws shippost.WorkspaceID, id shippost.SlotID) (shippost.Slot, error) {
	s, err := slots.get(ctx, t, missing("slot"), "WHERE workspace_id = $1 AND id = $2", ws, id)
	if err == nil {
		_, err = t.exec(ctx, "DELETE FROM slots WHERE id = $1", id)
	}
	return s, err
}

// TakenTimes returns when posts of an account go out, or went out, between two instants, with the posts. Those that will not
// go out take no time.
func (t *Tx) TakenTimes(ctx context.Context, account shippost.AccountID, from, to time.Time) (map[time.Time]shippost.PostID, error) {
	list, err := postTable.list(ctx, t, `WHERE account_id = $1 AND due_at >= $2 AND due_at < $3
		AND status IN ('queued', 'publishing', 'posted', 'in_inbox', 'unconfirmed') ORDER BY due_at, id`, account, moment(from), moment(to))
	taken := make(map[time.Time]shippost.PostID, len(list))
	for _, p := range list {
		minute := p.Due.At.Truncate(time.Minute)
		if _, ok := taken[minute]; !ok {
			taken[minute] = p.ID
		}
	}
	return taken, err
}
