// Package app puts ShipPost together: it is the only package that knows all the others.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/blob/spool"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/server/api"
	"ship-post.com/shippost/internal/server/listen"
	"ship-post.com/shippost/internal/server/tus"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
)

// Options are what the configuration does not say.
type Options struct {
	Log  *slog.Logger // required
	Demo bool         // TikTok is simulated; the pages say so
}

// App is ShipPost, ready to serve. Make it with Open.
type App struct {
	config config.Config
	log    *slog.Logger
	node   shippost.NodeID

	db        *store.DB
	sealer    *seal.Sealer
	jobs      *jobs.Client
	registry  *jobs.Registry
	platforms map[shippost.PlatformName]platform.Platform
	library   *media.Library
	keeper    *auth.Keeper
	tokens    *vault.Vault
	connect   *connect.Desk
	composer  *compose.Composer
	publisher *publish.Publisher
	quota     *quota.Limiter
	server    *listen.Server
	closers   []func() error // in the order of opening
}

// Open opens the database and the files, and puts everything together. Nothing runs before Serve.
func Open(ctx context.Context, c config.Config, o Options) (_ *App, err error) {
	a := &App{config: c, log: o.Log, node: shippost.NewNodeID(chaos.Now())}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	if err := a.openFiles(); err != nil {
		return nil, err
	}
	if err := a.openPlatforms(); err != nil {
		return nil, err
	}
	if err := a.openServers(o); err != nil {
		return nil, err
	}
	a.work()
	return a, nil
}

// openStore opens what ShipPost remembers: database, keys, queue.
func (a *App) openStore(ctx context.Context) error {
	if err := os.MkdirAll(a.config.DataDir, 0o700); err != nil {
		return shippost.Errorf(shippost.Unavailable, "data_dir", "The data folder %s cannot be made. Check the path and its owner.", a.config.DataDir).Because(err)
	}
	var err error
	if a.db, err = store.Open(ctx, store.Options{URL: a.config.DatabaseURL.Reveal(), Now: chaos.Now, Log: a.log}); err != nil {
		return err
	}
	a.closers = append(a.closers, a.db.Close)
	if a.sealer, err = a.openSealer(ctx); err != nil {
		return err
	}
	a.registry, a.quota = jobs.NewRegistry(), quota.New(a.db)
	a.jobs, err = jobs.Open(ctx, a.db, jobs.Options{Registry: a.registry, Node: a.node, Queues: queues(), Periodic: periodic(), Log: a.log})
	return err
}

// openFiles opens the media library.
func (a *App) openFiles() error {
	bucket, err := diskblob.Open(a.config.StorageDir())
	if err != nil {
		return err
	}
	a.closers = append(a.closers, bucket.Close)
	incoming, err := spool.Open(a.config.StorageDir())
	if err != nil {
		return err
	}
	a.closers = append(a.closers, incoming.Close)
	// Without ffmpeg posters come from the browser.
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		a.log.Debug("no ffmpeg found; posters come from the browser", "err", err)
	}
	a.library = media.New(media.Options{DB: a.db, Bucket: bucket, Spool: incoming, Jobs: a.jobs, FFmpeg: ffmpeg,
		Quota: int64(a.config.StorageQuota), Now: chaos.Now, Log: a.log})
	return nil
}

