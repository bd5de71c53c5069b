package listen

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// checkAddress returns the parsed public URL. ShipPost speaks plain HTTP on loopback and to declared proxies only.
func checkAddress(opt Options) (*url.URL, error) {
	public, err := url.Parse(opt.PublicURL)
	if err != nil || public.Host == "" || (public.Scheme != "http" && public.Scheme != "https") {
		return nil, fmt.Errorf("the public URL %q must look like https://posts.example.com", opt.PublicURL)
	}
	if public.User != nil || public.RawQuery != "" || public.Fragment != "" || strings.Trim(public.Path, "/") != "" {
		return nil, fmt.Errorf("the public URL %q must be scheme and host only: ShipPost is served at the root of its host", opt.PublicURL)
	}
	public = &url.URL{Scheme: public.Scheme, Host: canonicalHost(public.Scheme, public.Host)}
	if public.Scheme == "https" {
		if len(opt.Proxies) == 0 && opt.TLS == nil {
			return nil, errors.New("the public URL is https, but there is no certificate and no proxy is declared that takes HTTPS in: " +
				"name its address (trusted proxies), or use an http://localhost address to try ShipPost on this machine")
		}
		return public, nil
	}
	if !loopbackName(public.Hostname()) {
		return nil, fmt.Errorf("the public URL %s is plain HTTP and not this machine: cookies, keys and videos would travel unprotected. "+
			"Put a proxy with HTTPS in front and use its https address", public)
	}
	if host, _, err := net.SplitHostPort(opt.Listen); opt.Listen != "" && (err != nil || !loopbackName(host)) {
		return nil, fmt.Errorf("refusing to listen on %s in plain HTTP: anyone on the network could read and change what is sent. "+
			"Listen on 127.0.0.1, or put a proxy with HTTPS in front and set the public URL to its https address", opt.Listen)
	}
	return public, nil
}

// loopbackName reports whether a host name or address always means this machine.
func loopbackName(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// canonicalHost lowers a Host and drops the port that its scheme implies.
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// peer returns the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (s *Server) trusted(addr netip.Addr) bool {
	for _, p := range s.opt.Proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address of whoever sent the request: the rightmost hop that is not a declared proxy. Everything
// left of it is what strangers wrote, and is not read.
func (s *Server) client(r *http.Request) netip.Addr {
	addr := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(addr); i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break
		}
		addr = hop
	}
	return addr
}

func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

// secure reports whether the request travelled over HTTPS from the browser on.
func (s *Server) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if !s.trusted(peer(r)) {
		return false
	}
	protos := r.Header.Values("X-Forwarded-Proto")
	if len(protos) == 0 {
		return true // the proxy was declared as the one that takes HTTPS in
	}
	last := protos[len(protos)-1]
	return strings.EqualFold(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]), "https")
}

// network truncates an address to /24 or /48: enough to limit abuse, too little to name a person.
func network(addr netip.Addr) string {
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
