package cli

import (
	"context"

	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

// adminCommand is what only whoever can use the server's own command line may do.
type adminCommand struct {
	Code adminCodeCommand `cmd:"" help:"Print a code with which one administrator can be made, at /admin/enrol. It counts once, for an hour."`
}

type adminCodeCommand struct {
	config.Config `embed:""`
}

// Run prints the code.
func (c *adminCodeCommand) Run(ctx context.Context, s streams) error {
	if err := c.Complete(); err != nil {
		return err
	}
	code, err := app.AdminCode(ctx, c.Config)
	if err != nil {
		return err
	}
	say(s.out, "%s\nOpen %s/admin/enrol and write this code there within an hour. It makes one administrator.\n", code, c.PublicURL)
	return nil
}
