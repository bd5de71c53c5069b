package store

import (
	"context"
	"errors"
	"fmt"

	"ship-post.com/shippost"
)

// latestPosts bounds how many of the posts with a file are looked at, so that the cost does not grow with their number.
const latestPosts = 50

// TwinsOf returns posts of an account that go out or went out and show the same files as a draft, whatever their order, the
// latest first. Two files of the same bytes are the same file. Only the latest posts with the draft's first file are looked at.
// Which files the posts have is not filled in.
func (t *Tx) TwinsOf(ctx context.Context, ws shippost.WorkspaceID, account shippost.AccountID, files []shippost.Media, except shippost.PostID) ([]shippost.Post, error) {
	if len(files) == 0 {
		return nil, nil
	}
	same, err := t.sameBytes(ctx, ws, files[0])
	if err != nil {
		return nil, err
	}
	q := conditions{}
	q.add("workspace_id = ", ws)
	q.add("account_id = ", account)
	q.add("id <> ", except)
	q.parts = append(q.parts, "status IN ('queued', 'publishing', 'posted', 'in_inbox', 'unconfirmed')")
	inner := conditions{args: q.args}
	isOneOf(&inner, "media_id", same)
	q.args = inner.args
	q.parts = append(q.parts, "id IN (SELECT post_id FROM post_media "+inner.where()+" ORDER BY post_id DESC LIMIT "+q.mark(latestPosts)+")")
	q.add("(SELECT count(*) FROM post_media m WHERE m.post_id = posts.id) = ", len(files))
	posts, err := postTable.list(ctx, t, q.where()+" ORDER BY id DESC", q.args...)
	if err != nil || len(posts) == 0 || len(files) == 1 {
		return posts, err // a post of one file that is the same has no other
	}
	if err := t.fillPostMedia(ctx, posts); err != nil {
		return nil, err
	}
	var ids []shippost.MediaID
	for _, p := range posts {
		ids = append(ids, p.Media...)
	}
	known, err := t.MediaAmong(ctx, ids)
	if err != nil {
		return nil, err
	}
	var twins []shippost.Post
	for _, p := range posts {
		if sameFiles(p.Media, known, files) {
			twins = append(twins, p)
		}
	}
	return twins, nil
}

// sameBytes returns the file and those that hold the same.
func (t *Tx) sameBytes(ctx context.Context, ws shippost.WorkspaceID, m shippost.Media) (_ []shippost.MediaID, err error) {
	all := []shippost.MediaID{m.ID}
	if m.SHA256 == "" {
		return all, nil
	}
	rows, err := t.query(ctx, "SELECT id FROM media WHERE workspace_id = $1 AND sha256 = $2 AND sha256 <> '' AND id <> $3 ORDER BY id DESC LIMIT 10", ws, m.SHA256, m.ID)
	if err != nil {
		return nil, fmt.Errorf("list files of the same bytes: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id shippost.MediaID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list files of the same bytes: %w", err)
		}
		all = append(all, id)
	}
	return all, rows.Err()
}

// sameFiles reports whether a post has exactly the files of a draft, in whatever order.
func sameFiles(post []shippost.MediaID, known map[shippost.MediaID]shippost.Media, files []shippost.Media) bool {
	if len(post) != len(files) {
		return false
	}
	bytesOf := func(m shippost.Media) string {
		if m.SHA256 != "" {
			return m.SHA256
		}
		return string(m.ID)
	}
	count := map[string]int{}
	for _, m := range files {
		count[bytesOf(m)]++
	}
	for _, id := range post {
		m := known[id]
		if m.ID == "" {
			m.ID = id
		}
		count[bytesOf(m)]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}
