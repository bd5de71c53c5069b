package config

import (
	"cmp"
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"ship-post.com/shippost"
)

// MailServer is what SMTPURL says.
type MailServer struct {
	Host, Port string
	Implicit   bool   // TLS comes first
	User       string // "" when nobody has to sign in
	Password   shippost.Secret
}

// SendsMail reports whether a mail server is set up.
func (c *Config) SendsMail() bool { return !c.SMTPURL.IsZero() }

// MailServer returns the mail server. Complete has checked it.
func (c *Config) MailServer() MailServer {
	server, err := parseSMTP(c.SMTPURL.Reveal())
	if err != nil {
		return MailServer{}
	}
	return server
}

// MailSender returns who mail comes from.
func (c *Config) MailSender() string { return cmp.Or(c.MailFrom, c.OperatorContact) }

// MailNetworks returns the private networks of the mail server. Complete has checked them.
func (c *Config) MailNetworks() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range c.SMTPNetworks {
		if p, err := parseNetwork(text); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// parseSMTP reads the address of a mail server. The error repeats nothing: the address holds a password.
func parseSMTP(text string) (MailServer, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return MailServer{}, errors.New("not the address of a mail server")
	}
	s := MailServer{Host: strings.ToLower(u.Hostname()), Port: u.Port(), Implicit: u.Scheme == "smtps", User: u.User.Username()}
	if s.Port == "" {
		s.Port = map[bool]string{true: "465", false: "587"}[s.Implicit]
	}
	if n, err := strconv.ParseUint(s.Port, 10, 16); err != nil || n == 0 {
		return MailServer{}, errors.New("not a port")
	}
	password, given := u.User.Password()
	if given != (s.User != "") {
		return MailServer{}, errors.New("a user needs a password")
	}
	s.Password = shippost.NewSecret(password)
	return s, nil
}

func (c *Config) checkMail(found *problems) {
	for _, text := range c.SMTPNetworks {
		if p, err := parseNetwork(text); err != nil || !p.Masked().Addr().IsPrivate() {
			found.add("SHIPPOST_SMTP_NETWORKS", "%q is no private network. Write networks with commas between, as in 10.1.0.0/16", text)
		}
	}
	if a, err := mail.ParseAddress(c.MailFrom); c.MailFrom != "" && (err != nil || strings.ContainsFunc(a.Name+a.Address, unicode.IsControl)) {
		found.add("SHIPPOST_MAIL_FROM", "%q is no mail address. Write one like posts@example.com or ShipPost <posts@example.com>", c.MailFrom)
	}
	if !c.SendsMail() {
		return
	}
	if _, err := parseSMTP(c.SMTPURL.Reveal()); err != nil {
		found.add("SHIPPOST_SMTP_URL", "is no mail server. Write smtp://user:password@host:587 or smtps://user:password@host:465; special characters as in web addresses (@ is %%40)")
	}
	if c.MailSender() == "" {
		found.add("SHIPPOST_MAIL_FROM", "is not set, but a mail server is. Write the sender of mail, as in ShipPost <posts@example.com>")
	}
}
