package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

type demoCommand struct {
	Listen          string        `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address for ShipPost, on this machine. Port 0 takes any free one."`
	SimulatorListen string        `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address for the simulated TikTok, on this machine."`
	DataDir         string        `placeholder:"DIR" help:"Folder to keep the demo's data in. Without it everything is removed at the end."`
	Publish         string        `placeholder:"FILE" help:"Publish this video or photo without a browser, and end."`
	More            []string      `arg:"" optional:"" name:"photo" help:"More photos for the post that --publish makes, in their order."`
	In              time.Duration `default:"10s" help:"How far ahead the post is scheduled."`
	Caption         string        `default:"Published with ShipPost" help:"Caption of the post."`
	NoOpen          bool          `help:"Do not open a browser."`
	JSON            bool          `help:"Print results as one line of JSON."`
	Verbose         bool          `short:"v" help:"Show the server's log."`
}

// Run runs the demo until the context ends, or publishes one file.
func (c *demoCommand) Run(ctx context.Context, s streams) (err error) {
	if c.Publish == "" && len(c.More) > 0 {
		return shippost.Errorf(shippost.Invalid, "publish_missing", "Files are for --publish. Write: shippost demo --publish %s", strings.Join(c.More, " "))
	}
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelDebug
	}
	demo, err := app.StartDemo(ctx, app.DemoOptions{Listen: c.Listen, SimulatorListen: c.SimulatorListen, DataDir: c.DataDir,
		Log: logger(s.err, level, "text")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, demo.Close()) }()
	if c.Publish != "" {
		return c.publish(ctx, s, demo)
	}
	if c.JSON {
		return errors.Join(printJSON(s.out, map[string]string{"url": demo.URL, "simulator_url": demo.SimulatorURL, "api_key": demo.APIKey.Reveal()}),
			c.wait(ctx, demo))
	}
	say(s.out, `ShipPost runs:       %s
Simulated TikTok:    %s
Sample creators:     %s
API key:             %s

Open ShipPost in a browser and continue with TikTok. Ctrl-C ends the demo.
`, demo.URL, demo.SimulatorURL, strings.Join(demo.Creators(), ", "), demo.APIKey.Reveal())
	if !c.NoOpen && config.Desktop() {
		if err := openBrowser(ctx, runtime.GOOS, demo.URL); err != nil {
			say(s.err, "The browser could not be opened: %s\n", err)
		}
	}
	return c.wait(ctx, demo)
}

func (c *demoCommand) wait(ctx context.Context, demo *app.Demo) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-demo.Done():
		return err
	}
}

// publish does the main job without a browser.
func (c *demoCommand) publish(ctx context.Context, s streams, demo *app.Demo) error {
	progress := newProgress(s.err)
	result, err := demo.Publish(ctx, app.PublishRequest{Files: append([]string{c.Publish}, c.More...), In: c.In, Caption: c.Caption}, progress.report)
	progress.end()
	if c.JSON && result.PostID != "" {
		return errors.Join(printJSON(s.out, result), err)
	}
	if err != nil {
		return err
	}
	for _, f := range result.Files {
		for _, change := range f.Changes {
			say(s.out, "%s: %s\n", f.Name, change)
		}
	}
	say(s.out, "Posted %.1f ms after its time; the simulated TikTok has the same bytes.\n  post        %s\n  due         %s\n  sent        %s\n  publish id  %s\n  sha256      %s\n",
		float64(result.CommittedAt.Sub(result.DueAt))/1e6, result.PostID, result.DueAt.Format(time.RFC3339Nano), result.CommittedAt.Format(time.RFC3339Nano), result.PublishID, result.SHA256)
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
