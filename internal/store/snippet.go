package store

import (
	"context"

	"ship-post.com/shippost"
)

var snippets = newTable("snippets",
	column[shippost.Snippet]{"id", func(s *shippost.Snippet) any { return &s.ID }},
	column[shippost.Snippet]{"workspace_id", func(s *shippost.Snippet) any { return &s.Workspace }},
	column[shippost.Snippet]{"kind", func(s *shippost.Snippet) any { return &s.Kind }},
	column[shippost.Snippet]{"name", func(s *shippost.Snippet) any { return &s.Name }},
	column[shippost.Snippet]{"text", func(s *shippost.Snippet) any { return &s.Text }},
	column[shippost.Snippet]{"created_at", func(s *shippost.Snippet) any { return at(&s.CreatedAt) }},
)

// SaveSnippet adds a snippet, or gives the one with its kind and name its text.
func (t *Tx) SaveSnippet(ctx context.Context, s *shippost.Snippet) error {
	if _, err := t.exec(ctx, snippets.insertN+" ON CONFLICT (workspace_id, kind, name) DO UPDATE SET text = excluded.text", snippets.fields(s)...); err != nil {
		return err
	}
	saved, err := snippets.get(ctx, t, missing("snippet"), "WHERE workspace_id = $1 AND kind = $2 AND name = $3", s.Workspace, s.Kind, s.Name)
	*s = saved
	return err
}

// Snippets returns the snippets of a workspace by name.
func (t *Tx) Snippets(ctx context.Context, ws shippost.WorkspaceID) ([]shippost.Snippet, error) {
	return snippets.list(ctx, t, "WHERE workspace_id = $1 ORDER BY kind, name, id", ws)
}

// DeleteSnippet removes a snippet of a workspace; NotFound when there is none.
func (t *Tx) DeleteSnippet(ctx context.Context, ws shippost.WorkspaceID, id shippost.SnippetID) error {
	ok, err := t.swap(ctx, "DELETE FROM snippets WHERE workspace_id = $1 AND id = $2", ws, id)
	if err == nil && !ok {
		err = missing("snippet")
	}
	return err
}
