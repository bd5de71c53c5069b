// Package cli is the command line: one file per command. Commands translate; internal/app does the work.
package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
)

// commands is the whole command line.
type commands struct {
	serving  `embed:""`
	Demo     demoCommand   `cmd:"" help:"Try ShipPost on this machine with a simulated TikTok. Needs no account and leaves nothing behind."`
	Import   importCommand `cmd:"" help:"Take the workspace of an archive into this server."`
	Doctor   doctorCommand `cmd:"" help:"Check the set-up: settings, TikTok app, clock, storage, programs, public address. Changes nothing."`
	Admin    adminCommand  `cmd:"" help:"What only the server's own command line may do."`
	Keys     keysCommand   `cmd:"" help:"The keys that the server seals with."`
	Codes    codesCommand  `cmd:"" help:"Print what a platform may refuse: code, class, sentence, remedy."`
	Simulate struct {
		TikTok simulateCommand `cmd:"" name:"tiktok" help:"Run the strict TikTok simulator alone."`
	} `cmd:"" help:"Run a simulated platform."`
}

// serving is the part of the command line with which a server is started. It is read alone, when it is asked for: reading all commands takes
// milliseconds that a start should not wait for.
type serving struct {
	Serve serveCommand `cmd:"" help:"Run ShipPost."`
}

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

// streams is where a command writes.
type streams struct{ out, err io.Writer }

// Main runs the command that args name and returns the exit status: 0 when it did what was asked, 1 when it did not, 2
// when it was asked for something that makes no sense. SIGINT and SIGTERM end it in order.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c any = &commands{}
	if len(args) > 0 && args[0] == "serve" {
		c = &serving{}
	}
	exit := -1
	parser, err := kong.New(c,
		kong.Name("shippost"),
		kong.Description("ShipPost schedules videos and photos and publishes them: exactly once, on the second."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{out, errOut}),
	)
	if err != nil {
		// The command structs above are wrong, which a test of this package finds.
		panic(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		say(errOut, "shippost: %s\nshippost --help lists what there is.\n", err)
		return exitUsage
	}
	if err := command.Run(); err != nil {
		complain(errOut, err)
		return exitFailed
	}
	return 0
}

// complain tells a person what went wrong: our own sentences as they are, anything else with what it was.
func complain(w io.Writer, err error) {
	var problem config.Problem
	switch e := shippost.AsError(err); {
	case errors.As(err, &problem):
		say(w, "shippost: the set-up is not right.\n  %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	case e.Message != "":
		say(w, "shippost: %s\n", e.Message)
	default:
		say(w, "shippost: %s\n", err)
	}
}

// logger returns a logger for a command.
func logger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
