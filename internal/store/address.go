package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Address is where a person gets mail, and of what.
type Address struct {
	User         shippost.UserID
	Mail         string // confirmed; "" while none is
	Pending      string // waits to be confirmed; "" for none
	CodeHash     string
	PendingUntil time.Time
	LeaveHash    string
	LeaveToken   string // sealed
	Trouble      int64  // 1: posts that failed, were missed or need somebody
	Posted       int64  // 1: posts that went out
	ConfirmedAt  time.Time
}

var addresses = newTable("addresses",
	column[Address]{"user_id", func(a *Address) any { return &a.User }},
	column[Address]{"mail", func(a *Address) any { return &a.Mail }},
	column[Address]{"pending", func(a *Address) any { return &a.Pending }},
	column[Address]{"code_hash", func(a *Address) any { return &a.CodeHash }},
	column[Address]{"pending_until", func(a *Address) any { return at(&a.PendingUntil) }},
	column[Address]{"leave_hash", func(a *Address) any { return &a.LeaveHash }},
	column[Address]{"leave_token", func(a *Address) any { return &a.LeaveToken }},
	column[Address]{"trouble", func(a *Address) any { return &a.Trouble }},
	column[Address]{"posted", func(a *Address) any { return &a.Posted }},
	column[Address]{"confirmed_at", func(a *Address) any { return at(&a.ConfirmedAt) }},
)

// Address returns a person's address; NotFound without one.
func (t *Tx) Address(ctx context.Context, user shippost.UserID) (Address, error) {
	return addresses.get(ctx, t, missing("address"), "WHERE user_id = $1", user)
}

// AddressOf returns the address of the person who confirmed a mail address; NotFound when nobody did, or more than one.
func (t *Tx) AddressOf(ctx context.Context, mail string) (Address, error) {
	list, err := addresses.list(ctx, t, "WHERE lower(mail) = lower($1) AND mail <> '' LIMIT 2", mail)
	if err == nil && len(list) != 1 {
		err = missing("address")
	}
	if err != nil {
		return Address{}, err
	}
	return list[0], nil
}

// AddressByCode returns the address that was sent a code with this hash; NotFound without one.
func (t *Tx) AddressByCode(ctx context.Context, hash string) (Address, error) {
	return addresses.get(ctx, t, missing("address"), "WHERE code_hash = $1 AND code_hash <> ''", hash)
}

// AddressByLeave returns the address whose mails end with a link with this hash; NotFound without one.
func (t *Tx) AddressByLeave(ctx context.Context, hash string) (Address, error) {
	return addresses.get(ctx, t, missing("address"), "WHERE leave_hash = $1 AND leave_hash <> ''", hash)
}

// Addresses returns the confirmed addresses of people who are let in.
func (t *Tx) Addresses(ctx context.Context) ([]Address, error) {
	return addresses.list(ctx, t, "WHERE mail <> '' AND EXISTS (SELECT 1 FROM users u WHERE u.id = addresses.user_id AND u.disabled_at IS NULL) ORDER BY user_id")
}

// SaveAddress writes a person's address in the place of an earlier one.
func (t *Tx) SaveAddress(ctx context.Context, a Address) error {
	if err := t.DeleteAddress(ctx, a.User); err != nil {
		return err
	}
	return addresses.insert(ctx, t, &a)
}

// DeleteAddress removes a person's address.
func (t *Tx) DeleteAddress(ctx context.Context, user shippost.UserID) error {
	_, err := t.exec(ctx, "DELETE FROM addresses WHERE user_id = $1", user)
	return err
}

// ForgetPending forgets addresses that nobody confirmed until a moment, with the question that may still wait to be sent.
func (t *Tx) ForgetPending(ctx context.Context, until time.Time) error {
	if _, err := t.exec(ctx, withdraw+" AND kind = $2 AND user_id IN (SELECT user_id FROM addresses WHERE pending_until < $1)", moment(until), shippost.LetterConfirm); err != nil {
		return err
	}
	if _, err := t.exec(ctx, "DELETE FROM addresses WHERE mail = '' AND pending_until < $1", moment(until)); err != nil {
		return err
	}
	_, err := t.exec(ctx, "UPDATE addresses SET pending = '', code_hash = '', pending_until = NULL WHERE pending_until < $1", moment(until))
	return err
}

