// Package app puts ShipPost together: it is the only package that knows all the others.
package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/blob/spool"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/address"
	"ship-post.com/shippost/internal/feature/admin"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/breach"
	"ship-post.com/shippost/internal/feature/callback"
	"ship-post.com/shippost/internal/feature/certificate"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/label"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/rotate"
	"ship-post.com/shippost/internal/feature/slot"
	"ship-post.com/shippost/internal/feature/snippet"
	"ship-post.com/shippost/internal/feature/usage"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/seal"
	adminpages "ship-post.com/shippost/internal/server/admin"
	"ship-post.com/shippost/internal/server/api"
	"ship-post.com/shippost/internal/server/hooks"
	"ship-post.com/shippost/internal/server/listen"
	"ship-post.com/shippost/internal/server/pull"
	"ship-post.com/shippost/internal/server/tus"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/ui"
)

// Options are what the configuration does not say.
type Options struct {
	Log  *slog.Logger   // required
	Demo bool           // TikTok is simulated; the pages say so
	Pull PullAddress    // where platforms fetch photos; zero: as the configuration says
	Mail *x509.CertPool // whom to trust as mail server; nil for the system's authorities
	ACME *x509.CertPool // whom to trust as authority for certificates; nil for the system\'s
}

// PullAddress is how platforms reach the photos that they fetch.
type PullAddress struct {
	URL      string         // https and a domain
	CheckURL string         // where the server asks itself whether they can; "" means URL
	Roots    *x509.CertPool // whom to trust there; nil for the system's authorities
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
	bucket    blob.Bucket
	library   *media.Library
	keeper    *auth.Keeper
	tokens    *vault.Vault
	gate      *gate.Gate
	inbox     *callback.Inbox
	connect   *connect.Desk
	composer  *compose.Composer
	publisher *publish.Publisher
	chain     *journal.Chain
	rotator   *rotate.Rotator
	breaches  *breach.Desk
	lifecycle *lifecycle.Keeper
	legal     *legal.Desk
	inquiries *inquiry.Desk
	addresses *address.Book
	outbox    *notify.Outbox // nil: this server sends no mail
	passkeys  *passkey.Keeper
	admins    *admin.Keeper
	usage     *usage.Book
	hosts     []legal.Host           // whom this server may connect to
	opened    *prometheus.CounterVec // connections to them
	quota     *quota.Limiter
	server    *listen.Server
	closers   []func() error // in the order of opening

	certificates *certificate.Keeper // nil: HTTPS is taken in by a proxy, or not at all
}

// Open opens the database and the files, and puts everything together. Nothing runs before Serve.
func Open(ctx context.Context, c config.Config, o Options) (_ *App, err error) {
	a := &App{config: c, log: o.Log, node: shippost.NewNodeID(chaos.Now())}
	a.opened = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shippost_outbound_connections_total",
		Help: "Connections that were opened, by whom the privacy policy names."}, []string{"to"})
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
	if err := a.openGate(o.Pull); err != nil {
		return nil, err
	}
	if err := a.openMail(o.Mail); err != nil {
		return nil, err
	}
	if err := a.openCertificates(o.ACME); err != nil {
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
	if a.db.Engine() == store.Postgres {
		// Its address stays ours: it says where an attacker would have to go, and nothing to anybody else.
		a.hosts = append(a.hosts, legal.Host{Name: "the database of this server", Purpose: "to keep what this page lists"})
	}
	if a.sealer, err = a.openSealer(ctx); err != nil {
		return err
	}
	if err := a.checkKeys(ctx); err != nil {
		return err
	}
	a.registry, a.quota = jobs.NewRegistry(), quota.New(a.db)
	a.jobs, err = jobs.Open(ctx, a.db, jobs.Options{Registry: a.registry, Node: a.node, Queues: queues(), Periodic: periodic(), Log: a.log,
		Trusted: func(ctx context.Context) bool { return a.publisher.ClockTrusted(ctx) },
		Timed:   timed(), Sure: func(ctx context.Context) bool { return a.publisher.ClockSure(ctx) }})
	return err
}

// openFiles opens the media library.
func (a *App) openFiles() error {
	bucket, err := diskblob.Open(a.config.StorageDir())
	if err != nil {
		return err
	}
	a.closers = append(a.closers, bucket.Close)
	a.bucket = bucket
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
	a.library = media.New(media.Options{DB: a.db, Bucket: bucket, Spool: incoming, Jobs: a.jobs, FFmpeg: ffmpeg, HEIF: probe.HEIFDecoder(),
		Quota: int64(a.config.StorageQuota), Now: chaos.Now, Log: a.log})
	return nil
}

