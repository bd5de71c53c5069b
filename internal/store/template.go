package store

import (
	"context"

	"ship-post.com/shippost"
)

var templates = newTable("templates",
	column[shippost.Template]{"id", func(m *shippost.Template) any { return &m.ID }},
	column[shippost.Template]{"workspace_id", func(m *shippost.Template) any { return &m.Workspace }},
	column[shippost.Template]{"name", func(m *shippost.Template) any { return &m.Name }},
	column[shippost.Template]{"caption", func(m *shippost.Template) any { return &m.Caption }},
	column[shippost.Template]{"options", func(m *shippost.Template) any { return doc(&m.Options) }},
	column[shippost.Template]{"labels", func(m *shippost.Template) any { return doc(&m.Labels) }},
	column[shippost.Template]{"created_at", func(m *shippost.Template) any { return at(&m.CreatedAt) }},
	column[shippost.Template]{"updated_at", func(m *shippost.Template) any { return at(&m.UpdatedAt) }},
)

// SaveTemplate adds a template, or gives the one with its name what it holds.
func (t *Tx) SaveTemplate(ctx context.Context, m *shippost.Template) error {
	_, err := t.exec(ctx, templates.insertN+` ON CONFLICT (workspace_id, name) DO UPDATE SET caption = excluded.caption, options = excluded.options,
		labels = excluded.labels, updated_at = excluded.updated_at`, templates.fields(m)...)
	if err != nil {
		return err
	}
	saved, err := templates.get(ctx, t, missing("template"), "WHERE workspace_id = $1 AND name = $2", m.Workspace, m.Name)
	*m = saved
	return err
}

// Templates returns the templates of a workspace by name.
func (t *Tx) Templates(ctx context.Context, ws shippost.WorkspaceID) ([]shippost.Template, error) {
	return templates.list(ctx, t, "WHERE workspace_id = $1 ORDER BY name, id", ws)
}

// DeleteTemplate removes a template of a workspace; NotFound when there is none.
func (t *Tx) DeleteTemplate(ctx context.Context, ws shippost.WorkspaceID, id shippost.TemplateID) error {
	ok, err := t.swap(ctx, "DELETE FROM templates WHERE workspace_id = $1 AND id = $2", ws, id)
	if err == nil && !ok {
		err = missing("template")
	}
	return err
}
