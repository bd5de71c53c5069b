package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func aFile(actor shippost.Actor, at time.Time) shippost.Media {
	return shippost.Media{ID: shippost.NewMediaID(at), Workspace: actor.Workspace, UploadedBy: actor.User, Status: shippost.MediaReady,
		Kind: shippost.Video, FileName: "Müller <b>.mp4", Type: "video/mp4", Size: 1 << 32, ReceivedSHA256: "aa", SHA256: "bb", BlobKey: "media/x",
		Facts:    shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", Duration: 61 * time.Second, Width: 1080, Height: 1920, FrameRate: 29.97, Rotation: 90},
		Problems: []shippost.Problem{{Code: "c", Message: "m", Severity: shippost.Warn}}, Removed: []string{"location"}, CreatedAt: at}
}

func TestMediaReadsBackAsWritten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		m := aFile(actor, db.Now())
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertMedia(t.Context(), &m) })
		m.Status, m.PosterKey, m.DeletedAt = shippost.MediaDeleted, "poster/x", db.Now()
		storetest.Update(t, db, func(tx *store.Tx) error {
			if ok, err := tx.SaveMedia(t.Context(), &m, shippost.MediaChecking); ok || err != nil {
				t.Errorf("SaveMedia from another status: %v, %v", ok, err)
			}
			ok, err := tx.SaveMedia(t.Context(), &m, shippost.MediaReady)
			if !ok {
				t.Error("SaveMedia did not match")
			}
			return err
		})
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.Media(t.Context(), actor.Workspace, m.ID)
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, id := range []shippost.MediaID{m.ID, "med_unknown"} {
				if _, err := tx.Media(t.Context(), other.Workspace, id); !shippost.IsCode(err, "media_not_found") {
					t.Errorf("foreign or unknown: %v, want media_not_found", err)
				}
			}
			return err
		})
	})
}

func TestMediaListAndUsage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		now := db.Now()
		var want []shippost.MediaID
		for i := range 5 {
			m := aFile(actor, now.Add(time.Duration(i-10)*time.Hour))
			m.ReceivedSHA256 = fmt.Sprint("hash", i)
			switch i {
			case 1:
				m.Status, m.DeletedAt = shippost.MediaDeleted, now
			case 2:
				m.Kind = shippost.Photo
			case 4:
				m.Status = shippost.MediaChecking
			}
			if i != 1 {
				want = append([]shippost.MediaID{m.ID}, want...)
			}
			storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertMedia(t.Context(), &m) })
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			var got []shippost.MediaID
			for after := shippost.MediaID(""); ; {
				page, err := tx.MediaList(t.Context(), actor.Workspace, store.MediaFilter{Limit: 2, After: after})
				if err != nil {
					return err
				}
				for _, m := range page {
					got = append(got, m.ID)
				}
				if len(page) < 2 {
					break
				}
				after = page[1].ID
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pages (-want +got)\n%s", diff)
			}
			if page, err := tx.MediaList(t.Context(), actor.Workspace, store.MediaFilter{Limit: 9, Kind: shippost.Photo}); err != nil || len(page) != 1 {
				t.Errorf("photos: %d, %v", len(page), err)
			}
			usage, err := tx.MediaUsage(t.Context(), actor.Workspace, now.Add(-8*time.Hour-time.Minute))
			if want := (store.MediaUsage{Files: 4, Stored: 4 << 32, Recent: 3 << 32}); err != nil || usage != want {
				t.Errorf("usage %+v, %v; want %+v", usage, err, want)
			}
			for hash, want := range map[string]bool{"hash0": true, "hash1": false, "hash4": true, "nothing": false} {
				if _, err := tx.MediaByHash(t.Context(), actor.Workspace, hash); (err == nil) != want {
					t.Errorf("MediaByHash(%s): %v, want found %t", hash, err, want)
				}
			}
			if _, err := tx.MediaByHash(t.Context(), other.Workspace, "hash0"); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("MediaByHash finds the file of another workspace: %v", err)
			}
			if list, err := tx.UncheckedMedia(t.Context(), now, 10); err != nil || len(list) != 1 {
				t.Errorf("UncheckedMedia: %d, %v; want 1", len(list), err)
			}
			among, err := tx.MediaAmong(t.Context(), append(want[:1:1], "med_unknown"))
			if err != nil || len(among) != 1 {
				t.Errorf("MediaAmong: %d, %v; want 1", len(among), err)
			}
			return nil
		})
	})
}

func TestUploadLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		m := aFile(actor, db.Now())
		u := store.Upload{ID: shippost.NewUploadID(db.Now()), Workspace: actor.Workspace, User: actor.User, Media: m.ID, Size: 100,
			FileName: "a.mp4", Metadata: map[string]string{"filename": "a.mp4"}, CreatedAt: db.Now(), TouchedAt: db.Now()}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.InsertMedia(ctx, &m); err != nil {
				return err
			}
			return tx.InsertUpload(ctx, &u)
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			if n, err := tx.OpenUploads(ctx, actor.Workspace); n != 1 || err != nil {
				t.Errorf("OpenUploads = %d, %v", n, err)
			}
			if ok, err := tx.FinishUpload(ctx, &u); ok || err != nil {
				t.Errorf("an incomplete upload was finished: %v", err)
			}
			u.Received, u.Hashed, u.HashState = 100, 100, "state"
			if ok, err := tx.AdvanceUpload(ctx, &u, 1); ok || err != nil {
				t.Errorf("AdvanceUpload from a wrong offset: %t, %v", ok, err)
			}
			if ok, err := tx.AdvanceUpload(ctx, &u, 0); !ok || err != nil {
				t.Errorf("AdvanceUpload: %t, %v", ok, err)
			}
			return nil
		})
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.Upload(ctx, actor.Workspace, u.ID)
			if diff := cmp.Diff(u, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if byMedia, err := tx.UploadOf(ctx, actor.Workspace, m.ID); err != nil || byMedia.ID != u.ID {
				t.Errorf("UploadOf: %s, %v", byMedia.ID, err)
			}
			if _, err := tx.Upload(ctx, other.Workspace, u.ID); !shippost.IsCode(err, "upload_not_found") {
				t.Errorf("foreign upload: %v", err)
			}
			if idle, err := tx.IdleUploads(ctx, u.TouchedAt.Add(time.Second), 9); err != nil || len(idle) != 1 {
				t.Errorf("IdleUploads: %d, %v", len(idle), err)
			}
			if idle, err := tx.IdleUploads(ctx, u.TouchedAt, 9); err != nil || len(idle) != 0 {
				t.Errorf("IdleUploads too early: %d, %v", len(idle), err)
			}
			return err
		})
		u.FinishedAt = db.Now()
		storetest.Update(t, db, func(tx *store.Tx) error {
			for i, want := range []bool{true, false} {
				if ok, err := tx.FinishUpload(ctx, &u); ok != want || err != nil {
					t.Errorf("FinishUpload, time %d: %t, %v", i+1, ok, err)
				}
			}
			if ok, err := tx.AdvanceUpload(ctx, &u, 100); ok || err != nil {
				t.Errorf("a finished upload advanced: %v", err)
			}
			if done, err := tx.FinishedUploads(ctx, u.FinishedAt.Add(time.Second), 9); err != nil || len(done) != 1 {
				t.Errorf("FinishedUploads: %d, %v", len(done), err)
			}
			unfinished := u
			unfinished.FinishedAt = time.Time{}
			if ok, err := tx.DeleteUpload(ctx, unfinished); ok || err != nil {
				t.Errorf("an upload that was finished meanwhile was deleted: %v", err)
			}
			if ok, err := tx.DeleteUpload(ctx, u); !ok || err != nil {
				t.Errorf("DeleteUpload: %t, %v", ok, err)
			}
			among, err := tx.UploadsAmong(ctx, []shippost.UploadID{u.ID})
			if len(among) != 0 {
				t.Error("the row is still there")
			}
			return err
		})
	})
}
