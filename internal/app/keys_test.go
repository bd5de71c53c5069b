package app

import (
	"context"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// watched is a listener that looks at something before it takes the first connection.
type watched struct {
	net.Listener
	look func()
}

// Accept looks.
func (w *watched) Accept() (net.Conn, error) {
	w.look()
	return w.Listener.Accept()
}

// A server is known to a rotation of the keys, with the key it seals with, before it takes any request, and until it has ended. A command that
// only opens the database is not.
func TestARotationKnowsWhichServersRun(t *testing.T) {
	t.Parallel()
	c, ctx := setUp(t, store.Postgres), t.Context()
	o := Options{Log: slog.New(slog.DiscardHandler)}
	a, err := Open(ctx, c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	known := func() (nodes []store.Node) {
		storetest.View(t, a.db, func(tx *store.Tx) (err error) { nodes, err = tx.Nodes(ctx); return err })
		return nodes
	}
	// It has read the keyset; before it serves the keys are rotated, and the one it knows is gone.
	before := a.sealer.InUse()
	if r, err := RotateKeys(ctx, c, o); err != nil || r.Waits != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if nodes := known(); len(nodes) != 0 {
		t.Errorf("commands are known as servers: %+v", nodes)
	}
	ln, err := a.Listen()
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	var nodes []store.Node
	err = a.Serve(serving, &watched{ln, func() {
		if nodes == nil {
			nodes = known()
		}
		stop()
	}})
	if err != nil {
		t.Error(err)
	}
	if key := a.sealer.InUse(); key == before || len(nodes) != 1 || nodes[0].ID != a.node || nodes[0].Key != int64(key) {
		t.Errorf("at its first request it sealed with %d, before with %d, and known were %+v", key, before, nodes)
	}
	if nodes := known(); len(nodes) != 0 {
		t.Errorf("after its end: %+v", nodes)
	}
	// One that is stopped before it began is not waited for either.
	if ln, err = a.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := a.Serve(serving, ln); err != nil || len(known()) != 0 {
		t.Errorf("stopped at once: %v, known are %+v", err, known())
	}
}

// A command that changes a server makes none: in a wrong folder it says so, and leaves nothing behind.
func TestCommandsMakeNoServer(t *testing.T) {
	t.Parallel()
	o := Options{Log: slog.New(slog.DiscardHandler)}
	for name, run := range map[string]func(context.Context, config.Config) error{
		"rotate": func(ctx context.Context, c config.Config) error { _, err := RotateKeys(ctx, c, o); return err },
		"breach": func(ctx context.Context, c config.Config) error {
			_, _, err := Breach(ctx, c, o, true, time.Time{})
			return err
		},
		"restored": func(ctx context.Context, c config.Config) error { _, err := NoteRestored(ctx, c, o); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setUp(t, store.SQLite)
			if err := run(t.Context(), c); !shippost.IsCode(err, "no_database") {
				t.Errorf("%v, want no_database", err)
			}
			if left, err := os.ReadDir(c.DataDir); err == nil && len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}
