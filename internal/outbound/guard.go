package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// guard answers for a policy whether a URL and an address may be reached.
type guard struct {
	hosts    []string
	loopback []string // "host:port"
	services []string // "host:port"
	private  []netip.Prefix
	denied   []netip.Prefix
	resolver *net.Resolver
	dialled  func(rule string)
}

func newGuard(p Policy) (*guard, error) {
	g := &guard{denied: p.Denied, private: p.Private, resolver: p.Resolver, dialled: p.Dialled}
	if g.dialled == nil {
		g.dialled = func(string) {}
	}
	for _, host := range p.Hosts {
		name := strings.TrimPrefix(host, ".")
		if !validName(name) || isAddress(name) || !strings.Contains(name, ".") {
			return nil, fmt.Errorf("outbound: %q is not a host name to allow", host)
		}
		g.hosts = append(g.hosts, host)
	}
	for _, pair := range p.Loopback {
		host, port, err := net.SplitHostPort(pair)
		if err != nil || port == "" || port == "0" || !ownHost(host) {
			return nil, fmt.Errorf("outbound: %q is not host:port on this machine", pair)
		}
		g.loopback = append(g.loopback, net.JoinHostPort(host, port))
	}
	for _, pair := range p.Services {
		host, port, err := net.SplitHostPort(pair)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || !ownHost(host) && !serviceHost(host) {
			return nil, fmt.Errorf("outbound: %q is not host:port of a service", pair)
		}
		g.services = append(g.services, net.JoinHostPort(host, port))
	}
	for _, network := range p.Private {
		if !network.IsValid() || !network.Masked().Addr().IsPrivate() {
			return nil, fmt.Errorf("outbound: %s is not a private network", network)
		}
	}
	return g, nil
}

// serviceHost reports whether the host is a name, or an address in its usual spelling.
func serviceHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.String() == host && addr.Zone() == "" && !addr.Is4In6()
	}
	return validName(host) && !isAddress(host)
}

// ownHost reports whether the name can only mean this machine.
func ownHost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() && !addr.Is4In6()
}

// checkURL refuses what the policy does not name.
func (g *guard) checkURL(u *url.URL) error {
	if u == nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return refused("the address has no plain host")
	}
	if g.isLoopback(u) {
		return nil
	}
	host := u.Hostname()
	switch {
	case u.Scheme != "https":
		return refused("%s is not https", u.Scheme)
	case u.Port() != "" && u.Port() != "443":
		return refused("port %s", u.Port())
	case !validName(host) || isAddress(host):
		return refused("not a host name")
	case !g.allows(host):
		return refused("host %s is not on the list", host)
	}
	return nil
}

func (g *guard) isLoopback(u *url.URL) bool {
	port := u.Port()
	switch {
	case u.Scheme == "http" && port == "":
		port = "80"
	case u.Scheme == "https" && port == "":
		port = "443"
	case u.Scheme != "http" && u.Scheme != "https":
		return false
	}
	return slices.Contains(g.loopback, net.JoinHostPort(u.Hostname(), port))
}

func (g *guard) allows(host string) bool { return g.rule(host) != "" }

// rule returns the rule that allows a host, "" for none.
func (g *guard) rule(host string) string {
	if i := slices.IndexFunc(g.hosts, func(rule string) bool { return HostMatches(rule, host) }); i >= 0 {
		return g.hosts[i]
	}
	return ""
}

// HostMatches reports whether a host name falls under a rule: the same name, or a name below a rule that begins with
// a dot. Both are lower case.
func HostMatches(rule, host string) bool {
	if strings.HasPrefix(rule, ".") {
		return len(host) > len(rule) && strings.HasSuffix(host, rule)
	}
	return host == rule
}

// dial connects to an allowed host:port, at an address that passes the check.
func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, refused("not host:port")
	}
	check, rule := g.checkPublic, g.rule(host)
	switch {
	case slices.Contains(g.loopback, addr):
		check, rule = checkLoopback, addr
	case port != "443" || !validName(host) || isAddress(host) || rule == "":
		return nil, refused("host %s is not on the list", host)
	}
	g.dialled(rule)
	return g.connect(ctx, network, addr, check)
}

// dialService connects to a service, which may stand in a private network that the policy names.
func (g *guard) dialService(ctx context.Context, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	switch {
	case err != nil:
		return nil, refused("not host:port")
	case !slices.Contains(g.services, addr):
		return nil, refused("service %s is not on the list", host)
	}
	g.dialled(addr)
	if ownHost(host) {
		return g.connect(ctx, "tcp", addr, checkLoopback)
	}
	return g.connect(ctx, "tcp", addr, func(at netip.Addr) error {
		if at.IsPrivate() && slices.ContainsFunc(g.private, func(p netip.Prefix) bool { return p.Contains(at) }) {
			return nil
		}
		return g.checkPublic(at)
	})
}

// connect connects at an address that passes the check.
func (g *guard) connect(ctx context.Context, network, addr string, check func(netip.Addr) error) (net.Conn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, refused("not host:port")
	}
	d := net.Dialer{
		Timeout:  dialTimeout,
		Resolver: g.resolver,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || fmt.Sprint(at.Port()) != port {
				return refused("an address that cannot be read")
			}
			return check(at.Addr())
		},
	}
	return d.DialContext(ctx, network, addr)
}

func checkLoopback(addr netip.Addr) error {
	if !addr.IsLoopback() || addr.Is4In6() {
		return refused("a name of this machine leads to another one")
	}
	return nil
}

func (g *guard) checkPublic(addr netip.Addr) error {
	if !Public(addr) || slices.ContainsFunc(g.denied, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return refused("an address that is not public") // the address itself would tell about our network
	}
	return nil
}

// validName reports whether host is a lower-case ASCII host name that means the same to everybody who reads it.
func validName(host string) bool {
	if len(host) == 0 || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// isAddress reports whether host is an IP address in any spelling that a system resolver takes for one:
// "127.1", "0x7f000001", "2130706433". No real top-level domain begins with a digit.
func isAddress(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == "" || last[0] >= '0' && last[0] <= '9' || strings.Contains(host, ":")
}

// Special ranges inside the space of public addresses (reliability §12). IANA's special-purpose registries.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
	"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32",           // the metadata and control service of Azure's hosts
	"2001::/23", "2001:db8::/32", // protocol assignments with Teredo and ORCHID, documentation
	"2002::/16",                      // 6to4 hides an IPv4 address
	"2620:4f:8000::/48", "3fff::/20", // AS112, documentation
)

var globalIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Public reports whether addr is an address of the public internet: IPv4 global unicast or inside 2000::/3, and not
// one of the special ranges. An IPv4 address inside an IPv6 one and an address with a zone are never public.
func Public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" || addr.Is4In6() {
		return false
	}
	if addr.Is6() && !globalIPv6.Contains(addr) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(addr) })
}
