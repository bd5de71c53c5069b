package config

import (
	"slices"
	"testing"
)

func TestOwnCertificates(t *testing.T) {
	t.Parallel()
	c := defaults(t)
	c.Certificates.Certificates, c.Listen, c.PublicURL, c.PullURL = "acme", ":443", "https://Posts.example.com", "https://photos.example.com"
	if got := list(c.complete(nothing)); len(got) != 0 {
		t.Fatal(got)
	}
	if hosts := c.CertificateHosts(); !c.OwnCertificates() || !slices.Equal(hosts, []string{"posts.example.com", "photos.example.com"}) {
		t.Errorf("%v for %v", c.OwnCertificates(), hosts)
	}
}
