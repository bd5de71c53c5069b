package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Administrator runs the server. No user is one, and none becomes one by signing up.
type Administrator struct {
	ID         shippost.AdminID
	Name       string
	CreatedAt  time.Time
	DisabledAt time.Time
}

var administrators = newTable("administrators",
	column[Administrator]{"id", func(a *Administrator) any { return &a.ID }},
	column[Administrator]{"name", func(a *Administrator) any { return &a.Name }},
	column[Administrator]{"created_at", func(a *Administrator) any { return at(&a.CreatedAt) }},
	column[Administrator]{"disabled_at", func(a *Administrator) any { return at(&a.DisabledAt) }},
)

// InsertAdministrator writes a new administrator.
func (t *Tx) InsertAdministrator(ctx context.Context, a *Administrator) error {
	return administrators.insert(ctx, t, a)
}

// Administrator returns an administrator; NotFound without one.
func (t *Tx) Administrator(ctx context.Context, id shippost.AdminID) (Administrator, error) {
	return administrators.get(ctx, t, missing("administrator"), "WHERE id = $1", id)
}

// Administrators returns all of them, the oldest first.
func (t *Tx) Administrators(ctx context.Context) ([]Administrator, error) {
	return administrators.list(ctx, t, "ORDER BY created_at, id")
}

// AdminSession is a browser in which an administrator is signed in.
type AdminSession struct {
	Hash      string
	Admin     shippost.AdminID
	Network   string
	Browser   string
	OpenedBy  string // as package admin writes it
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
}

var adminSessions = newTable("admin_sessions",
	column[AdminSession]{"token_hash", func(s *AdminSession) any { return &s.Hash }},
	column[AdminSession]{"admin_id", func(s *AdminSession) any { return &s.Admin }},
	column[AdminSession]{"network", func(s *AdminSession) any { return &s.Network }},
	column[AdminSession]{"browser", func(s *AdminSession) any { return &s.Browser }},
	column[AdminSession]{"opened_by", func(s *AdminSession) any { return &s.OpenedBy }},
	column[AdminSession]{"created_at", func(s *AdminSession) any { return at(&s.CreatedAt) }},
	column[AdminSession]{"seen_at", func(s *AdminSession) any { return at(&s.SeenAt) }},
	column[AdminSession]{"expires_at", func(s *AdminSession) any { return at(&s.ExpiresAt) }},
)

// InsertAdminSession writes a new session.
func (t *Tx) InsertAdminSession(ctx context.Context, s *AdminSession) error {
	return adminSessions.insert(ctx, t, s)
}

// AdminSession returns the session whose cookie has the hash; NotFound without one.
func (t *Tx) AdminSession(ctx context.Context, hash string) (AdminSession, error) {
	return adminSessions.get(ctx, t, missing("session"), "WHERE token_hash = $1", hash)
}

// TouchAdminSession notes that a session was used.
func (t *Tx) TouchAdminSession(ctx context.Context, hash string, seen time.Time) error {
	_, err := t.exec(ctx, "UPDATE admin_sessions SET seen_at = $2 WHERE token_hash = $1", hash, moment(seen))
	return err
}

// DeleteAdminSession ends a session.
func (t *Tx) DeleteAdminSession(ctx context.Context, hash string) error {
	_, err := t.exec(ctx, "DELETE FROM admin_sessions WHERE token_hash = $1", hash)
	return err
}

// DeleteOtherAdminSessions ends all sessions of an administrator but the one with the hash.
func (t *Tx) DeleteOtherAdminSessions(ctx context.Context, id shippost.AdminID, hash string) error {
	_, err := t.exec(ctx, "DELETE FROM admin_sessions WHERE admin_id = $1 AND token_hash <> $2", id, hash)
	return err
}

// SweepAdminSessions removes what ended before now, or was last seen before idle.
func (t *Tx) SweepAdminSessions(ctx context.Context, now, idle time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM admin_sessions WHERE expires_at <= $1 OR seen_at <= $2", moment(now), moment(idle))
}

// Load is how much there is of something in one state.
type Load struct {
	Name string
	N    int64
	Next time.Time // the earliest of them; zero where that says nothing
}

// PostLoad returns how many posts have each status, with the earliest due time.
func (t *Tx) PostLoad(ctx context.Context) ([]Load, error) {
	return t.loads(ctx, "SELECT status, count(*), min(due_at) FROM posts GROUP BY status ORDER BY status")
}

// WorkLoad returns how many jobs of each kind wait, run or failed.
func (t *Tx) WorkLoad(ctx context.Context) ([]Load, error) {
	return t.loads(ctx, "SELECT kind || ' ' || CAST(state AS TEXT), count(*), NULL FROM river_job WHERE CAST(state AS TEXT) NOT IN ('completed', 'cancelled') GROUP BY 1 ORDER BY 1")
}

func (t *Tx) loads(ctx context.Context, query string) (list []Load, err error) {
	err = t.each(ctx, 3, query, nil, func(v []any) error {
		l := Load{}
		l.Name, _ = v[0].(string)
		l.N, _ = v[1].(int64)
		if micros, ok := v[2].(int64); ok {
			l.Next = time.UnixMicro(micros).UTC()
		}
		list = append(list, l)
		return nil
	})
	return list, err
}

// AuditBefore returns entries of the journal that tell who did what, without those of publishing, newest first.
func (t *Tx) AuditBefore(ctx context.Context, seq int64, limit int) ([]shippost.Entry, error) {
	tail := "WHERE post_id = '' AND kind NOT LIKE 'media.%' AND kind NOT LIKE 'snippet.%' AND kind NOT LIKE 'slot.%'"
	if seq > 0 {
		return numberedEntries.list(ctx, t, tail+" AND seq < $2 ORDER BY seq DESC LIMIT $1", limit, seq)
	}
	return numberedEntries.list(ctx, t, tail+" ORDER BY seq DESC LIMIT $1", limit)
}
