package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
)

var attemptTable = newTable("attempts",
	column[shippost.Attempt]{"id", func(a *shippost.Attempt) any { return &a.ID }},
	column[shippost.Attempt]{"post_id", func(a *shippost.Attempt) any { return &a.Post }},
	column[shippost.Attempt]{"workspace_id", func(a *shippost.Attempt) any { return &a.Workspace }},
	column[shippost.Attempt]{"account_id", func(a *shippost.Attempt) any { return &a.Account }},
	column[shippost.Attempt]{"number", func(a *shippost.Attempt) any { return &a.Number }},
	column[shippost.Attempt]{"post_version", func(a *shippost.Attempt) any { return &a.PostVersion }},
	column[shippost.Attempt]{"epoch", func(a *shippost.Attempt) any { return &a.Epoch }},
	column[shippost.Attempt]{"state", func(a *shippost.Attempt) any { return &a.State }},
	column[shippost.Attempt]{"owner", func(a *shippost.Attempt) any { return &a.Owner }},
	column[shippost.Attempt]{"fence", func(a *shippost.Attempt) any { return &a.Fence }},
	column[shippost.Attempt]{"publish_id", func(a *shippost.Attempt) any { return &a.PublishID }},
	column[shippost.Attempt]{"upload_url", func(a *shippost.Attempt) any { return &a.UploadURL }},
	column[shippost.Attempt]{"size", func(a *shippost.Attempt) any { return &a.Size }},
	column[shippost.Attempt]{"sent", func(a *shippost.Attempt) any { return &a.Sent }},
	column[shippost.Attempt]{"planned_at", func(a *shippost.Attempt) any { return at(&a.PlannedAt) }},
	column[shippost.Attempt]{"init_sent_at", func(a *shippost.Attempt) any { return at(&a.InitSentAt) }},
	column[shippost.Attempt]{"opened_at", func(a *shippost.Attempt) any { return at(&a.OpenedAt) }},
	column[shippost.Attempt]{"guarded_at", func(a *shippost.Attempt) any { return at(&a.GuardedAt) }},
	column[shippost.Attempt]{"committed_at", func(a *shippost.Attempt) any { return at(&a.CommittedAt) }},
	column[shippost.Attempt]{"handed_at", func(a *shippost.Attempt) any { return at(&a.HandedAt) }},
	column[shippost.Attempt]{"ended_at", func(a *shippost.Attempt) any { return at(&a.EndedAt) }},
	column[shippost.Attempt]{"stop_asked_at", func(a *shippost.Attempt) any { return at(&a.StopAskedAt) }},
	column[shippost.Attempt]{"stop_told_at", func(a *shippost.Attempt) any { return at(&a.StopToldAt) }},
	column[shippost.Attempt]{"polls", func(a *shippost.Attempt) any { return &a.Polls }},
	column[shippost.Attempt]{"next_poll_at", func(a *shippost.Attempt) any { return at(&a.NextPollAt) }},
	column[shippost.Attempt]{"death", func(a *shippost.Attempt) any { return &a.Death }},
	column[shippost.Attempt]{"evidence", func(a *shippost.Attempt) any { return &a.Evidence }},
	column[shippost.Attempt]{"failure", func(a *shippost.Attempt) any { return doc(&a.Failure) }},
)

// InsertAttempt adds an attempt and sets its number, the next one of its post. A second living attempt of a post is
// refused by the database (I1).
func (t *Tx) InsertAttempt(ctx context.Context, a *shippost.Attempt) error {
	err := t.value(ctx, []any{&a.Number}, "SELECT COALESCE(MAX(number), 0) + 1 FROM attempts WHERE post_id = $1", a.Post)
	if err != nil {
		return err
	}
	return attemptTable.insert(ctx, t, a)
}

// Attempts returns all attempts of a post, oldest first.
func (t *Tx) Attempts(ctx context.Context, post shippost.PostID) ([]shippost.Attempt, error) {
	return attemptTable.list(ctx, t, "WHERE post_id = $1 ORDER BY number", post)
}

