package media

import (
	"context"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Use is where a file is used.
type Use = store.MediaUse

// Standing is what a workspace has to do with a file.
type Standing struct {
	Tags []string
	Use  Use
}

// Standings returns the standing of files that the actor was given by Get, List, Find or Resembling.
func (l *Library) Standings(ctx context.Context, actor shippost.Actor, files []shippost.Media) (map[shippost.MediaID]Standing, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	all := make(map[shippost.MediaID]Standing, len(files))
	var ids []shippost.MediaID
	for _, m := range files {
		if m.Workspace == actor.Workspace {
			ids = append(ids, m.ID)
		}
	}
	err := l.DB.View(ctx, func(tx *store.Tx) error {
		tags, err := tx.MediaTags(ctx, ids)
		if err != nil {
			return err
		}
		uses, err := tx.MediaUses(ctx, ids)
		for _, id := range ids {
			all[id] = Standing{tags[id], uses[id]}
		}
		return err
	})
	return all, err
}

// Posts returns the posts that have a file, newest first, from after one on, and where the next page begins; "" after the
// last page. With waiting it returns only those that keep the file from being deleted.
func (l *Library) Posts(ctx context.Context, actor shippost.Actor, id shippost.MediaID, waiting bool, after shippost.PostID, limit int) (page []shippost.Post, next shippost.PostID, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, "", err
	}
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	err = l.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Media(ctx, actor.Workspace, id); err != nil {
			return err
		}
		page, err = tx.PostsWithMedia(ctx, actor.Workspace, id, waiting, after, limit+1)
		return err
	})
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, err
}

// Room is how much a workspace may keep, and how much of it is taken.
type Room struct {
	Files         int64 // that are kept, or arrive
	Stored, Quota int64 // bytes
	Recent, Daily int64 // bytes that were begun within 24 hours
	Parallel      int   // unfinished uploads at a time
	MaxSize       int64 // bytes of one file
}

// Room returns the room of the actor's workspace.
func (l *Library) Room(ctx context.Context, actor shippost.Actor) (Room, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return Room{}, err
	}
	var usage store.MediaUsage
	err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
		usage, err = tx.MediaUsage(ctx, actor.Workspace, l.now().Add(-24*time.Hour))
		return err
	})
	return Room{Files: usage.Files, Stored: usage.Stored, Quota: l.Quota, Recent: usage.Recent, Daily: l.Daily, Parallel: l.Parallel, MaxSize: l.MaxSize}, err
}

// named is how many posts a refusal names.
const named = 3

// unneeded refuses to delete a file that posts wait for, and names them.
func unneeded(ctx context.Context, tx *store.Tx, m shippost.Media) error {
	posts, err := tx.PostsWithMedia(ctx, m.Workspace, m.ID, true, "", named+1)
	if err != nil || len(posts) == 0 {
		return err
	}
	e := shippost.Errorf(shippost.Conflict, "media_in_use", "A post that waits needs this file. Cancel it or give it another file first.").With(shippost.RemedyEdit)
	if len(posts) > 1 {
		e.Message = fmt.Sprintf("%d posts that wait need this file. Cancel them or give them other files first.", len(posts))
	}
	if len(posts) > named {
		e.Message = fmt.Sprintf("More than %d posts that wait need this file. Cancel them or give them other files first.", named)
		posts = posts[:named]
	}
	for _, p := range posts {
		account, err := tx.Account(ctx, m.Workspace, p.Account)
		if err != nil {
			return err
		}
		e.Problems = append(e.Problems, shippost.Problem{Code: "needed_by_post", Severity: shippost.Block,
			Message: fmt.Sprintf("The post for %s, %s (%s)", account.Name, whenOf(p.Due), p.ID), Remedy: shippost.RemedyEdit})
	}
	return e
}

// whenOf writes when a post is due as its writer said it.
func whenOf(d shippost.Due) string {
	at, err := time.Parse(shippost.LocalLayout, d.Local)
	if err != nil {
		at = d.At.UTC()
	}
	return "due on " + at.Format("2 January 2006, 15:04") + " in " + d.Zone
}
