package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
)

// Limits of conversions.
const (
	convertAtOnce  = 10               // that wait or run in a workspace
	convertShown   = 20               // of one file in a list
	convertBitrate = 1_500_000        // bytes per second at the most; see probe.Convert
	convertTick    = time.Second      // how often progress is written and a cancellation noticed
	convertGrace   = 10 * time.Minute // a conversion that moved more recently is not asked for again
)

// Convert begins to make a video anew by a recipe. The result is a new file beside the original, so that each keeps the hash of
// its own bytes. A conversion by the same recipe that waits, runs, or has made a file that is still there is returned
// instead of a new one. Without ffmpeg it is Unavailable, with code conversion_unavailable.
func (l *Library) Convert(ctx context.Context, actor shippost.Actor, id shippost.MediaID, r shippost.Recipe) (shippost.Conversion, error) {
	var c shippost.Conversion
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return c, err
	}
	if l.FFmpeg == "" {
		return c, shippost.Errorf(shippost.Unavailable, "conversion_unavailable",
			"This server cannot convert videos, because ffmpeg is not installed on it. Export the video so that it fits, then upload it.").With(shippost.RemedyReplaceMedia)
	}
	m, err := l.Get(ctx, actor, id)
	if err != nil {
		return c, err
	}
	if m.Status != shippost.MediaReady || m.Kind != shippost.Video {
		return c, shippost.Errorf(shippost.Conflict, "not_convertible", "Only a video that is there and checked can be converted.").With(shippost.RemedyReplaceMedia)
	}
	if err := l.checkSpace(estimate(m, r)); err != nil {
		return c, err
	}
	now := l.now()
	c = shippost.Conversion{ID: shippost.NewConversionID(now), Workspace: actor.Workspace, Original: id, Result: shippost.NewMediaID(now), StartedBy: actor.User,
		Status: shippost.ConversionQueued, Recipe: r, CreatedAt: now, UpdatedAt: now}
	err = l.DB.Update(ctx, func(tx *store.Tx) error {
		// The lock keeps two who press the button at once from making the same file twice.
		if m, err = tx.LockMedia(ctx, actor.Workspace, id); err != nil {
			return err
		}
		if same, err := sameConversion(ctx, tx, c); err != nil || same != nil {
			if same != nil {
				c = *same
			}
			return err
		}
		if err := l.roomToConvert(ctx, tx, m, r); err != nil {
			return err
		}
		if err := tx.InsertConversion(ctx, &c); err != nil {
			return err
		}
		if err := tx.Record(ctx, shippost.Entry{Workspace: c.Workspace, Kind: shippost.EntryConversionStarted, Actor: actor, Media: id,
			Data: map[string]any{"conversion": string(c.ID), "changes": r.Changes}}); err != nil {
			return err
		}
		return l.enqueueConversion(ctx, tx, c)
	})
	return c, err
}

// estimate is how many bytes a conversion may need.
func estimate(m shippost.Media, r shippost.Recipe) int64 {
	length := m.Facts.Duration
	if r.Length > 0 {
		length = min(length, r.Length)
	}
	return min(int64(length.Seconds()*convertBitrate), 2*m.Size, r.MaxSize)
}

// sameConversion finds a conversion of the same file by the same recipe that need not be done again.
func sameConversion(ctx context.Context, tx *store.Tx, wanted shippost.Conversion) (*shippost.Conversion, error) {
	list, err := tx.ConversionsOf(ctx, wanted.Workspace, wanted.Original, convertShown)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if !reflect.DeepEqual(c.Recipe, wanted.Recipe) {
			continue
		}
		if !c.Status.Ended() {
			return &c, nil
		}
		if c.Status != shippost.ConversionDone {
			continue
		}
		if m, err := tx.Media(ctx, c.Workspace, c.Result); err == nil && m.Usable() {
			return &c, nil
		} else if err != nil && !shippost.IsKind(err, shippost.NotFound) {
			return nil, err
		}
	}
	return nil, nil
}

