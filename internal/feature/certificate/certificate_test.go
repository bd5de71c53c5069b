package certificate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"golang.org/x/net/dns/dnsmessage"

	"ship-post.com/shippost/internal/feature/certificate"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// The authority of the tests waits for nothing and loses no answers on purpose.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	m.Run()
}

const host = "posts.example.com"

// authority is Let's Encrypt's own test server in this process. It asks this machine, whatever name it is told, over TLS and
// over plain HTTP at the ports that it is given.
type authority struct {
	directory string
	policy    outbound.Policy
	roots     *x509.CertPool // of what it issues
	orders    atomic.Int64
}

func newAuthority(t *testing.T, httpPort, tlsPort int, validity time.Duration) *authority {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	memory := db.NewMemoryStore()
	issuer := ca.New(quiet, memory, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "test", ValidityPeriod: uint64(validity / time.Second)}})
	front := wfe.New(quiet, memory, va.New(quiet, httpPort, tlsPort, true, names(t), memory), issuer, []string{"authority.test"}, true, false, 0, 0)
	a := &authority{roots: x509.NewCertPool()}
	handler := front.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/finalize-order") {
			a.orders.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	a.directory = server.URL + wfe.DirectoryPath
	a.policy = outbound.Policy{Loopback: []string{at.Host}, Roots: trusted}
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

// names is a name server over TCP that answers every question with this machine.
func names(t *testing.T) string {
	t.Helper()
	ln, _ := listen(t)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answerNames(conn)
		}
	}()
	return ln.Addr().String()
}

func answerNames(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		raw := make([]byte, size)
		var msg dnsmessage.Message
		if _, err := io.ReadFull(conn, raw); err != nil || msg.Unpack(raw) != nil || len(msg.Questions) != 1 {
			return
		}
		q := msg.Questions[0]
		msg.Response, msg.RecursionAvailable, msg.Additionals = true, true, nil
		if q.Type == dnsmessage.TypeA {
			msg.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
		}
		out, err := msg.AppendPack(make([]byte, 2))
		if err != nil {
			return
		}
		binary.BigEndian.PutUint16(out, uint16(len(out)-2))
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return ln, n
}

// node is a server with a keeper of certificates.
type node struct {
	*certificate.Keeper
	t     *testing.T
	addr  string
	roots *x509.CertPool
	log   *bytes.Buffer
}

func start(t *testing.T, db *store.DB, sealer *seal.Sealer, a *authority, over net.Listener, now func() time.Time, renew time.Duration) *node {
	t.Helper()
	clients, err := outbound.New(a.policy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	n := &node{t: t, addr: over.Addr().String(), roots: a.roots, log: &bytes.Buffer{}}
	n.Keeper = certificate.New(certificate.Options{DB: db, Sealer: sealer, Hosts: []string{host}, Directory: a.directory, Contact: "privacy@example.com", Clients: clients, Renew: renew, Now: now,
		Log: slog.New(slog.NewTextHandler(n.log, nil))})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(tls.NewListener(over, n.TLS())) }()
	t.Cleanup(func() { _ = server.Close() })
	return n
}

