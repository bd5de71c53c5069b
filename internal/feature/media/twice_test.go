package media_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"testing"

	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/store/storetest"
)

// still is a bucket whose node stands still right after it took a file over, until it is let go.
type still struct {
	blob.Bucket
	taken, goOn chan struct{}
}

// Adopt implements blob.Bucket.
func (b *still) Adopt(ctx context.Context, key, path string) (blob.Info, error) {
	info, err := b.Bucket.Adopt(ctx, key, path)
	close(b.taken)
	<-b.goOn
	return info, err
}

// TestCheckLeavesAloneWhatAnotherNodeMadeReady stops a node in the middle of a check. Another one ends the check, and the
// first goes on as if nothing had been.
func TestCheckLeavesAloneWhatAnotherNodeMadeReady(t *testing.T) {
	t.Parallel()
	db, dir := storetest.SQLite(t), t.TempDir()
	actor := storetest.Workspace(t, db)
	b := &still{taken: make(chan struct{}), goOn: make(chan struct{})}
	first := mediatest.OpenIn(t, db, dir, func(o *media.Options) { b.Bucket, o.Bucket = o.Bucket, b })
	second := mediatest.OpenIn(t, db, dir)
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 400, 500)), nil); err != nil {
		t.Fatal(err)
	}
	u, err := first.Begin(t.Context(), actor, media.Offer{Size: int64(photo.Len()), FileName: "photo.jpg"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Append(t.Context(), actor, u.ID, 0, bytes.NewReader(photo.Bytes())); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Check(t.Context(), actor.Workspace, u.Media) }()
	<-b.taken
	if err := second.Check(t.Context(), actor.Workspace, u.Media); err != nil {
		t.Fatal(err)
	}
	close(b.goOn)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	m, err := second.Get(t.Context(), actor, u.Media)
	if err != nil || !m.Usable() {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := second.Verify(t.Context(), m); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}
