// Package mailtest is a mail server for tests: a real one, over TCP, that does what a test wants to see survived.
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// User and Password are who may send.
const (
	User     = "posts"
	Password = "correct horse"
)

// Received is a message that the server took.
type Received struct {
	From, To string
	Raw      string
	Secure   bool // it came over TLS, from somebody who signed in
}

// Message parses what was received.
func (r Received) Message(t *testing.T) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader([]byte(r.Raw)))
	if err != nil {
		t.Fatalf("%v in\n%s", err, r.Raw)
	}
	return m
}

// Server is a running mail server.
type Server struct {
	Host, Port string
	Roots      *x509.CertPool

	mu      sync.Mutex
	box     []Received
	arrived chan struct{}
	refuse  map[string]error // step: answer
	hang    chan struct{}    // nil: nothing hangs
	tries   int
}

// Options set the server up.
type Options struct {
	NoTLS    bool // STARTTLS is not offered
	Implicit bool // TLS comes first
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{refuse: map[string]error{}, arrived: make(chan struct{}, 100)}
	config := s.certificate(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Host, s.Port, _ = net.SplitHostPort(ln.Addr().String())
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if err := s.step("connect"); err != nil {
			return nil, err
		}
		return &session{server: s, conn: c}, nil
	}))
	server.Domain, server.ErrorLog, server.AllowInsecureAuth = "mail.test", log.New(io.Discard, "", 0), o.NoTLS
	switch {
	case o.Implicit:
		ln = tls.NewListener(ln, config)
	case !o.NoTLS:
		server.TLSConfig = config
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		s.Resume()
		_ = server.Close()
		_ = ln.Close() // the server does not know it yet when a test ends at once
		<-served
	})
	return s
}

// Addr is where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, s.Port) }

// Refuse has the server answer a step (connect, sender, recipient, content) with a code from now on; 0 for no more.
func (s *Server) Refuse(step string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code == 0 {
		delete(s.refuse, step)
		return
	}
	s.refuse[step] = &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "not for ada@example.com"}
}

// Hang has the server keep silent when it should take a message, until Resume.
func (s *Server) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang = make(chan struct{})
}

// Resume ends Hang.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hang != nil {
		close(s.hang)
		s.hang = nil
	}
}

// Box returns what was received so far.
func (s *Server) Box() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.box...)
}

// Tries returns how many messages somebody began to hand over.
func (s *Server) Tries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// Wait waits until n messages were received, and returns them.
func (s *Server) Wait(t testing.TB, n int) []Received {
	t.Helper()
	for {
		if box := s.Box(); len(box) >= n {
			return box
		}
		select {
		case <-s.arrived:
		case <-time.After(40 * time.Second): // what became of posts is gathered for up to 20 seconds
			t.Fatalf("%d messages arrived, want %d", len(s.Box()), n)
		}
	}
}

func (s *Server) step(name string) error {
	s.mu.Lock()
	hang := s.hang
	err := s.refuse[name]
	s.mu.Unlock()
	if hang != nil && name == "content" {
		<-hang
	}
	return err
}

// certificate makes one for the address that tests listen on.
func (s *Server) certificate(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	whose := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, whose, whose, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

type session struct {
	server   *Server
	conn     *smtp.Conn
	signedIn bool
	from, to string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != User || password != Password {
			return smtp.ErrAuthFailed
		}
		s.signedIn = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.server.mu.Lock()
	s.server.tries++
	s.server.mu.Unlock()
	s.from = from
	return s.server.step("sender")
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.to != "" {
		return errors.New("one recipient is enough")
	}
	s.to = to
	return s.server.step("recipient")
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err == nil {
		err = s.server.step("content")
	}
	if err != nil {
		return err
	}
	_, secure := s.conn.TLSConnectionState()
	s.server.mu.Lock()
	s.server.box = append(s.server.box, Received{From: s.from, To: s.to, Raw: string(raw), Secure: secure && s.signedIn})
	s.server.mu.Unlock()
	s.server.arrived <- struct{}{}
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout implements smtp.Session.
func (*session) Logout() error { return nil }