// visit connects as a browser does, and returns the certificate that it was shown.
func (n *node) visit(name string, change func(*tls.Config)) (*x509.Certificate, error) {
	c := &tls.Config{ServerName: name, RootCAs: n.roots, MinVersion: tls.VersionTLS12}
	if change != nil {
		change(c)
	}
	conn, err := (&tls.Dialer{Config: c}).DialContext(n.t.Context(), "tcp", n.addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	over, ok := conn.(*tls.Conn)
	if !ok {
		return nil, errors.New("no TLS")
	}
	return over.ConnectionState().PeerCertificates[0], nil
}

func (n *node) mustVisit() *x509.Certificate {
	n.t.Helper()
	cert, err := n.visit(host, nil)
	if err != nil {
		n.t.Fatalf("%v; log %s", err, n.log)
	}
	return cert
}

func sealed(t *testing.T) *seal.Sealer {
	t.Helper()
	s, err := seal.CreateOrLoad(t.Context(), filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// P11: the server gets its certificate by itself, asked over TLS, for its own name and no other. It is kept sealed, and another
// node or the next start has the same one without asking.
func TestPromise_P11_CertificateByItself(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		over, port := listen(t)
		a := newAuthority(t, 1, port, 90*24*time.Hour)
		keys := sealed(t)
		n := start(t, db, keys, a, over, time.Now, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		n.Obtain(ctx)
		if !strings.Contains(n.log.String(), "the certificate is there") {
			t.Fatalf("log %s", n.log)
		}
		cert := n.mustVisit()
		if cert.VerifyHostname(host) != nil || a.orders.Load() != 1 {
			t.Errorf("certificate for %v after %d orders", cert.DNSNames, a.orders.Load())
		}
		for name, change := range map[string]func(*tls.Config){
			"other.example.com": nil, "": func(c *tls.Config) { c.InsecureSkipVerify = true }, "127.0.0.1": nil,
			host: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		} {
			if _, err := n.visit(name, change); err == nil {
				t.Errorf("%q is let in", name)
			}
		}
		if a.orders.Load() != 1 {
			t.Errorf("%d orders: strangers have certificates asked for", a.orders.Load())
		}
		if dump := storetest.Dump(t, db); strings.Contains(dump, "PRIVATE KEY") || !strings.Contains(dump, "certificate:"+host) {
			t.Error("keys stand in the database as they are, or not at all")
		}
		second, _ := listen(t)
		if again := start(t, db, keys, a, second, time.Now, 0).mustVisit(); !again.Equal(cert) || a.orders.Load() != 1 {
			t.Errorf("another node: %d orders", a.orders.Load())
		}
	})
}

// Where only plain HTTP gets through, the authority's questions are answered there; everything else goes on to what is behind.
func TestAskedOverHTTP(t *testing.T) {
	t.Parallel()
	over, _ := listen(t)
	plain, port := listen(t)
	a := newAuthority(t, port, 1, 90*24*time.Hour)
	n := start(t, storetest.SQLite(t), sealed(t), a, over, time.Now, 0)
	challenges := n.Challenges(http.NotFoundHandler())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host, _, _ = strings.Cut(r.Host, ":") // as it is at port 80
		challenges.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(plain) }()
	t.Cleanup(func() { _ = server.Close() })
	n.mustVisit()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+plain.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("%v %v", resp, err)
	}
	if err == nil {
		_ = resp.Body.Close()
	}
}

// A certificate is renewed before it ends, while people connect and without a restart.
func TestRenewed(t *testing.T) {
	t.Parallel()
	over, port := listen(t)
	a := newAuthority(t, 1, port, 20*time.Second)
	n := start(t, storetest.SQLite(t), sealed(t), a, over, time.Now, 19*time.Second)
	first := n.mustVisit()
	for ends := time.Now().Add(20 * time.Second); n.mustVisit().Equal(first); {
		if time.Now().After(ends) {
			t.Fatalf("still the first certificate; log %s", n.log)
		}
	}
	if a.orders.Load() < 2 {
		t.Errorf("%d orders", a.orders.Load())
	}
}

// An authority that refuses is not asked again with each visitor: its limits are narrow.
func TestRefusedAuthorityIsLeftAlone(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(time.Now())
	over, _ := listen(t)
	a := newAuthority(t, 1, 1, time.Hour) // it asks where nobody answers
	n := start(t, storetest.SQLite(t), sealed(t), a, over, clock.Now, 0)
	for range 3 {
		if _, err := n.visit(host, nil); err == nil {
			t.Fatal("there is a certificate")
		}
	}
	if got := strings.Count(n.log.String(), "level=ERROR"); got != 1 {
		t.Errorf("the authority was asked %d times in a quarter of an hour; log %s", got, n.log)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.Obtain(ctx) // ends with its context
}
