package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"ship-post.com/shippost"
)

// NoteCallback keeps that a platform's message was received. It reports false when the same bytes came before.
func (t *Tx) NoteCallback(ctx context.Context, hash string, p shippost.PlatformName, name string) (first bool, err error) {
	return t.swap(ctx, "INSERT INTO callbacks (body_hash, platform, name, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		hash, p, name, moment(t.Now()))
}

// SweepCallbacks forgets the messages received before the instant, and says how many.
func (t *Tx) SweepCallbacks(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM callbacks WHERE received_at < $1", moment(before))
}

// AttemptCalled returns the attempt that a platform calls publishID for its creator subject, and locks it until the
// transaction ends.
func (t *Tx) AttemptCalled(ctx context.Context, p shippost.PlatformName, subject, publishID string) (shippost.Attempt, error) {
	return attemptTable.get(ctx, t, missing("attempt"), `WHERE publish_id = $1
		AND account_id IN (SELECT id FROM accounts WHERE platform = $2 AND subject = $3)`+t.forUpdate(), publishID, p, subject)
}

// AskAboutAll has all attempts of an account asked about at an instant of which the platform has not told what became.
func (t *Tx) AskAboutAll(ctx context.Context, account shippost.AccountID, when time.Time) error {
	_, err := t.exec(ctx, "UPDATE attempts SET next_poll_at = $1 WHERE account_id = $2 AND (state IN ('committing', 'handed_over') AND next_poll_at > $1 OR state = 'unknown')",
		moment(when), account)
	return err
}

// AskAbout has an attempt past its commit asked about now: the one that a platform calls publishID for its creator subject.
// It reports whether there is one.
func (t *Tx) AskAbout(ctx context.Context, p shippost.PlatformName, subject, publishID string) (bool, error) {
	return t.swap(ctx, `UPDATE attempts SET next_poll_at = $1 WHERE publish_id = $2 AND state IN ('committing', 'handed_over', 'live', 'unknown')
		AND account_id IN (SELECT id FROM accounts WHERE platform = $3 AND subject = $4)`, moment(t.Now()), publishID, p, subject)
}

// NoteVisible writes what a platform says about whether viewers can see the post of its publishID, if that is the latest word
// about it. It returns the post when something changed.
//
// Messages name the second alone, and come in any order. Of two about the same second the withdrawal counts: what is withdrawn was
// seen before, while nobody brings a post back within the second; and whoever looks for nothing loses less than who is not told.
func (t *Tx) NoteVisible(ctx context.Context, p shippost.PlatformName, subject, publishID string, when time.Time, visible bool) (shippost.Post, bool, error) {
	var withdrawn time.Time
	condition := "withdrawn_at IS NOT NULL AND (visibility_at IS NULL OR visibility_at < $3)"
	if !visible {
		withdrawn, condition = when, "withdrawn_at IS NULL AND (visibility_at IS NULL OR visibility_at <= $3)"
	}
	var id shippost.PostID
	err := t.value(ctx, []any{&id}, `SELECT post_id FROM attempts WHERE publish_id = $1 AND account_id IN (SELECT id FROM accounts WHERE platform = $2 AND subject = $3)`,
		publishID, p, subject)
	if errors.Is(err, sql.ErrNoRows) {
		return shippost.Post{}, false, nil
	}
	if err != nil {
		return shippost.Post{}, false, err
	}
	changed, err := t.swap(ctx, `UPDATE posts SET withdrawn_at = $1 WHERE id = $2 AND `+condition, moment(withdrawn), id, moment(when))
	if err == nil {
		_, err = t.exec(ctx, `UPDATE posts SET visibility_at = $1 WHERE id = $2 AND (visibility_at IS NULL OR visibility_at < $1)`, moment(when), id)
	}
	if err != nil || !changed {
		return shippost.Post{}, false, err
	}
	post, err := t.AnyPost(ctx, id)
	return post, true, err
}
