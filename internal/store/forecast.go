package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

var forecastTable = newTable("forecasts",
	column[shippost.Forecast]{"post_id", func(f *shippost.Forecast) any { return &f.Post }},
	column[shippost.Forecast]{"workspace_id", func(f *shippost.Forecast) any { return &f.Workspace }},
	column[shippost.Forecast]{"version", func(f *shippost.Forecast) any { return &f.Version }},
	column[shippost.Forecast]{"light", func(f *shippost.Forecast) any { return &f.Light }},
	column[shippost.Forecast]{"problems", func(f *shippost.Forecast) any { return doc(&f.Problems) }},
	column[shippost.Forecast]{"checked_at", func(f *shippost.Forecast) any { return at(&f.CheckedAt) }},
	column[shippost.Forecast]{"next_at", func(f *shippost.Forecast) any { return at(&f.NextAt) }},
)

// PostsToForecast returns queued posts of all workspaces, due between two instants, that were not looked at yet, have changed
// since, or whose time for another look has come; the first due first. Posts that are due elsewhere cost nothing.
func (t *Tx) PostsToForecast(ctx context.Context, now, until time.Time, limit int) ([]shippost.Post, error) {
	posts, err := postTable.list(ctx, t, `WHERE status = 'queued' AND overdue_at IS NULL AND due_at > $1 AND due_at <= $2 AND NOT EXISTS (
		SELECT 1 FROM forecasts f WHERE f.post_id = posts.id AND f.version = posts.version AND (f.next_at IS NULL OR f.next_at > $1))
		ORDER BY due_at, id LIMIT $3`, moment(now), moment(until), limit)
	if err != nil {
		return nil, err
	}
	return posts, t.fillPostMedia(ctx, posts)
}

// Forecasts returns the forecasts of those of a workspace's posts that have one, by post.
func (t *Tx) Forecasts(ctx context.Context, ws shippost.WorkspaceID, posts []shippost.PostID) (map[shippost.PostID]shippost.Forecast, error) {
	found := make(map[shippost.PostID]shippost.Forecast, len(posts))
	if len(posts) == 0 {
		return found, nil
	}
	q := conditions{}
	q.add("workspace_id = ", ws)
	isOneOf(&q, "post_id", posts)
	list, err := forecastTable.list(ctx, t, q.where(), q.args...)
	for _, f := range list {
		found[f.Post] = f
	}
	return found, err
}

// AtRisk returns how many waiting posts of a workspace will not go out as things are, and when the first of them was looked at.
func (t *Tx) AtRisk(ctx context.Context, ws shippost.WorkspaceID) (n int, since time.Time, err error) {
	err = t.value(ctx, []any{&n, at(&since)}, `SELECT COUNT(*), MIN(f.checked_at) FROM forecasts f JOIN posts p ON p.id = f.post_id AND p.version = f.version
		WHERE f.workspace_id = $1 AND f.light = 'red' AND p.status = 'queued'`, ws)
	return n, since, err
}

// SaveForecast writes a forecast in the place of an earlier one, if the post still is queued and of that version. It reports
// whether it was.
func (t *Tx) SaveForecast(ctx context.Context, f *shippost.Forecast) (bool, error) {
	return t.swap(ctx, `INSERT INTO forecasts (post_id, workspace_id, version, light, problems, checked_at, next_at)
		SELECT id, workspace_id, version, $2, $3, $4, $5 FROM posts WHERE id = $1 AND version = $6 AND status = 'queued'
		ON CONFLICT (post_id) DO UPDATE SET version = excluded.version, light = excluded.light, problems = excluded.problems,
			checked_at = excluded.checked_at, next_at = excluded.next_at`,
		f.Post, f.Light, doc(&f.Problems), at(&f.CheckedAt), at(&f.NextAt), f.Version)
}
