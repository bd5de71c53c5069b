package store

import (
	"context"
	"time"
)

// accesses are the ways in that are open to whoever holds what opens them, and how each is ended from $1 on.
var accesses = []struct{ name, open, end string }{
	{"sessions", "FROM sessions", "DELETE FROM sessions"},
	{"administrators' sessions", "FROM admin_sessions", "DELETE FROM admin_sessions"},
	{"API keys", "FROM api_keys WHERE revoked_at IS NULL", "UPDATE api_keys SET revoked_at = $1 WHERE revoked_at IS NULL"},
	{"sign-ins that have begun", "FROM oauth_flows", "DELETE FROM oauth_flows"},
	{"administrators' recovery codes", "FROM admin_codes", "DELETE FROM admin_codes"},
	{"administrators' authenticator apps", "FROM admin_fallbacks WHERE seed <> '' OR pending <> ''", "UPDATE admin_fallbacks SET seed = '', pending = '', pending_until = NULL, app_at = NULL WHERE seed <> '' OR pending <> ''"},
	{"passkeys being asked for", "FROM ceremonies", "DELETE FROM ceremonies"},
	{"links to confirm a mail address", "FROM addresses WHERE code_hash <> ''", "UPDATE addresses SET pending = '', code_hash = '', pending_until = NULL WHERE code_hash <> ''"},
	{"links to prove a request", "FROM inquiries WHERE code_hash <> ''", "UPDATE inquiries SET code_hash = '' WHERE code_hash <> ''"},
}

// OpenAccess returns how many of each way in are open.
func (t *Tx) OpenAccess(ctx context.Context) (list []Load, err error) {
	for _, a := range accesses {
		l := Load{Name: a.name}
		if err := t.value(ctx, []any{&l.N}, "SELECT count(*) "+a.open); err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// EndAccess ends all of them, for everybody, and returns how many of each there were.
func (t *Tx) EndAccess(ctx context.Context, now time.Time) (list []Load, err error) {
	for _, a := range accesses {
		var args []any
		if a.name == "API keys" {
			args = []any{moment(now)}
		}
		n, err := t.exec(ctx, a.end, args...)
		if err != nil {
			return nil, err
		}
		list = append(list, Load{Name: a.name, N: n})
	}
	return list, nil
}
