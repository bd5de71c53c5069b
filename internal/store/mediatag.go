package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
)

// TagCount is a tag of a workspace and how many files have it.
type TagCount struct {
	Tag   string
	Files int64
}

// TagMedia gives a file a tag and reports whether it did not have it. A workspace writes a tag in one way, that of its first use.
func (t *Tx) TagMedia(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID, tag string) (bool, error) {
	return t.swap(ctx, `INSERT INTO media_tags (media_id, workspace_id, tag, tag_key, created_at)
		VALUES ($1, $2, COALESCE((SELECT MIN(tag) FROM media_tags WHERE workspace_id = $2 AND tag_key = $4), $3), $4, $5)
		ON CONFLICT (media_id, tag_key) DO NOTHING`, id, ws, tag, Fold(tag), moment(t.Now()))
}

// UntagMedia takes a tag from a file and reports whether it had it.
func (t *Tx) UntagMedia(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID, tag string) (bool, error) {
	return t.swap(ctx, "DELETE FROM media_tags WHERE workspace_id = $1 AND media_id = $2 AND tag_key = $3", ws, id, Fold(tag))
}

// DropTags takes all tags from a file.
func (t *Tx) DropTags(ctx context.Context, id shippost.MediaID) error {
	_, err := t.exec(ctx, "DELETE FROM media_tags WHERE media_id = $1", id)
	return err
}

// Tags returns the tags of a workspace in the order of the alphabet.
func (t *Tx) Tags(ctx context.Context, ws shippost.WorkspaceID, limit int) (list []TagCount, err error) {
	err = t.each(ctx, 2, "SELECT MIN(tag), count(*) FROM media_tags WHERE workspace_id = $1 GROUP BY tag_key ORDER BY tag_key LIMIT $2", []any{ws, limit}, func(v []any) error {
		tag, _ := v[0].(string)
		files, _ := v[1].(int64)
		list = append(list, TagCount{tag, files})
		return nil
	})
	return list, err
}

// MediaTags returns the tags of each of the files, in the order of the alphabet.
func (t *Tx) MediaTags(ctx context.Context, ids []shippost.MediaID) (map[shippost.MediaID][]string, error) {
	all := make(map[shippost.MediaID][]string, len(ids))
	err := inParts(ids, func(some []shippost.MediaID) error {
		q := conditions{}
		isOneOf(&q, "media_id", some)
		return t.each(ctx, 2, "SELECT media_id, tag FROM media_tags "+q.where()+" ORDER BY media_id, tag_key", q.args, func(v []any) error {
			id, _ := v[0].(string)
			tag, _ := v[1].(string)
			all[shippost.MediaID(id)] = append(all[shippost.MediaID(id)], tag)
			return nil
		})
	})
	return all, err
}

// inParts calls fn with the ids in parts of one size, so that few statements are kept however their number varies. The last
// part repeats its first id.
func inParts[ID any](ids []ID, fn func([]ID) error) error {
	const part = 64
	for len(ids) > 0 {
		some := make([]ID, part)
		n := copy(some, ids)
		for i := n; i < part; i++ {
			some[i] = some[0]
		}
		ids = ids[n:]
		if err := fn(some); err != nil {
			return err
		}
	}
	return nil
}

// MediaUse is where a file is used.
type MediaUse struct {
	Posts   int64     // that have it
	Waiting int64     // of them queued or publishing: the file cannot be deleted
	Open    int64     // of them neither posted nor cancelled: the file stays, whatever its age
	Posted  int64     // of them posted
	Last    time.Time // when the last of them was posted; zero when that is not known of one
}

// MediaUses returns where each of the files is used; files of no post are not in it.
func (t *Tx) MediaUses(ctx context.Context, ids []shippost.MediaID) (map[shippost.MediaID]MediaUse, error) {
	all := make(map[shippost.MediaID]MediaUse, len(ids))
	err := inParts(ids, func(some []shippost.MediaID) (err error) {
		q := conditions{}
		isOneOf(&q, "pm.media_id", some)
		rows, err := t.query(ctx, `SELECT pm.media_id, count(DISTINCT p.id),
			count(DISTINCT CASE WHEN p.status IN ('queued', 'publishing') THEN p.id END),
			count(DISTINCT CASE WHEN p.status NOT IN ('posted', 'cancelled') THEN p.id END),
			count(DISTINCT CASE WHEN p.status = 'posted' THEN p.id END),
			CASE WHEN count(CASE WHEN p.status = 'posted' AND p.posted_at IS NULL THEN 1 END) > 0 THEN NULL
				ELSE max(CASE WHEN p.status = 'posted' THEN p.posted_at END) END
			FROM post_media pm JOIN posts p ON p.id = pm.post_id `+q.where()+` GROUP BY pm.media_id`, q.args...)
		if err != nil {
			return fmt.Errorf("count the posts of files: %w", err)
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var id shippost.MediaID
			var u MediaUse
			if err := rows.Scan(&id, &u.Posts, &u.Waiting, &u.Open, &u.Posted, at(&u.Last)); err != nil {
				return fmt.Errorf("count the posts of files: %w", err)
			}
			all[id] = u
		}
		return rows.Err()
	})
	return all, err
}

// PostsWithMedia returns posts of a workspace that have a file, newest first, from after one on; only those that wait for
// it, if asked.
func (t *Tx) PostsWithMedia(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID, waiting bool, after shippost.PostID, limit int) ([]shippost.Post, error) {
	q := conditions{}
	q.add("workspace_id = ", ws)
	q.parts = append(q.parts, "id IN (SELECT post_id FROM post_media WHERE media_id = "+q.mark(id)+")")
	if waiting {
		q.parts = append(q.parts, "status IN ('queued', 'publishing')")
	}
	if after != "" {
		q.add("id < ", after)
	}
	posts, err := postTable.list(ctx, t, q.where()+" ORDER BY id DESC LIMIT "+q.mark(limit), q.args...)
	if err != nil {
		return nil, err
	}
	return posts, t.fillPostMedia(ctx, posts)
}