func (l *Library) roomToConvert(ctx context.Context, tx *store.Tx, m shippost.Media, r shippost.Recipe) error {
	running, err := tx.RunningConversions(ctx, m.Workspace, convertAtOnce)
	if err != nil {
		return err
	}
	if len(running) >= convertAtOnce {
		return wait(time.Minute, "too_many_conversions", "%d videos are being converted, which is as many as a workspace may have. Wait for one to end, or cancel one.", len(running))
	}
	usage, err := tx.MediaUsage(ctx, m.Workspace, l.now())
	if err != nil {
		return err
	}
	if need := estimate(m, r); usage.Stored+need > l.Quota {
		return shippost.Errorf(shippost.Wait, "storage_quota_full", "This workspace keeps %s of at most %s; the %s that the converted video may take do not fit. Delete files you no longer need.",
			amount(usage.Stored), amount(l.Quota), amount(need)).With(shippost.RemedyFreeSpace)
	}
	return nil
}

// Conversion returns a conversion of the actor's workspace.
func (l *Library) Conversion(ctx context.Context, actor shippost.Actor, id shippost.ConversionID) (c shippost.Conversion, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return c, err
	}
	err = l.DB.View(ctx, func(tx *store.Tx) error {
		c, err = tx.Conversion(ctx, actor.Workspace, id)
		return err
	})
	return c, err
}

// Conversions lists the latest conversions of a file, newest first.
func (l *Library) Conversions(ctx context.Context, actor shippost.Actor, original shippost.MediaID) (list []shippost.Conversion, err error) {
	if _, err := l.Get(ctx, actor, original); err != nil {
		return nil, err
	}
	err = l.DB.View(ctx, func(tx *store.Tx) error {
		list, err = tx.ConversionsOf(ctx, actor.Workspace, original, convertShown)
		return err
	})
	return list, err
}

// CancelConversion stops a conversion. One that has ended is a Conflict with code conversion_ended.
func (l *Library) CancelConversion(ctx context.Context, actor shippost.Actor, id shippost.ConversionID) (c shippost.Conversion, err error) {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return c, err
	}
	for again := true; again; {
		err = l.DB.Update(ctx, func(tx *store.Tx) error {
			if c, err = tx.Conversion(ctx, actor.Workspace, id); err != nil {
				return err
			}
			if c.Status.Ended() {
				return shippost.Errorf(shippost.Conflict, "conversion_ended", "This conversion has ended already.")
			}
			c, err = l.end(ctx, tx, actor, c, shippost.ConversionCancelled, nil)
			return err
		})
		again = errors.Is(err, errMoved) // another run of it has just begun, unless it ended
	}
	return c, err
}

// errMoved says that somebody else ended the conversion, or began another run of it.
var errMoved = shippost.Errorf(shippost.Conflict, "conversion_ended", "This conversion has just ended.")

// end writes how a conversion ended and returns it so.
func (l *Library) end(ctx context.Context, tx *store.Tx, actor shippost.Actor, was shippost.Conversion, status shippost.ConversionStatus, f *shippost.Failure) (shippost.Conversion, error) {
	c := was
	c.Status, c.Failure, c.UpdatedAt = status, f, l.now()
	if status == shippost.ConversionDone {
		c.Percent = 100
	}
	switch ok, err := tx.SaveConversion(ctx, c, was); {
	case err != nil:
		return was, err
	case !ok:
		return was, errMoved
	}
	data := map[string]any{"conversion": string(c.ID), "status": string(status)}
	if f != nil {
		data["code"] = f.Code
	}
	if status == shippost.ConversionDone {
		data["result"] = string(c.Result)
	}
	return c, tx.Record(ctx, shippost.Entry{Workspace: c.Workspace, Kind: shippost.EntryConversionEnded, Actor: actor, Media: c.Original, Data: data})
}

