package tiktoksim_test

import (
	"net/http"
	"testing"
	"time"
)

// TestDirectPostFromInitToProfile walks the whole way of a public video: init,
// upload, processing, moderation, and what viewers see.
func TestDirectPostFromInitToProfile(t *testing.T) {
	w := begin(t)
	token := w.connect("mara.moves")
	b := file(t, "h264.mp4")
	id := w.upload(token, b)
	a := w.wantStatus(token, id, "PROCESSING_UPLOAD", "")
	if a.Data.Uploaded != int64(len(b)) || string(a.Data.PostIDs) != "[]" {
		t.Errorf("status says %d bytes and ids %s, want %d and []", a.Data.Uploaded, a.Data.PostIDs, len(b))
	}
	w.MoveClock(2 * time.Second)
	if a = w.wantStatus(token, id, "PUBLISH_COMPLETE", ""); string(a.Data.PostIDs) != "[]" {
		t.Errorf("ids are %s before moderation, want []", a.Data.PostIDs)
	}
	w.MoveClock(3 * time.Second)
	a = w.wantStatus(token, id, "PUBLISH_COMPLETE", "")
	posts := w.Posts()
	if len(posts) != 1 {
		t.Fatalf("there are %d posts, want 1", len(posts))
	}
	p := posts[0]
	if string(a.Data.PostIDs) != "["+p.PostID+"]" || len(p.PostID) != 19 {
		t.Errorf("ids are %s, want the 19-digit number %s", a.Data.PostIDs, p.PostID)
	}
	if p.SHA256 != sum(b) || p.Size != int64(len(b)) || p.Caption != "Tide pools at dawn #nature" || p.PublishID != id {
		t.Errorf("the post is %+v", p)
	}
	if since := time.Since(p.LastByteAt); since < 0 || since > time.Minute {
		t.Errorf("the last byte came %s ago by the real clock", since)
	}
	r, _ := http.NewRequest(http.MethodGet, w.URL+"/@mara.moves/video/"+p.PostID, nil)
	if resp, _, _ := w.do(r); resp.StatusCode != http.StatusOK {
		t.Errorf("the post's page answered %d", resp.StatusCode)
	}
	r, _ = http.NewRequest(http.MethodGet, w.URL+"/media/"+p.PostID+"-0", nil)
	r.Header.Set("Range", "bytes=10-19")
	if resp, text, _ := w.do(r); resp.StatusCode != http.StatusPartialContent || text != string(b[10:20]) {
		t.Errorf("a ranged read of the video answered %d %q", resp.StatusCode, text)
	}
}
