package cli

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
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
	time.AfterFunc(time.Second, debug.FreeOSMemory) // what only the start needed
	return errors.Join(a.Serve(ctx, ln), a.Close())
}
