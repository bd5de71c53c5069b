package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

// adminCommand is what only whoever can use the server's own command line may do.
type adminCommand struct {
	Code   adminCodeCommand `cmd:"" help:"Print a code with which one administrator can be made, at /admin/enrol. It counts once, for an hour."`
	Breach breachCommand    `cmd:"" help:"Answer a break-in: end every session, key and link, give up the access to every account, rotate the keys. Without --now it only says what it would end."`
	Audit  struct {
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

type breachCommand struct {
	config.Config `embed:""`
	Now           bool    `name:"now" help:"Do it."`
	Report        string  `name:"report" placeholder:"FILE" help:"Write whom to tell and what happened into this new file, as JSON."`
	Since         instant `name:"since" placeholder:"TIME" help:"Where the timeline of the report begins, such as 2026-11-20T08:00:00Z. Without it: 30 days ago."`
}

// instant is a moment as it is written on the command line, with its zone.
type instant struct{ time.Time }

// UnmarshalText reads RFC 3339.
func (i *instant) UnmarshalText(text []byte) (err error) {
	if i.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
		return fmt.Errorf("%q is no time: write it with its zone, such as 2026-11-20T08:00:00Z", text)
	}
	return nil
}

// Run says what is open, or ends it. With SQLite no server may run on the data folder meanwhile.
func (c *breachCommand) Run(ctx context.Context, s streams) error {
	if err := c.Complete(); err != nil {
		return err
	}
	if c.Report == "" && !c.Since.IsZero() {
		return shippost.Errorf(shippost.Invalid, "report_file", "--since is where the timeline of a report begins: say with --report which file to write it to.")
	}
	var find time.Time
	var report *os.File
	if c.Report != "" {
		if find = c.Since.Time; find.IsZero() {
			find = time.Now().AddDate(0, 0, -30)
		}
		var err error
		if report, err = os.OpenFile(c.Report, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return shippost.Errorf(shippost.Invalid, "report_file", "The report cannot be written to %s: choose a file that does not exist yet, in a folder that does.", c.Report).Because(err)
		}
		defer func() { _ = report.Close() }() // what matters is checked below
	}
	toll, found, err := app.Breach(ctx, c.Config, app.Options{Log: logger(s.err, c.Level(), c.LogFormat)}, c.Now, find)
	if found != nil {
		text, failed := json.MarshalIndent(found, "", "  ")
		if failed == nil {
			_, failed = report.Write(append(text, '\n'))
		}
		if err = errors.Join(err, failed, report.Close()); err == nil {
			say(s.out, "%s has %d people to tell and %d lines of what happened. It holds names and mail addresses: keep it safe, and delete it when it is done.\n", c.Report, len(found.People), len(found.Timeline))
		}
	}
	if err != nil {
		return err
	}
	verb := "would end"
	if c.Now {
		verb = "ended"
	}
	for _, l := range toll.Access {
		say(s.out, "%s %6d %s\n", verb, l.N, l.Name)
	}
	say(s.out, "%s %6d accesses to accounts; their posts wait until the accounts are connected again\n", verb, toll.Accounts)
	if !c.Now {
		say(s.out, "Nothing was changed. Run it again with --now to do it, and to rotate the keys.\n")
		return nil
	}
	switch {
	case !toll.Rotated:
		say(s.out, "The keys were not rotated. %s Then run: shippost admin breach --now\n", toll.OldKeys)
	case toll.OldKeys != "":
		say(s.out, "There is a new key, but the old ones are still there. %s Run later: shippost keys rotate\n", toll.OldKeys)
	default:
		say(s.out, "The keys were rotated; the old ones are gone.\n")
	}
	if toll.Held > 0 {
		say(s.out, "Of %d accounts the platform has not confirmed yet that the access is gone; a running server asks again every hour, for seven days.\n", toll.Held)
	}
	return nil
}
