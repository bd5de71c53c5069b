package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/store"
)

const (
	exportFolder = "export"
	exportLife   = 7 * 24 * time.Hour // how long an archive can be fetched
	exportEvery  = 24 * time.Hour     // how often a person may ask for one
	progressStep = 16 << 20           // bytes after which progress is noted
)

// Export is an archive that somebody asked for.
type Export = store.Export

// Export asks for an archive: of the workspace, for its owners, or of what belongs to the person who asks.
func (k *Keeper) Export(ctx context.Context, actor shippost.Actor, what string) (e Export, err error) {
	if err := mayErase(actor, what, true); err != nil {
		return e, err
	}
	now := k.DB.Now()
	err = k.DB.Update(ctx, func(tx *store.Tx) (err error) {
		before, err := tx.Exports(ctx, actor.Workspace, actor.User)
		if err != nil {
			return err
		}
		for _, b := range before {
			if b.Status != store.ExportFailed && b.What == what && now.Sub(b.CreatedAt) < exportEvery {
				wait := shippost.Errorf(shippost.Wait, "export_too_soon", "You asked for a copy within the last day. Take that one, or come back tomorrow.").With(shippost.RemedyWait)
				wait.RetryAfter = exportEvery - now.Sub(b.CreatedAt)
				return wait
			}
		}
		e, err = k.order(ctx, tx, actor, store.Export{Workspace: actor.Workspace, User: actor.User, What: what})
		return err
	})
	return e, err
}

// ExportFor asks for archives of all that is a person's, who asked whoever runs the server for it and proved who they are, in the
// transaction that notes the request as carried out: of each workspace that they own, and in the others of what is theirs. They find them
// where they find their own. It needs an administrator's sign-in of the last ten minutes.
func (k *Keeper) ExportFor(ctx context.Context, tx *store.Tx, actor shippost.Actor, user shippost.UserID) (list []Export, err error) {
	if err := actor.RequireFreshAdmin(); err != nil {
		return nil, err
	}
	if err := stays(ctx, tx, user); err != nil {
		return nil, err
	}
	places, err := tx.Memberships(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		frozen, err := tx.WorkspaceFrozen(ctx, place.Workspace)
		if err != nil {
			return nil, err
		}
		if frozen {
			continue // it is being erased
		}
		what := Person
		if place.Role == shippost.Owner {
			what = Workspace
		}
		e, err := k.order(ctx, tx, actor, store.Export{Workspace: place.Workspace, User: user, What: what})
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, shippost.Errorf(shippost.Conflict, "nothing_to_copy", "This person has no place in a workspace from which a copy could be made.")
	}
	return list, nil
}

// order has an archive made.
func (k *Keeper) order(ctx context.Context, tx *store.Tx, actor shippost.Actor, e Export) (Export, error) {
	now := tx.Now()
	e.ID, e.Status, e.CreatedAt, e.ExpiresAt = newID("exp_"), store.ExportWaiting, now, now.Add(exportLife)
	if err := tx.InsertExport(ctx, &e); err != nil {
		return e, err
	}
	data := map[string]any{"export": e.ID, "what": e.What}
	if actor.Admin != "" {
		data["admin"] = string(actor.Admin)
	}
	if err := tx.Record(ctx, shippost.Entry{Workspace: e.Workspace, Kind: shippost.EntryExportAsked, Actor: actor, Data: data}); err != nil {
		return e, err
	}
	return e, k.enqueueExport(ctx, tx, e.ID)
}

// Exports returns the archives that the actor asked for in this workspace, the newest first.
func (k *Keeper) Exports(ctx context.Context, actor shippost.Actor) (list []Export, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Exports(ctx, actor.Workspace, actor.User)
		return err
	})
	return list, err
}

// Archive is a finished archive, open for reading. The caller closes it.
type Archive struct {
	io.ReadCloser
	Name string
	Size int64
}

// Fetch opens an archive for the person who asked for it, and for nobody else. It is noted who fetched it.
func (k *Keeper) Fetch(ctx context.Context, actor shippost.Actor, id string) (Archive, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return Archive{}, err
	}
	if actor.Kind != shippost.ActorUser {
		return Archive{}, shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	return k.fetch(ctx, actor, id, nil, func(e Export) bool { return e.User == actor.User && e.Workspace == actor.Workspace })
}

// FetchFor opens an archive that was made for a request. The caller knows that whoever asks is the person it is about.
func (k *Keeper) FetchFor(ctx context.Context, request shippost.InquiryID, user shippost.UserID, id string) (Archive, error) {
	return k.fetch(ctx, shippost.Actor{}, id, map[string]any{"inquiry": string(request)}, func(e Export) bool { return e.User == user })
}

func (k *Keeper) fetch(ctx context.Context, actor shippost.Actor, id string, data map[string]any, theirs func(Export) bool) (Archive, error) {
	var e Export
	err := k.DB.Update(ctx, func(tx *store.Tx) (err error) {
		e, err = tx.Export(ctx, id)
		if err == nil && !theirs(e) {
			return shippost.Errorf(shippost.NotFound, "export_not_found", "There is no such copy, or it is not yours.")
		}
		if err != nil {
			return err
		}
		if e.Status != store.ExportReady || !k.Now().Before(e.ExpiresAt) {
			return shippost.Errorf(shippost.Conflict, "export_not_there", "This copy is not ready yet, or was removed after seven days. Ask for a new one.")
		}
		all := map[string]any{"export": e.ID}
		maps.Copy(all, data)
		return tx.Record(ctx, shippost.Entry{Workspace: e.Workspace, Kind: shippost.EntryExportFetched, Actor: actor, Data: all})
	})
	if err != nil {
		return Archive{}, err
	}
	r, err := k.Bucket.Open(ctx, blob.Key(exportFolder, e.ID), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Archive{}, shippost.Errorf(shippost.NotFound, "export_not_found", "This copy was removed. Ask for a new one.")
	}
	return Archive{r, "shippost-" + e.CreatedAt.Format(time.DateOnly) + ".zip", e.Size}, err
}