// LivingAttempt returns the attempt of a post that is not dead and locks it until the transaction ends; false when
// there is none.
func (t *Tx) LivingAttempt(ctx context.Context, post shippost.PostID) (shippost.Attempt, bool, error) {
	a, err := attemptTable.get(ctx, t, missing("attempt"), "WHERE post_id = $1 AND state <> 'dead'"+t.forUpdate(), post)
	if shippost.IsKind(err, shippost.NotFound) {
		return a, false, nil
	}
	return a, err == nil, err
}

// forUpdate locks the rows that a SELECT reads. SQLite has no such words and needs none: a writer is alone.
func (t *Tx) forUpdate() string {
	if t.db.engine == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// SaveAttempt writes all that changes in an attempt's life, if it still is in the state was and ours as a.Owner and
// a.Fence say. It reports whether it was. An upload address is written once: it may have been sealed anew since it was read.
func (t *Tx) SaveAttempt(ctx context.Context, a *shippost.Attempt, was shippost.AttemptState) (bool, error) {
	return t.swap(ctx, `UPDATE attempts SET state = $1, publish_id = $2, upload_url = CASE WHEN upload_url = '' THEN $3 ELSE upload_url END, sent = $4, init_sent_at = $5, opened_at = $6,
		guarded_at = $7, committed_at = $8, handed_at = $9, ended_at = $10, polls = $11, next_poll_at = $12, death = $13, evidence = $14,
		failure = $15 WHERE id = $16 AND state = $17 AND owner = $18 AND fence = $19`,
		a.State, a.PublishID, a.UploadURL, a.Sent, at(&a.InitSentAt), at(&a.OpenedAt), at(&a.GuardedAt), at(&a.CommittedAt),
		at(&a.HandedAt), at(&a.EndedAt), a.Polls, at(&a.NextPollAt), a.Death, a.Evidence, doc(&a.Failure), a.ID, was, a.Owner, a.Fence)
}

// SaveHandover is SaveAttempt for what the outcome of a commit changes.
func (t *Tx) SaveHandover(ctx context.Context, a shippost.Attempt, was shippost.AttemptState) (bool, error) {
	return t.swap(ctx, `UPDATE attempts SET state = $1, sent = $2, committed_at = $3, handed_at = $4, next_poll_at = $5
		WHERE id = $6 AND state = $7 AND owner = $8 AND fence = $9`,
		a.State, a.Sent, at(&a.CommittedAt), at(&a.HandedAt), at(&a.NextPollAt), a.ID, was, a.Owner, a.Fence)
}

// SetSent keeps how many bytes the platform has, while a is being sent by its owner.
func (t *Tx) SetSent(ctx context.Context, a shippost.Attempt, sent int64) error {
	_, err := t.exec(ctx, "UPDATE attempts SET sent = $1 WHERE id = $2 AND state = 'open' AND owner = $3 AND fence = $4 AND sent < $1",
		sent, a.ID, a.Owner, a.Fence)
	return err
}

// AbandonedAttempts returns attempts that need work and whose owner is not registered any more or among those that show no
// life, oldest first.
func (t *Tx) AbandonedAttempts(ctx context.Context, silent []shippost.NodeID, limit int) ([]shippost.Attempt, error) {
	living, args := "", []any{limit}
	if len(silent) > 0 {
		living, args = several(args, silent)
		living = " AND n.id NOT IN (" + living + ")"
	}
	return attemptTable.list(ctx, t, `WHERE (state IN ('planned', 'init_sent', 'open', 'committing', 'handed_over') OR next_poll_at IS NOT NULL)
		AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = attempts.owner`+living+`) ORDER BY planned_at, id LIMIT $1`, args...)
}

// TakeAttempt makes an attempt the new owner's, if it still is as a says. It reports whether it was.
func (t *Tx) TakeAttempt(ctx context.Context, a shippost.Attempt, owner shippost.NodeID) (bool, error) {
	return t.swap(ctx, "UPDATE attempts SET owner = $1, fence = fence + 1 WHERE id = $2 AND state = $3 AND owner = $4 AND fence = $5",
		owner, a.ID, a.State, a.Owner, a.Fence)
}

// ClaimPolls returns the owner's attempts whose time to ask has come, oldest first, and moves that time to again, so
// that an unfinished question is asked anew.
func (t *Tx) ClaimPolls(ctx context.Context, owner shippost.NodeID, now, again time.Time, limit int) ([]shippost.Attempt, error) {
	due, err := attemptTable.list(ctx, t, "WHERE next_poll_at <= $1 AND owner = $2 ORDER BY next_poll_at, id LIMIT $3", moment(now), owner, limit)
	if err != nil {
		return nil, err
	}
	for i := range due {
		if err := t.SetNextPoll(ctx, due[i].ID, again); err != nil {
			return nil, err
		}
		due[i].NextPollAt = again
	}
	return due, nil
}

// SetNextPoll sets when an attempt is asked about next; the zero time ends it.
func (t *Tx) SetNextPoll(ctx context.Context, id shippost.AttemptID, next time.Time) error {
	_, err := t.exec(ctx, "UPDATE attempts SET next_poll_at = $1 WHERE id = $2", moment(next), id)
	return err
}

// AskStop keeps that a person asked to stop a committed attempt, and has it asked about at once. Asking again changes
// nothing.
func (t *Tx) AskStop(ctx context.Context, id shippost.AttemptID) error {
	_, err := t.exec(ctx, `UPDATE attempts SET stop_asked_at = $1, next_poll_at = $1 WHERE id = $2 AND stop_asked_at IS NULL
		AND state IN ('committing', 'handed_over')`, moment(t.Now()), id)
	return err
}

// Cut is an attempt that was ended while a node worked on it.
type Cut struct {
	Attempt shippost.AttemptID
	Post    shippost.PostID
}

// beforeCommit selects attempts whose owners were asked to stop before the commit, which is never asked of the platform.
const beforeCommit = "state = 'dead' AND guarded_at IS NULL AND stop_asked_at IS NOT NULL AND stop_told_at IS NULL"

// AskCut asks the owner of a dead attempt to stop what it still does for it, if that node has shown life since a moment.
func (t *Tx) AskCut(ctx context.Context, id shippost.AttemptID, since time.Time) error {
	_, err := t.exec(ctx, `UPDATE attempts SET stop_asked_at = $2 WHERE id = $1 AND state = 'dead' AND guarded_at IS NULL AND stop_asked_at IS NULL
		AND EXISTS (SELECT 1 FROM nodes WHERE nodes.id = attempts.owner AND nodes.beat_at >= $3)`, id, moment(t.Now()), moment(since))
	return err
}

// Cuts returns what a node was asked to stop and has not confirmed.
func (t *Tx) Cuts(ctx context.Context, owner shippost.NodeID) (list []Cut, err error) {
	err = t.each(ctx, 2, "SELECT id, post_id FROM attempts WHERE owner = $1 AND "+beforeCommit, []any{owner}, func(v []any) error {
		id, _ := v[0].(string)
		post, _ := v[1].(string)
		list = append(list, Cut{shippost.AttemptID(id), shippost.PostID(post)})
		return nil
	})
	return list, err
}

// CutsLeft returns how many attempts of an account nodes that have shown life since a moment were asked to stop and have not
// confirmed.
func (t *Tx) CutsLeft(ctx context.Context, account shippost.AccountID, since time.Time) (n int, err error) {
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM attempts WHERE account_id = $1 AND "+beforeCommit+
		" AND EXISTS (SELECT 1 FROM nodes WHERE nodes.id = attempts.owner AND nodes.beat_at >= $2)", account, moment(since))
	return n, err
}

