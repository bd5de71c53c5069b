package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/certificate"
	"ship-post.com/shippost/internal/outbound"
)

// openCertificates sets up where the server's own certificate comes from, if it has one.
func (a *App) openCertificates(roots *x509.CertPool) error {
	if !a.config.OwnCertificates() {
		return nil
	}
	directory, err := url.Parse(a.config.ACMEURL)
	if err != nil {
		return err
	}
	policy := outbound.Policy{Hosts: []string{directory.Hostname()}, Roots: roots}
	if host := directory.Hostname(); host == "localhost" || net.ParseIP(host).IsLoopback() {
		policy.Hosts, policy.Loopback = nil, []string{directory.Host}
	}
	clients, err := a.reach(policy, "the authority that certifies the address of this server")
	if err != nil {
		return err
	}
	a.closers = append(a.closers, func() error { clients.Close(); return nil })
	a.certificates = certificate.New(certificate.Options{DB: a.db, Sealer: a.sealer, Hosts: a.config.CertificateHosts(), Directory: a.config.ACMEURL,
		Contact: a.config.OperatorContact, Clients: clients, Now: chaos.Now, Log: a.log})
	return nil
}

// tls returns how HTTPS is taken in; nil when a proxy does.
func (a *App) tls() *tls.Config {
	if a.certificates == nil {
		return nil
	}
	return a.certificates.TLS()
}

// redirect answers plain HTTP until ctx ends.
func (a *App) redirect(ctx context.Context) error {
	ln, err := net.Listen("tcp", a.config.ListenHTTP)
	if err != nil {
		return shippost.Errorf(shippost.Unavailable, "address_in_use",
			"ShipPost cannot listen on %s: another program uses it, or it is not allowed. Choose another address in SHIPPOST_LISTEN_HTTP.", a.config.ListenHTTP).Because(err)
	}
	return a.server.ServeRedirects(ctx, ln, a.certificates.Challenges)
}
