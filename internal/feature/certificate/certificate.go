// Package certificate gets the certificate of the public address from an authority that speaks ACME, such as Let's Encrypt, and renews it
// in time. It is kept sealed in the database, so that all nodes have the same one.
package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// pause is how long nothing is asked for after the authority refused. Its limits are narrow: five failures an hour.
const pause = 15 * time.Minute

// Options is what a Keeper needs. Only Contact and Renew may be left out.
type Options struct {
	DB        *store.DB
	Sealer    *seal.Sealer
	Hosts     []string // the names to have a certificate for, and no others
	Directory string   // URL of the authority's directory
	Contact   string   // mail address for the authority; "" for none
	Clients   *outbound.Clients
	Renew     time.Duration // how long before its end a certificate is renewed; 0 means a third of its life, 30 days at most
	Now       func() time.Time
	Log       *slog.Logger
}

// Keeper has the certificate. All methods may be called from many goroutines at once.
type Keeper struct {
	Options
	manager *autocert.Manager

	mu      sync.Mutex
	refused map[string]time.Time // by host: when the authority last refused
}

// New returns a Keeper. Asking the authority for a certificate accepts its terms.
func New(o Options) *Keeper {
	k := &Keeper{Options: o, refused: map[string]time.Time{}}
	k.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      shelf{o.DB, o.Sealer},
		HostPolicy: autocert.HostWhitelist(o.Hosts...),
		Email:      o.Contact, RenewBefore: o.Renew,
		Client: &acme.Client{DirectoryURL: o.Directory, HTTPClient: o.Clients.API().HTTP(), UserAgent: "ShipPost"},
	}
	return k
}

// TLS returns how to answer over TLS, questions of the authority included.
func (k *Keeper) TLS() *tls.Config {
	c := k.manager.TLSConfig() // HTTP/2, HTTP/1.1, and the authority's questions
	c.MinVersion = tls.VersionTLS12
	c.GetCertificate = k.certificate
	return c
}

// Challenges answers the questions that the authority asks over plain HTTP, and hands everything else to next.
func (k *Keeper) Challenges(next http.Handler) http.Handler { return k.manager.HTTPHandler(next) }

// certificate returns the certificate for a connection. The first one for a name is asked for meanwhile.
func (k *Keeper) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Contains(hello.SupportedProtos, acme.ALPNProto) || !slices.Contains(k.Hosts, hello.ServerName) {
		return k.manager.GetCertificate(hello) // a question of the authority, or a name that is none of ours
	}
	k.mu.Lock()
	wait := k.refused[hello.ServerName].Add(pause).After(k.Now())
	k.mu.Unlock()
	if wait {
		return nil, errors.New("there is no certificate yet; the authority is asked again later")
	}
	cert, err := k.manager.GetCertificate(hello)
	if err != nil {
		k.mu.Lock()
		k.refused[hello.ServerName] = k.Now()
		k.mu.Unlock()
		k.Log.Error("no certificate could be had; the authority must reach this server at the public name, on port 443 or 80", "host", hello.ServerName, "retry", pause.String(), "err", err)
	}
	return cert, err
}

// Obtain sees to it that there is a certificate before the first browser asks, and asks again while there is none, until ctx ends.
func (k *Keeper) Obtain(ctx context.Context) {
	for _, host := range k.Hosts {
		for {
			had := make(chan *tls.Certificate, 1)
			go func() { had <- k.obtain(host) }() // an authority that is down is asked for minutes, which a stop does not wait for
			var cert *tls.Certificate
			select {
			case <-ctx.Done():
				return
			case cert = <-had:
			}
			if cert != nil {
				k.Log.Info("the certificate is there", "host", host, "until", cert.Leaf.NotAfter.UTC().Format(time.DateOnly))
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// obtain returns the certificate of a host as a browser of today is shown it; nil for none.
func (k *Keeper) obtain(host string) *tls.Certificate {
	cert, err := k.certificate(&tls.ClientHelloInfo{ServerName: host, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
		SupportedCurves: []tls.CurveID{tls.CurveP256}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
	if err != nil {
		return nil // it is in the log
	}
	return cert
}

// shelf keeps what the manager has: the account's key, certificates with their keys, open questions.
type shelf struct {
	db     *store.DB
	sealer *seal.Sealer
}

var _ autocert.Cache = shelf{}

const shelfKey = "certificate:"

func (s shelf) row(key string) seal.Row {
	return seal.Row{Table: "meta", Column: "value", ID: shelfKey + key}
}

// Get implements autocert.Cache.
func (s shelf) Get(ctx context.Context, key string) ([]byte, error) {
	var sealed string
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		sealed, err = tx.Meta(ctx, shelfKey+key)
		return err
	})
	if err != nil {
		return nil, err
	}
	if sealed == "" {
		return nil, autocert.ErrCacheMiss
	}
	plain, err := s.sealer.Open(sealed, s.row(key))
	if err != nil {
		return nil, err
	}
	return []byte(plain.Reveal()), nil
}

// Put implements autocert.Cache.
func (s shelf) Put(ctx context.Context, key string, data []byte) error {
	sealed, err := s.sealer.Seal(shippost.NewSecret(string(data)), s.row(key))
	if err != nil {
		return fmt.Errorf("keep a certificate: %w", err)
	}
	return s.db.Update(ctx, func(tx *store.Tx) error { return tx.SetMeta(ctx, shelfKey+key, sealed) })
}

// Delete implements autocert.Cache.
func (s shelf) Delete(ctx context.Context, key string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error { return tx.DropMeta(ctx, shelfKey+key) })
}
