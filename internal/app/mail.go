package app

import (
	"crypto/x509"
	"net"
	"net/url"

	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/mail"
	"ship-post.com/shippost/internal/outbound"
)

// openMail opens the way to the mail server, if one is set up.
func (a *App) openMail(roots *x509.CertPool) error {
	if !a.config.SendsMail() {
		a.log.Info("no mail server is set up (SHIPPOST_SMTP_URL): this server sends no mail, and its pages say so")
		return nil
	}
	clients, err := a.reach(mailPolicy(a.config), "the mail server of whoever runs this server, to send mail to those who gave an address in their settings or wrote through the contact form, and to whoever runs this server")
	if err != nil {
		return err
	}
	server, err := newMailServer(a.config, clients, roots)
	if err != nil {
		return err
	}
	a.outbox = notify.New(notify.Options{DB: a.db, Sealer: a.sealer, Jobs: a.jobs, Server: server, PublicURL: a.config.PublicURL, Now: chaos.Now, Log: a.log})
	return nil
}

// post is how features send mail; nil when this server sends none.
func (a *App) post() notify.Post {
	if a.outbox == nil {
		return nil
	}
	return a.outbox.Post
}

func mailPolicy(c config.Config) outbound.Policy {
	at := c.MailServer()
	return outbound.Policy{Services: []string{net.JoinHostPort(at.Host, at.Port)}, Private: c.MailNetworks()}
}

func newMailServer(c config.Config, clients *outbound.Clients, roots *x509.CertPool) (*mail.Server, error) {
	at, name := c.MailServer(), "localhost"
	if u, err := url.Parse(c.PublicURL); err == nil && u.Hostname() != "" {
		name = u.Hostname()
	}
	return mail.New(mail.Options{Host: at.Host, Port: at.Port, Implicit: at.Implicit, User: at.User, Password: at.Password, From: c.MailSender(),
		ReplyTo: c.OperatorContact, Name: name, Dial: clients.Dial, Roots: roots})
}
