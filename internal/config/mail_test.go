package config

import (
	"testing"

	"ship-post.com/shippost"
)

func TestMailServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]MailServer{
		"smtp://mail.example.com":                           {Host: "mail.example.com", Port: "587"},
		"smtps://Mail.Example.com/":                         {Host: "mail.example.com", Port: "465", Implicit: true},
		"smtp://posts%40example.com:p%3Aw%2F@10.1.2.3:2525": {Host: "10.1.2.3", Port: "2525", User: "posts@example.com", Password: shippost.NewSecret("p:w/")},
		"smtp://[::1]:25":                                   {Host: "::1", Port: "25"},
	} {
		c := defaults(t)
		c.SMTPURL, c.OperatorContact = shippost.NewSecret(text), "privacy@example.com"
		if got := list(c.complete(nothing)); len(got) != 0 {
			t.Errorf("%s: %v", text, got)
		}
		if got := c.MailServer(); got != want || got.Password.Reveal() != want.Password.Reveal() || !c.SendsMail() || c.MailSender() != "privacy@example.com" {
			t.Errorf("%s is %+v, want %+v", text, got, want)
		}
	}
	c := defaults(t)
	if c.SendsMail() || c.MailServer() != (MailServer{}) {
		t.Error("mail is sent without a server")
	}
}
