package app

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/outbound"
)

// The doctor asks the addresses as TikTok and browsers do, as far as that can be done from here.

// site is an address that others reach this server at.
type site struct {
	url     string // as others write it
	ask     string // where it is asked
	clients *outbound.Clients
}

// addresses looks at the public address, and at the one for photos where that is another.
func (d *doctor) addresses(ctx context.Context) {
	c := d.config
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" { // otherwise the settings say so
		if public, ok := d.site(c.PublicURL, "address"); ok {
			defer public.clients.Close()
			if d.answers(ctx, public) {
				d.verification(ctx, public, "/")
				d.webhooks(ctx, public)
			}
		}
	}
	if c.PullURL == "" {
		return
	}
	if pull, ok := d.site(c.PullURL, "photos"); ok {
		defer pull.clients.Close()
		if c.PullURL != c.PublicURL {
			d.verification(ctx, pull, "/")
		}
		d.verification(ctx, pull, gate.Path)
		d.photos(ctx, pull)
	}
}

// site makes an address ready to be asked, unless it is one that nobody else can reach.
func (d *doctor) site(address, check string) (site, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return site{}, false // the settings say so
	}
	addr, notAddress := netip.ParseAddr(u.Hostname())
	if local := u.Hostname() == "localhost" || notAddress == nil && addr.IsLoopback(); local {
		d.note(check, FindingWarning, "%s is this machine only. Videos can be posted; photos, which TikTok fetches, and webhooks need a public https address.", address)
		return site{}, false
	}
	s, policy := site{url: address, ask: cmp.Or(d.through.CheckURL, address)}, outbound.Policy{Hosts: []string{u.Hostname()}, Roots: d.through.Roots}
	if there, err := url.Parse(d.through.CheckURL); err == nil && there.Host != "" {
		policy.Hosts, policy.Loopback = nil, []string{there.Host}
	}
	if s.clients, err = outbound.New(policy); err != nil {
		d.note(check, FindingFailure, "%s is no address that TikTok would fetch from: a domain with https and no port of its own is needed.", address)
		return site{}, false
	}
	return s, true
}

// reply is what came from an address.
type reply struct {
	status   int
	location string
	body     string
	whole    *http.Response
}

func (s site) request(ctx context.Context, method, path, body string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.ask+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	resp, _, err := s.clients.API().Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return reply{resp.StatusCode, resp.Header.Get("Location"), string(text), resp}, err
}

// answers looks whether this server answers at the public address, itself and over a certificate that holds.
func (d *doctor) answers(ctx context.Context, s site) bool {
	a, err := s.request(ctx, http.MethodGet, "/healthz", "")
	switch {
	case err != nil:
		d.note("address", FindingWarning, "%s does not answer from here. If the server runs, look at its proxy, certificate and name; some networks do not let a machine reach its own public address.", s.url)
	case a.status >= 300 && a.status < 400:
		d.note("address", FindingFailure, "%s redirects to %s. TikTok does not follow: register and set the address that answers itself.", s.url, a.location)
	case a.status != http.StatusOK:
		d.note("address", FindingFailure, "%s answers with status %d where ShipPost would say that it is well.", s.url, a.status)
	default:
		d.note("address", FindingOK, "%s answers over https without a redirect.", s.url)
		d.certificate(a.whole)
		return true
	}
	return false
}

// verification looks whether TikTok would find each of its files below a prefix, which is what it looks for once the prefix is entered
// under URL properties.
func (d *doctor) verification(ctx context.Context, s site, prefix string) {
	files := d.config.VerificationFiles()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a, err := s.request(ctx, http.MethodGet, prefix+name, "")
		switch {
		case err != nil:
			d.note("ownership", FindingWarning, "%s%s%s does not answer from here, so nobody knows whether TikTok finds its file there.", s.url, prefix, name)
		case a.status != http.StatusOK:
			d.note("ownership", FindingFailure, "%s%s%s answers with status %d instead of TikTok's file: this prefix cannot be verified. Start the server with the same SHIPPOST_TIKTOK_VERIFICATION, and have your proxy pass that path on.", s.url, prefix, name, a.status)
		case strings.TrimSpace(a.body) != files[name]:
			d.note("ownership", FindingFailure, "%s%s%s is another file than SHIPPOST_TIKTOK_VERIFICATION names. Something in front of the server answers there.", s.url, prefix, name)
		default:
			d.note("ownership", FindingOK, "TikTok finds its file at %s%s%s.", s.url, prefix, name)
		}
	}
	if len(files) == 0 && prefix == gate.Path {
		d.note("ownership", FindingWarning, "No verification file is set, so %s%s is verified by DNS, if at all. TikTok fetches photos from verified addresses only: see SHIPPOST_TIKTOK_VERIFICATION.", s.url, prefix)
	}
}

// webhooks sends a message that TikTok did not sign, which this server must refuse. Nothing comes of it.
func (d *doctor) webhooks(ctx context.Context, s site) {
	const path = "/hooks/tiktok"
	a, err := s.request(ctx, http.MethodPost, path, "{}")
	switch {
	case err != nil:
		d.note("webhooks", FindingWarning, "%s%s does not answer from here, so nobody knows whether TikTok's messages arrive.", s.url, path)
	case a.status >= 300 && a.status < 400:
		d.note("webhooks", FindingFailure, "%s%s redirects to %s, and TikTok's messages do not follow.", s.url, path, a.location)
	case a.status != http.StatusForbidden:
		d.note("webhooks", FindingFailure, "%s%s answers with status %d to a message that nobody signed; ShipPost would refuse it with 403. Look at what your proxy does with this path.", s.url, path, a.status)
	default:
		d.note("webhooks", FindingOK, "Messages reach this server, and one that nobody signed is refused. Enter %s%s as the callback URL.", s.url, path)
	}
}

// photos looks whether TikTok could fetch photos, by the same check that is made before one is scheduled.
func (d *doctor) photos(ctx context.Context, s site) {
	g := gate.New(gate.Options{URL: s.url, CheckURL: s.ask, Clients: s.clients, Now: d.now, Log: slog.New(slog.DiscardHandler)})
	problems := g.Problems(ctx)
	for _, p := range problems {
		state := FindingFailure
		if p.Code == "photos_unchecked" {
			state = FindingWarning
		}
		d.note("photos", state, "%s (%s%s)", p.Message, s.url, gate.Path)
	}
	if len(problems) == 0 {
		d.note("photos", FindingOK, "TikTok can fetch photos from %s%s: this server answers there itself, and nothing keeps its answers.", s.url, gate.Path)
	}
}

// certificateDays is how long a certificate should still hold.
const certificateDays = 14

// certificate says when the public address stops being trusted.
func (d *doctor) certificate(resp *http.Response) {
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return
	}
	ends := resp.TLS.PeerCertificates[0].NotAfter
	if left := ends.Sub(d.now()); left < certificateDays*24*time.Hour {
		d.note("certificate", FindingWarning, "The certificate of %s ends on %s. Photos and webhooks stop then: have it renewed.", d.config.PublicURL, ends.UTC().Format("2 January 2006"))
	} else {
		d.note("certificate", FindingOK, "The certificate holds until %s.", ends.UTC().Format("2 January 2006"))
	}
}
