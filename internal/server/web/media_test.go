package web_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"strconv"
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// owner returns the one person who signed in, as an owner of their workspace.
func (s *site) owner(t *testing.T) shippost.Actor {
	t.Helper()
	a := shippost.Actor{Kind: shippost.ActorUser, Role: shippost.Owner}
	storetest.View(t, s.DB, func(tx *store.Tx) error {
		return tx.SQL().QueryRowContext(t.Context(), "SELECT workspace_id, user_id FROM members ORDER BY created_at LIMIT 1").Scan(&a.Workspace, &a.User)
	})
	return a
}

func photo(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 640))
	for i := range 640 {
		img.Set(i, i, color.White)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPromise_P12_MediaFileForItsWorkspaceOnly(t *testing.T) {
	s := serve(t, false)
	b, other := s.open(t), s.open(t)
	b.signIn(mara)
	owner := s.owner(t)
	other.signIn(kiln)
	bytes := photo(t)
	m := mediatest.Upload(t, s.library, owner, "Gezeiten \"am\" Müggelsee\r\nX: 1.jpg", bytes)
	if m.Status != shippost.MediaReady {
		t.Fatalf("media %+v", m)
	}
	path := "/media/" + string(m.ID) + "/file"
	if p := s.open(t).send("GET", path, nil, "Accept", "image/*"); p.StatusCode != 401 {
		t.Errorf("a stranger: %s", p.Status)
	}
	if p := other.get(path); p.StatusCode != 404 || strings.Contains(p.text, "Gezeiten") {
		t.Errorf("another workspace: %s", p.Status)
	}
	if p := b.get("/media/med_nothing/file"); p.StatusCode != 404 {
		t.Errorf("nothing: %s", p.Status)
	}
	p := b.get(path)
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
		"Content-Type": "image/jpeg", "Cache-Control": "private, no-cache", "Accept-Ranges": "bytes", "Content-Length": strconv.Itoa(len(bytes)),
		"Content-Disposition": "inline; filename*=utf-8''Gezeiten%20%22am%22%20M%C3%BCggelseeX%3A%201.jpg"} {
		if got := p.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if p.StatusCode != 200 || p.text != string(bytes) {
		t.Errorf("%s, %d bytes", p.Status, len(p.text))
	}
	part := b.send("GET", path, nil, "Range", "bytes=10-19", "If-Range", p.Header.Get("ETag"))
	if part.StatusCode != 206 || part.text != string(bytes[10:20]) {
		t.Errorf("a part: %s, %q", part.Status, part.text)
	}
	if again := b.send("GET", path, nil, "If-None-Match", p.Header.Get("ETag")); again.StatusCode != 304 {
		t.Errorf("again: %s", again.Status)
	}
	if beyond := b.send("GET", path, nil, "Range", "bytes=99999999-"); beyond.StatusCode != 416 {
		t.Errorf("beyond the end: %s", beyond.Status)
	}
	// S2: whoever signs out sees it no more, whatever their browser kept.
	b.post("/sign-out", nil)
	if p := b.send("GET", path, nil, "If-None-Match", p.Header.Get("ETag"), "Accept", "image/*"); p.StatusCode != 401 {
		t.Errorf("signed out: %s", p.Status)
	}
}

// The picture of a creator comes from our own server, to those of the workspace.
func TestAvatarIsOurs(t *testing.T) {
	s := serve(t, false)
	b, other := s.open(t), s.open(t)
	b.signIn(mara)
	id := s.account(t, shippost.AccountActive)
	path := "/media/avatars/" + id
	if p := b.get(path); p.StatusCode != 404 || p.code() != "no_avatar" {
		t.Errorf("before it was fetched: %s %s", p.Status, p.code())
	}
	if err := s.Desk.RenewAvatars(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := b.get(path)
	if p.StatusCode != 200 || p.Header.Get("Content-Type") != "image/jpeg" || p.Header.Get("Cache-Control") != "private, max-age=86400" ||
		p.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox; frame-ancestors 'none'" {
		t.Errorf("the picture: %s %v", p.Status, p.Header)
	}
	if config, err := jpeg.DecodeConfig(strings.NewReader(p.text)); err != nil || config.Width != 200 || config.Height != 200 {
		t.Errorf("the picture: %+v, %v", config, err)
	}
	other.signIn(kiln)
	if p := other.get(path); p.StatusCode != 404 || p.code() != "account_not_found" {
		t.Errorf("another workspace: %s %s", p.Status, p.code())
	}
	if p := s.open(t).send("GET", path, nil, "Accept", "image/*"); p.StatusCode != 401 {
		t.Errorf("a stranger: %s", p.Status)
	}
	for _, path := range []string{"/media/avatars/", "/media/med_1/poster", "/media/avatars/acc_1", "/media/avatars/..%2Fmedia%2Fx"} {
		if p := b.get(path); p.StatusCode != 404 {
			t.Errorf("%s: %s", path, p.Status)
		}
	}
}
