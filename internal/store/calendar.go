package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
)

// PostMark is as much of a post as is needed to find its place among many.
type PostMark struct {
	ID     shippost.PostID
	Due    time.Time
	Status shippost.PostStatus
}

// PostMarks returns the marks of all posts that a filter chooses, earliest first, whatever its Order, After and Limit. Bound
// it by From and To: it is made to read a month of ten thousand posts in milliseconds.
func (t *Tx) PostMarks(ctx context.Context, ws shippost.WorkspaceID, f PostFilter) (marks []PostMark, err error) {
	query, args := f.markQuery(ws)
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list the marks of posts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m PostMark
		if err := rows.Scan(&m.ID, at(&m.Due), &m.Status); err != nil {
			return nil, fmt.Errorf("list the marks of posts: %w", err)
		}
		marks = append(marks, m)
	}
	return marks, rows.Err()
}

func (f PostFilter) markQuery(ws shippost.WorkspaceID) (query string, args []any) {
	q := f.conditions(ws)
	q.parts = append(q.parts, "due_at IS NOT NULL")
	return "SELECT id, due_at, status FROM posts " + q.where() + " ORDER BY due_at, id", q.args
}

// PostsAmong returns those of the posts that are the workspace's, with their media, in no particular order.
func (t *Tx) PostsAmong(ctx context.Context, ws shippost.WorkspaceID, ids []shippost.PostID) ([]shippost.Post, error) {
	// In parts of one size, so that few statements are kept however the number varies.
	const part = 128
	var all []shippost.Post
	for len(ids) > 0 {
		some := make([]shippost.PostID, part)
		n := copy(some, ids)
		for i := n; i < part; i++ {
			some[i] = some[0]
		}
		ids = ids[n:]
		q := conditions{}
		q.add("workspace_id = ", ws)
		isOneOf(&q, "id", some)
		posts, err := postTable.list(ctx, t, q.where(), q.args...)
		if err != nil {
			return nil, err
		}
		if err := t.fillPostMedia(ctx, posts); err != nil {
			return nil, err
		}
		all = append(all, posts...)
	}
	return all, nil
}
