package cli

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

// keysCommand is about the keys that the server seals with.
type keysCommand struct {
	Rotate keysRotateCommand `cmd:"" help:"Make a new key, seal everything anew with it and retire the old ones. May be called again at any time."`
}

type keysRotateCommand struct {
	config.Config `embed:""`
}

// Run rotates the keys, and fails when the old ones have to stay for now. With SQLite no server may run on the data folder meanwhile.
func (c *keysRotateCommand) Run(ctx context.Context, s streams) error {
	if err := c.Complete(); err != nil {
		return err
	}
	r, err := app.RotateKeys(ctx, c.Config, app.Options{Log: logger(s.err, c.Level(), c.LogFormat)})
	if err != nil {
		return err
	}
	say(s.out, "%d values were sealed anew.\n", r.Resealed)
	if len(r.Unreadable) > 0 {
		say(s.out, "No key opens these; they were left as they are:\n")
		for _, place := range r.Unreadable {
			say(s.out, "  %s\n", place)
		}
	}
	if r.Waits != "" {
		return shippost.Errorf(shippost.Conflict, "old_keys_needed", "The new key is in use, but the old ones have to stay for now. %s Run this again later.", r.Waits)
	}
	say(s.out, "The keys were rotated; the old ones are gone. Back up the new keyset with the master key's copy: older copies of it do not open what is sealed from now on.\n")
	return nil
}
