package app

import (
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/mail/mailtest"
	"ship-post.com/shippost/internal/store/storetest"
)

// P22: the policy names a database beyond this machine without telling where it is, and each platform by the names that may be
// reached.
func TestPromise_P22_ThePolicyNamesTheDatabaseAndThePlatforms(t *testing.T) {
	t.Parallel()
	for engine, address := range map[string]string{"sqlite": "", "postgres": storetest.PostgresURL(t)} {
		c := config.Config{
			Address: config.Address{Listen: "127.0.0.1:0", PublicURL: "https://posts.example.com", PullURL: "https://photos.example.com", TrustedProxies: []string{"127.0.0.1/32"}},
			Data:    config.Data{DataDir: t.TempDir(), StorageQuota: 1 << 30, DatabaseURL: shippost.NewSecret(address)},
			TikTok: config.TikTok{ClientKey: "awkey", ClientSecret: shippost.NewSecret("secret"), APIURL: "https://open.tiktokapis.com",
				AuthorizeURL: "https://www.tiktok.com/v2/auth/authorize/"},
			People: config.People{Signup: "open"}, Watching: config.Watching{LogLevel: "info", LogFormat: "text"},
		}
		if err := c.CompleteAlone(); err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		_, blocks, err := a.legal.Read(legal.Policy, "")
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		names := named(blocks)
		want := []string{"names below tiktokapis.com", "names below tiktokcdn-eu.com", "names below tiktokcdn-us.com", "names below tiktokcdn.com", "photos.example.com"}
		if engine == "postgres" {
			want = append(want, "the database of this server")
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: the policy names %q, want %q (%v)", engine, names, want, err)
		}
	}
}

// P22: the ways out that are not to a platform are on the list too: every connection to the authority for certificates and to the mail
// server is counted under the name by which the privacy policy tells of it, and nothing else is.
func TestPromise_P22_MailAndCertificatesAreOnTheList(t *testing.T) {
	t.Parallel()
	authority, c := WithAuthority(t)
	mails := mailtest.Start(t, mailtest.Options{})
	roots := mails.Roots.Clone()
	roots.AddCert(authority.Certificate())
	c.People.OperatorContact = "privacy@posts.example"
	c.Mail = config.Mail{SMTPURL: shippost.NewSecret("smtp://" + mailtest.User + ":correct%20horse@" + mails.Addr())}
	if err := c.CompleteAlone(); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler), ACME: roots, Mail: roots})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve(t.Context(), ln) }()
	t.Cleanup(func() {
		if err := <-served; err != nil { // the test's context has ended
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := a.inquiries.Ask(t.Context(), shippost.Actor{}, inquiry.Draft{Kind: shippost.InquiryQuestion, Mail: "ada@example.com", Message: "Where does it go?"}); err != nil {
		t.Fatal(err)
	}
	mails.Wait(t, 2)
	select {
	case <-authority.Asked:
	case <-time.After(20 * time.Second):
		t.Fatal("the authority is not asked")
	}
	metrics := prometheus.NewRegistry()
	if err := metrics.Register(a.opened); err != nil {
		t.Fatal(err)
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	// Beside the two it may look at itself, to see whether photos could be fetched.
	want := []string{strings.TrimPrefix(authority.URL, "https://"), mails.Addr(), "posts.example.com"}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(counted)); !slices.Equal(got, want) || counted[mails.Addr()] == 0 || counted[strings.TrimPrefix(authority.URL, "https://")] == 0 {
		t.Errorf("counted are %v, want connections to %v", counted, want)
	}
	_, blocks, err := a.legal.Read(legal.Policy, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := named(blocks); !slices.Equal(got, want) {
		t.Errorf("the policy names %q, want %q", got, want)
	}
}

// named are whom the privacy policy names as recipients.
func named(blocks []legal.Block) (names []string) {
	for _, b := range blocks {
		for _, item := range b.Items {
			name, _, _ := strings.Cut(item, ": ")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
