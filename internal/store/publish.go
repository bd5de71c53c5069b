package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
)

// What the publisher reads and writes of posts. It works for all workspaces, so nothing here asks for one.

// AnyPost returns a post of any workspace, for the publisher.
func (t *Tx) AnyPost(ctx context.Context, id shippost.PostID) (shippost.Post, error) {
	var ws shippost.WorkspaceID
	if err := t.value(ctx, []any{&ws}, "SELECT workspace_id FROM posts WHERE id = $1", id); err != nil {
		return shippost.Post{}, err
	}
	return t.Post(ctx, ws, id)
}

// PostKind returns whether a post is a video or photos; Video for one without media.
func (t *Tx) PostKind(ctx context.Context, id shippost.PostID) (shippost.MediaKind, error) {
	kind := shippost.Video
	err := t.value(ctx, []any{&kind},
		"SELECT m.kind FROM post_media pm JOIN media m ON m.id = pm.media_id WHERE pm.post_id = $1 ORDER BY pm.position LIMIT 1", id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return kind, err
}

// SavePublishing writes what the publisher may change of a post, if it still has the status was and p.Version. It
// reports whether it had. The zero wake means that nobody need look at the post. A link that is known is never taken back:
// it may have been learnt while the publisher did something else.
func (t *Tx) SavePublishing(ctx context.Context, p *shippost.Post, was shippost.PostStatus, wake time.Time) (bool, error) {
	return t.swap(ctx, `UPDATE posts SET status = $1, phase = $2, hold = $3, failure = $4, wake_at = $5, updated_at = $6,
		committed_at = $7, posted_at = $8, platform_ids = CASE WHEN $9 = '[]' THEN platform_ids ELSE $9 END,
		permalink = CASE WHEN $9 = '[]' THEN permalink ELSE $10 END,
		overdue_at = CASE WHEN $1 IN ('queued', 'publishing') AND $2 <> 'processing' THEN overdue_at END WHERE id = $11 AND status = $12 AND version = $13`,
		p.Status, p.Phase, doc(&p.Hold), doc(&p.Failure), moment(wake), at(&p.UpdatedAt),
		at(&p.CommittedAt), at(&p.PostedAt), doc(&p.PlatformIDs), p.Permalink, p.ID, was, p.Version)
}

// SaveSent is SavePublishing for a publishing post whose last byte has left: the platform works on it now, or it is being
// stopped still.
func (t *Tx) SaveSent(ctx context.Context, p shippost.Post, now time.Time) (bool, error) {
	return t.swap(ctx, `UPDATE posts SET committed_at = $1, updated_at = $2, wake_at = NULL,
		overdue_at = CASE WHEN phase = 'stopping' THEN overdue_at END, phase = CASE WHEN phase = 'stopping' THEN phase ELSE 'processing' END
		WHERE id = $3 AND status = 'publishing' AND version = $4`, at(&p.CommittedAt), moment(now), p.ID, p.Version)
}

// SaveLink writes where viewers find a post, in whatever state it is.
func (t *Tx) SaveLink(ctx context.Context, p shippost.Post) error {
	_, err := t.exec(ctx, "UPDATE posts SET platform_ids = $1, permalink = $2 WHERE id = $3", doc(&p.PlatformIDs), p.Permalink, p.ID)
	return err
}

// MarkOverdue marks posts as overdue at now that have not ended although their late window was over at the instant over,
// and returns them. What the platform works on is no such post: that it takes its time is shown.
func (t *Tx) MarkOverdue(ctx context.Context, over, now time.Time, limit int) ([]shippost.Post, error) {
	return t.posts(ctx, `UPDATE posts SET overdue_at = $1 WHERE id IN (SELECT id FROM posts
		WHERE status IN ('queued', 'publishing') AND overdue_at IS NULL AND phase <> 'processing' AND due_at < $2
		AND due_at + (CASE WHEN late_window > $3 THEN late_window ELSE $3 END) < $2 ORDER BY due_at, id LIMIT $4) RETURNING id`,
		moment(now), moment(over), shippost.MinLateWindow.Microseconds(), limit)
}

// CountOverdue returns how many posts are overdue now.
func (t *Tx) CountOverdue(ctx context.Context) (n int, err error) {
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM posts WHERE overdue_at IS NOT NULL")
	return n, err
}

// The statements that look at one account's posts around a time must find them by posts_account_due: an account may have
// thousands of posts waiting.
const (
	sqlPostsBefore = `SELECT count(*) FROM posts p WHERE account_id = $1 AND due_at < $2
		AND status IN ('queued', 'publishing') AND phase NOT IN ('committing', 'processing') AND (hold = '' OR hold LIKE $3)
		AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.post_id = p.id AND a.state = 'dead' AND a.failure <> '')`
	sqlDueAfter = `SELECT due_at FROM posts WHERE account_id = $1 AND status IN ('queued', 'publishing') AND status = 'queued'
		AND due_at >= $2 AND due_at <= $3 AND (due_at > $2 OR id < $4) ORDER BY due_at LIMIT 200`
	sqlPhotosDue = `SELECT due_at FROM posts WHERE account_id = $1 AND status IN ('queued', 'publishing') AND due_at >= $2 AND due_at < $3
		AND EXISTS (SELECT 1 FROM post_media pm JOIN media m ON m.id = pm.media_id WHERE pm.post_id = posts.id AND m.kind = $4) ORDER BY due_at LIMIT 200`
	sqlMoveWakes = `UPDATE posts SET wake_at = wake_at + $1 WHERE account_id = $2 AND status IN ('queued', 'publishing') AND status = 'queued'
		AND due_at >= $3 AND due_at < $4 AND wake_at + 0 > $5 AND hold = '' AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.post_id = posts.id)`
)

// PostsBefore returns how many posts of an account with an earlier due time are on their way or about to be: posts that a
// hold keeps do not count unless its code is but, nor do those that failed before and may do so again.
func (t *Tx) PostsBefore(ctx context.Context, account shippost.AccountID, due time.Time, but string) (n int, err error) {
	err = t.value(ctx, []any{&n}, sqlPostsBefore, account, moment(due), `%"code":"`+but+`"%`)
	return n, err
}

// LastCommit returns when a post of an account was last allowed to commit after since; zero for none.
func (t *Tx) LastCommit(ctx context.Context, account shippost.AccountID, since time.Time) (last time.Time, err error) {
	if t.db.engine == Postgres {
		// Nodes that ask about one account take turns until their transactions end.
		if _, err := t.exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 7240177))", account); err != nil {
			return last, err
		}
	}
	err = t.value(ctx, []any{at(&last)}, "SELECT max(guarded_at) FROM attempts WHERE account_id = $1 AND guarded_at > $2", account, moment(since))
	return last, err
}

