package store

import (
	"context"
	"slices"
	"time"

	"ship-post.com/shippost"
)

// Erasure is a wish that somebody or something be erased, and what became of it.
type Erasure struct {
	ID        string
	What      string // person, workspace
	Plan      ErasurePlan
	TokenHash string
	PageHash  string // its page has this address too: that of the request it was asked for by; "" for none
	AskedAt   time.Time
	DueAt     time.Time // it can be undone until then
	UndoneAt  time.Time
	ErasedAt  time.Time
	Receipt   map[string]int64 // what went, by name
}

// Names returns the ids of everything that goes.
func (p ErasurePlan) Names() (ids []string) {
	for _, id := range p.Users {
		ids = append(ids, string(id))
	}
	for _, id := range p.Workspaces {
		ids = append(ids, string(id))
	}
	for _, id := range p.Accounts {
		ids = append(ids, string(id))
	}
	return ids
}

// ErasurePlan names what an erasure takes along. It is empty once that is gone.
type ErasurePlan struct {
	Users      []shippost.UserID      `json:"users,omitempty"`
	Workspaces []shippost.WorkspaceID `json:"workspaces,omitempty"`
	Accounts   []shippost.AccountID   `json:"accounts,omitempty"` // the persons' own, in workspaces that stay
}

var erasures = newTable("erasures",
	column[Erasure]{"id", func(e *Erasure) any { return &e.ID }},
	column[Erasure]{"what", func(e *Erasure) any { return &e.What }},
	column[Erasure]{"plan", func(e *Erasure) any { return doc(&e.Plan) }},
	column[Erasure]{"token_hash", func(e *Erasure) any { return &e.TokenHash }},
	column[Erasure]{"page_hash", func(e *Erasure) any { return &e.PageHash }},
	column[Erasure]{"asked_at", func(e *Erasure) any { return at(&e.AskedAt) }},
	column[Erasure]{"due_at", func(e *Erasure) any { return at(&e.DueAt) }},
	column[Erasure]{"undone_at", func(e *Erasure) any { return at(&e.UndoneAt) }},
	column[Erasure]{"erased_at", func(e *Erasure) any { return at(&e.ErasedAt) }},
	column[Erasure]{"receipt", func(e *Erasure) any { return doc(&e.Receipt) }},
)

// InsertErasure writes a new erasure.
func (t *Tx) InsertErasure(ctx context.Context, e *Erasure) error { return erasures.insert(ctx, t, e) }

// ErasureByHash returns the erasure whose page has an address with this hash; NotFound without one.
func (t *Tx) ErasureByHash(ctx context.Context, hash string) (Erasure, error) {
	return erasures.get(ctx, t, missing("erasure"), "WHERE token_hash = $1 OR page_hash = $1 AND page_hash <> ''", hash)
}

// Erasure returns an erasure; NotFound without one.
func (t *Tx) Erasure(ctx context.Context, id string) (Erasure, error) {
	return erasures.get(ctx, t, missing("erasure"), "WHERE id = $1", id)
}

// OpenErasures returns what is neither undone nor carried out, the earliest due first.
func (t *Tx) OpenErasures(ctx context.Context) ([]Erasure, error) {
	return erasures.list(ctx, t, "WHERE undone_at IS NULL AND erased_at IS NULL ORDER BY due_at")
}

// ErasureOf returns the erasure that waits to be carried out and takes a person along; NotFound without one.
func (t *Tx) ErasureOf(ctx context.Context, user shippost.UserID) (Erasure, error) {
	open, err := t.OpenErasures(ctx)
	if err != nil {
		return Erasure{}, err
	}
	for _, e := range open {
		if slices.Contains(e.Plan.Users, user) {
			return e, nil
		}
	}
	return Erasure{}, missing("erasure")
}

// SaveErasure writes the plan, the receipt and the ends of an erasure that has none yet. It reports whether it had none.
func (t *Tx) SaveErasure(ctx context.Context, e Erasure) (bool, error) {
	return t.swap(ctx, "UPDATE erasures SET plan = $2, receipt = $3, undone_at = $4, erased_at = $5 WHERE id = $1 AND undone_at IS NULL AND erased_at IS NULL",
		e.ID, doc(&e.Plan), doc(&e.Receipt), at(&e.UndoneAt), at(&e.ErasedAt))
}

// ForgetErasures deletes erasures that ended before a moment.
func (t *Tx) ForgetErasures(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM erasures WHERE erased_at < $1 OR undone_at < $1", moment(before))
}

// FreezeWorkspace keeps everybody out of a workspace from a moment on; the zero time lets them in again.
func (t *Tx) FreezeWorkspace(ctx context.Context, ws shippost.WorkspaceID, when time.Time) error {
	_, err := t.exec(ctx, "UPDATE workspaces SET frozen_at = $2 WHERE id = $1", ws, moment(when))
	return err
}

// WorkspaceFrozen reports whether nobody may enter a workspace. One that does not exist is not frozen.
func (t *Tx) WorkspaceFrozen(ctx context.Context, ws shippost.WorkspaceID) (bool, error) {
	var n int
	err := t.value(ctx, []any{&n}, "SELECT count(*) FROM workspaces WHERE id = $1 AND frozen_at IS NOT NULL", ws)
	return n > 0, err
}

