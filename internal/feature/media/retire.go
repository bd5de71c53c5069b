package media

import (
	"context"
	"errors"
	"fmt"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Retire removes the bytes of a file whose time is over, as Delete does, and returns how many there were. keep is asked
// in the transaction that marks the file, when nobody can put it into a post any more; if it says so the file stays.
// data is told in the journal.
func (l *Library) Retire(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID, data map[string]any, keep func(*store.Tx) (bool, error)) (bytes int64, err error) {
	err = l.DB.Update(ctx, func(tx *store.Tx) error {
		bytes = 0
		m, err := tx.LockMedia(ctx, ws, id)
		if err != nil || m.Status != shippost.MediaReady {
			return err
		}
		if stay, err := keep(tx); err != nil || stay {
			return err
		}
		size := m.Size
		m.Status, m.BlobKey, m.PosterKey, m.DeletedAt = shippost.MediaDeleted, "", "", l.now()
		if _, err := tx.SaveMedia(ctx, &m, shippost.MediaReady); err != nil {
			return err
		}
		if err := tx.DropTags(ctx, id); err != nil {
			return err
		}
		bytes = size
		return tx.Record(ctx, shippost.Entry{Workspace: ws, Kind: shippost.EntryMediaRemoved, Actor: shippost.System(ws), Media: id, Data: data})
	})
	if err != nil || bytes == 0 {
		return 0, err
	}
	l.proven.Delete(id)
	l.removeStored(ctx, id)
	return bytes, nil
}

// Erase ends all uploads of a workspace that is going to be erased and removes the bytes of all its files for good, whatever
// needs them. It returns how many files it found. When it returns nil no byte is left in the bucket or in this spool.
func (l *Library) Erase(ctx context.Context, ws shippost.WorkspaceID) (files int, err error) {
	for {
		var list []shippost.Media
		uploads := map[shippost.MediaID]shippost.UploadID{}
		err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
			if list, err = tx.MediaList(ctx, ws, store.MediaFilter{Limit: sweepBatch}); err != nil {
				return err
			}
			for _, m := range list {
				u, err := tx.UploadOf(ctx, ws, m.ID)
				if err != nil && !shippost.IsKind(err, shippost.NotFound) {
					return err
				}
				uploads[m.ID] = u.ID
			}
			return nil
		})
		if err != nil || len(list) == 0 {
			return files, err
		}
		for _, m := range list {
			if err := l.eraseOne(ctx, ws, m.ID, uploads[m.ID]); err != nil {
				return files, fmt.Errorf("erase %s: %w", m.ID, err)
			}
			files++
		}
	}
}

func (l *Library) eraseOne(ctx context.Context, ws shippost.WorkspaceID, id shippost.MediaID, upload shippost.UploadID) error {
	if upload != "" {
		release, err := l.quiet(ctx, upload)
		if err != nil {
			return err
		}
		defer release()
	}
	// The bytes go first: a row that is marked is not looked at again.
	if err := errors.Join(l.Bucket.Delete(ctx, mediaKey(id)), l.Bucket.Delete(ctx, posterKey(id)), l.Spool.Remove(string(id))); err != nil {
		return err
	}
	return l.remove(ctx, shippost.System(ws), id, upload, "erased")
}
