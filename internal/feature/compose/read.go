package compose

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Filter chooses posts of a workspace. Its zero value lists all, newest first.
type Filter = store.PostFilter

// Order says in which order posts are listed.
type Order = store.PostOrder

// Place is a place in a list of posts.
type Place = store.PostPlace

// The orders of a list.
const (
	NewestFirst = store.NewestFirst
	DueFirst    = store.DueFirst
)

// Get returns a post.
func (c *Composer) Get(ctx context.Context, actor shippost.Actor, id shippost.PostID) (shippost.Post, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return shippost.Post{}, err
	}
	return c.read(ctx, actor, id)
}

func (c *Composer) read(ctx context.Context, actor shippost.Actor, id shippost.PostID) (p shippost.Post, err error) {
	err = c.db.View(ctx, func(tx *store.Tx) error {
		p, err = tx.Post(ctx, actor.Workspace, id)
		return err
	})
	return p, err
}

// List returns posts of the workspace, and whether there are more after them.
func (c *Composer) List(ctx context.Context, actor shippost.Actor, f Filter) (posts []shippost.Post, more bool, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, false, err
	}
	limit := f.Limit
	f.Limit++
	err = c.db.View(ctx, func(tx *store.Tx) error {
		posts, err = tx.Posts(ctx, actor.Workspace, f)
		return err
	})
	if err != nil || len(posts) <= limit {
		return posts, false, err
	}
	return posts[:limit], true, nil
}

// Attempts returns the tries to publish a post, oldest first.
func (c *Composer) Attempts(ctx context.Context, actor shippost.Actor, id shippost.PostID) (attempts []shippost.Attempt, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Post(ctx, actor.Workspace, id); err != nil {
			return err
		}
		attempts, err = tx.Attempts(ctx, id)
		return err
	})
	return attempts, err
}

// Place returns the actor's user and workspace.
func (c *Composer) Place(ctx context.Context, actor shippost.Actor) (user shippost.User, ws shippost.Workspace, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return user, ws, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		if user, err = tx.User(ctx, actor.User); err != nil {
			return err
		}
		ws, err = tx.Workspace(ctx, actor.Workspace)
		return err
	})
	return user, ws, err
}