// DeleteUser deletes a user whom no row names any more, and reports whether it did.
func (t *Tx) DeleteUser(ctx context.Context, id shippost.UserID) (bool, error) {
	return t.swap(ctx, `DELETE FROM users WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM posts WHERE created_by = $1)
		AND NOT EXISTS (SELECT 1 FROM media WHERE uploaded_by = $1) AND NOT EXISTS (SELECT 1 FROM consents WHERE user_id = $1)
		AND NOT EXISTS (SELECT 1 FROM uploads WHERE user_id = $1) AND NOT EXISTS (SELECT 1 FROM api_keys WHERE user_id = $1)
		AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = $1) AND NOT EXISTS (SELECT 1 FROM members WHERE user_id = $1)
		AND NOT EXISTS (SELECT 1 FROM identities WHERE user_id = $1) AND NOT EXISTS (SELECT 1 FROM exports WHERE user_id = $1)
		AND NOT EXISTS (SELECT 1 FROM acknowledgements WHERE user_id = $1) AND NOT EXISTS (SELECT 1 FROM conversions WHERE started_by = $1)`, id)
}

// Users returns everybody, for what is done to all of them. Only ShipPost itself may ask this.
func (t *Tx) Users(ctx context.Context) ([]shippost.User, error) {
	return users.list(ctx, t, "ORDER BY id")
}

// Workspaces returns all workspaces, for what is done to all of them. Only ShipPost itself may ask this.
func (t *Tx) Workspaces(ctx context.Context) ([]shippost.Workspace, error) {
	return workspaces.list(ctx, t, "ORDER BY id")
}

// AccountsOfPerson returns the accounts, in whatever workspace, of the creators that a user signs in as.
func (t *Tx) AccountsOfPerson(ctx context.Context, id shippost.UserID) ([]shippost.Account, error) {
	return accounts.list(ctx, t, "WHERE EXISTS (SELECT 1 FROM identities i WHERE i.user_id = $1 AND i.platform = accounts.platform "+
		"AND i.subject = accounts.subject) ORDER BY id", id)
}

// KeepPosted returns how many days the files of a workspace stay after their last post was posted: 0 for none, -1 for always.
func (t *Tx) KeepPosted(ctx context.Context, ws shippost.WorkspaceID) (days int, err error) {
	err = t.value(ctx, []any{&days}, "SELECT keep_posted FROM workspaces WHERE id = $1", ws)
	return days, err
}

// SetKeepPosted sets what KeepPosted returns, and reports whether that is a change.
func (t *Tx) SetKeepPosted(ctx context.Context, ws shippost.WorkspaceID, days int) (bool, error) {
	return t.swap(ctx, "UPDATE workspaces SET keep_posted = $2 WHERE id = $1 AND keep_posted <> $2", ws, days)
}

// spent selects files whose every post is over, one of them posted and none later than a moment: nobody can need them for a
// post that exists. A post that failed can be tried again, a draft can be sent, and of one in an inbox or without a
// confirmation nobody knows, so those keep their files.
const spent = ` status = 'ready' AND deleted_at IS NULL
	AND EXISTS (SELECT 1 FROM post_media pm JOIN posts p ON p.id = pm.post_id WHERE pm.media_id = media.id AND p.status = 'posted')
	AND NOT EXISTS (SELECT 1 FROM post_media pm JOIN posts p ON p.id = pm.post_id WHERE pm.media_id = media.id
		AND (p.status NOT IN ('posted', 'cancelled') OR p.status = 'posted' AND (p.posted_at IS NULL OR p.posted_at > $2)))`

// SpentMedia returns files of a workspace whose last post was posted at or before a moment, by id after the given one.
func (t *Tx) SpentMedia(ctx context.Context, ws shippost.WorkspaceID, before time.Time, after shippost.MediaID, limit int) (ids []shippost.MediaID, err error) {
	list, err := mediaTable.list(ctx, t, "WHERE workspace_id = $1 AND"+spent+" AND id > $3 ORDER BY id LIMIT $4", ws, moment(before), after, limit)
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	return ids, err
}

// MediaSpent reports whether SpentMedia would return the file now.
func (t *Tx) MediaSpent(ctx context.Context, id shippost.MediaID, before time.Time) (bool, error) {
	var n int
	err := t.value(ctx, []any{&n}, "SELECT count(*) FROM media WHERE id = $1 AND"+spent, id, moment(before))
	return n > 0, err
}

// HandedOver returns how many posts of a workspace are past the point of no return and have no end yet.
func (t *Tx) HandedOver(ctx context.Context, ws shippost.WorkspaceID) (n int64, err error) {
	err = t.value(ctx, []any{&n}, `SELECT count(*) FROM posts p WHERE p.workspace_id = $1 AND p.status = 'publishing'
		AND EXISTS (SELECT 1 FROM attempts a WHERE a.post_id = p.id AND a.state IN ('committing', 'handed_over', 'unknown'))`, ws)
	return n, err
}

// CountPosts returns how many posts of a workspace have each status.
func (t *Tx) CountPosts(ctx context.Context, ws shippost.WorkspaceID) (map[shippost.PostStatus]int64, error) {
	counts := map[shippost.PostStatus]int64{}
	err := t.each(ctx, 2, "SELECT status, count(*) FROM posts WHERE workspace_id = $1 GROUP BY status", []any{ws}, func(v []any) error {
		status, _ := v[0].(string)
		counts[shippost.PostStatus(status)], _ = v[1].(int64)
		return nil
	})
	return counts, err
}
