package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ship-post.com/shippost"
)

var labelTable = newTable("labels",
	column[shippost.Label]{"id", func(l *shippost.Label) any { return &l.ID }},
	column[shippost.Label]{"workspace_id", func(l *shippost.Label) any { return &l.Workspace }},
	column[shippost.Label]{"name", func(l *shippost.Label) any { return &l.Name }},
	column[shippost.Label]{"colour", func(l *shippost.Label) any { return &l.Colour }},
	column[shippost.Label]{"created_at", func(l *shippost.Label) any { return at(&l.CreatedAt) }},
)

// InsertLabel adds a label.
func (t *Tx) InsertLabel(ctx context.Context, l *shippost.Label) error {
	return labelTable.insert(ctx, t, l)
}

// Labels returns the labels of a workspace by name.
func (t *Tx) Labels(ctx context.Context, ws shippost.WorkspaceID) ([]shippost.Label, error) {
	return labelTable.list(ctx, t, "WHERE workspace_id = $1 ORDER BY name, id", ws)
}

// UpdateLabel gives a label of its workspace another name and colour; NotFound when there is none.
func (t *Tx) UpdateLabel(ctx context.Context, l *shippost.Label) error {
	ok, err := t.swap(ctx, "UPDATE labels SET name = $1, colour = $2 WHERE workspace_id = $3 AND id = $4", l.Name, l.Colour, l.Workspace, l.ID)
	if err == nil && !ok {
		return missing("label")
	}
	if err == nil {
		*l, err = labelTable.get(ctx, t, missing("label"), "WHERE id = $1", l.ID)
	}
	return err
}

// DeleteLabel removes a label of a workspace, from posts too; NotFound when there is none.
func (t *Tx) DeleteLabel(ctx context.Context, ws shippost.WorkspaceID, id shippost.LabelID) error {
	if _, err := t.exec(ctx, "DELETE FROM post_labels WHERE label_id IN (SELECT id FROM labels WHERE workspace_id = $1 AND id = $2)", ws, id); err != nil {
		return err
	}
	ok, err := t.swap(ctx, "DELETE FROM labels WHERE workspace_id = $1 AND id = $2", ws, id)
	if err == nil && !ok {
		err = missing("label")
	}
	return err
}

// SetPostLabels writes which labels a post has, in the place of those it had. Labels of others are NotFound.
func (t *Tx) SetPostLabels(ctx context.Context, ws shippost.WorkspaceID, post shippost.PostID, labels []shippost.LabelID) error {
	if _, err := t.exec(ctx, "DELETE FROM post_labels WHERE post_id = $1", post); err != nil {
		return err
	}
	return t.addPostLabels(ctx, ws, post, labels)
}

func (t *Tx) addPostLabels(ctx context.Context, ws shippost.WorkspaceID, post shippost.PostID, labels []shippost.LabelID) error {
	for i, id := range labels {
		if slices.Contains(labels[:i], id) {
			continue
		}
		ok, err := t.swap(ctx, "INSERT INTO post_labels (post_id, label_id) SELECT $1, id FROM labels WHERE workspace_id = $2 AND id = $3", post, ws, id)
		if err != nil {
			return err
		}
		if !ok {
			return missing("label")
		}
	}
	return nil
}

// PostLabels returns which labels posts of a workspace have, by post.
func (t *Tx) PostLabels(ctx context.Context, ws shippost.WorkspaceID, posts []shippost.PostID) (_ map[shippost.PostID][]shippost.LabelID, err error) {
	found := map[shippost.PostID][]shippost.LabelID{}
	if len(posts) == 0 {
		return found, nil
	}
	q := conditions{}
	q.add("l.workspace_id = ", ws)
	isOneOf(&q, "pl.post_id", posts)
	rows, err := t.query(ctx, "SELECT pl.post_id, pl.label_id FROM post_labels pl JOIN labels l ON l.id = pl.label_id "+q.where()+" ORDER BY pl.post_id, l.name, l.id", q.args...)
	if err != nil {
		return nil, fmt.Errorf("list the labels of posts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var post shippost.PostID
		var label shippost.LabelID
		if err := rows.Scan(&post, &label); err != nil {
			return nil, fmt.Errorf("list the labels of posts: %w", err)
		}
		found[post] = append(found[post], label)
	}
	return found, rows.Err()
}
