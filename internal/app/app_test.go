package app_test

import (
	"context"
	"log/slog"
	"testing"

	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

// open opens an App on a fresh folder and a free port.
func open(t *testing.T) *app.App {
	t.Helper()
	c := config.Config{
		Address:  config.Address{Listen: "127.0.0.1:0", PublicURL: "http://localhost:8080"},
		Data:     config.Data{DataDir: t.TempDir(), StorageQuota: 1 << 30},
		TikTok:   config.TikTok{APIURL: "https://open.tiktokapis.com", AuthorizeURL: "https://www.tiktok.com/v2/auth/authorize/"},
		People:   config.People{Signup: "invite"},
		Watching: config.Watching{LogLevel: "info", LogFormat: "text"},
	}
	if err := c.CompleteAlone(); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), c, app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// A stop that comes before everything runs is as orderly as any other.
func TestStopDuringTheStart(t *testing.T) {
	t.Parallel()
	a := open(t)
	ln, err := a.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Serve(ctx, ln); err != nil {
		t.Errorf("Serve = %v, want none", err)
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("the address is still listened on")
	}
}

// serve has a server answer at an address until end is called, which closes it.
func serve(t *testing.T, a *app.App) (at string, end func()) {
	t.Helper()
	ln, err := a.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, ln) }()
	return ln.Addr().String(), func() {
		t.Helper()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}
