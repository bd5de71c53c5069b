package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// notPublic lists addresses that must never be connected to, as reliability §12 names them.
var notPublic = strings.Fields(`
	0.0.0.0 0.0.0.1 0.255.255.255
	10.0.0.0 10.0.0.1 10.10.10.10 10.255.255.255
	100.64.0.0 100.64.0.1 100.100.100.200 100.127.255.255
	127.0.0.0 127.0.0.1 127.0.1.1 127.1.2.3 127.255.255.255
	169.254.0.0 169.254.1.1 169.254.169.254 169.254.170.2 169.254.169.123 169.254.255.255
	172.16.0.0 172.16.0.1 172.17.0.1 172.20.10.1 172.31.255.255
	192.0.0.0 192.0.0.1 192.0.0.8 192.0.0.170 192.0.0.192 192.0.0.255
	192.0.2.0 192.0.2.1 192.0.2.255
	192.31.196.1 192.52.193.1 192.88.99.0 192.88.99.1 192.88.99.255
	192.168.0.0 192.168.0.1 192.168.1.1 192.168.178.1 192.168.255.255
	192.175.48.1 198.18.0.0 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
	224.0.0.0 224.0.0.1 224.0.0.251 239.255.255.250 239.255.255.255
	240.0.0.0 240.0.0.1 254.1.2.3 255.255.255.254 255.255.255.255
	168.63.129.16
	:: ::1 ::2 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:0 ::ffff:7f00:1
	::8.8.8.8 ::127.0.0.1 ::a00:1
	64:ff9b::8.8.8.8 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1:ffff::a00:1
	100::1 100:0:0:1::1
	2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1
	2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff:ffff::1
	2002::1 2002:7f00:1::1 2002:a00:1::1 2002:c0a8:101::1 2002:a9fe:a9fe::1
	2620:4f:8000::1 3fff::1 3fff:fff:ffff::1
	4000::1 5f00::1 8000::1 c000::1 e000::1
	fc00::1 fd00::1 fd00:ec2::254 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	fe80::1 fe80::1%eth0 fe80::a9fe:a9fe febf::1 fec0::1 feff::1
	ff00::1 ff02::1 ff02::fb ff05::2 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	2606:4700:4700::1111%eth0
`)

var public = strings.Fields(`
	1.0.0.1 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
	169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
	198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 168.63.129.15 168.63.129.17
	2001:200::1 2001:4860:4860::8888 2003::1 2400:cb00::1 2606:4700:4700::1111 2620:4f:8001::1 2a00:1450:4001::1 3ffe::1
`)

