// Package connecttest gives tests of sign-ins a server side that is real but for its far end: a database, a keeper, a
// desk, and the TikTok simulator reached over HTTP, with its consent page driven like a browser would.
package connecttest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// PublicURL is the public URL of a Bench unless its options say otherwise. TikTok treats it as a desktop app's, so
// its flows use PKCE.
const PublicURL = "http://localhost:8080"

// Noon is where the clock of a Bench begins.
var Noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Bench is a server side for sign-ins.
type Bench struct {
	DB    *store.DB
	Clock *storetest.Clock
	Sim   *tiktoksim.Server
	SimAt string // the simulator's address
	Auth  *auth.Keeper
	Desk  *connect.Desk
	Vault *Vault
	Posts *Posts
}

// New returns a Bench on a fresh database. The functions change the desk's options.
func New(t *testing.T, change ...func(*connect.Options)) *Bench {
	t.Helper()
	clock := storetest.NewClock(Noon)
	return On(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, change...)
}

// On is New on a database that a test has opened, with its clock.
func On(t *testing.T, db *store.DB, clock *storetest.Clock, change ...func(*connect.Options)) *Bench {
	t.Helper()
	b := &Bench{DB: db, Clock: clock, Posts: &Posts{}}
	log := slog.New(slog.DiscardHandler)
	var err error
	if b.Sim, err = tiktoksim.New(tiktoksim.Options{Now: b.Clock.Now, Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	far := httptest.NewServer(b.Sim)
	t.Cleanup(func() {
		far.Close()
		if err := b.Sim.Close(); err != nil {
			t.Error(err)
		}
	})
	b.SimAt = far.URL
	sealer, err := seal.CreateOrLoad(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	platforms := map[shippost.PlatformName]platform.Platform{shippost.TikTok: adapter(t, far.URL, b.Clock.Now)}
	b.Vault = &Vault{Vault: vault.New(vault.Options{DB: b.DB, Sealer: sealer, Platforms: platforms, Node: "node_bench", Now: b.Clock.Now, Log: log})}
	b.Auth = auth.New(auth.Options{DB: b.DB, Now: b.Clock.Now, Log: log})
	bucket, err := diskblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	o := connect.Options{DB: b.DB, Auth: b.Auth, Platforms: platforms, Bucket: bucket,
		Sealer: sealer, Vault: b.Vault, Posts: b.Posts, PublicURL: PublicURL, OpenSignup: true, Policy: func() string { return "2026-11-24" }, Now: b.Clock.Now, Log: log}
	for _, f := range change {
		f(&o)
	}
	b.Desk = connect.New(o)
	return b
}

// adapter is ShipPost's own way to TikTok, pointed at the simulator.
func adapter(t *testing.T, at string, now func() time.Time) platform.Platform {
	t.Helper()
	clients, err := outbound.New(tiktok.Policy(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	pictures, err := outbound.New(tiktok.PicturePolicy(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pictures.Close)
	client, err := tiktok.New(tiktok.Options{APIURL: at, AuthorizeURL: at + "/v2/auth/authorize/", ClientKey: tiktoksim.DefaultClientKey,
		ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret), Clients: clients, Pictures: pictures, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Consent opens TikTok's consent page as a browser would and answers it as the creator: with "allow" or "deny" and, if
// any are given, only these scopes left on. It returns where TikTok sends the browser back to.
func (b *Bench) Consent(t *testing.T, authorizeURL, creator, decision string, scopes ...string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := client.Get(authorizeURL)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(page.Body)
	_ = page.Body.Close()
	if page.StatusCode != http.StatusOK {
		t.Fatalf("consent page: %s\n%s", page.Status, text)
	}
	if scopes == nil {
		scopes = strings.Split(page.Request.URL.Query().Get("scope"), ",")
	}
	answer, err := client.PostForm(authorizeURL, url.Values{"creator": {creator}, "decision": {decision}, "scope": scopes})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("consent: %s: %v", answer.Status, err)
	}
	return back
}

// Effects returns the simulator's effects of a name, such as "authorization_removed".
func (b *Bench) Effects(name string) []tiktoksim.Entry {
	var found []tiktoksim.Entry
	for _, e := range b.Sim.Journal(0) {
		if e.Kind == "effect" && e.Name == name {
			found = append(found, e)
		}
	}
	return found
}
