package store

import (
	"context"
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

// PostSize returns how many bytes the media of a post have together.
func (t *Tx) PostSize(ctx context.Context, id shippost.PostID) (int64, error) {
	var size int64
	err := t.value(ctx, []any{&size},
		"SELECT CAST(COALESCE(SUM(m.size), 0) AS BIGINT) FROM post_media pm JOIN media m ON m.id = pm.media_id WHERE pm.post_id = $1", id)
	return size, err
}

// SavePublishing writes what the publisher may change of a post, if it still has the status was and p.Version. It
// reports whether it had. The zero wake means that nobody need look at the post.
func (t *Tx) SavePublishing(ctx context.Context, p *shippost.Post, was shippost.PostStatus, wake time.Time) (bool, error) {
	return t.swap(ctx, `UPDATE posts SET status = $1, phase = $2, hold = $3, failure = $4, wake_at = $5, updated_at = $6,
		committed_at = $7, posted_at = $8, platform_ids = $9, permalink = $10 WHERE id = $11 AND status = $12 AND version = $13`,
		p.Status, p.Phase, doc(&p.Hold), doc(&p.Failure), moment(wake), at(&p.UpdatedAt),
		at(&p.CommittedAt), at(&p.PostedAt), doc(&p.PlatformIDs), p.Permalink, p.ID, was, p.Version)
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
	values, err := plain(args)
	if err != nil {
		return nil, err
	}
	rows, err := t.tx.QueryContext(ctx, query, values...)
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

// UnfinishedPosts returns the queued and publishing posts of an account.
func (t *Tx) UnfinishedPosts(ctx context.Context, account shippost.AccountID) ([]shippost.Post, error) {
	ids, err := t.postIDs(ctx, "SELECT id FROM posts WHERE account_id = $1 AND status IN ('queued', 'publishing') ORDER BY id", account)
	if err != nil {
		return nil, err
	}
	var posts []shippost.Post
	for _, id := range ids {
		p, err := t.AnyPost(ctx, id)
		if err != nil {
			return nil, err
		}
		posts = append(posts, p)
	}
	return posts, nil
}