func TestS13_PublicAddresses(t *testing.T) {
	if len(notPublic)+len(public) < 100 {
		t.Fatalf("%d vectors are too few", len(notPublic)+len(public))
	}
	for _, text := range notPublic {
		if Public(netip.MustParseAddr(text)) {
			t.Errorf("%s passes as public", text)
		}
	}
	for _, text := range public {
		if !Public(netip.MustParseAddr(text)) {
			t.Errorf("%s is refused", text)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address passes as public")
	}
}

func TestS13_URLsOutsideThePolicy(t *testing.T) {
	g := mustGuard(t, Policy{Hosts: []string{"open.example.com", ".uploads.example.com"}, Loopback: []string{"127.0.0.1:9001", "[::1]:9002", "localhost:9003"}})
	for _, text := range []string{
		"https://open.example.com/v2/", "https://open.example.com:443/", "https://a.uploads.example.com/x?y=z", "https://a.b.uploads.example.com/",
		"http://127.0.0.1:9001/", "https://127.0.0.1:9001/", "http://[::1]:9002/", "http://localhost:9003/",
	} {
		if err := g.checkURL(mustURL(t, text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"http://open.example.com/", "http://open.example.com:443/", "https://open.example.com:8443/", "https://open.example.com:80/",
		"https://user@open.example.com/", "https://user:pass@open.example.com/", "https://open.example.com@evil.example.net/",
		"https://uploads.example.com/", "https://.uploads.example.com/", "https://xuploads.example.com/", "https://a.uploads.example.com.evil.net/",
		"https://open.example.com./", "https://OPEN.example.com/", "https://öpen.example.com/", "https://open.example.com%00.evil.net/",
		"https://open_example.com/", "https://-a.uploads.example.com/", "https://a..uploads.example.com/", "https://evil.net/",
		"https://8.8.8.8/", "https://127.0.0.1/", "https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/", "https://[::1]/",
		"https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://localhost/", "http://localhost:9001/", "http://127.0.0.1:9003/", "http://127.0.0.1/",
		"http://127.0.0.2:9001/", "http://127.1:9001/", "http://[::ffff:127.0.0.1]:9001/", "http://user@127.0.0.1:9001/", "ftp://127.0.0.1:9001/",
		"file:///etc/passwd", "gopher://open.example.com/", "//open.example.com/", "/relative", "", "https:open.example.com", "https:///x",
	} {
		u, err := url.Parse(text)
		if err != nil {
			continue // never becomes a request
		}
		if err := g.checkURL(u); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func TestPolicyMustMeanSomething(t *testing.T) {
	for _, p := range []Policy{
		{Hosts: []string{""}}, {Hosts: []string{"."}}, {Hosts: []string{"com"}}, {Hosts: []string{".com"}}, {Hosts: []string{"10.0.0.1"}},
		{Hosts: []string{"https://open.example.com"}}, {Hosts: []string{"open.example.com:443"}}, {Hosts: []string{"*.example.com"}},
		{Loopback: []string{"127.0.0.1"}}, {Loopback: []string{"127.0.0.1:0"}}, {Loopback: []string{"10.0.0.1:80"}},
		{Loopback: []string{"example.com:80"}}, {Loopback: []string{"0.0.0.0:80"}}, {Loopback: []string{"[::ffff:127.0.0.1]:80"}},
	} {
		if _, err := New(p); err == nil {
			t.Errorf("policy %+v is accepted", p)
		}
	}
}

// TestS13_Rebinding looks allowed names up at a server that answers with whatever an attacker likes, and counts what
// arrives at a listener on this machine.
func TestS13_Rebinding(t *testing.T) {
	canary := listen(t, "127.0.0.1:0")
	var touched atomic.Int64
	go func() {
		for {
			conn, err := canary.Accept()
			if err != nil {
				return
			}
			touched.Add(1)
			_ = conn.Close()
		}
	}()
	for name, answers := range map[string][]string{
		"loopback":                {"127.0.0.1"},
		"loopback among others":   {"127.0.0.1", "10.0.0.7"},
		"private":                 {"192.168.1.1"},
		"link-local metadata":     {"169.254.169.254"},
		"the unspecified address": {"0.0.0.0"},
		"IPv6 loopback":           {"::1"},
		"mapped loopback":         {"::ffff:127.0.0.1"},
		"unique local":            {"fd00::1"},
	} {
		t.Run(name, func(t *testing.T) {
			clients, err := New(Policy{Hosts: []string{".example.com"}, Resolver: resolverOf(t, answers)})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []*Client{clients.API(), clients.Once()} {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://rebind.example.com/", nil)
				resp, trip, err := c.Do(req)
				if err == nil {
					_ = resp.Body.Close()
				}
				if _, ok := errors.AsType[*Refused](err); !ok || trip.Left {
					t.Errorf("err = %v, left = %v; want it refused before a byte left", err, trip.Left)
				}
				for _, answer := range answers {
					if err != nil && strings.Contains(err.Error(), answer) {
						t.Errorf("%q names an inner address", err)
					}
				}
			}
		})
	}
	// The dialer itself must refuse, at the port that is really listening.
	g := mustGuard(t, Policy{Hosts: []string{".example.com"}})
	var d net.Dialer
	if conn, err := d.DialContext(t.Context(), "tcp", canary.Addr().String()); err != nil {
		t.Fatal(err)
	} else {
		_ = conn.Close()
	}
	if _, err := g.dial(t.Context(), "tcp", canary.Addr().String()); err == nil {
		t.Error("an address outside the policy is dialled")
	}
	if got := touched.Load(); got > 1 {
		t.Errorf("the canary was touched %d times, want only by the test itself", got)
	}
}

func TestS13_LocalhostMustBeThisMachine(t *testing.T) {
	for _, text := range []string{"8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "2606:4700:4700::1111"} {
		if err := checkLoopback(netip.MustParseAddr(text)); err == nil {
			t.Errorf("localhost may lead to %s", text)
		}
	}
}

func TestOwnAddressesCanBeDenied(t *testing.T) {
	g := mustGuard(t, Policy{Denied: []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24")}})
	if g.checkPublic(netip.MustParseAddr("8.8.8.8")) == nil || g.checkPublic(netip.MustParseAddr("8.8.4.4")) != nil {
		t.Error("denied prefixes are not what is denied")
	}
}

// resolverOf returns a resolver whose server gives these addresses for every name.
func resolverOf(t *testing.T, answers []string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go answerNames(conn, answers)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func answerNames(conn net.PacketConn, answers []string) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var msg dnsmessage.Message
		if msg.Unpack(buf[:n]) != nil || len(msg.Questions) != 1 {
			continue
		}
		q := msg.Questions[0]
		msg.Response, msg.RecursionAvailable, msg.Additionals = true, true, nil
		for _, answer := range answers {
			addr := netip.MustParseAddr(answer)
			head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}
			switch {
			case q.Type == dnsmessage.TypeA && addr.Is4():
				msg.Answers = append(msg.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
			case q.Type == dnsmessage.TypeAAAA && addr.Is6():
				msg.Answers = append(msg.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
			}
		}
		if out, err := msg.Pack(); err == nil {
			_, _ = conn.WriteTo(out, from)
		}
	}
}

func mustGuard(t *testing.T, p Policy) *guard {
	t.Helper()
	g, err := newGuard(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Whoever counts connections is told of each that is opened, by the rule that allows it, and of none that is refused.
func TestEveryConnectionIsTold(t *testing.T) {
	own := listen(t, "127.0.0.1:0").Addr().String()
	var told []string
	g := mustGuard(t, Policy{Hosts: []string{"exact.example.com", ".below.example.com"}, Loopback: []string{own}, Resolver: resolverOf(t, []string{"10.1.2.3"}),
		Dialled: func(rule string) { told = append(told, rule) }})
	for _, addr := range []string{own, "exact.example.com:443", "a.b.below.example.com:443", "below.example.com:443", "other.example.com:443", "exact.example.com:80", "127.0.0.1:1"} {
		conn, err := g.dial(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
	}
	if want := []string{own, "exact.example.com", ".below.example.com"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// A service is reached by Dial alone, at exactly its host and port, and in a private network only when that is named.
func TestServicesAreExact(t *testing.T) {
	ln := listen(t, "127.0.0.1:0")
	own := ln.Addr().String()
	resolver := resolverOf(t, []string{"10.1.2.3"})
	clients, err := New(Policy{Services: []string{own, "mail.example.com:587", "10.9.9.9:25"}, Resolver: resolver})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clients.Dial(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	for _, addr := range []string{"127.0.0.1:1", "mail.example.com:25", "mail.example.com:443", "other.example.com:587", "mail.example.com", "MAIL.example.com:587",
		"mail.example.com:587" /* leads into a private network */, "10.9.9.9:25"} {
		conn, err := clients.Dial(t.Context(), addr)
		if err == nil {
			_ = conn.Close()
		}
		if _, ok := errors.AsType[*Refused](err); !ok || strings.Contains(err.Error(), "10.1.2.3") {
			t.Errorf("%s: %v, want it refused without the address", addr, err)
		}
	}
	for _, text := range []string{"http://" + own + "/", "https://mail.example.com/", "https://mail.example.com:587/"} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, text, nil)
		resp, _, err := clients.API().Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if _, ok := errors.AsType[*Refused](err); !ok {
			t.Errorf("%s is asked over HTTP: %v", text, err)
		}
	}
	// With its network named the address passes, and then only a listener is missing.
	inside := mustGuard(t, Policy{Services: []string{"mail.example.com:587"}, Private: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Resolver: resolver})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	conn, err = inside.dialService(ctx, "mail.example.com:587")
	if err == nil {
		_ = conn.Close()
	}
	if _, ok := errors.AsType[*Refused](err); ok {
		t.Errorf("in the network that is named: %v", err)
	}
	for _, p := range []Policy{
		{Services: []string{"mail.example.com"}}, {Services: []string{"mail.example.com:0"}}, {Services: []string{"mail.example.com:smtp"}}, {Services: []string{":25"}},
		{Services: []string{"127.1:25"}}, {Services: []string{"0x7f000001:25"}}, {Services: []string{"[::ffff:127.0.0.1]:25"}}, {Services: []string{"m@il:25"}},
		{Private: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, {Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, {Private: []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16")}},
	} {
		if _, err := New(p); err == nil {
			t.Errorf("policy %+v is accepted", p)
		}
	}
}
