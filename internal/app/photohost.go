package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

// photoDomain is the made-up domain from which the simulated TikTok fetches the demo's photos.
const photoDomain = "photos.shippost.test"

// photoHost serves photos over TLS as a public server would: on a made-up domain, with a certificate that only those
// trust who are told. Real platforms fetch from domains only, never from this machine.
type photoHost struct {
	Address string // where it really listens
	Roots   *x509.CertPool

	ln     net.Listener
	server *http.Server
	served chan error
}

// newPhotoHost listens; Serve begins to answer.
func newPhotoHost() (*photoHost, error) {
	cert, roots, err := Certify(photoDomain, time.Now())
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", photoDomain, err)
	}
	ln, err := listenHere("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &photoHost{Address: ln.Addr().String(), Roots: roots, ln: ln, served: make(chan error, 1), server: &http.Server{
		ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}}}, nil
}

// Pull is how platforms reach the photos of an App with this host, and how it checks that itself.
func (h *photoHost) Pull() PullAddress {
	return PullAddress{URL: "https://" + photoDomain, CheckURL: "https://" + h.Address, Roots: h.Roots}
}

// Serve answers with the handler until Close.
func (h *photoHost) Serve(handler http.Handler) {
	h.server.Handler = handler
	go func() { h.served <- h.server.ServeTLS(h.ln, "", "") }()
}

// Close stops it.
func (h *photoHost) Close() error {
	if h.server.Handler == nil {
		return h.ln.Close()
	}
	err := h.server.Close()
	if served := <-h.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Certify makes a certificate for a domain, and for this machine's own address, that signs itself.
func Certify(domain string, now time.Time) (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots, nil
}
