package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// The ages at which a sweep acts. A row and its file are not written at one instant, so nothing young is touched.
const (
	spoolGrace = time.Hour
	blobGrace  = 24 * time.Hour
	checkGrace = time.Hour
	keepUpload = 24 * time.Hour // how long a finished upload still answers its client
	sweepBatch = 100
)

// Sweep removes what nobody will come back for: uploads that rested too long, rows of finished uploads, files in spool and
// bucket that no row names. It asks again for checks that never ended. Several nodes may sweep at once.
func (l *Library) Sweep(ctx context.Context) error {
	var failed error
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{"idle uploads", l.sweepIdle}, {"finished uploads", l.sweepFinished}, {"unended checks", l.sweepChecks}, {"unended conversions", l.sweepConversions},
		{"the spool", l.sweepSpool}, {"stored files", l.sweepStored}} {
		if err := step.do(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("sweep %s: %w", step.name, err))
		}
	}
	return failed
}

func (l *Library) sweepIdle(ctx context.Context) error {
	before := l.now().Add(-l.Idle)
	for {
		var idle []store.Upload
		err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
			idle, err = tx.IdleUploads(ctx, before, sweepBatch)
			return err
		})
		if err != nil || len(idle) == 0 {
			return err
		}
		for _, u := range idle {
			if err := l.expire(ctx, u, before); err != nil {
				return err
			}
		}
	}
}

// expire ends an upload unless it moved meanwhile.
func (l *Library) expire(ctx context.Context, u store.Upload, before time.Time) error {
	release, err := l.quiet(ctx, u.ID)
	if err != nil {
		return err
	}
	defer release()
	now, err := l.upload(ctx, u.Workspace, u.ID)
	if shippost.IsKind(err, shippost.NotFound) {
		return nil
	}
	if err != nil || !now.FinishedAt.IsZero() || !now.TouchedAt.Before(before) {
		return err
	}
	return l.remove(ctx, shippost.System(u.Workspace), u.Media, u.ID, "upload_expired")
}

func (l *Library) sweepFinished(ctx context.Context) error {
	before := l.now().Add(-keepUpload)
	for {
		n := 0
		err := l.DB.Update(ctx, func(tx *store.Tx) error {
			done, err := tx.FinishedUploads(ctx, before, sweepBatch)
			n = len(done)
			for _, u := range done {
				if _, derr := tx.DeleteUpload(ctx, u); derr != nil {
					return derr
				}
			}
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

func (l *Library) sweepChecks(ctx context.Context) error {
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		list, err := tx.UncheckedMedia(ctx, l.now().Add(-checkGrace), sweepBatch)
		if err != nil {
			return err
		}
		for _, m := range list {
			if err := l.enqueueCheck(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweepSpool removes files whose media neither arrives nor is being checked.
func (l *Library) sweepSpool(ctx context.Context) error {
	files, err := l.Spool.List()
	if err != nil {
		return err
	}
	var old []shippost.MediaID
	for _, f := range files {
		if l.Now().Sub(f.ModTime) > spoolGrace {
			old = append(old, shippost.MediaID(f.Name))
		}
	}
	return l.eachOrphan(ctx, old, func(m shippost.Media) bool {
		return m.Status == shippost.MediaReceiving || m.Status == shippost.MediaChecking
	}, func(id shippost.MediaID) error { return l.Spool.Remove(string(id)) })
}

// sweepStored removes files in the bucket that no row names.
func (l *Library) sweepStored(ctx context.Context) error {
	for folder, named := range map[string]func(shippost.Media) string{
		mediaFolder:  func(m shippost.Media) string { return m.BlobKey },
		posterFolder: func(m shippost.Media) string { return m.PosterKey },
	} {
		var old []shippost.MediaID
		for info, err := range l.Bucket.List(ctx, folder) {
			if err != nil {
				return err
			}
			if l.Now().Sub(info.ModTime) > blobGrace {
				old = append(old, shippost.MediaID(strings.TrimPrefix(info.Key, folder+"/")))
			}
		}
		err := l.eachOrphan(ctx, old, func(m shippost.Media) bool {
			return m.Status == shippost.MediaChecking || named(m) != ""
		}, func(id shippost.MediaID) error { return l.Bucket.Delete(ctx, folder+"/"+string(id)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// eachOrphan calls remove for each id whose row is missing or not wanted.
func (l *Library) eachOrphan(ctx context.Context, ids []shippost.MediaID, wanted func(shippost.Media) bool, remove func(shippost.MediaID) error) error {
	for len(ids) > 0 {
		batch := ids[:min(len(ids), sweepBatch)]
		ids = ids[len(batch):]
		var rows map[shippost.MediaID]shippost.Media
		err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
			rows, err = tx.MediaAmong(ctx, batch)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range batch {
			if m, ok := rows[id]; ok && wanted(m) {
				continue
			}
			if awaited, err := l.awaited(ctx, id); err != nil || awaited {
				if err != nil {
					return err
				}
				continue
			}
			if err := remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaited reports whether a conversion is about to make the file.
func (l *Library) awaited(ctx context.Context, id shippost.MediaID) (awaited bool, err error) {
	err = l.DB.View(ctx, func(tx *store.Tx) error {
		awaited, err = tx.ConversionMakes(ctx, id)
		return err
	})
	return awaited, err
}