// openPlatforms sets up the platforms and what talks to them.
func (a *App) openPlatforms() error {
	a.platforms = map[shippost.PlatformName]platform.Platform{}
	if a.config.ClientKey != "" {
		clients, err := a.reach(tiktok.Policy(a.config.APIURL), "TikTok, to sign you in, to publish what you scheduled, and to ask what became of it")
		if err != nil {
			return err
		}
		pictures, err := a.reach(tiktok.PicturePolicy(a.config.APIURL), "TikTok, to fetch the pictures of connected accounts")
		if err != nil {
			return err
		}
		t, err := tiktok.New(tiktok.Options{APIURL: a.config.APIURL, Drafts: a.config.Drafts, Converts: a.library.FFmpeg != "", Unaudited: a.config.Unaudited,
			AuthorizeURL: a.config.AuthorizeURL, ClientKey: a.config.ClientKey,
			ClientSecret: a.config.ClientSecret, Clients: clients, Pictures: pictures, ChunkSize: chaos.ChunkSize(), Held: heldRequests(room()), Now: chaos.Now, Log: a.log})
		if err != nil {
			return err
		}
		a.platforms[shippost.TikTok] = t
	}
	a.addresses = address.New(address.Options{DB: a.db, Sealer: a.sealer, Post: a.post(), PublicURL: a.config.PublicURL, Now: chaos.Now, Log: a.log})
	a.legal = legal.New(legal.Options{DB: a.db, Operator: legal.Operator{Name: a.config.OperatorName, Contact: a.config.OperatorContact}, Hosts: a.hosts, CountsPages: a.config.Usage == "on",
		PublicURL: a.config.PublicURL, Post: a.post(), Readers: a.addresses.Readers, Now: chaos.Now})
	a.passkeys = passkey.New(passkey.Options{DB: a.db, PublicURL: a.config.PublicURL, Now: chaos.Now})
	a.chain = journal.NewChain(journal.ChainOptions{DB: a.db, Sealer: a.sealer, Bucket: a.bucket, Now: chaos.Now, Log: a.log})
	a.rotator = rotate.New(rotate.Options{DB: a.db, Sealer: a.sealer, Chain: a.chain, Shared: !a.config.MasterKey.IsZero(), Patience: 4 * rotate.TellEvery, Log: a.log})
	a.admins = admin.New(admin.Options{DB: a.db, Passkeys: a.passkeys, Sealer: a.sealer, Chain: a.chain, Post: a.post(), PublicURL: a.config.PublicURL, CodeFile: filepath.Join(a.config.DataDir, adminCodeFile), Now: chaos.Now})
	a.usage = usage.New(usage.Options{DB: a.db, On: a.config.Usage == "on", Now: chaos.Now, Log: a.log})
	a.tokens = vault.New(vault.Options{DB: a.db, Sealer: a.sealer, Platforms: a.platforms, Now: chaos.Now, Log: a.log, Node: a.node,
		Trusted: func(ctx context.Context) bool { return a.publisher.ClockTrusted(ctx) }})
	a.publisher = publish.New(publish.Options{DB: a.db, Node: a.node, Platforms: a.platforms, Vault: a.tokens, Files: a.library,
		Sealer: a.sealer, Quota: a.quota, Gate: a.gate, Now: chaos.Now, Log: a.log})
	a.keeper = auth.New(auth.Options{DB: a.db, Now: chaos.Now, Log: a.log})
	a.connect = connect.New(connect.Options{DB: a.db, Auth: a.keeper, Platforms: a.platforms, Sealer: a.sealer, Vault: a.tokens,
		Posts: a.publisher.Desk(), PublicURL: a.config.PublicURL, OpenSignup: a.config.Signup == "open", Policy: func() string { return a.legal.InForce(legal.Policy).Day }, Accept: a.legal.Accept,
		Bucket: a.bucket, Jobs: a.jobs, Now: chaos.Now, Log: a.log, Sure: a.publisher.ClockSure})
	a.lifecycle = lifecycle.New(lifecycle.Options{DB: a.db, Bucket: a.bucket, Chain: a.chain, Library: a.library, Accounts: a.connect, Posts: a.publisher.Desk(), Jobs: a.jobs,
		Now: chaos.Now, Log: a.log, Sure: a.publisher.ClockSure})
	a.breaches = breach.New(breach.Options{DB: a.db, Accounts: a.connect, Chain: a.chain, Keys: a.rotator, Log: a.log})
	a.inquiries = inquiry.New(inquiry.Options{DB: a.db, Data: a.lifecycle, PublicURL: a.config.PublicURL, Operator: a.config.OperatorContact, Post: a.post(), Now: chaos.Now, Log: a.log})
	a.inbox = callback.New(callback.Options{DB: a.db, Platforms: a.platforms, Posts: a.publisher.Desk(), Accounts: a.connect, Now: chaos.Now, Log: a.log})
	return nil
}

