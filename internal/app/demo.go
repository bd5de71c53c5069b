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
	photos  *photoHost
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
	if d.APIKey, err = SignInForKey(ctx, nil, d.URL, demoCreator); err != nil {
		return nil, fmt.Errorf("sign in to the demo: %w", err)
	}
	return d, nil
}

// run starts the simulator and ShipPost.
func (d *Demo) run(ctx context.Context, ln net.Listener, o DemoOptions) error {
	var err error
	if d.photos, err = newPhotoHost(); err != nil {
		return errors.Join(err, ln.Close())
	}
	d.sim, err = Simulate(SimulatorOptions{Listen: o.SimulatorListen, Redirects: []string{d.URL + "/callback/tiktok"},
		Properties: []string{photoDomain}, Hosts: map[string]string{photoDomain: d.photos.Address}, Roots: d.photos.Roots,
		Hook: d.URL + "/hooks/tiktok", Dir: d.scratch, Log: o.Log})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	d.SimulatorURL = d.sim.URL
	c := config.Config{
		Address: config.Address{Listen: ln.Addr().String(), PublicURL: d.URL},
		Data:    config.Data{DataDir: filepath.Join(o.DataDir, "shippost"), StorageQuota: 50 << 30},
		TikTok: config.TikTok{ClientKey: d.sim.ClientKey, ClientSecret: shippost.NewSecret(d.sim.ClientSecret),
			APIURL: d.sim.URL, AuthorizeURL: d.sim.URL + "/v2/auth/authorize/", Drafts: true},
		People:   config.People{Signup: "open"},
		Watching: config.Watching{LogLevel: "info", LogFormat: "text"},
	}
	if err := c.CompleteAlone(); err != nil {
		return errors.Join(err, ln.Close())
	}
	if d.app, err = Open(ctx, c, Options{Log: o.Log, Demo: true, Pull: d.photos.Pull()}); err != nil {
		return errors.Join(err, ln.Close())
	}
	d.photos.Serve(d.app.PullHandler())
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	go func() { d.served <- d.app.Serve(running, ln) }()
	return nil
}

// SignInForKey signs in at a product that talks to a simulated TikTok, as the creator with that handle, and makes an
// API key. It uses the pages that a person would, so an account that had lost its access is connected again. With a way
// that is not nil requests go through it.
func SignInForKey(ctx context.Context, way http.RoundTripper, product, creator string) (shippost.Secret, error) {
	v := newVisitor(way)
	if err := v.signIn(ctx, product, creator); err != nil {
		return shippost.Secret{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, product+"/api/v1/keys", strings.NewReader(`{"name":"Demo"}`))
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

// ConnectAgain connects an account that was disconnected, as its creator would: signed in, with the button for it.
func ConnectAgain(ctx context.Context, way http.RoundTripper, product, creator, account string) error {
	v := newVisitor(way)
	if err := v.signIn(ctx, product, creator); err != nil {
		return err
	}
	return v.connect(ctx, product, creator, account)
}

// Creators returns the handles of the sample creators, who can be chosen on the simulated consent page.
func (d *Demo) Creators() []string {
	var handles []string
	for _, c := range d.sim.sim.Creators() {
		handles = append(handles, "@"+c.Handle)
	}
	return handles
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
	if d.photos != nil {
		errs = append(errs, d.photos.Close())
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
