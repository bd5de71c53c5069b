package tus_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/server/listen"
	"ship-post.com/shippost/internal/server/tus"
)

// A server that stops does not wait for uploads, however busily they send: what arrived is saved, and the client goes on
// from there at the next start.
func TestStopEndsABusyUpload(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	dir := t.TempDir()
	at := open(t, db, dir, who).create(t, "owner", 4<<30)

	asked := make(chan int64, 1<<16)
	h, err := tus.New(tus.Options{Library: mediatest.OpenIn(t, db, dir), Authenticate: func(*http.Request) (shippost.Actor, error) { return who["owner"], nil }})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	public := "http://" + ln.Addr().String()
	watching := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &watched{ReadCloser: r.Body, asked: asked}
		h.ServeHTTP(w, r)
	})
	s, err := listen.New(listen.Options{PublicURL: public, Listen: ln.Addr().String(), Log: slog.New(slog.DiscardHandler)}, listen.Routes{Uploads: watching})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()

	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, public+at, io.LimitReader(zeros{}, 4<<30))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Content-Type", "application/offset+octet-stream")
	r.Header.Set("Upload-Offset", "0")
	r.ContentLength = 4 << 30
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_ = res.Body.Close()
		}
	}()
	for n := range asked {
		if n > 1<<20 {
			break
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
	<-ended
	got := open(t, db, dir, who).offset(t, "owner", at)
	if got <= 1<<20 || got == 4<<30 {
		t.Errorf("the upload stands at %s, want more than a megabyte and less than all", strconv.FormatInt(got, 10))
	}
}