// ClaimWaking returns posts whose wake time has come, oldest first, and moves that time to again, so that a post is
// looked at anew if nothing comes of it.
func (t *Tx) ClaimWaking(ctx context.Context, now, again time.Time, limit int) ([]shippost.PostID, error) {
	lock := ""
	if t.db.engine == Postgres {
		// Nodes that look at the same time each take others.
		lock = " FOR UPDATE SKIP LOCKED"
	}
	return t.postIDs(ctx, `UPDATE posts SET wake_at = $3 WHERE id IN
		(SELECT id FROM posts WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2`+lock+`) RETURNING id`, moment(now), limit, moment(again))
}

// postIDs runs a statement that gives post ids.
func (t *Tx) postIDs(ctx context.Context, query string, args ...any) (_ []shippost.PostID, err error) {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", verb(query), err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var ids []shippost.PostID
	for rows.Next() {
		var id shippost.PostID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("%s: %w", verb(query), err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// DueAfter returns when the waiting posts of a post's account are due that come after it within a time, soonest first: of
// those due at the same instant the one that was written later comes first. There may be more of them than it returns.
func (t *Tx) DueAfter(ctx context.Context, post shippost.Post, within time.Duration) ([]time.Time, error) {
	return t.dueTimes(ctx, sqlDueAfter, post.Account, moment(post.Due.At), moment(post.Due.At.Add(within)), post.ID)
}

// dueTimes runs a statement that gives due times.
func (t *Tx) dueTimes(ctx context.Context, query string, args ...any) (_ []time.Time, err error) {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", verb(query), err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var list []time.Time
	for rows.Next() {
		var due time.Time
		if err := rows.Scan(at(&due)); err != nil {
			return nil, fmt.Errorf("%s: %w", verb(query), err)
		}
		list = append(list, due)
	}
	return list, rows.Err()
}

// PhotosDue returns when the posts of photos of an account that wait or are under way are due from an instant until before
// another one, soonest first.
func (t *Tx) PhotosDue(ctx context.Context, account shippost.AccountID, from, before time.Time) ([]time.Time, error) {
	return t.dueTimes(ctx, sqlPhotosDue, account, moment(from), moment(before), shippost.Photo)
}

// MoveWakes moves the wakes after now by some time of an account's posts that are due from an instant until before another
// one, and that nothing was tried for yet.
func (t *Tx) MoveWakes(ctx context.Context, account shippost.AccountID, from, before, now time.Time, by time.Duration) error {
	_, err := t.exec(ctx, sqlMoveWakes, by.Microseconds(), account, moment(from), moment(before), moment(now))
	return err
}

// sqlBringForward begins with the term of an index in which there is hardly anything, so that a million waiting posts need not
// be looked at.
const sqlBringForward = `UPDATE posts SET wake_at = $1 WHERE wake_at > due_at + late_window AND status IN ('queued', 'publishing')
	AND wake_at > $2 AND wake_at > due_at + $3 + (CASE WHEN late_window > $4 THEN late_window ELSE $4 END)`

// sqlBringDue finds posts by when they are due, of which few wait, not by when they are looked at, like all that wait: the plus
// keeps SQLite from the index of that.
var sqlBringDue = []string{
	"UPDATE posts SET wake_at = $1 WHERE +wake_at > $1 AND status IN ('queued', 'publishing') AND overdue_at IS NULL AND due_at <= $2",
	"UPDATE posts SET wake_at = $1 WHERE +wake_at > $1 AND status IN ('queued', 'publishing') AND overdue_at IS NOT NULL AND due_at <= $2",
}

// BringForward has looked at now what a clock that was ahead put off: posts whose wake lies after all that their late window
// allows, all waiting posts that were due by an instant, zero for none, and attempts that would be asked about after more
// than patience, or with an instant all that the platform works on.
func (t *Tx) BringForward(ctx context.Context, now, due time.Time, patience time.Duration) error {
	_, err := t.exec(ctx, sqlBringForward,
		moment(now), moment(now.Add(shippost.RetryGrace)), shippost.RetryGrace.Microseconds(), shippost.MinLateWindow.Microseconds())
	if err != nil {
		return err
	}
	if !due.IsZero() {
		for _, statement := range sqlBringDue {
			if _, err := t.exec(ctx, statement, moment(now), moment(due)); err != nil {
				return err
			}
		}
	}
	_, err = t.exec(ctx, `UPDATE attempts SET next_poll_at = $1 WHERE next_poll_at > $2
		OR next_poll_at > $1 AND state IN ('committing', 'handed_over') AND guarded_at <= $3`, moment(now), moment(now.Add(patience)), moment(due))
	return err
}

// SetWake sets when the publisher looks at a post next.
func (t *Tx) SetWake(ctx context.Context, id shippost.PostID, wake time.Time) error {
	_, err := t.exec(ctx, "UPDATE posts SET wake_at = $1 WHERE id = $2", moment(wake), id)
	return err
}

// SetWakeIf is SetWake for a post that still has the version.
func (t *Tx) SetWakeIf(ctx context.Context, id shippost.PostID, version int64, wake time.Time) error {
	_, err := t.exec(ctx, "UPDATE posts SET wake_at = $1 WHERE id = $2 AND version = $3", moment(wake), id, version)
	return err
}

// Requeue puts a publishing post whose attempt has just died back into the queue and has it looked at.
func (t *Tx) Requeue(ctx context.Context, id shippost.PostID, wake time.Time) error {
	_, err := t.exec(ctx, "UPDATE posts SET status = 'queued', phase = '', wake_at = $1 WHERE id = $2 AND status = 'publishing'", moment(wake), id)
	return err
}

// WakeHeldPosts has all held posts of an account looked at.
func (t *Tx) WakeHeldPosts(ctx context.Context, account shippost.AccountID, wake time.Time) error {
	_, err := t.exec(ctx, "UPDATE posts SET wake_at = $1 WHERE account_id = $2 AND status = 'queued' AND hold <> ''", moment(wake), account)
	return err
}

// WakeHeldFor has the posts looked at now that a hold of that code keeps, and that were to be looked at before until.
func (t *Tx) WakeHeldFor(ctx context.Context, code string, now, until time.Time) error {
	_, err := t.exec(ctx, "UPDATE posts SET wake_at = $1 WHERE wake_at > $1 AND wake_at <= $2 AND status = 'queued' AND hold LIKE $3",
		moment(now), moment(until), `%"code":"`+code+`"%`)
	return err
}

// PostsUnderWay returns the posts whose living attempt is the owner's and not yet past the point of no return.
func (t *Tx) PostsUnderWay(ctx context.Context, owner shippost.NodeID) ([]shippost.PostID, error) {
	return t.postIDs(ctx, "SELECT post_id FROM attempts WHERE owner = $1 AND state IN ('planned', 'init_sent', 'open') ORDER BY planned_at", owner)
}

// NoteCommitted keeps when the last byte of an attempt left, if nobody has told yet.
func (t *Tx) NoteCommitted(ctx context.Context, id shippost.AttemptID, post shippost.PostID, when time.Time) error {
	told, err := t.swap(ctx, "UPDATE attempts SET committed_at = $1 WHERE id = $2 AND committed_at IS NULL AND state <> 'dead'", moment(when), id)
	if err != nil || !told {
		return err
	}
	_, err = t.exec(ctx, "UPDATE posts SET committed_at = $1 WHERE id = $2", moment(when), post)
	return err
}

// NextPosts returns the posts of an account that wait or are on their way, those that are due first.
func (t *Tx) NextPosts(ctx context.Context, account shippost.AccountID, limit int) ([]shippost.Post, error) {
	return t.posts(ctx, "SELECT id FROM posts WHERE account_id = $1 AND status IN ('queued', 'publishing') ORDER BY due_at, id LIMIT $2", account, limit)
}

// UnfinishedPosts returns the queued and publishing posts of an account.
func (t *Tx) UnfinishedPosts(ctx context.Context, account shippost.AccountID) ([]shippost.Post, error) {
	return t.posts(ctx, "SELECT id FROM posts WHERE account_id = $1 AND status IN ('queued', 'publishing') ORDER BY id", account)
}

// posts returns the posts whose ids a statement gives.
func (t *Tx) posts(ctx context.Context, query string, args ...any) ([]shippost.Post, error) {
	ids, err := t.postIDs(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	list := make([]shippost.Post, len(ids))
	for i, id := range ids {
		if list[i], err = t.AnyPost(ctx, id); err != nil {
			return nil, err
		}
	}
	return list, nil
}
