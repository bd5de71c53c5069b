// Package tiktoksim is a strict simulation of the part of TikTok that ShipPost
// uses: Login Kit, the Content Posting API, the upload host, the pull worker
// and webhooks. It is written from TikTok's documentation and from what
// implementers observed, imports nothing else of this module, refuses what
// TikTok refuses, reads every byte it is given, and records all it sees.
//
// A Server is an http.Handler; whoever makes it does the listening, without
// read or write time-outs, because uploads may be held open on purpose. Start
// does both on a free loopback port. Every rule of the strict profile can be
// switched off and every uncertainty chosen by Knobs; every window runs on a
// settable Clock.
package tiktoksim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options describes the app and the surroundings of a simulator. The zero
// value is a desktop app named "simulated-client-key" that may return to any
// port of localhost.
type Options struct {
	// ClientKey and ClientSecret are the app's credentials; empty means
	// DefaultClientKey and DefaultClientSecret.
	ClientKey, ClientSecret string
	// AppName is what the consent page calls the app; empty means "ShipPost".
	AppName string
	// Redirects are the registered redirect URIs, at most 10.
	Redirects []Redirect
	// Properties are the verified URL properties: a domain ("example.org") or
	// a prefix ("https://example.org/media/").
	Properties []string
	// Scopes are those the app is approved for; nil means all.
	Scopes []string
	// Creators replace the sample creators when not nil.
	Creators []Creator
	// PublicURL is where clients reach the simulator ("http://127.0.0.1:4000");
	// upload and avatar URLs begin with it. Empty means the Host of each request.
	PublicURL string
	// Dir is where the folder for received bytes is made; empty means the
	// system's temporary folder. Close removes the folder.
	Dir string
	// Now is the base of the simulator's clock; nil means time.Now.
	Now func() time.Time
	// Log receives what goes wrong inside the simulator; nil discards it.
	Log *slog.Logger
	// PullTransport carries the pull worker's requests: set its DialContext and
	// RootCAs to resolve made-up domains to loopback. Nil means the default.
	PullTransport http.RoundTripper
	// WebhookTransport carries webhooks; nil means the default.
	WebhookTransport http.RoundTripper
	// Knobs changes the strict profile before the start.
	Knobs func(*Knobs)
	// Seed drives everything random but secrets.
	Seed uint64
}

// Credentials of an app whose Options name none.
const (
	DefaultClientKey    = "simulated-client-key"
	DefaultClientSecret = "simulated-client-secret"
)

// Server is a simulated TikTok. All methods are safe for concurrent use.
type Server struct {
	clientKey, clientSecret string
	redirects               []Redirect
	properties              []string
	scopes                  []string
	publicURL               string
	appName                 string
	avatarKey               []byte
	dir                     string
	log                     *slog.Logger
	pulls, hooks            *http.Client

	clock   *Clock
	knobs   atomic.Pointer[Knobs]
	journal *journal
	rates   *rates
	faults  *faults
	handler http.Handler

	// ctx ends with Close; background counts what must end before it returns.
	ctx        context.Context
	cancel     context.CancelFunc
	background sync.WaitGroup
	closing    sync.RWMutex
	closed     bool
	inspecting workers
	sender     sender

	// mu guards the state below. It is never held across input or output.
	mu          sync.Mutex
	accounts    map[string]*account // by handle
	handles     []string
	active      map[*account]bool // those with a direct init in the last day, and some older ones
	tokens      map[string]*token
	codes       map[string]*code
	sessions    map[string]*account
	publishes   map[string]*publish
	uploads     map[string]*upload // by upload id
	posts       []*post
	postIDs     map[int64]*post
	lastPublish int64
	lastPost    int64
	lastHanded  int64
	dropped     int // refresh answers dropped since the knobs were written
	failed      int // posts failed by the knob since it was written

	randMu sync.Mutex
	rand   *mathrand.Rand
}

// New builds a simulator. The error says what is wrong with the options.
func New(o Options) (*Server, error) {
	o.fill()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("tiktok simulator: %w", err)
	}
	dir, err := os.MkdirTemp(o.Dir, "tiktoksim-")
	if err != nil {
		return nil, fmt.Errorf("tiktok simulator: %w", err)
	}
	clock := newClock(o.Now)
	s := &Server{
		clientKey: o.ClientKey, clientSecret: o.ClientSecret, redirects: o.Redirects, properties: o.Properties,
		scopes: o.Scopes, publicURL: strings.TrimSuffix(o.PublicURL, "/"), dir: dir, log: o.Log,
		appName: o.AppName, avatarKey: []byte(secret("", "")),
		pulls: &http.Client{Transport: o.PullTransport, CheckRedirect: lastResponse},
		hooks: &http.Client{Transport: o.WebhookTransport, CheckRedirect: lastResponse, Timeout: 10 * time.Second},
		clock: clock, journal: newJournal(clock), rates: newRates(), faults: newFaults(),
		accounts: map[string]*account{}, active: map[*account]bool{}, tokens: map[string]*token{}, codes: map[string]*code{},
		sessions: map[string]*account{}, publishes: map[string]*publish{}, uploads: map[string]*upload{},
		postIDs: map[int64]*post{}, rand: mathrand.New(mathrand.NewPCG(o.Seed, 2)),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.inspecting.init(2)
	s.sender.init(16)
	k := DefaultKnobs()
	if o.Knobs != nil {
		o.Knobs(&k)
	}
	if err := errors.Join(s.setKnobs(&k), s.addCreators(o.Creators)); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("tiktok simulator: %w", err)
	}
	s.handler = s.routes()
	return s, nil
}

