// Package label keeps the labels of workspaces: words with a colour that posts are found again by.
package label

import (
	"context"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Keeper keeps the labels. Make one with New.
type Keeper struct{ db *store.DB }

// New returns a Keeper.
func New(db *store.DB) *Keeper { return &Keeper{db} }

// Add makes a label. A name that another label has, in whatever case, is a Conflict.
func (k *Keeper) Add(ctx context.Context, actor shippost.Actor, l shippost.Label) (shippost.Label, error) {
	return k.save(ctx, actor, l, func(tx *store.Tx, l *shippost.Label) error {
		l.ID, l.CreatedAt = shippost.NewLabelID(tx.Now()), tx.Now()
		return tx.InsertLabel(ctx, l)
	})
}

// Change gives a label another name and colour. Posts keep it.
func (k *Keeper) Change(ctx context.Context, actor shippost.Actor, l shippost.Label) (shippost.Label, error) {
	return k.save(ctx, actor, l, func(tx *store.Tx, l *shippost.Label) error { return tx.UpdateLabel(ctx, l) })
}

func (k *Keeper) save(ctx context.Context, actor shippost.Actor, l shippost.Label, write func(*store.Tx, *shippost.Label) error) (shippost.Label, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return l, err
	}
	l.Name, l.Workspace = strings.Join(strings.Fields(l.Name), " "), actor.Workspace
	if err := l.Check(); err != nil {
		return l, err
	}
	asked := l
	err := k.db.Update(ctx, func(tx *store.Tx) error {
		l = asked
		all, err := tx.Labels(ctx, actor.Workspace)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.ID != l.ID && strings.EqualFold(other.Name, l.Name) {
				return shippost.Errorf(shippost.Conflict, "label_exists", "There is a label of this name already.").At("name").With(shippost.RemedyEdit)
			}
		}
		if l.ID == "" && len(all) >= shippost.MaxLabels {
			return shippost.Errorf(shippost.Conflict, "too_many_labels", "A workspace has at most %d labels. Remove one first.", shippost.MaxLabels)
		}
		if err := write(tx, &l); err != nil {
			return err
		}
		return record(ctx, tx, actor, l.ID, shippost.EntryLabelSaved)
	})
	return l, err
}

// List returns the labels of the workspace by name.
func (k *Keeper) List(ctx context.Context, actor shippost.Actor) (list []shippost.Label, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = k.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Labels(ctx, actor.Workspace)
		return err
	})
	return list, err
}

// Remove takes a label off all posts and forgets it.
func (k *Keeper) Remove(ctx context.Context, actor shippost.Actor, id shippost.LabelID) error {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteLabel(ctx, actor.Workspace, id); err != nil {
			return err
		}
		return record(ctx, tx, actor, id, shippost.EntryLabelRemoved)
	})
}

// record writes what was done into the journal; what a person wrote stays out of it.
func record(ctx context.Context, tx *store.Tx, actor shippost.Actor, id shippost.LabelID, kind shippost.EntryKind) error {
	return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: kind, Actor: actor, Data: map[string]any{"label": string(id)}})
}