// openPlatforms sets up the platforms and what talks to them.
func (a *App) openPlatforms() error {
	a.platforms = map[shippost.PlatformName]platform.Platform{}
	if a.config.ClientKey != "" {
		clients, err := outbound.New(tiktok.Policy(a.config.APIURL))
		if err != nil {
			return err
		}
		t, err := tiktok.New(tiktok.Options{APIURL: a.config.APIURL, AuthorizeURL: a.config.AuthorizeURL, ClientKey: a.config.ClientKey,
			ClientSecret: a.config.ClientSecret, Clients: clients, Now: chaos.Now, Log: a.log})
		if err != nil {
			return err
		}
		a.platforms[shippost.TikTok] = t
	}
	a.tokens = vault.New(vault.Options{DB: a.db, Sealer: a.sealer, Platforms: a.platforms, Now: chaos.Now, Log: a.log, Node: a.node})
	a.publisher = publish.New(publish.Options{DB: a.db, Node: a.node, Platforms: a.platforms, Vault: a.tokens, Files: a.library,
		Sealer: a.sealer, Quota: a.quota, Now: chaos.Now, Log: a.log})
	a.keeper = auth.New(auth.Options{DB: a.db, Now: chaos.Now, Log: a.log})
	a.connect = connect.New(connect.Options{DB: a.db, Auth: a.keeper, Platforms: a.platforms, Sealer: a.sealer, Vault: a.tokens,
		Posts: a.publisher.Desk(), PublicURL: a.config.PublicURL, OpenSignup: a.config.Signup == "open", Policy: web.PolicyVersion,
		Now: chaos.Now, Log: a.log})
	return nil
}

// openServers sets up the ways in.
func (a *App) openServers(o Options) error {
	pages, err := web.New(web.Options{Auth: a.keeper, Connect: a.connect, PublicURL: a.config.PublicURL, Demo: o.Demo, Log: a.log})
	if err != nil {
		return err
	}
	a.composer = compose.New(compose.Options{DB: a.db, Platforms: a.platforms, Publisher: a.publisher.Desk(),
		Creators: compose.NewAsker(a.platforms, a.tokens.For, chaos.Now), Log: a.log})
	rest, err := api.New(api.Options{Authenticate: pages.Actor, Posts: a.composer, Journal: journal.New(a.db), Accounts: a.connect,
		Keys: a.keeper, Media: a.library, Now: chaos.Now, Log: a.log})
	if err != nil {
		return err
	}
	uploads, err := tus.New(tus.Options{Library: a.library, Authenticate: pages.Actor, Log: a.log})
	if err != nil {
		return err
	}
	a.server, err = listen.New(listen.Options{PublicURL: a.config.PublicURL, Listen: a.config.Listen, Proxies: a.config.Proxies(),
		MetricsToken: a.config.MetricsToken, FormOrigins: a.connect.ConsentOrigins(), Page: pages.Page, Now: chaos.Now, Log: a.log, Ready: a.ready},
		listen.Routes{Web: pages.Handler(), API: rest, Uploads: uploads})
	return err
}

// ready reports whether requests can be served.
func (a *App) ready(ctx context.Context) error {
	return a.db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Meta(ctx, "ready")
		return err
	})
}

// Listen opens the address of the configuration.
func (a *App) Listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", a.config.Listen)
	if err != nil {
		return nil, shippost.Errorf(shippost.Unavailable, "address_in_use",
			"ShipPost cannot listen on %s: another program uses it, or it is not allowed. Choose another address in SHIPPOST_LISTEN.", a.config.Listen).Because(err)
	}
	return ln, nil
}

// stopTime is how long running jobs may take to end.
const stopTime = 15 * time.Second

// Serve publishes, works and answers requests on ln until ctx ends, and then stops everything in order.
func (a *App) Serve(ctx context.Context, ln net.Listener) error {
	if err := a.jobs.Start(ctx); err != nil {
		return errors.Join(err, ln.Close())
	}
	// When one of them fails the others end too.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var parts sync.WaitGroup
	var served, published error
	parts.Go(func() { defer stop(); published = a.publisher.Run(ctx) })
	parts.Go(func() { defer stop(); served = a.server.Serve(ctx, ln) })
	parts.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return errors.Join(served, published, a.jobs.Stop(last))
}

// Close lets go of everything. Call it after Serve.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		if err := a.closers[i](); err != nil {
			errs = append(errs, fmt.Errorf("close: %w", err))
		}
	}
	a.closers = nil
	return errors.Join(errs...)
}