// StopTold keeps that the platform knows of the wish to stop an attempt.
func (t *Tx) StopTold(ctx context.Context, id shippost.AttemptID) error {
	_, err := t.exec(ctx, "UPDATE attempts SET stop_told_at = $1 WHERE id = $2", moment(t.Now()), id)
	return err
}

// StopAsked reports whether a person asked to stop an attempt.
func (t *Tx) StopAsked(ctx context.Context, id shippost.AttemptID) (bool, error) {
	var asked bool
	err := t.value(ctx, []any{&asked}, "SELECT stop_asked_at IS NOT NULL FROM attempts WHERE id = $1", id)
	return asked, err
}

// CountPoll counts a question about an attempt that can still be asked about, keeps why there was no answer, nil if there was
// one, and sets when to ask again.
func (t *Tx) CountPoll(ctx context.Context, id shippost.AttemptID, next time.Time, why *shippost.Failure) error {
	_, err := t.exec(ctx, "UPDATE attempts SET polls = polls + 1, next_poll_at = $1, failure = $2 WHERE id = $3 AND state IN ('committing', 'handed_over', 'live', 'unknown')",
		moment(next), doc(&why), id)
	return err
}

// GuardRow is what decides whether an attempt may commit, read under lock.
type GuardRow struct {
	State         shippost.AttemptState
	Owner         shippost.NodeID
	Fence         int64
	PostStatus    shippost.PostStatus
	PostVersion   int64
	DueAt         time.Time
	AccountStatus shippost.AccountStatus
	AccountEpoch  int64
}