func lastResponse(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (o *Options) fill() {
	if o.ClientKey == "" {
		o.ClientKey = DefaultClientKey
	}
	if o.ClientSecret == "" {
		o.ClientSecret = DefaultClientSecret
	}
	if o.AppName == "" {
		o.AppName = "ShipPost"
	}
	if o.Redirects == nil {
		o.Redirects = []Redirect{
			{URI: "http://localhost:*/callback/tiktok", Desktop: true},
			{URI: "http://127.0.0.1:*/callback/tiktok", Desktop: true},
		}
	}
	if o.Scopes == nil {
		o.Scopes = knownScopes()
	}
	if o.Creators == nil {
		o.Creators = SampleCreators()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func (o *Options) check() error {
	if u, err := url.Parse(o.PublicURL); o.PublicURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return fmt.Errorf("public URL %q: must be http:// or https:// and a host", o.PublicURL)
	}
	if len(o.Redirects) > 10 {
		return errors.New("an app has at most 10 redirect URIs")
	}
	for _, d := range o.Redirects {
		if err := d.check(); err != nil {
			return err
		}
	}
	for _, p := range o.Properties {
		if err := checkProperty(p); err != nil {
			return err
		}
	}
	return nil
}

// checkProperty applies the rules of verified URL properties (TikTok contract 4.8).
func checkProperty(p string) error {
	host := p
	if strings.Contains(p, "/") {
		u, err := url.Parse(p)
		if err != nil || u.Scheme != "https" || u.Host == "" || !strings.HasSuffix(p, "/") {
			return fmt.Errorf("URL property %q: a prefix is https://, a host, and a path that ends in /", p)
		}
		host = u.Hostname()
	}
	if host == "" || net.ParseIP(host) != nil {
		return fmt.Errorf("URL property %q: the host must be a domain", p)
	}
	return nil
}

func (s *Server) addCreators(list []Creator) error {
	for _, c := range list {
		if err := s.PutCreator(c); err != nil {
			return err
		}
	}
	return nil
}

// Close stops all background work and removes the received bytes. Requests
// that are stalled by a fault end.
func (s *Server) Close() error {
	s.closing.Lock()
	s.closed = true
	s.closing.Unlock()
	s.cancel()
	s.clock.close()
	s.background.Wait()
	return os.RemoveAll(s.dir)
}

// Clock is the simulator's clock. Use MoveClock to move it when effects must
// have happened afterwards.
func (s *Server) Clock() *Clock { return s.clock }

// MoveClock advances the clock by d and waits until all that fell due has
// happened, except fetches and webhook deliveries, which talk to others.
func (s *Server) MoveClock(d time.Duration) {
	s.clock.Advance(d)
	s.settle()
}

// settle waits for inspections, whose ends may let more timers fall due.
func (s *Server) settle() {
	for {
		s.clock.runDue()
		if worked := s.inspecting.wait(); !worked && !s.clock.due() {
			return
		}
	}
}

// ServeHTTP answers as TikTok's hosts do, and control paths under /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Knobs returns the present knobs.
func (s *Server) Knobs() Knobs { return *s.knobs.Load().clone() }

// SetKnobs changes the knobs; the counters of faults, fail_times and
// drop_answers start anew. An impossible value changes nothing.
func (s *Server) SetKnobs(change func(*Knobs)) error {
	k := s.knobs.Load().clone()
	change(k)
	return s.setKnobs(k)
}

func (s *Server) setKnobs(k *Knobs) error {
	if err := k.validate(); err != nil {
		return err
	}
	s.knobs.Store(k)
	s.faults.replace(k.Faults)
	s.mu.Lock()
	s.dropped, s.failed = 0, 0
	s.mu.Unlock()
	return nil
}

// baseURL is how the outside reaches the simulator.
func (s *Server) baseURL(r *http.Request) string {
	if s.publicURL != "" || r == nil {
		return s.publicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// logID looks like TikTok's: the time, then a random part.
func (s *Server) logID() string {
	b := make([]byte, 8)
	rand.Read(b)
	return time.Now().UTC().Format("20060102150405") + strings.ToUpper(hex.EncodeToString(b))
}

func (s *Server) random(n int) int {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	return s.rand.IntN(n)
}

func (s *Server) chance(p float64) bool {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	return s.rand.Float64() < p
}

func (s *Server) shuffle(n int, swap func(i, j int)) {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	s.rand.Shuffle(n, swap)
}