// RunConversion carries a conversion out. It may run any number of times, also after it was cut off at any point: it begins
// anew then. Each run makes a file of its own, so that one that only seemed dead takes nothing from the run that followed it.
// last says that no further run follows, so that a failure is the end.
func (l *Library) RunConversion(ctx context.Context, ws shippost.WorkspaceID, id shippost.ConversionID, last bool) error {
	c, err := l.Conversion(ctx, shippost.System(ws), id)
	if err != nil || c.Status.Ended() {
		return err
	}
	if !l.checks.enter(string(c.ID)) {
		return nil // this process is at it
	}
	defer l.checks.leave(string(c.ID))
	err = l.convert(ctx, &c)
	// Whatever is left of the result is worth nothing once it was adopted, or the conversion did not succeed.
	l.removeSpooled(c.Result)
	if err == nil || errors.Is(err, errMoved) {
		return nil
	}
	failure := conversionFailure(err)
	if failure == nil && (!last || ctx.Err() != nil) {
		return fmt.Errorf("convert %s: %w", c.Original, err) // again later
	}
	if failure == nil {
		failure = &shippost.Failure{Code: "conversion_failed", Message: "ShipPost could not convert this video. Try again, or export it so that it fits.", Remedy: shippost.RemedyReplaceMedia}
	}
	l.Log.Warn("a video could not be converted", "media", c.Original, "conversion", c.ID, "code", failure.Code, "err", err)
	err = l.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := l.end(ctx, tx, shippost.System(ws), c, shippost.ConversionFailed, failure)
		return err
	})
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// conversionFailure returns what a person is told about an error that another run would meet again; nil for others.
func conversionFailure(err error) *shippost.Failure {
	if p, ok := probe.Flaw(err); ok {
		return &shippost.Failure{Code: p.Code, Message: p.Message, Remedy: p.Remedy}
	}
	if e := shippost.AsError(err); e.Kind != shippost.Internal {
		return &shippost.Failure{Code: e.Code, Message: e.Message, Remedy: e.Remedy}
	}
	return nil
}

func (l *Library) convert(ctx context.Context, c *shippost.Conversion) error {
	m, err := l.Get(ctx, shippost.System(c.Workspace), c.Original)
	if err != nil {
		return err
	}
	if err := l.checkSpace(estimate(m, c.Recipe)); err != nil {
		return err
	}
	if err := l.Verify(ctx, m); err != nil {
		return err
	}
	if err := l.begun(ctx, c); err != nil {
		return err
	}
	in, closeIn, err := l.localFile(ctx, m, c.ID)
	if err != nil {
		return err
	}
	defer closeIn()
	if err := l.Spool.Create(string(c.Result)); err != nil {
		return err
	}
	out, err := l.Spool.OpenFile(string(c.Result))
	if err != nil {
		return err
	}
	defer out.Close()
	if err := l.follow(ctx, c, m, in, out); err != nil {
		return err
	}
	chaos.Point("media.made_anew")
	return l.keepConverted(ctx, c, m, out)
}

// begun notes that a run of a conversion begins, and removes what the run before it left. That one may still live on a node that
// stood still; it can no longer say that its file is there.
func (l *Library) begun(ctx context.Context, c *shippost.Conversion) error {
	was := *c
	now := l.now()
	c.Status, c.Result, c.Percent, c.UpdatedAt = shippost.ConversionRunning, shippost.NewMediaID(now), 0, now
	if err := l.saveRun(ctx, *c, was); err != nil || was.Status != shippost.ConversionRunning {
		return err
	}
	l.removeSpooled(was.Result)
	l.removeStored(ctx, was.Result)
	return nil
}

// saveRun writes how far a run is. It fails with errMoved once the conversion was ended, or another run of it began.
func (l *Library) saveRun(ctx context.Context, c, was shippost.Conversion) error {
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		ok, err := tx.SaveConversion(ctx, c, was)
		if err == nil && !ok {
			err = errMoved
		}
		return err
	})
}

// localFile opens the original where a child process can read it. A bucket elsewhere is copied from.
func (l *Library) localFile(ctx context.Context, m shippost.Media, id shippost.ConversionID) (*os.File, func(), error) {
	f, info, err := blob.OpenAt(ctx, l.Bucket, m.BlobKey)
	if err != nil {
		return nil, nil, err
	}
	if local, ok := f.(*os.File); ok {
		return local, func() { local.Close() }, nil
	}
	defer f.Close()
	name := string(id)
	l.removeSpool(name)
	if err := l.Spool.Create(name); err != nil {
		return nil, nil, err
	}
	local, err := l.Spool.OpenFile(name)
	if err != nil {
		return nil, nil, err
	}
	forget := func() { local.Close(); l.removeSpool(name) }
	if _, err := io.Copy(local, io.NewSectionReader(f, 0, info.Size)); err != nil {
		forget()
		return nil, nil, err
	}
	return local, forget, nil
}

