package cli

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

// adminCommand is what only whoever can use the server's own command line may do.
type adminCommand struct {
	Code  adminCodeCommand `cmd:"" help:"Print a code with which one administrator can be made, at /admin/enrol. It counts once, for an hour."`
	Audit struct {
		Verify   auditVerifyCommand   `cmd:"" help:"Check that nobody changed the audit log. Works beside a server that runs, and changes nothing."`
		Restored auditRestoredCommand `cmd:"" help:"Note in the audit log that you put a backup back, so that its end is missing."`
	} `cmd:"" help:"The audit log."`
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

type auditVerifyCommand struct {
	config.Config `embed:""`
}

// Run checks the audit log and fails when it was changed.
func (c *auditVerifyCommand) Run(ctx context.Context, s streams) error {
	if err := c.Complete(); err != nil {
		return err
	}
	report, err := app.VerifyAudit(ctx, c.Config)
	if err != nil {
		return err
	}
	say(s.out, "%s\n", report.Sentence())
	if report.Breaks == 0 {
		return nil
	}
	for _, b := range report.Named {
		say(s.out, "  %s\n", b)
	}
	return shippost.Errorf(shippost.Conflict, "audit_log_broken", "The audit log is not what this server wrote. If you put a backup back, say so: shippost admin audit restored")
}

type auditRestoredCommand struct {
	config.Config `embed:""`
}

// Run notes that a backup was put back. With SQLite no server may run on the data folder meanwhile.
func (c *auditRestoredCommand) Run(ctx context.Context, s streams) error {
	if err := c.Complete(); err != nil {
		return err
	}
	report, err := app.NoteRestored(ctx, c.Config, app.Options{Log: logger(s.err, c.Level(), c.LogFormat)})
	if err != nil {
		return err
	}
	say(s.out, "Noted in the audit log. %s\n", report.Sentence())
	return nil
}
