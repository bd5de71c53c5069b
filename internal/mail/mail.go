// Package mail hands messages to the mail server of the set-up.
package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"ship-post.com/shippost"
)

// wholeTime is how long a conversation may take.
const wholeTime = time.Minute

// Options say which mail server is used, and as whom.
type Options struct {
	Host string
	Port string
	// Implicit begins with TLS, as on port 465. Otherwise STARTTLS has to come before anything else, except on this machine.
	Implicit bool
	User     string // "" signs in to nothing
	Password shippost.Secret
	From     string // an address, or a name and an address
	ReplyTo  string // address; "" for none
	Name     string // of this server: how it greets, and what its message ids end with
	Dial     func(ctx context.Context, addr string) (net.Conn, error)
	Roots    *x509.CertPool // nil for the system's
	Timeout  time.Duration  // for a whole conversation; 0 means a minute
}

// Server is a mail server. Each message has a connection of its own. It may be used from many goroutines at once.
type Server struct {
	Options
	from *mail.Address
}

// New returns a Server, or an error when the sender is no address.
func New(o Options) (*Server, error) {
	from, err := mail.ParseAddress(o.From)
	if err != nil || !line(from.Name) || !line(from.Address) {
		return nil, fmt.Errorf("mail: the sender is no mail address")
	}
	if o.Timeout == 0 {
		o.Timeout = wholeTime
	}
	return &Server{o, from}, nil
}

// Message is one letter to one address, in two forms that say the same.
type Message struct {
	ID      string // part of the Message-ID: the same letter sent twice can be told to be the same
	At      time.Time
	To      string
	Subject string
	Text    string
	HTML    string
	// Leave is the address at which one request without a sign-in ends letters like this one (RFC 8058); "" for none.
	Leave string
	// Reply tells other programs that this answers what came in by itself. Otherwise a program wrote of its own accord.
	Reply bool
	// Person tells them that somebody wrote it, who may be answered.
	Person bool
}

// Failure says why a message was not taken. It names no address and repeats none of the server's words, which may hold one.
type Failure struct {
	Step      string // connect, secure, sign in, message, sender, recipient, content
	Code      int    // of the server's answer; 0 for none
	Permanent bool   // trying again will not help
	cause     error
}

// Error says at which step the server answered what.
func (f *Failure) Error() string {
	switch {
	case f.Code != 0:
		return fmt.Sprintf("mail: %s: the server answered %d", f.Step, f.Code)
	default:
		return fmt.Sprintf("mail: %s: no usable answer", f.Step)
	}
}

// Why says it in words for whoever runs the server.
func (f *Failure) Why() string {
	answer := "did not answer in time"
	if f.Code != 0 {
		answer = "answered " + strconv.Itoa(f.Code)
	}
	return map[string]string{
		"connect":   "The mail server cannot be reached, or " + answer + ".",
		"secure":    "The mail server offers no encryption, or its certificate is not valid for its name.",
		"sign in":   "The mail server does not accept the user or the password (" + answer + ").",
		"message":   "The message cannot be written down as mail.",
		"sender":    "The mail server does not accept the sender (" + answer + ").",
		"recipient": "The mail server does not accept the recipient (" + answer + ").",
		"content":   "The mail server did not take the message (" + answer + ").",
	}[f.Step]
}

// Unwrap returns the cause, for tests and debugging: it may name addresses and is not logged.
func (f *Failure) Unwrap() error {
	if f == nil {
		return nil
	}
	return f.cause
}

// Send hands a message over. A nil error means that the server took it; any other error is a *Failure.
func (s *Server) Send(ctx context.Context, m Message) error {
	msg, err := s.compose(m)
	if err != nil {
		return &Failure{Step: "message", Permanent: true, cause: err}
	}
	sender, err := s.sender()
	if err != nil {
		return &Failure{Step: "message", Permanent: true, cause: err}
	}
	return s.talk(ctx, func(client *smtp.Client) error {
		err := sender.SendWithSMTPClient(client, msg)
		if err == nil || msg.IsDelivered() {
			return nil // what fails after the message was taken is no reason to send it again
		}
		return sendFailure(err)
	})
}

// Check connects, encrypts and signs in, and sends nothing. The error is a *Failure.
func (s *Server) Check(ctx context.Context) error {
	return s.talk(ctx, func(*smtp.Client) error { return nil })
}

// line reports whether text is fit for a header: one line without control characters.
func line(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) }

func (s *Server) compose(m Message) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(m.To)
	if err != nil || to.Address != m.To || !line(m.To) {
		return nil, errors.New("the recipient is no plain mail address")
	}
	if !line(m.Subject) || !line(m.ID) || strings.ContainsAny(m.ID, "<>@ ") || m.ID == "" {
		return nil, errors.New("a header would hold more than one line")
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, to)
	if s.ReplyTo != "" {
		if err := msg.ReplyTo(s.ReplyTo); err != nil {
			return nil, errors.New("the address for replies is no mail address")
		}
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(m.ID + "@" + s.Name)
	switch {
	case m.Person: // RFC 3834: nothing is said, so that people get answers
	case m.Reply:
		msg.SetGenHeader("Auto-Submitted", "auto-replied")
	default:
		msg.SetGenHeader("Auto-Submitted", "auto-generated")
	}
	if m.Leave != "" {
		if !line(m.Leave) || strings.ContainsAny(m.Leave, "<> ,") {
			return nil, errors.New("the address to leave by is none")
		}
		msg.SetGenHeader("List-Unsubscribe", "<"+m.Leave+">")
		msg.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// sendFailure says at which step a message was refused.
func sendFailure(err error) error {
	f := &Failure{Step: "content", cause: err}
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return f
	}
	f.Code = refused.ErrorCode()
	switch refused.Reason {
	case gomail.ErrSMTPMailFrom:
		f.Step = "sender"
	case gomail.ErrSMTPRcptTo:
		f.Step = "recipient"
	}
	f.Permanent = f.Code >= 500 && f.Code < 600
	return f
}

// answerCode returns the code of a server's answer within an error, 0 for none.
func answerCode(err error) int {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return answer.Code
	}
	return 0
}
