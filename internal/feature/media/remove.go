package media

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Delete removes the bytes of a file for good; its row stays for the history. A file that a queued or publishing post
// needs is kept: Conflict with code media_in_use, which names the posts. A file that still arrives has its upload ended. Deleting twice is the same as
// once.
func (l *Library) Delete(ctx context.Context, actor shippost.Actor, id shippost.MediaID) error {
	if err := actor.Require(shippost.DeleteMedia); err != nil {
		return err
	}
	var upload shippost.UploadID
	err := l.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Media(ctx, actor.Workspace, id); err != nil {
			return err
		}
		u, err := tx.UploadOf(ctx, actor.Workspace, id)
		if shippost.IsKind(err, shippost.NotFound) {
			return nil
		}
		upload = u.ID
		return err
	})
	if err != nil {
		return err
	}
	if upload != "" {
		release, err := l.quiet(ctx, upload)
		if err != nil {
			return err
		}
		defer release()
	}
	return l.remove(ctx, actor, id, upload, "deleted")
}

// quiet ends whoever writes to an upload and keeps others from it until the returned function is called.
func (l *Library) quiet(ctx context.Context, id shippost.UploadID) (release func(), err error) {
	_, release, err = l.writers.claim(ctx, id, nil, l.Now, true)
	return release, err
}

// Abort ends an unfinished upload and frees its space. A finished one is a Conflict with code upload_finished.
func (l *Library) Abort(ctx context.Context, actor shippost.Actor, id shippost.UploadID) error {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return err
	}
	if _, err := l.upload(ctx, actor.Workspace, id); err != nil {
		return err
	}
	release, err := l.quiet(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	u, err := l.upload(ctx, actor.Workspace, id)
	if err != nil {
		return err
	}
	if !u.FinishedAt.IsZero() {
		return finished()
	}
	return l.remove(ctx, actor, u.Media, id, "upload_cancelled")
}

// remove marks a file as deleted and then removes its bytes. A crash in between leaves them to the sweep. The caller
// holds the upload, if there is one.
func (l *Library) remove(ctx context.Context, actor shippost.Actor, id shippost.MediaID, upload shippost.UploadID, why string) error {
	err := l.DB.Update(ctx, func(tx *store.Tx) error {
		m, err := tx.LockMedia(ctx, actor.Workspace, id)
		if err != nil || m.Status == shippost.MediaDeleted {
			return err
		}
		if actor.Kind != shippost.ActorSystem {
			if err := unneeded(ctx, tx, m); err != nil {
				return err
			}
		}
		if upload != "" {
			if err := dropUpload(ctx, tx, actor.Workspace, upload); err != nil {
				return err
			}
		}
		was := m.Status
		m.Status, m.BlobKey, m.PosterKey, m.DeletedAt = shippost.MediaDeleted, "", "", l.now()
		if _, err := tx.SaveMedia(ctx, &m, was); err != nil {
			return err
		}
		if err := tx.DropTags(ctx, id); err != nil {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Workspace: m.Workspace, Kind: shippost.EntryMediaRemoved, Actor: actor, Media: id,
			Data: map[string]any{"why": why, "was": string(was)}})
	})
	if err != nil {
		return err
	}
	l.proven.Delete(id)
	l.removeSpooled(id)
	l.removeStored(ctx, id)
	return nil
}

// dropUpload removes the row of an upload as it stands now.
func dropUpload(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID, id shippost.UploadID) error {
	u, err := tx.Upload(ctx, ws, id)
	if shippost.IsKind(err, shippost.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.DeleteUpload(ctx, u)
	return err
}
