// Package snippet keeps what a workspace writes again and again: captions, sets of hashtags, and templates of whole posts.
package snippet

import (
	"context"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// MaxSnippets is how many a workspace keeps.
const MaxSnippets = 500

// Keeper keeps the snippets. Make one with New.
type Keeper struct{ db *store.DB }

// New returns a Keeper.
func New(db *store.DB) *Keeper { return &Keeper{db} }

// Save keeps a snippet. One of the same kind and name gets the new text.
func (k *Keeper) Save(ctx context.Context, actor shippost.Actor, s shippost.Snippet) (shippost.Snippet, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return s, err
	}
	s.Name = strings.TrimSpace(s.Name)
	if err := s.Check(); err != nil {
		return s, err
	}
	s.ID, s.Workspace, s.CreatedAt = shippost.NewSnippetID(k.db.Now()), actor.Workspace, k.db.Now()
	asked := s
	err := k.db.Update(ctx, func(tx *store.Tx) error {
		s = asked
		all, err := tx.Snippets(ctx, actor.Workspace)
		if err != nil {
			return err
		}
		if len(all) >= MaxSnippets {
			return shippost.Errorf(shippost.Conflict, "too_many_snippets", "A workspace keeps at most %d templates. Remove one first.", MaxSnippets)
		}
		if err := tx.SaveSnippet(ctx, &s); err != nil {
			return err
		}
		return record(ctx, tx, actor, s.ID, shippost.EntrySnippetSaved)
	})
	return s, err
}

// List returns the snippets of the workspace by kind and name.
func (k *Keeper) List(ctx context.Context, actor shippost.Actor) (list []shippost.Snippet, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = k.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Snippets(ctx, actor.Workspace)
		return err
	})
	return list, err
}

// Remove forgets a snippet. Posts that were written with it stay as they are.
func (k *Keeper) Remove(ctx context.Context, actor shippost.Actor, id shippost.SnippetID) error {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteSnippet(ctx, actor.Workspace, id); err != nil {
			return err
		}
		return record(ctx, tx, actor, id, shippost.EntrySnippetRemoved)
	})
}

// record writes what was done into the journal; what a person wrote stays out of it.
func record(ctx context.Context, tx *store.Tx, actor shippost.Actor, id shippost.SnippetID, kind shippost.EntryKind) error {
	return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: kind, Actor: actor, Data: map[string]any{"snippet": string(id)}})
}