// Tiding is something that a person is to be told of a post.
type Tiding struct {
	Entry     shippost.EntryID
	User      shippost.UserID
	Workspace shippost.WorkspaceID
	Post      shippost.PostID
	Kind      shippost.EntryKind
	At        time.Time
}

var tidings = newTable("tidings",
	column[Tiding]{"entry_id", func(g *Tiding) any { return &g.Entry }},
	column[Tiding]{"user_id", func(g *Tiding) any { return &g.User }},
	column[Tiding]{"workspace_id", func(g *Tiding) any { return &g.Workspace }},
	column[Tiding]{"post_id", func(g *Tiding) any { return &g.Post }},
	column[Tiding]{"kind", func(g *Tiding) any { return &g.Kind }},
	column[Tiding]{"at", func(g *Tiding) any { return at(&g.At) }},
)

// noteTidings remembers an entry for those members of its workspace who want to be told of it by mail.
func (t *Tx) noteTidings(ctx context.Context, e shippost.Entry) error {
	wants := ""
	switch e.Kind.Tidings() {
	case shippost.TidingsTrouble:
		wants = "a.trouble = 1"
	case shippost.TidingsPosted:
		wants = "a.posted = 1"
	default:
		return nil
	}
	_, err := t.exec(ctx, "INSERT INTO tidings (entry_id, user_id, workspace_id, post_id, kind, at) "+
		"SELECT CAST($1 AS TEXT), a.user_id, m.workspace_id, CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT) FROM addresses a JOIN members m ON m.user_id = a.user_id "+
		"WHERE m.workspace_id = $2 AND a.mail <> '' AND "+wants, e.ID, e.Workspace, e.Post, e.Kind, moment(e.At))
	return err
}

// ToTell says whom PeopleToTell looks for.
type ToTell struct {
	Since   time.Time           // something has waited since then or longer
	After   shippost.UserID     // from behind this person on; "" from the first
	Kind    shippost.LetterKind // of which
	Written time.Time           // since then
	Fewer   int                 // than that many were written to them
	Limit   int
}

// PeopleToTell returns people for whom something waits and who have not got enough for now, by their id.
func (t *Tx) PeopleToTell(ctx context.Context, q ToTell) (people []shippost.UserID, err error) {
	err = t.each(ctx, 1, "SELECT user_id FROM tidings WHERE user_id > $1 AND "+
		"(SELECT count(*) FROM letters l WHERE l.user_id = tidings.user_id AND l.kind = $3 AND l.created_at >= $4) < $5 "+
		"GROUP BY user_id HAVING min(at) <= $2 ORDER BY user_id LIMIT $6", []any{q.After, moment(q.Since), q.Kind, moment(q.Written), q.Fewer, q.Limit}, func(v []any) error {
		user, _ := v[0].(string)
		people = append(people, shippost.UserID(user))
		return nil
	})
	return people, err
}

// TakeTidings returns up to limit of what a person is to be told, the earliest first, and forgets it.
func (t *Tx) TakeTidings(ctx context.Context, user shippost.UserID, limit int) ([]Tiding, error) {
	all, err := tidings.list(ctx, t, "WHERE user_id = $1 ORDER BY at, entry_id LIMIT $2", user, limit)
	taken := all[:0]
	for _, g := range all {
		// Another node may be at the same.
		mine, err := t.swap(ctx, "DELETE FROM tidings WHERE user_id = $1 AND entry_id = $2", user, g.Entry)
		if err != nil {
			return nil, err
		}
		if mine {
			taken = append(taken, g)
		}
	}
	return taken, err
}

// ForgetTidings deletes what a person was to be told; "" means everybody, and only what is older than a moment.
func (t *Tx) ForgetTidings(ctx context.Context, user shippost.UserID, before time.Time) error {
	_, err := t.exec(ctx, "DELETE FROM tidings WHERE ($1 = '' OR user_id = $1) AND at < $2", user, moment(before))
	return err
}