// LockForCommit reads what decides whether attempts may commit and locks the posts and the attempts, so that a cancel, an
// edit and the commit row come one after the other. An attempt that is not there has no row.
func (t *Tx) LockForCommit(ctx context.Context, ids ...shippost.AttemptID) (map[shippost.AttemptID]GuardRow, error) {
	lock := t.forUpdate()
	if lock != "" {
		lock = " ORDER BY a.id" + lock + " OF p, a" // in one order, so that nobody waits in a circle
	}
	marks, args := several(nil, ids)
	rows, err := t.query(ctx, `SELECT a.id, a.state, a.owner, a.fence, p.status, p.version, p.due_at, c.status, c.epoch
		FROM attempts a JOIN posts p ON p.id = a.post_id JOIN accounts c ON c.id = a.account_id WHERE a.id IN (`+marks+")"+lock, args...)
	if err != nil {
		return nil, fmt.Errorf("lock attempts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	list := make(map[shippost.AttemptID]GuardRow, len(ids))
	for rows.Next() {
		var id shippost.AttemptID
		var g GuardRow
		if err := rows.Scan(&id, &g.State, &g.Owner, &g.Fence, &g.PostStatus, &g.PostVersion, at(&g.DueAt), &g.AccountStatus, &g.AccountEpoch); err != nil {
			return nil, fmt.Errorf("lock attempts: %w", err)
		}
		list[id] = g
	}
	return list, rows.Err()
}

// Commit is an attempt that passes the point of no return.
type Commit struct {
	Attempt    shippost.AttemptID
	Post       shippost.PostID
	NextPollAt time.Time
}

// SaveCommitting writes the committing rows of attempts, and their posts along. This transaction has locked them, found
// that the attempts are open and the posts publishing, and thereby that nothing else stands against it.
func (t *Tx) SaveCommitting(ctx context.Context, now time.Time, list []Commit) error {
	polls := map[time.Time][]shippost.AttemptID{} // few: most are due at one instant
	posts := make([]shippost.PostID, len(list))
	for i, c := range list {
		polls[c.NextPollAt] = append(polls[c.NextPollAt], c.Attempt)
		posts[i] = c.Post
	}
	for next, attempts := range polls {
		marks, args := several([]any{moment(now), moment(next)}, attempts)
		n, err := t.exec(ctx, "UPDATE attempts SET state = 'committing', guarded_at = $1, next_poll_at = $2 WHERE state = 'open' AND id IN ("+marks+")", args...)
		if err := all(n, err, len(attempts)); err != nil {
			return err
		}
	}
	if len(posts) == 0 {
		return nil
	}
	marks, args := several([]any{moment(now)}, posts)
	n, err := t.exec(ctx, `UPDATE posts SET phase = 'committing', hold = '', failure = '', wake_at = NULL, updated_at = $1
		WHERE status = 'publishing' AND id IN (`+marks+")", args...)
	return all(n, err, len(posts))
}

// all makes an error of a statement that changed fewer rows than were locked for it.
func all(n int64, err error, want int) error {
	if err == nil && n != int64(want) {
		err = fmt.Errorf("%d of %d rows were changed, which were all locked", n, want)
	}
	return err
}

// several returns the marks of a list of ids, to stand behind other parameters, and all parameters. A list is filled up with
// its last id to a power of two, so that few texts of a statement have to be kept prepared.
func several[ID ~string](args []any, ids []ID) (marks string, _ []any) {
	length := 1
	for length < len(ids) {
		length *= 2
	}
	var b strings.Builder
	for i := range length {
		args = append(args, ids[min(i, len(ids)-1)])
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(len(args)))
	}
	return b.String(), args
}
