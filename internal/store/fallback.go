package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// AdminFallback is how an administrator gets in without a passkey.
type AdminFallback struct {
	Admin        shippost.AdminID
	User         shippost.UserID // who they are when they sign in to the product
	Seed         string          // of their authenticator app, sealed; "" for none
	UsedStep     int64           // the latest step of time whose code was used
	Pending      string          // a seed that waits for its first code, sealed; "" for none
	PendingUntil time.Time
	AppAt        time.Time // when the app was set up; zero for none
	RecoveredAt  time.Time // when a recovery code of those that count was used; zero for not yet
	CreatedAt    time.Time
}

var adminFallbacks = newTable("admin_fallbacks",
	column[AdminFallback]{"admin_id", func(f *AdminFallback) any { return &f.Admin }},
	column[AdminFallback]{"user_id", func(f *AdminFallback) any { return &f.User }},
	column[AdminFallback]{"seed", func(f *AdminFallback) any { return &f.Seed }},
	column[AdminFallback]{"used_step", func(f *AdminFallback) any { return &f.UsedStep }},
	column[AdminFallback]{"pending", func(f *AdminFallback) any { return &f.Pending }},
	column[AdminFallback]{"pending_until", func(f *AdminFallback) any { return at(&f.PendingUntil) }},
	column[AdminFallback]{"app_at", func(f *AdminFallback) any { return at(&f.AppAt) }},
	column[AdminFallback]{"recovered_at", func(f *AdminFallback) any { return at(&f.RecoveredAt) }},
	column[AdminFallback]{"created_at", func(f *AdminFallback) any { return at(&f.CreatedAt) }},
)

// InsertAdminFallback writes a new fallback; Conflict person_taken when its person is another administrator already.
func (t *Tx) InsertAdminFallback(ctx context.Context, f *AdminFallback) error {
	err := adminFallbacks.insert(ctx, t, f)
	if duplicate(err) {
		return shippost.Errorf(shippost.Conflict, "person_taken", "You named yourself already, or this person is another administrator.").Because(err)
	}
	return err
}

// AdminFallback returns the fallback of an administrator; NotFound without one.
func (t *Tx) AdminFallback(ctx context.Context, id shippost.AdminID) (AdminFallback, error) {
	return adminFallbacks.get(ctx, t, missing("fallback"), "WHERE admin_id = $1", id)
}

// AdminFallbackOf returns the fallback that a person's sign-in leads to; NotFound without one.
func (t *Tx) AdminFallbackOf(ctx context.Context, id shippost.UserID) (AdminFallback, error) {
	return adminFallbacks.get(ctx, t, missing("fallback"), "WHERE user_id = $1", id)
}

// DeleteAdminFallback removes the fallback of an administrator with its codes.
func (t *Tx) DeleteAdminFallback(ctx context.Context, id shippost.AdminID) (bool, error) {
	if _, err := t.exec(ctx, "DELETE FROM admin_codes WHERE admin_id = $1", id); err != nil {
		return false, err
	}
	return t.swap(ctx, "DELETE FROM admin_fallbacks WHERE admin_id = $1", id)
}

// AskAdminSeed keeps a seed that waits for its first code.
func (t *Tx) AskAdminSeed(ctx context.Context, id shippost.AdminID, pending string, until time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE admin_fallbacks SET pending = $2, pending_until = $3 WHERE admin_id = $1", id, pending, moment(until))
}

// SetAdminSeed makes the pending seed the one that counts, if it still is was, and notes the step of its first code.
func (t *Tx) SetAdminSeed(ctx context.Context, id shippost.AdminID, was, seed string, step int64, now time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE admin_fallbacks SET seed = $3, used_step = $4, app_at = $5, pending = '', pending_until = NULL WHERE admin_id = $1 AND pending = $2",
		id, was, seed, step, moment(now))
}

// DropAdminSeed forgets the authenticator app of an administrator.
func (t *Tx) DropAdminSeed(ctx context.Context, id shippost.AdminID) (bool, error) {
	return t.swap(ctx, "UPDATE admin_fallbacks SET seed = '', app_at = NULL, pending = '', pending_until = NULL WHERE admin_id = $1 AND seed <> ''", id)
}

// UseAdminStep uses up the code of a step and of all before it. It reports false when somebody did meanwhile, or the seed is another.
func (t *Tx) UseAdminStep(ctx context.Context, id shippost.AdminID, seed string, step int64) (bool, error) {
	return t.swap(ctx, "UPDATE admin_fallbacks SET used_step = $3 WHERE admin_id = $1 AND seed = $2 AND used_step < $3", id, seed, step)
}

// SetAdminCodes replaces the recovery codes of an administrator.
func (t *Tx) SetAdminCodes(ctx context.Context, id shippost.AdminID, hashes []string) error {
	if _, err := t.exec(ctx, "DELETE FROM admin_codes WHERE admin_id = $1", id); err != nil {
		return err
	}
	for _, hash := range hashes {
		if _, err := t.exec(ctx, "INSERT INTO admin_codes (admin_id, code_hash) VALUES ($1, $2)", id, hash); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, "UPDATE admin_fallbacks SET recovered_at = NULL WHERE admin_id = $1", id)
	return err
}

// HasAdminCode reports whether an administrator has a recovery code with the hash.
func (t *Tx) HasAdminCode(ctx context.Context, id shippost.AdminID, hash string) (bool, error) {
	var n int64
	err := t.value(ctx, []any{&n}, "SELECT count(*) FROM admin_codes WHERE admin_id = $1 AND code_hash = $2", id, hash)
	return n > 0, err
}

// UseAdminCode uses up a recovery code. It reports false when it was used meanwhile.
func (t *Tx) UseAdminCode(ctx context.Context, id shippost.AdminID, hash string, now time.Time) (bool, error) {
	used, err := t.swap(ctx, "DELETE FROM admin_codes WHERE admin_id = $1 AND code_hash = $2", id, hash)
	if err != nil || !used {
		return false, err
	}
	return t.swap(ctx, "UPDATE admin_fallbacks SET recovered_at = $2 WHERE admin_id = $1", id, moment(now))
}

// CountAdminCodes returns how many recovery codes an administrator has left.
func (t *Tx) CountAdminCodes(ctx context.Context, id shippost.AdminID) (n int64, err error) {
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM admin_codes WHERE admin_id = $1", id)
	return n, err
}
