package cli

import (
	"context"
	"crypto/x509"
	"os"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
)

type simulateCommand struct {
	Listen    string            `default:"127.0.0.1:8090" placeholder:"HOST:PORT" help:"Address to listen on, on this machine."`
	PublicURL string            `name:"public-url" placeholder:"URL" help:"How ShipPost reaches the simulator, when a proxy stands between. Empty: the address it listens on."`
	Redirect  []string          `placeholder:"URL" help:"Redirect URI that is registered for the app, such as http://localhost:8080/callback/tiktok. May be given more than once."`
	Property  []string          `placeholder:"DOMAIN|URL" help:"Verified domain or URL prefix that media may be pulled from. May be given more than once."`
	Host      map[string]string `placeholder:"DOMAIN=HOST:PORT" help:"Where on this machine a domain is found that photos are pulled from. May be given more than once; other domains cannot be reached then."`
	Root      string            `placeholder:"FILE" help:"Certificates in PEM to trust at these hosts, besides the public authorities."`
	Seed      uint64            `help:"Drives everything that is random, so that a run can be repeated."`
}

// Run simulates TikTok until the context ends.
func (c *simulateCommand) Run(ctx context.Context, s streams) error {
	o := app.SimulatorOptions{Listen: c.Listen, PublicURL: c.PublicURL, Redirects: c.Redirect, Properties: c.Property, Hosts: c.Host,
		Seed: c.Seed, Log: logger(s.err, 0, "text")}
	var err error
	if o.Roots, err = c.roots(); err != nil {
		return err
	}
	sim, err := app.Simulate(o)
	if err != nil {
		return err
	}
	say(s.out, "Simulated TikTok: %s\n  client key     %s\n  client secret  %s\n  journal        %s/_sim/journal\n  posts          %s/_sim/posts\n",
		sim.URL, sim.ClientKey, sim.ClientSecret, sim.URL, sim.URL)
	<-ctx.Done()
	return sim.Close()
}

// roots returns whom to trust where photos are pulled from; nil for the public authorities alone.
func (c *simulateCommand) roots() (*x509.CertPool, error) {
	if c.Root == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.Root)
	if err != nil {
		return nil, shippost.Errorf(shippost.NotFound, "no_such_file", "The file %s cannot be read.", c.Root).Because(err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without authorities trusts the file alone
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, shippost.Errorf(shippost.Invalid, "no_certificate", "The file %s holds no certificate in PEM.", c.Root)
	}
	return pool, nil
}
