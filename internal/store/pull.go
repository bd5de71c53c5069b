package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"ship-post.com/shippost"
)

// Pull is the address at which a platform fetches one photo of an attempt. The address holds a token that is not
// stored, only its hash.
type Pull struct {
	Hash       string // hex SHA-256 of the token
	Attempt    shippost.AttemptID
	Position   int // of the photo in the post
	Media      shippost.MediaID
	LastByteAt time.Time // when the photo's last byte was about to leave for the first time; zero if it never was
	ClosedAt   time.Time // when the address was closed for good; zero while it is not
}

var pulls = newTable("pulls",
	column[Pull]{"token_hash", func(p *Pull) any { return &p.Hash }},
	column[Pull]{"attempt_id", func(p *Pull) any { return &p.Attempt }},
	column[Pull]{"position", func(p *Pull) any { return &p.Position }},
	column[Pull]{"media_id", func(p *Pull) any { return &p.Media }},
	column[Pull]{"last_byte_at", func(p *Pull) any { return at(&p.LastByteAt) }},
	column[Pull]{"closed_at", func(p *Pull) any { return at(&p.ClosedAt) }},
)

// IssuePulls gives a planned attempt these addresses in place of any it had, if it still is planned and ours as a
// says. It reports whether it was. Nobody can know the former ones: they are told to a platform after planned only.
func (t *Tx) IssuePulls(ctx context.Context, a shippost.Attempt, list []Pull) (bool, error) {
	// Writing nothing new locks the row, so that no init can leave with addresses that are about to change.
	ours, err := t.swap(ctx, "UPDATE attempts SET fence = fence WHERE id = $1 AND state = 'planned' AND owner = $2 AND fence = $3", a.ID, a.Owner, a.Fence)
	if err != nil || !ours {
		return false, err
	}
	if _, err := t.exec(ctx, "DELETE FROM pulls WHERE attempt_id = $1", a.ID); err != nil {
		return false, err
	}
	for i := range list {
		if err := pulls.insert(ctx, t, &list[i]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Pulls returns the addresses of an attempt in the order of its photos.
func (t *Tx) Pulls(ctx context.Context, attempt shippost.AttemptID) ([]Pull, error) {
	return pulls.list(ctx, t, "WHERE attempt_id = $1 ORDER BY position", attempt)
}

// PulledPhoto is what the address with a token's hash leads to, and how far its attempt is.
type PulledPhoto struct {
	Attempt   shippost.AttemptID
	State     shippost.AttemptState
	Closed    bool
	Workspace shippost.WorkspaceID
	Media     shippost.MediaID
}

// PulledPhoto returns what the address whose token has the hash leads to, whether it may be given out or not; NotFound
// when nobody issued it.
func (t *Tx) PulledPhoto(ctx context.Context, hash string) (PulledPhoto, error) {
	var p PulledPhoto
	var closed time.Time
	err := t.value(ctx, []any{&p.Attempt, &p.State, at(&closed), &p.Workspace, &p.Media}, `SELECT a.id, a.state, p.closed_at, a.workspace_id, p.media_id
		FROM pulls p JOIN attempts a ON a.id = p.attempt_id WHERE p.token_hash = $1`, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return p, missing("address")
	}
	p.Closed = !closed.IsZero()
	return p, err
}

// NoteLastByte keeps that the last byte of a photo is about to leave. It reports false when it must not: the address
// was closed, or its attempt is not between its commit and its end.
func (t *Tx) NoteLastByte(ctx context.Context, hash string) (bool, error) {
	return t.swap(ctx, `UPDATE pulls SET last_byte_at = COALESCE(last_byte_at, $1) WHERE token_hash = $2 AND closed_at IS NULL
		AND EXISTS (SELECT 1 FROM attempts a WHERE a.id = pulls.attempt_id AND a.state IN ('committing', 'handed_over'))`, moment(t.Now()), hash)
}

// ClosePulls closes all addresses of an attempt for good. Once it is durable no last byte leaves that NoteLastByte
// has not kept before.
func (t *Tx) ClosePulls(ctx context.Context, attempt shippost.AttemptID) error {
	_, err := t.exec(ctx, "UPDATE pulls SET closed_at = $1 WHERE attempt_id = $2 AND closed_at IS NULL", moment(t.Now()), attempt)
	return err
}
