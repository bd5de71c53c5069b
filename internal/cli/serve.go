package cli

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

type serveCommand struct {
	config.Config `embed:""`
}

// Run serves until the context ends.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	if err := c.Complete(); err != nil {
		return err
	}
	if err := c.CheckSignIn(); err != nil {
		return err
	}
	log := logger(s.err, c.Level(), c.LogFormat)
	defer collectLater(time.Second)()
	a, err := app.Open(ctx, c.Config, app.Options{Log: log})
	if err != nil && ctx.Err() != nil {
		log.Info("asked to end before anything began", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	ln, err := a.Listen()
	if err != nil {
		return errors.Join(err, a.Close())
	}
	log.Info("ShipPost runs", slog.String("url", c.PublicURL), slog.String("listen", ln.Addr().String()))
	return errors.Join(a.Serve(ctx, ln), a.Close())
}

// startMemory is how much a start may take before the garbage collector runs after all.
const startMemory = 64 << 20

// collectLater keeps the garbage collector from running for a while, in which a start would spend a sixth of its time on it, and then has it
// give back what only the start needed. The function it returns has that done at once, if it was not yet.
func collectLater(after time.Duration) (now func()) {
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(limit, startMemory))
	collect := sync.OnceFunc(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
		debug.FreeOSMemory()
	})
	timer := time.AfterFunc(after, collect)
	return func() {
		timer.Stop()
		collect()
	}
}
