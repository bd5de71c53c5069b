package app

import (
	"cmp"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// SimulatorOptions say how a simulated TikTok is set up.
type SimulatorOptions struct {
	Listen     string            // address on this machine; port 0 takes any
	PublicURL  string            // how the product reaches it, when something stands between; "" means the address it listens on
	Redirects  []string          // registered redirect URIs: loopback ones are of the desktop type
	Properties []string          // verified domains and URL prefixes
	Hosts      map[string]string // where made-up domains are found that photos are fetched from: "host" → "127.0.0.1:port"
	Roots      *x509.CertPool    // whom to trust there
	Hook       string            // where webhooks are sent; "" for nowhere
	Seed       uint64
	Dir        string // where received bytes are kept; "" means the system's temporary folder
	Log        *slog.Logger
}

// Simulator is a running simulated TikTok.
type Simulator struct {
	URL          string
	ClientKey    string
	ClientSecret string

	sim    *tiktoksim.Server
	server *http.Server
	served chan error
}

// Simulate starts a simulated TikTok, which runs until Close.
func Simulate(o SimulatorOptions) (*Simulator, error) {
	for _, address := range o.Hosts {
		if err := onThisMachine(address); err != nil {
			return nil, err
		}
	}
	ln, err := listenHere(o.Listen)
	if err != nil {
		return nil, err
	}
	s := &Simulator{URL: "http://" + ln.Addr().String(), ClientKey: tiktoksim.DefaultClientKey, ClientSecret: tiktoksim.DefaultClientSecret,
		served: make(chan error, 1)}
	var redirects []tiktoksim.Redirect
	for _, uri := range o.Redirects {
		redirects = append(redirects, tiktoksim.Redirect{URI: uri, Desktop: strings.HasPrefix(uri, "http://")})
	}
	sim := tiktoksim.Options{Redirects: redirects, Properties: o.Properties, PublicURL: cmp.Or(o.PublicURL, s.URL), Dir: o.Dir, Seed: o.Seed, Log: o.Log}
	sim.Knobs = func(k *tiktoksim.Knobs) { k.Webhook.URL = o.Hook }
	if len(o.Hosts) > 0 {
		sim.PullTransport = tiktoksim.ReachAt(o.Hosts, o.Roots)
	}
	s.sim, err = tiktoksim.New(sim)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	// No read or write time-out: uploads are held open until their due time.
	s.server = &http.Server{Handler: s.sim, ReadHeaderTimeout: 10 * time.Second}
	go func() { s.served <- s.server.Serve(ln) }()
	return s, nil
}

// Close stops the simulator and removes what it received.
func (s *Simulator) Close() error {
	err := s.server.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, s.sim.Close())
}

// onThisMachine makes sure that an address is one of this machine only.
func onThisMachine(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err == nil && host != "localhost" {
		var ip netip.Addr
		if ip, err = netip.ParseAddr(host); err == nil && !ip.IsLoopback() {
			err = errors.New("not a loopback address")
		}
	}
	if err == nil {
		return nil
	}
	return shippost.Errorf(shippost.Invalid, "invalid_address",
		"%q is no address of this machine alone. Write one like 127.0.0.1:8090.", address).Because(err)
}

// listenHere listens on an address of this machine only.
func listenHere(address string) (net.Listener, error) {
	if err := onThisMachine(address); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, shippost.Errorf(shippost.Unavailable, "address_in_use",
			"ShipPost cannot listen on %s: another program uses it, or it is not allowed. Choose another port.", address).Because(err)
	}
	return ln, nil
}
