package cli

import (
	"context"

	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

type importCommand struct {
	config.Config `embed:""`
	Archive       string `arg:"" type:"existingfile" help:"The archive that a ShipPost made: settings, Your data, Make a copy."`
}

// Run imports the archive. With SQLite no server may run on the data folder meanwhile.
func (c *importCommand) Run(ctx context.Context, s streams) error {
	if err := c.Complete(); err != nil {
		return err
	}
	done, err := app.Import(ctx, c.Config, app.Options{Log: logger(s.err, c.Level(), c.LogFormat)}, c.Archive)
	if err != nil {
		return err
	}
	say(s.out, "Imported the workspace %s: %d posts and %d files.\n", done.Workspace, done.Posts, done.Files)
	if done.Accounts > 0 {
		say(s.out, "Its accounts must be connected again, because keys are not in archives. %d posts wait for that.\n"+
			"Disconnect them on the old server first: two servers that both have an account both publish.\n", done.Waiting)
	}
	if done.Unclear > 0 {
		say(s.out, "%d posts were under way when the archive was made. Look at the platform and decide what became of them.\n", done.Unclear)
	}
	return nil
}
