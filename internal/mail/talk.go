package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// talk opens a conversation, holds it and says goodbye. However slow the server is, all of it ends in time: when ctx does, the
// connection is cut.
func (s *Server) talk(ctx context.Context, hold func(*smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	conn, err := s.Dial(ctx, net.JoinHostPort(s.Host, s.Port))
	if err != nil {
		return &Failure{Step: "connect", cause: err}
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	client, err := s.open(ctx, conn)
	if err != nil {
		return err
	}
	if err := hold(client); err != nil {
		return err
	}
	_ = client.Quit() // politeness: the message was taken, whatever comes back
	return nil
}

// open greets, encrypts and signs in.
func (s *Server) open(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	secure := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: s.Roots}
	if s.Implicit {
		over := tls.Client(conn, secure)
		if err := over.HandshakeContext(ctx); err != nil {
			return nil, &Failure{Step: "secure", cause: err}
		}
		conn = over
	}
	client, err := smtp.NewClient(conn, s.Host)
	if err == nil {
		err = client.Hello(s.Name)
	}
	if err != nil {
		return nil, &Failure{Step: "connect", Code: answerCode(err), cause: err}
	}
	offered, _ := client.Extension("STARTTLS")
	switch {
	case s.Implicit:
	case offered:
		if err := client.StartTLS(secure); err != nil {
			return nil, &Failure{Step: "secure", Code: answerCode(err), cause: err}
		}
	case !own(s.Host):
		return nil, &Failure{Step: "secure", cause: errors.New("STARTTLS is not offered")}
	}
	if s.User == "" {
		return client, nil
	}
	ways, err := s.signIn(client)
	if err == nil {
		err = client.Auth(ways)
	}
	if err != nil {
		return nil, &Failure{Step: "sign in", Code: answerCode(err), cause: err}
	}
	return client, nil
}

// signIn chooses the way to sign in that shows the server least. None of them is used without TLS but on this machine.
func (s *Server) signIn(client *smtp.Client) (smtp.Auth, error) {
	_, list := client.Extension("AUTH")
	offered := strings.Fields(list)
	password := s.Password.Reveal()
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(s.User, password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(s.User, password)},
		{"PLAIN", smtp.PlainAuth("", s.User, password, s.Host, false)},
		{"LOGIN", smtp.LoginAuth(s.User, password, s.Host, false)},
	} {
		if slices.Contains(offered, way.name) {
			return way.auth, nil
		}
	}
	return nil, errors.New("the server offers no way to sign in that is known here")
}

// sender returns the library's client, which only hands messages over.
func (s *Server) sender() (*gomail.Client, error) {
	return gomail.NewClient(s.Host, gomail.WithTimeout(s.Timeout), gomail.WithHELO(s.Name))
}

// own reports whether a host is this machine.
func own(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
