package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Session is a browser that is signed in. The cookie's value is not stored, only its hash.
type Session struct {
	Hash      string // hex SHA-256 of the cookie's value
	ID        shippost.SessionID
	User      shippost.UserID
	Workspace shippost.WorkspaceID
	Network   string // truncated address
	Browser   string // family only
	CreatedAt time.Time
	ProvedAt  time.Time // last sign-in or step-up
	SeenAt    time.Time // exact to a minute
	ExpiresAt time.Time // the end, however busy it is
}

var sessions = newTable("sessions",
	column[Session]{"token_hash", func(s *Session) any { return &s.Hash }},
	column[Session]{"id", func(s *Session) any { return &s.ID }},
	column[Session]{"user_id", func(s *Session) any { return &s.User }},
	column[Session]{"workspace_id", func(s *Session) any { return &s.Workspace }},
	column[Session]{"network", func(s *Session) any { return &s.Network }},
	column[Session]{"browser", func(s *Session) any { return &s.Browser }},
	column[Session]{"created_at", func(s *Session) any { return at(&s.CreatedAt) }},
	column[Session]{"proved_at", func(s *Session) any { return at(&s.ProvedAt) }},
	column[Session]{"seen_at", func(s *Session) any { return at(&s.SeenAt) }},
	column[Session]{"expires_at", func(s *Session) any { return at(&s.ExpiresAt) }},
)

// InsertSession writes a new session.
func (t *Tx) InsertSession(ctx context.Context, s *Session) error { return sessions.insert(ctx, t, s) }

// SessionByHash returns the session whose cookie has the hash, whether it still counts or not.
func (t *Tx) SessionByHash(ctx context.Context, hash string) (Session, error) {
	return sessions.get(ctx, t, missing("session"), "WHERE token_hash = $1", hash)
}

// Sessions returns all sessions of a user, the latest seen first.
func (t *Tx) Sessions(ctx context.Context, user shippost.UserID) ([]Session, error) {
	return sessions.list(ctx, t, "WHERE user_id = $1 ORDER BY seen_at DESC, id DESC", user)
}

// TouchSession notes that a session was used. It reports false when the session is gone.
func (t *Tx) TouchSession(ctx context.Context, hash string, seen time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE sessions SET seen_at = $1 WHERE token_hash = $2", moment(seen), hash)
}

// DeleteSession ends one session of a user. It reports false when the user has no such session.
func (t *Tx) DeleteSession(ctx context.Context, user shippost.UserID, id shippost.SessionID) (bool, error) {
	return t.swap(ctx, "DELETE FROM sessions WHERE user_id = $1 AND id = $2", user, id)
}

// DeleteSessions ends all sessions of a user and returns how many there were.
func (t *Tx) DeleteSessions(ctx context.Context, user shippost.UserID) (int64, error) {
	return t.exec(ctx, "DELETE FROM sessions WHERE user_id = $1", user)
}

// DeleteOtherSessions ends all sessions of a user but one and returns how many there were.
func (t *Tx) DeleteOtherSessions(ctx context.Context, user shippost.UserID, keep shippost.SessionID) (int64, error) {
	return t.exec(ctx, "DELETE FROM sessions WHERE user_id = $1 AND id <> $2", user, keep)
}

// SweepSessions removes what ended before now, or was last seen before idle, and returns how many there were.
func (t *Tx) SweepSessions(ctx context.Context, now, idle time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2", moment(now), moment(idle))
}
