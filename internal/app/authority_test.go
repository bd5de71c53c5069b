package app

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"ship-post.com/shippost/internal/config"
)

// Authority is one for certificates that gives none: what it is asked for, and who vouches for it.
type Authority struct {
	*httptest.Server
	Asked chan string
	Roots *x509.CertPool
}

// WithAuthority starts one, and returns the settings of a server that wants its certificate from there.
func WithAuthority(t *testing.T) (*Authority, config.Config) {
	t.Helper()
	a := &Authority{Asked: make(chan string, 100)}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Asked <- r.URL.Path
		http.Error(w, "no", http.StatusForbidden)
	}))
	t.Cleanup(a.Close)
	a.Roots = x509.NewCertPool()
	a.Roots.AddCert(a.Certificate())
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	return a, config.Config{
		Address:      config.Address{Listen: "127.0.0.1:0", PublicURL: "https://posts.example.com"},
		Certificates: config.Certificates{Certificates: "acme", ACMEURL: a.URL + "/directory", ListenHTTP: plain.Addr().String()},
		Data:         config.Data{DataDir: t.TempDir(), StorageQuota: 1 << 30},
		TikTok:       config.TikTok{APIURL: "https://open.tiktokapis.com", AuthorizeURL: "https://www.tiktok.com/v2/auth/authorize/"},
		People:       config.People{Signup: "invite"},
		Watching:     config.Watching{Usage: "off", LogLevel: "info", LogFormat: "text"},
	}
}
