package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
)

// DemoOptions say how the demo is set up.
type DemoOptions struct {
	Listen          string // address on this machine; port 0 takes any
	SimulatorListen string // the same for the simulated TikTok
	DataDir         string // kept afterwards; "" means a temporary folder that is removed
	Log             *slog.Logger
}

// Demo is ShipPost and a simulated TikTok running on this machine, with TikTok's rules all on.
type Demo struct {
	URL          string
	SimulatorURL string
	APIKey       shippost.Secret // of an owner who signed in as a sample creator

	app     *App
	sim     *Simulator
	cancel  context.CancelFunc
	served  chan error
	scratch string // removed at the end; "" for none
}

// demoCreator is the sample creator the demo signs in as: a public account without restrictions.
const demoCreator = "mara.moves"

// StartDemo starts ShipPost and the simulator, signs in through the same pages as everybody, and makes an API key.
// The demo runs until Close.
func StartDemo(ctx context.Context, o DemoOptions) (_ *Demo, err error) {
	d := &Demo{served: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if o.DataDir == "" {
		if d.scratch, err = os.MkdirTemp("", "shippost-demo-"); err != nil {
			return nil, fmt.Errorf("make a folder for the demo: %w", err)
		}
		o.DataDir = d.scratch
	}
	ln, err := listenHere(o.Listen)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	d.URL = "http://localhost:" + port
	if err := d.run(ctx, ln, o); err != nil {
		return nil, err
	}
	if d.APIKey, err = d.makeKey(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// run starts the simulator and ShipPost.
func (d *Demo) run(ctx context.Context, ln net.Listener, o DemoOptions) error {
	var err error
	d.sim, err = Simulate(SimulatorOptions{Listen: o.SimulatorListen, Redirects: []string{d.URL + "/callback/tiktok"}, Dir: d.scratch, Log: o.Log})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	d.SimulatorURL = d.sim.URL
	c := config.Config{
		Address: config.Address{Listen: ln.Addr().String(), PublicURL: d.URL},
		Data:    config.Data{DataDir: filepath.Join(o.DataDir, "shippost"), StorageQuota: 50 << 30},
		TikTok: config.TikTok{ClientKey: d.sim.ClientKey, ClientSecret: shippost.NewSecret(d.sim.ClientSecret),
			APIURL: d.sim.URL, AuthorizeURL: d.sim.URL + "/v2/auth/authorize/"},
		People:   config.People{Signup: "open"},
		Watching: config.Watching{LogLevel: "info", LogFormat: "text"},
	}
	if err := c.CompleteAlone(); err != nil {
		return errors.Join(err, ln.Close())
	}
	if d.app, err = Open(ctx, c, Options{Log: o.Log, Demo: true}); err != nil {
		return errors.Join(err, ln.Close())
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	go func() { d.served <- d.app.Serve(running, ln) }()
	return nil
}

// makeKey signs in as the sample creator and makes an API key.
func (d *Demo) makeKey(ctx context.Context) (shippost.Secret, error) {
	v := newVisitor()
	if err := v.signIn(ctx, d.URL, demoCreator); err != nil {
		return shippost.Secret{}, fmt.Errorf("sign in to the demo: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL+"/api/v1/keys", strings.NewReader(`{"name":"Demo"}`))
	if err != nil {
		return shippost.Secret{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := v.client.Do(req)
	if err != nil {
		return shippost.Secret{}, fmt.Errorf("make an API key: %w", err)
	}
	defer resp.Body.Close()
	var made struct {
		Key string `json:"key"`
	}
	if resp.StatusCode/100 != 2 {
		return shippost.Secret{}, fmt.Errorf("make an API key: the server answered %s", resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.Key == "" {
		return shippost.Secret{}, fmt.Errorf("make an API key: unreadable answer: %w", err)
	}
	return shippost.NewSecret(made.Key), nil
}

// Done is sent to once, when the demo stopped by itself.
func (d *Demo) Done() <-chan error { return d.served }

// Close stops everything and removes what was temporary.
func (d *Demo) Close() error {
	var errs []error
	if d.cancel != nil {
		d.cancel()
		errs = append(errs, <-d.served)
	}
	if d.app != nil {
		errs = append(errs, d.app.Close())
	}
	if d.sim != nil {
		errs = append(errs, d.sim.Close())
	}
	if d.scratch != "" {
		errs = append(errs, os.RemoveAll(d.scratch))
	}
	return errors.Join(errs...)
}