func (l *Library) removeSpool(name string) {
	if err := l.Spool.Remove(name); err != nil {
		l.Log.Warn("a file in the spool could not be removed; the sweep will try again", "name", name, "err", err)
	}
}

// follow runs the child, writes how far it is, and ends it when the conversion was cancelled meanwhile, on whatever node.
func (l *Library) follow(ctx context.Context, c *shippost.Conversion, m shippost.Media, in, out *os.File) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var done atomic.Int64
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(convertTick)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				was := *c
				c.Percent, c.UpdatedAt = percent(time.Duration(done.Load()), m, c.Recipe), l.now()
				if err := l.saveRun(ctx, *c, was); err != nil {
					stop(err)
				}
			}
		}
	}()
	err := probe.Convert(ctx, l.FFmpeg, in, out, m.Facts, c.Recipe, func(d time.Duration) { done.Store(int64(d)) })
	close(ended)
	<-watched
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func percent(done time.Duration, m shippost.Media, r shippost.Recipe) int {
	length := m.Facts.Duration
	if r.Length > 0 {
		length = min(length, r.Length)
	}
	return int(min(99, done*100/max(length, 1)))
}

// keepConverted makes sure that the result is what the recipe says, and keeps it as a file of its own.
func (l *Library) keepConverted(ctx context.Context, c *shippost.Conversion, original shippost.Media, out *os.File) error {
	info, err := out.Stat()
	if err != nil {
		return err
	}
	r, err := probe.Probe(ctx, out, info.Size())
	if err != nil {
		return err
	}
	if f := r.Facts; shippost.Blocking(r.Problems) || f.Container != "mp4" || f.VideoCodec != "h264" || f.Width != c.Recipe.Width || f.Height != c.Recipe.Height ||
		c.Recipe.Length > 0 && f.Duration > c.Recipe.Length+100*time.Millisecond {
		return fmt.Errorf("the result of a conversion is not what was asked for: %+v", r)
	}
	sum, err := hashOf(ctx, io.NewSectionReader(out, 0, info.Size()))
	if err != nil {
		return err
	}
	now := l.now()
	m := shippost.Media{ID: c.Result, Workspace: c.Workspace, UploadedBy: c.StartedBy, FileName: convertedName(original.FileName), ReceivedSize: info.Size(),
		ReceivedSHA256: sum, Original: original.ID, CreatedAt: now}
	spooled, err := l.Spool.Path(string(m.ID))
	if err != nil {
		return err
	}
	if err := l.makePoster(ctx, &m, spooled, r.Facts); err != nil {
		return err
	}
	if _, err := l.Bucket.Adopt(ctx, mediaKey(m.ID), spooled); err != nil {
		return err
	}
	chaos.Point("media.conversion_adopted")
	accept(&m, r, info.Size(), sum)
	err = l.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.LockMedia(ctx, c.Workspace, c.Original)
		if err != nil {
			return err
		}
		if now.Status == shippost.MediaDeleted {
			return changed(nil)
		}
		if err := tx.InsertMedia(ctx, &m); err != nil {
			return err
		}
		if err := tx.Record(ctx, shippost.Entry{Workspace: m.Workspace, Kind: shippost.EntryMediaChecked, Actor: shippost.System(m.Workspace), Media: m.ID,
			Data: map[string]any{"status": string(m.Status), "kind": string(m.Kind), "sha256": m.SHA256, "original": string(c.Original)}}); err != nil {
			return err
		}
		_, err = l.end(ctx, tx, shippost.System(c.Workspace), *c, shippost.ConversionDone, nil)
		return err
	})
	if err != nil {
		l.removeStored(ctx, m.ID)
	}
	return err
}

// convertedName is the original's name with the new form.
func convertedName(name string) string {
	return displayName(strings.TrimSuffix(name, path.Ext(name)) + " (converted).mp4")
}

// sweepConversions asks again for conversions that rest without an end.
func (l *Library) sweepConversions(ctx context.Context) error {
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		list, err := tx.RestingConversions(ctx, l.now().Add(-convertGrace), sweepBatch)
		if err != nil {
			return err
		}
		for _, c := range list {
			if err := l.enqueueConversion(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}
