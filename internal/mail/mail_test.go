package mail_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/mail"
	"ship-post.com/shippost/internal/mail/mailtest"
	"ship-post.com/shippost/internal/outbound"
)

// options reach a test's server the way the product reaches its own: through the guarded dialer.
func options(t *testing.T, s *mailtest.Server) mail.Options {
	t.Helper()
	clients, err := outbound.New(outbound.Policy{Services: []string{s.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	return mail.Options{Host: s.Host, Port: s.Port, User: mailtest.User, Password: shippost.NewSecret(mailtest.Password), From: "ShipPost <posts@posts.example>",
		ReplyTo: "privacy@posts.example", Name: "posts.example", Dial: clients.Dial, Roots: s.Roots}
}

func server(t *testing.T, o mail.Options) *mail.Server {
	t.Helper()
	s, err := mail.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

var letter = mail.Message{ID: "ltr_1", At: noon, To: "ada@example.com", Subject: "Déjà vu: 100 %", Text: "Grüße,\nAda\n.\n.hidden line\n", HTML: "<p>Grüße, <b>Ada</b></p>"}

func send(t *testing.T, s *mail.Server, m mail.Message) {
	t.Helper()
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
}

// A message arrives whole, over TLS, in both forms, with the headers that it needs and no others.
func TestSend(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]mailtest.Options{"STARTTLS": {}, "TLS": {Implicit: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := mailtest.Start(t, o)
			opt := options(t, there)
			opt.Implicit = o.Implicit
			s := server(t, opt)
			if err := s.Check(t.Context()); err != nil || there.Tries() != 0 {
				t.Fatalf("check: %v after %d messages", err, there.Tries())
			}
			send(t, s, letter)
			got := there.Box()[0]
			if got.From != "posts@posts.example" || got.To != "ada@example.com" || !got.Secure {
				t.Errorf("%+v", got)
			}
			m := got.Message(t)
			for header, want := range map[string]string{"From": `"ShipPost" <posts@posts.example>`, "To": "<ada@example.com>", "Reply-To": "<privacy@posts.example>",
				"Date": "Thu, 26 Nov 2026 12:00:00 +0000", "Message-Id": "<ltr_1@posts.example>", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
				"X-Mailer": "", "User-Agent": "", "List-Unsubscribe": ""} {
				if got := m.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			if subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || subject != letter.Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			text, html := parts(t, m.Header.Get("Content-Type"), m.Body)
			if text != letter.Text || html != letter.HTML {
				t.Errorf("text %q\nHTML %q", text, html)
			}
			reply, person := letter, letter
			reply.Reply, person.Person = true, true
			send(t, s, reply)
			send(t, s, person)
			if a, b := there.Box()[1].Message(t).Header, there.Box()[2].Message(t).Header; a.Get("Auto-Submitted") != "auto-replied" || b["Auto-Submitted"] != nil {
				t.Errorf("%v, %v", a, b)
			}
		})
	}
}

func parts(t *testing.T, contentType string, body io.Reader) (text, html string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%q, %v", contentType, err)
	}
	whole := multipart.NewReader(body, params["boundary"])
	for {
		p, err := whole.NextRawPart()
		if errors.Is(err, io.EOF) {
			return text, html
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			html = string(raw)
		} else {
			text = strings.ReplaceAll(string(raw), "\r\n", "\n")
		}
	}
}

// Nothing that somebody typed becomes a header, a recipient or a second message.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	there := mailtest.Start(t, mailtest.Options{})
	opt := options(t, there)
	s := server(t, opt)
	for name, change := range map[string]func(*mail.Message){
		"subject":         func(m *mail.Message) { m.Subject = "Hello\r\nBcc: all@example.com" },
		"subject, bare":   func(m *mail.Message) { m.Subject = "Hello\nBcc: all@example.com" },
		"subject, return": func(m *mail.Message) { m.Subject = "Hello\rBcc: all@example.com" },
		"recipient":       func(m *mail.Message) { m.To = "ada@example.com\r\nRCPT TO:<all@example.com>" },
		"two recipients":  func(m *mail.Message) { m.To = "ada@example.com, eve@example.com" },
		"named recipient": func(m *mail.Message) { m.To = "Ada <ada@example.com>" },
		"no recipient":    func(m *mail.Message) { m.To = "" },
		"id":              func(m *mail.Message) { m.ID = "x@y>\r\nX: y" },
	} {
		m := letter
		change(&m)
		err := s.Send(t.Context(), m)
		if f, ok := errors.AsType[*mail.Failure](err); !ok || !f.Permanent || f.Step != "message" {
			t.Errorf("%s: %v, want it refused for good", name, err)
		}
	}
	if there.Tries() != 0 {
		t.Fatalf("%d messages left", there.Tries())
	}
	m := letter
	m.Text, m.HTML = "a\r\n.\r\nMAIL FROM:<eve@example.com>\r\n", "\r\n.\r\nQUIT\r\n"
	send(t, s, m)
	if box := there.Box(); len(box) != 1 || there.Tries() != 1 || len(box[0].Message(t).Header["Bcc"]) != 0 {
		t.Errorf("%+v", box)
	}
	opt.From = "Eve\r\nBcc: all@example.com <posts@posts.example>"
	if _, err := mail.New(opt); err == nil {
		t.Error("a sender of two lines is accepted")
	}
}

// Each way to fail is told by its step and by whether trying again helps, without an address and without the server's words.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server    mailtest.Options
		before    func(*mailtest.Server, *mail.Options)
		step      string
		code      int
		permanent bool
	}{
		"down": {before: func(_ *mailtest.Server, o *mail.Options) {
			o.Dial = func(context.Context, string) (net.Conn, error) { return nil, errors.New("connection refused") }
		}, step: "connect"},
		"not now":           {before: func(s *mailtest.Server, _ *mail.Options) { s.Refuse("connect", 421) }, step: "connect", code: 421},
		"no STARTTLS":       {server: mailtest.Options{NoTLS: true}, before: elsewhere, step: "secure"},
		"other certificate": {before: func(_ *mailtest.Server, o *mail.Options) { o.Roots = nil }, step: "secure"},
		"other name":        {before: elsewhere, step: "secure"},
		"password":          {before: func(_ *mailtest.Server, o *mail.Options) { o.Password = shippost.NewSecret("wrong") }, step: "sign in", code: 535},
		"sender":            {before: func(s *mailtest.Server, _ *mail.Options) { s.Refuse("sender", 550) }, step: "sender", code: 550, permanent: true},
		"greylisted":        {before: func(s *mailtest.Server, _ *mail.Options) { s.Refuse("recipient", 451) }, step: "recipient", code: 451},
		"no such person":    {before: func(s *mailtest.Server, _ *mail.Options) { s.Refuse("recipient", 550) }, step: "recipient", code: 550, permanent: true},
		"full":              {before: func(s *mailtest.Server, _ *mail.Options) { s.Refuse("content", 452) }, step: "content", code: 452},
		"spam":              {before: func(s *mailtest.Server, _ *mail.Options) { s.Refuse("content", 554) }, step: "content", code: 554, permanent: true},
		"slow": {before: func(s *mailtest.Server, o *mail.Options) {
			s.Hang()
			o.Timeout = 300 * time.Millisecond
		}, step: "content"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := mailtest.Start(t, c.server)
			opt := options(t, there)
			c.before(there, &opt)
			err := server(t, opt).Send(t.Context(), letter)
			f, ok := errors.AsType[*mail.Failure](err)
			if !ok || f.Step != c.step || f.Code != c.code || f.Permanent != c.permanent || f.Why() == "" {
				t.Fatalf("%#v (%v), want %s %d, for good: %v", f, errors.Unwrap(err), c.step, c.code, c.permanent)
			}
			if said := f.Error() + f.Why(); strings.Contains(said, "@") || strings.Contains(said, mailtest.Password) || strings.Contains(said, "127.0.0.1") {
				t.Errorf("%q says too much", said)
			}
			if len(there.Box()) != 0 {
				t.Error("it was received")
			}
		})
	}
}

// elsewhere has the server count as one that is not this machine, at the same address.
func elsewhere(s *mailtest.Server, o *mail.Options) {
	dial := o.Dial
	o.Host = "mail.example.com"
	o.Dial = func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx, s.Addr()) }
}

// On this machine a server without TLS and without users will do.
func TestPlainOnThisMachine(t *testing.T) {
	t.Parallel()
	there := mailtest.Start(t, mailtest.Options{NoTLS: true})
	opt := options(t, there)
	opt.User = ""
	send(t, server(t, opt), letter)
	if box := there.Box(); len(box) != 1 || box[0].Secure {
		t.Errorf("%+v", box)
	}
}