// RemoveExport removes an archive before its time, for the person it was made for: it can be fetched no more, also where it is still being
// made. One that is gone already is no error.
func (k *Keeper) RemoveExport(ctx context.Context, actor shippost.Actor, id string) error {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return err
	}
	if actor.Kind != shippost.ActorUser {
		return shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	err := k.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := tx.Export(ctx, id)
		if err == nil && (e.User != actor.User || e.Workspace != actor.Workspace) {
			return shippost.Errorf(shippost.NotFound, "export_not_found", "There is no such copy, or it is not yours.")
		}
		if err != nil || e.Status == store.ExportGone {
			return err
		}
		was := e.Status
		e.Status = store.ExportGone
		saved, err := tx.SaveExport(ctx, e, was)
		if err != nil {
			return err
		}
		if !saved { // it was just made
			return store.Again(shippost.Errorf(shippost.Conflict, "export_changed", "This copy was changed at the same moment. Try again.").With(shippost.RemedyRetry))
		}
		return tx.Record(ctx, shippost.Entry{Workspace: e.Workspace, Kind: shippost.EntryExportRemoved, Actor: actor, Data: map[string]any{"export": e.ID}})
	})
	if err != nil {
		return err
	}
	return k.Bucket.Delete(ctx, blob.Key(exportFolder, id))
}

// makeArchive makes an archive that waits. It can be run again at any time.
func (k *Keeper) makeArchive(ctx context.Context, id string) error {
	var e Export
	var frozen bool
	err := k.DB.View(ctx, func(tx *store.Tx) (err error) {
		if e, err = tx.Export(ctx, id); err != nil {
			return err
		}
		frozen, err = tx.WorkspaceFrozen(ctx, e.Workspace)
		return err
	})
	if shippost.IsKind(err, shippost.NotFound) || err == nil && (frozen || e.Status != store.ExportWaiting) {
		return nil
	}
	if err != nil {
		return err
	}
	pr, pw := io.Pipe()
	w := &archiver{keeper: k, export: &e}
	go func() { pw.CloseWithError(w.write(ctx, pw)) }()
	info, err := k.Bucket.Put(ctx, blob.Key(exportFolder, e.ID), pr)
	// The writer ends when nobody reads any more.
	err = errors.Join(err, pr.Close())
	if err != nil {
		return fmt.Errorf("make an archive: %w", err)
	}
	e.Status, e.Size, e.Done, e.ReadyAt = store.ExportReady, info.Size, e.Total, k.DB.Now()
	e.ExpiresAt = e.ReadyAt.Add(exportLife)
	var saved bool
	err = k.DB.Update(ctx, func(tx *store.Tx) (err error) {
		saved, err = tx.SaveExport(ctx, e, store.ExportWaiting)
		if err != nil || !saved {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Workspace: e.Workspace, Kind: shippost.EntryExportReady, Actor: shippost.System(e.Workspace), Data: map[string]any{"export": e.ID}})
	})
	if err == nil && !saved {
		err = k.Bucket.Delete(ctx, blob.Key(exportFolder, e.ID)) // it was erased meanwhile
	}
	return err
}

// giveUp marks an archive that could not be made.
func (k *Keeper) giveUp(ctx context.Context, id string) {
	err := k.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := tx.Export(ctx, id)
		if err != nil {
			return err
		}
		e.Status = store.ExportFailed
		_, err = tx.SaveExport(ctx, e, store.ExportWaiting)
		return err
	})
	if err != nil && !shippost.IsKind(err, shippost.NotFound) {
		k.Log.Error("an archive that failed could not be marked", "export", id, "err", err)
	}
}

// dropArchives removes archives that expired, and later what is known of them.
func (k *Keeper) dropArchives(ctx context.Context) error {
	var stale []Export
	err := k.DB.View(ctx, func(tx *store.Tx) (err error) {
		stale, err = tx.StaleExports(ctx, k.Now())
		return err
	})
	if err == nil {
		err = k.drop(ctx, stale)
	}
	return errors.Join(err, k.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.ForgetExports(ctx, k.Now().Add(-2*exportLife))
		return err
	}))
}

// dropArchivesOf removes all archives of a workspace or of a person.
func (k *Keeper) dropArchivesOf(ctx context.Context, ws shippost.WorkspaceID, user shippost.UserID) error {
	var all []Export
	err := k.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.ExportsOf(ctx, ws, user)
		return err
	})
	if err != nil {
		return err
	}
	return k.drop(ctx, all)
}

func (k *Keeper) drop(ctx context.Context, list []Export) error {
	for _, e := range list {
		was := e.Status
		e.Status = store.ExportGone
		// The state goes first: whoever makes the archive at this moment sees that nobody wants it.
		if err := k.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.SaveExport(ctx, e, was); return err }); err != nil {
			return err
		}
		if err := k.Bucket.Delete(ctx, blob.Key(exportFolder, e.ID)); err != nil {
			return err
		}
	}
	return nil
}
