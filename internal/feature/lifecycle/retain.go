package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// How long files may stay after their last post was posted, in days.
const (
	KeepAlways = -1 // as long as the workspace
	KeepNone   = 0  // until posted
	keepMost   = 3650
)

// KeepPosted returns how many days the files of the workspace stay after their last post was posted: KeepNone, KeepAlways or
// a number.
func (k *Keeper) KeepPosted(ctx context.Context, actor shippost.Actor) (days int, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return 0, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		days, err = tx.KeepPosted(ctx, actor.Workspace)
		return err
	})
	return days, err
}

// SetKeepPosted changes what KeepPosted returns. Files that the new rule has no place for go at the next sweep.
func (k *Keeper) SetKeepPosted(ctx context.Context, actor shippost.Actor, days int) error {
	if err := actor.Require(shippost.ManageData); err != nil {
		return err
	}
	if days < KeepAlways || days > keepMost {
		return shippost.Errorf(shippost.Invalid, "invalid_retention", "Keep files for 0 to %d days after they were posted, or always (-1).", keepMost).
			At("keep_posted_days").With(shippost.RemedyEdit)
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		was, err := tx.KeepPosted(ctx, actor.Workspace)
		if err != nil {
			return err
		}
		changed, err := tx.SetKeepPosted(ctx, actor.Workspace, days)
		if err != nil || !changed {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryRetentionChanged, Actor: actor,
			Data: map[string]any{"days": days, "was": was}})
	})
}

// retire removes the files whose time is over, in every workspace.
func (k *Keeper) retire(ctx context.Context) error {
	var all []shippost.Workspace
	err := k.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Workspaces(ctx)
		return err
	})
	errs := []error{err}
	for _, ws := range all {
		if err := k.retireIn(ctx, ws.ID); err != nil {
			errs = append(errs, fmt.Errorf("remove posted files of %s: %w", ws.ID, err))
		}
	}
	return errors.Join(errs...)
}

// retireIn removes files of a workspace and leaves a receipt in its journal.
func (k *Keeper) retireIn(ctx context.Context, ws shippost.WorkspaceID) error {
	var files, freed int64
	var after shippost.MediaID
	var days int
	for {
		var list []shippost.MediaID
		err := k.DB.View(ctx, func(tx *store.Tx) (err error) {
			if days, err = tx.KeepPosted(ctx, ws); err != nil || days == KeepAlways {
				return err
			}
			list, err = tx.SpentMedia(ctx, ws, k.over(days), after, batch)
			return err
		})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for _, id := range list {
			after = id
			n, err := k.Library.Retire(ctx, ws, id, map[string]any{"why": "retention", "days": days}, func(tx *store.Tx) (bool, error) {
				days, err := tx.KeepPosted(ctx, ws)
				if err != nil || days == KeepAlways {
					return true, err
				}
				spent, err := tx.MediaSpent(ctx, id, k.over(days))
				return !spent, err
			})
			if err != nil {
				return err
			}
			if n > 0 {
				files++
				freed += n
			}
		}
	}
	if files == 0 {
		return nil
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		return tx.Record(ctx, shippost.Entry{Workspace: ws, Kind: shippost.EntryRetentionSwept, Actor: shippost.System(ws),
			Data: map[string]any{"files": files, "bytes": freed, "days": days}})
	})
}

// over is when a post must have been posted for its files to have no place any more.
func (k *Keeper) over(days int) time.Time {
	return k.DB.Now().Add(-time.Duration(days) * 24 * time.Hour)
}

// Receipt says what one sweep removed.
type Receipt struct {
	At    time.Time
	Files int64
	Bytes int64
	Days  int64 // of the rule it followed
}

// Receipts returns what the latest sweeps of the workspace removed, the newest first.
func (k *Keeper) Receipts(ctx context.Context, actor shippost.Actor) (list []Receipt, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	var entries []shippost.Entry
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		entries, err = tx.Journal(ctx, store.JournalQuery{Workspace: actor.Workspace, Kinds: []shippost.EntryKind{shippost.EntryRetentionSwept}, Limit: 20})
		return err
	})
	for _, e := range entries {
		number := func(name string) int64 { v, _ := e.Data[name].(float64); return int64(v) }
		list = append(list, Receipt{At: e.At, Files: number("files"), Bytes: number("bytes"), Days: number("days")})
	}
	return list, err
}

// Removed is a file that is not kept any more.
type Removed struct {
	At    time.Time
	Media shippost.MediaID
	Name  string
	Bytes int64
	Swept bool  // its time was over; otherwise somebody deleted it
	Days  int64 // of the rule that it followed
}

// RemovedFiles returns the files of the workspace that were removed lately, the newest first.
func (k *Keeper) RemovedFiles(ctx context.Context, actor shippost.Actor) (list []Removed, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		entries, err := tx.Journal(ctx, store.JournalQuery{Workspace: actor.Workspace, Kinds: []shippost.EntryKind{shippost.EntryMediaRemoved}, Limit: 50})
		if err != nil {
			return err
		}
		for _, e := range entries {
			m, err := tx.Media(ctx, actor.Workspace, e.Media)
			if shippost.IsKind(err, shippost.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			days, _ := e.Data["days"].(float64)
			list = append(list, Removed{At: e.At, Media: m.ID, Name: m.FileName, Bytes: m.Size, Swept: e.Data["why"] == "retention", Days: int64(days)})
		}
		return nil
	})
	return list, err
}
