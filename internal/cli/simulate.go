package cli

import (
	"context"

	"ship-post.com/shippost/internal/app"
)

type simulateCommand struct {
	Listen   string   `default:"127.0.0.1:8090" placeholder:"HOST:PORT" help:"Address to listen on, on this machine."`
	Redirect []string `placeholder:"URL" help:"Redirect URI that is registered for the app, such as http://localhost:8080/callback/tiktok. May be given more than once."`
	Property []string `placeholder:"DOMAIN|URL" help:"Verified domain or URL prefix that media may be pulled from. May be given more than once."`
	Seed     uint64   `help:"Drives everything that is random, so that a run can be repeated."`
}

// Run simulates TikTok until the context ends.
func (c *simulateCommand) Run(ctx context.Context, s streams) error {
	sim, err := app.Simulate(app.SimulatorOptions{Listen: c.Listen, Redirects: c.Redirect, Properties: c.Property, Seed: c.Seed, Log: logger(s.err, 0, "text")})
	if err != nil {
		return err
	}
	say(s.out, "Simulated TikTok: %s\n  client key     %s\n  client secret  %s\n  journal        %s/_sim/journal\n  posts          %s/_sim/posts\n",
		sim.URL, sim.ClientKey, sim.ClientSecret, sim.URL, sim.URL)
	<-ctx.Done()
	return sim.Close()
}