// reach makes the clients of a policy, has the privacy policy name whom they reach, and counts how often they do. Nothing else
// dials but the engine of the database.
func (a *App) reach(p outbound.Policy, purpose string) (*outbound.Clients, error) {
	p.Now = chaos.Now
	p.Dialled = func(rule string) { a.opened.WithLabelValues(listed(rule)).Inc() }
	for _, rule := range slices.Concat(p.Hosts, p.Loopback, p.Services) {
		name := listed(rule)
		a.opened.WithLabelValues(name) // one that was never reached stands there with a nought
		if i := slices.IndexFunc(a.hosts, func(h legal.Host) bool { return h.Name == name }); i < 0 {
			a.hosts = append(a.hosts, legal.Host{Name: name, Purpose: purpose})
		} else if !strings.Contains(a.hosts[i].Purpose, purpose) {
			a.hosts[i].Purpose += "; " + purpose
		}
	}
	return outbound.New(p)
}

// listed is how the privacy policy names whom a rule lets this server reach.
func listed(rule string) string {
	if below, ok := strings.CutPrefix(rule, "."); ok {
		return "names below " + below
	}
	return rule
}

// openServers sets up the ways in.
func (a *App) openServers(o Options) error {
	pages, err := web.New(web.Options{Auth: a.keeper, Connect: a.connect, Media: a.library, Data: a.lifecycle, App: ui.Dist(), PublicURL: a.config.PublicURL,
		Legal: a.legal, Inquiries: a.inquiries, Addresses: a.addresses, Passkeys: a.passkeys, Usage: a.usage, Demo: o.Demo, Now: chaos.Now, Log: a.log})
	if err != nil {
		return err
	}
	var converter compose.Converter
	if a.library.FFmpeg != "" {
		converter = a.library
	}
	a.composer = compose.New(compose.Options{DB: a.db, Converter: converter, Files: a.library, Health: a.health, Platforms: a.platforms, Publisher: a.publisher.Desk(),
		Creators: compose.NewAsker(a.platforms, a.tokens.For, chaos.Now), Reach: a.gate, Log: a.log})
	rest := api.New(api.Options{Authenticate: pages.Actor, Posts: a.composer, Slots: slot.New(a.db), Snippets: snippet.New(a.db), Labels: label.New(a.db), Journal: journal.New(a.db), Feed: journal.NewFeed(a.db, a.log), Accounts: a.connect,
		Publisher: a.publisher.Desk(), Keys: a.keeper, Media: a.library, Data: a.lifecycle, Legal: a.legal, Addresses: a.addresses, Usage: a.usage.Counts(), Limit: a.config.APILimit, Now: chaos.Now, Log: a.log})
	uploads, err := tus.New(tus.Options{Library: a.library, Authenticate: pages.Actor, Log: a.log})
	if err != nil {
		return err
	}
	style, officeStyle, icon, script := pages.Static()
	office, err := adminpages.New(adminpages.Options{Keeper: a.admins, Person: pages.Person, Inquiries: a.inquiries, Usage: a.usage, Mail: a.outbox, PublicURL: a.config.PublicURL, Log: a.log,
		Frame: adminpages.Frame{Style: style, Office: officeStyle, Icon: icon, Script: script, Page: pages.Page}})
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	for _, m := range append(a.publisher.Metrics(), a.opened) {
		if err := metrics.Register(m); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	var pullFiles []string
	for name := range a.config.VerificationFiles() {
		pullFiles = append(pullFiles, "/"+name)
	}
	a.server, err = listen.New(listen.Options{PublicURL: a.config.PublicURL, PullURL: a.config.PullURL, PullFiles: pullFiles, Listen: a.config.Listen, TLS: a.tls(), Proxies: a.config.Proxies(), Admins: a.config.Admins(),
		MetricsToken: a.config.MetricsToken, Metrics: metrics, FormOrigins: a.connect.ConsentOrigins(), Page: pages.Page, Now: chaos.Now, Log: a.log, Ready: a.ready},
		listen.Routes{Web: web.Verification(a.config.VerificationFiles(), pages.Handler()), Media: pages.Handler(), API: rest, Uploads: uploads, Pull: web.Verification(a.config.VerificationFiles(), a.PullHandler()), Hooks: hooks.New(a.inbox, chaos.Now, a.log), Admin: office.Handler()})
	return err
}

// openGate sets up what platforms fetch photos from.
func (a *App) openGate(at PullAddress) error {
	if at.URL == "" {
		at.URL = a.config.PullURL
	}
	var clients *outbound.Clients
	if check, err := url.Parse(cmp.Or(at.CheckURL, at.URL)); err == nil && check.Host != "" {
		policy := outbound.Policy{Roots: at.Roots}
		if addr, err := netip.ParseAddr(check.Hostname()); err == nil && addr.IsLoopback() {
			policy.Loopback = []string{check.Host}
		} else {
			policy.Hosts = []string{check.Hostname()}
		}
		// A public URL with a port of its own, or an address, is not one that TikTok fetches from; the check says so.
		if clients, err = a.reach(policy, "this server itself, to see whether platforms can fetch photos here"); err != nil {
			a.log.Warn("platforms can fetch photos from a domain only", "url", at.URL, "err", err)
		} else {
			a.closers = append(a.closers, func() error { clients.Close(); return nil })
		}
	}
	a.gate = gate.New(gate.Options{DB: a.db, Files: a.library, URL: at.URL, CheckURL: at.CheckURL, Clients: clients, Now: chaos.Now, Log: a.log})
	return nil
}

// PullHandler serves the photos that platforms fetch.
func (a *App) PullHandler() http.Handler { return pull.New(a.gate, a.log) }

// checkReach tells the operator at the start whether photos can be posted.
func (a *App) checkReach(ctx context.Context) {
	for _, p := range a.gate.Problems(ctx) {
		level := slog.LevelInfo
		if a.config.PullURL != "" {
			level = slog.LevelWarn // it is meant to be reached
		}
		a.log.Log(ctx, level, "photos cannot be posted for now", "code", p.Code, "why", p.Message)
	}
}

// ready reports whether requests can be served and posts are published.
func (a *App) ready(ctx context.Context) error {
	if err := a.publisher.Ready(); err != nil {
		return err
	}
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
func (a *App) Serve(ctx context.Context, ln net.Listener) (err error) {
	if a.db.Engine() == store.Postgres { // on SQLite nobody else can change the keys meanwhile
		defer func() { err = errors.Join(err, a.leave(ctx)) }()
		if err := a.rotator.Join(ctx, a.node); err != nil {
			if ctx.Err() != nil {
				err = nil // stopped before anything began
			}
			return errors.Join(err, ln.Close())
		}
	}
	// What was erased must not come back with a restored backup, nor be published.
	if err := a.lifecycle.Replay(ctx); err != nil {
		return errors.Join(err, ln.Close())
	}
	// Before any page is served: it settles which version of a text is in force.
	if err := a.legal.Announce(ctx); err != nil {
		a.log.Error("changes of the legal texts could not be announced by mail", "err", err)
	}
	// When one of them fails the others end too.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var parts sync.WaitGroup
	var served, published, redirected error
	parts.Go(func() { defer stop(); served = a.server.Serve(ctx, ln) })
	parts.Go(func() { defer stop(); published = a.publish(ctx) })
	started := a.jobs.Start(ctx) // no request and no post waits for it
	if started != nil {
		stop()
	}
	parts.Go(func() {
		if err := a.noteSettings(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("the audit log does not say which settings have changed", "err", err)
		}
	})
	parts.Go(func() { a.checkReach(ctx) })
	parts.Go(func() { a.usage.Run(ctx) })
	parts.Go(func() { a.addresses.Run(ctx) })
	parts.Go(func() { a.chain.Run(ctx) })
	if a.db.Engine() == store.Postgres {
		parts.Go(func() { a.rotator.Run(ctx, a.node) })
	}
	if a.certificates != nil {
		parts.Go(func() { defer stop(); redirected = a.redirect(ctx) })
		parts.Go(func() { a.certificates.Obtain(ctx) })
	}
	parts.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	a.usage.Flush(last)
	return errors.Join(started, served, published, redirected, a.jobs.Stop(last))
}

// publish publishes until ctx ends, after it made sure that waiting posts mean what their wall clocks say.
func (a *App) publish(ctx context.Context) error {
	if err := a.composer.KeepWallClocks(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("reckon due times by new zone rules: %w", err)
	}
	return a.publisher.Run(ctx)
}

// leave has nobody wait for this server, whether or not it came to publish.
func (a *App) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return a.rotator.Leave(ctx, a.node)
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
