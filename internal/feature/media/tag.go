package media

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// TagCount is a tag of a workspace and how many files have it.
type TagCount = store.TagCount

// Tags returns the tags of the actor's workspace in the order of the alphabet.
func (l *Library) Tags(ctx context.Context, actor shippost.Actor) (list []TagCount, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = l.DB.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Tags(ctx, actor.Workspace, shippost.MaxTags)
		return err
	})
	return list, err
}

// Tag gives tags to files and takes others from them: all of it, or nothing with the reason. A tag that a file has is not given
// again, whatever its capitals; one that it does not have is not missed.
func (l *Library) Tag(ctx context.Context, actor shippost.Actor, files []shippost.MediaID, add, remove []string) error {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return err
	}
	add, err := cleanTags("add", add)
	if err != nil {
		return err
	}
	if remove, err = cleanTags("remove", remove); err != nil {
		return err
	}
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		for _, id := range files {
			m, err := tx.LockMedia(ctx, actor.Workspace, id)
			if err != nil {
				return err
			}
			if m.Status == shippost.MediaDeleted {
				return shippost.Errorf(shippost.Conflict, "media_deleted", "This file was deleted.")
			}
			if err := tagOne(ctx, tx, actor, id, add, remove); err != nil {
				return err
			}
		}
		return l.checkTags(ctx, tx, actor.Workspace)
	})
}

func cleanTags(field string, texts []string) ([]string, error) {
	tags := make([]string, len(texts))
	for i, text := range texts {
		tag, err := shippost.CleanTag(text)
		if err != nil {
			return nil, shippost.AsError(err).At(field)
		}
		tags[i] = tag
	}
	return tags, nil
}

func tagOne(ctx context.Context, tx *store.Tx, actor shippost.Actor, id shippost.MediaID, add, remove []string) error {
	added, removed := 0, 0
	for _, tag := range remove {
		ok, err := tx.UntagMedia(ctx, actor.Workspace, id, tag)
		if err != nil {
			return err
		}
		if ok {
			removed++
		}
	}
	for _, tag := range add {
		ok, err := tx.TagMedia(ctx, actor.Workspace, id, tag)
		if err != nil {
			return err
		}
		if ok {
			added++
		}
	}
	if added > 0 {
		tags, err := tx.MediaTags(ctx, []shippost.MediaID{id})
		if err != nil {
			return err
		}
		if len(tags[id]) > shippost.MaxMediaTags {
			return shippost.Errorf(shippost.Invalid, "too_many_tags", "A file has at most %d tags. Take some away first.", shippost.MaxMediaTags).At("add").With(shippost.RemedyEdit)
		}
	}
	if added+removed == 0 {
		return nil
	}
	// What a person wrote stays out of the journal.
	return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryMediaTagged, Actor: actor, Media: id,
		Data: map[string]any{"added": added, "removed": removed}})
}

func (l *Library) checkTags(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID) error {
	all, err := tx.Tags(ctx, ws, shippost.MaxTags+1)
	if err == nil && len(all) > shippost.MaxTags {
		err = shippost.Errorf(shippost.Conflict, "too_many_tags", "A workspace has at most %d different tags. Use one you have, or take some away first.", shippost.MaxTags).At("add")
	}
	return err
}
