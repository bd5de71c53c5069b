package snippet

import (
	"context"
	"slices"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// SaveTemplate keeps a composition to begin with. One of the same name gets what the new one holds. Labels that are not the
// workspace's are left out.
func (k *Keeper) SaveTemplate(ctx context.Context, actor shippost.Actor, t shippost.Template) (shippost.Template, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return t, err
	}
	t.Name = strings.TrimSpace(t.Name)
	if err := t.Check(); err != nil {
		return t, err
	}
	t.ID, t.Workspace, t.CreatedAt, t.UpdatedAt = shippost.NewTemplateID(k.db.Now()), actor.Workspace, k.db.Now(), k.db.Now()
	asked := t
	err := k.db.Update(ctx, func(tx *store.Tx) error {
		t = asked
		all, err := tx.Templates(ctx, actor.Workspace)
		if err != nil {
			return err
		}
		if len(all) >= shippost.MaxTemplates && !slices.ContainsFunc(all, func(o shippost.Template) bool { return o.Name == t.Name }) {
			return shippost.Errorf(shippost.Conflict, "too_many_templates", "A workspace keeps at most %d templates. Remove one first.", shippost.MaxTemplates)
		}
		labels, err := tx.Labels(ctx, actor.Workspace)
		if err != nil {
			return err
		}
		t.Labels = known(labels, t.Labels)
		if err := tx.SaveTemplate(ctx, &t); err != nil {
			return err
		}
		return recordTemplate(ctx, tx, actor, t.ID, shippost.EntryTemplateSaved)
	})
	return t, err
}

// Templates returns the templates of the workspace by name, with those of their labels that there still are.
func (k *Keeper) Templates(ctx context.Context, actor shippost.Actor) (list []shippost.Template, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = k.db.View(ctx, func(tx *store.Tx) error {
		if list, err = tx.Templates(ctx, actor.Workspace); err != nil {
			return err
		}
		labels, err := tx.Labels(ctx, actor.Workspace)
		for i := range list {
			list[i].Labels = known(labels, list[i].Labels)
		}
		return err
	})
	return list, err
}

// RemoveTemplate forgets a template. Posts that were begun with it stay as they are.
func (k *Keeper) RemoveTemplate(ctx context.Context, actor shippost.Actor, id shippost.TemplateID) error {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteTemplate(ctx, actor.Workspace, id); err != nil {
			return err
		}
		return recordTemplate(ctx, tx, actor, id, shippost.EntryTemplateRemoved)
	})
}

// known returns those of some labels that there are.
func known(all []shippost.Label, labels []shippost.LabelID) []shippost.LabelID {
	return slices.DeleteFunc(slices.Clone(labels), func(id shippost.LabelID) bool {
		return !slices.ContainsFunc(all, func(l shippost.Label) bool { return l.ID == id })
	})
}

func recordTemplate(ctx context.Context, tx *store.Tx, actor shippost.Actor, id shippost.TemplateID, kind shippost.EntryKind) error {
	return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: kind, Actor: actor, Data: map[string]any{"template": string(id)}})
}
