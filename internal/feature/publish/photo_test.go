package publish_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"image"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/server/pull"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// photoDomain is verified with the simulated TikTok and found on this machine. The certificate of httptest is for it.
const photoDomain = "example.com"

// gallery is the whole way of photos: a database, files, a simulated TikTok over HTTP that fetches over TLS, and nodes.
type gallery struct {
	db      *store.DB
	library *media.Library
	sealer  *seal.Sealer
	sim     *tiktoksim.Running
	clients *outbound.Clients
	token   shippost.Secret
	actor   shippost.Actor
	account shippost.Account
	photos  []shippost.Media
	ahead   atomic.Int64 // of the product's clock, in nanoseconds
	serving atomic.Pointer[http.Handler]
	log     *slog.Logger
}

func (g *gallery) now() time.Time { return time.Now().Add(time.Duration(g.ahead.Load())) }

// Token and Renew make a gallery the tokens of its account.
func (g *gallery) Token(context.Context) (shippost.Secret, error) { return g.token, nil }

func (g *gallery) Renew(context.Context, shippost.Secret) (shippost.Secret, error) {
	return shippost.Secret{}, shippost.Errorf(shippost.Reconnect, "needs_reconnect", "Connect again.")
}

// Withdrawn implements publish.Vault. A gallery's account loses no permission.
func (g *gallery) Withdrawn(context.Context, *store.Tx, shippost.Account, string) error { return nil }

// For implements publish.Vault.
func (g *gallery) For(shippost.AccountID) platform.Tokens { return g }

// eachGallery runs a test on both engines.
func eachGallery(t *testing.T, knobs func(*tiktoksim.Knobs), test func(*testing.T, *gallery)) {
	t.Helper()
	g := map[string]*gallery{"sqlite": {}, "postgres": {}}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		g["sqlite"].open(t, storetest.SQLite(t, storetest.At(g["sqlite"].now)), knobs)
		test(t, g["sqlite"])
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		g["postgres"].open(t, storetest.Postgres(t, storetest.At(g["postgres"].now)), knobs)
		test(t, g["postgres"])
	})
}

func (g *gallery) open(t *testing.T, db *store.DB, knobs func(*tiktoksim.Knobs)) {
	t.Helper()
	g.db, g.library, g.log = db, mediatest.Open(t, db), slog.New(slog.NewTextHandler(t.Output(), nil))
	host := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*g.serving.Load()).ServeHTTP(w, r) }))
	t.Cleanup(host.Close)
	roots := x509.NewCertPool()
	roots.AddCert(host.Certificate())
	var err error
	g.sim, err = tiktoksim.Start(tiktoksim.Options{Dir: t.TempDir(), Properties: []string{photoDomain},
		PullTransport: tiktoksim.ReachAt(map[string]string{photoDomain: host.Listener.Addr().String()}, roots),
		Knobs: func(k *tiktoksim.Knobs) {
			// Nothing here is about how long TikTok works.
			k.Processing.Delay, k.Pull.Backoff = 0, tiktoksim.Duration(10*time.Millisecond)
			if knobs != nil {
				knobs(k)
			}
		}})
	must(t, err)
	t.Cleanup(func() { must(t, g.sim.Close()) })
	granted, err := g.sim.Connect("mara.moves")
	must(t, err)
	g.token = shippost.NewSecret(granted.AccessToken)
	g.sealer, err = seal.CreateOrLoad(t.Context(), t.TempDir())
	must(t, err)
	g.clients, err = outbound.New(tiktok.Policy(g.sim.URL))
	must(t, err)
	t.Cleanup(g.clients.Close)
	g.actor = storetest.Workspace(t, db)
	g.account = storetest.Account(t, db, g.actor)
	for i := range 3 {
		m := mediatest.Upload(t, g.library, g.actor, "photo.jpg", picture(i))
		if !m.Usable() {
			t.Fatalf("photo %d: %+v", i, m.Problems)
		}
		g.photos = append(g.photos, m)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// picture is a JPEG that needs no change.
func picture(n int) []byte {
	m := image.NewGray(image.Rect(0, 0, 500, 600))
	for i := range m.Pix {
		m.Pix[i] = byte(i*(n+3)) ^ byte(i>>7)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, nil); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// node starts a publisher; the handler serves its gate. The returned function stops it and waits for its end.
func (g *gallery) node(t *testing.T, name shippost.NodeID) (*publish.Publisher, http.Handler, func()) {
	t.Helper()
	client, err := tiktok.New(tiktok.Options{APIURL: g.sim.URL, AuthorizeURL: g.sim.URL + "/v2/auth/authorize/", ClientKey: tiktoksim.DefaultClientKey,
		ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret), Clients: g.clients, Now: g.now, Log: g.log})
	must(t, err)
	door := gate.New(gate.Options{DB: g.db, Files: g.library, URL: "https://" + photoDomain, Now: g.now, Log: g.log})
	p := publish.New(publish.Options{DB: g.db, Node: name, Platforms: map[shippost.PlatformName]platform.Platform{shippost.TikTok: client},
		Vault: g, Files: g.library, Sealer: g.sealer, Quota: quota.New(g.db), Gate: door, Now: g.now, Log: g.log})
	p.LetTimePass()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	t.Cleanup(stop)
	return p, pull.New(door, g.log), stop
}

func (g *gallery) serve(h http.Handler) { g.serving.Store(&h) }

// queue schedules a post of all photos.
func (g *gallery) queue(t *testing.T, p *publish.Publisher, in time.Duration) shippost.Post {
	t.Helper()
	yes, no := true, false
	due, err := shippost.DueAt(g.now().Add(in), "")
	must(t, err)
	post := shippost.Post{ID: shippost.NewPostID(g.now()), Workspace: g.actor.Workspace, Account: g.account.ID, Status: shippost.PostQueued,
		Caption: "Market day", Due: due, LateWindow: time.Hour, Version: 1, CreatedBy: g.actor.User, CreatedAt: g.now(), UpdatedAt: g.now(),
		Options: shippost.Options{TikTok: &shippost.TikTokOptions{PrivacyLevel: shippost.PrivacyPublic, AllowComment: &yes, YourBrand: &no, BrandedContent: &no, Consent: true}}}
	for _, m := range g.photos {
		post.Media = append(post.Media, m.ID)
	}
	storetest.Update(t, g.db, func(tx *store.Tx) error {
		if err := tx.InsertPost(t.Context(), &post); err != nil {
			return err
		}
		given := shippost.Consent{ID: shippost.NewConsentID(g.now()), Post: post.ID, PostVersion: 1, User: g.actor.User, Account: g.account.ID, Wording: "test",
			Caption: post.Caption, Options: post.Options, At: g.now()}
		for _, m := range g.photos {
			given.Media = append(given.Media, m.SHA256)
		}
		if err := tx.InsertConsent(t.Context(), &given); err != nil {
			return err
		}
		return p.Desk().Queued(t.Context(), tx, &post)
	})
	return post
}

// until waits for something the database knows about a post.
func (g *gallery) until(t *testing.T, id shippost.PostID, is func(shippost.Post, []shippost.Attempt) bool) (shippost.Post, []shippost.Attempt) {
	t.Helper()
	return untilPost(t, g.db, id, is)
}

func posted(p shippost.Post, _ []shippost.Attempt) bool { return p.Status == shippost.PostPosted }

// checkOnce holds what viewers see against the photos: one post, all of them, unchanged and in order.
func (g *gallery) checkOnce(t *testing.T) {
	t.Helper()
	posts := g.sim.Posts()
	if len(posts) != 1 || len(posts[0].Files) != len(g.photos) {
		t.Fatalf("TikTok shows %d posts: %+v", len(posts), posts)
	}
	for i, m := range g.photos {
		if posts[0].Files[i].SHA256 != m.SHA256 {
			t.Errorf("photo %d arrived as %.12s…, want %.12s…", i, posts[0].Files[i].SHA256, m.SHA256)
		}
	}
}

// requests counts requests of a kind in the simulator's journal, and returns when the first one came.
func (g *gallery) requests(is func(tiktoksim.Entry) bool) (n int, first time.Time) {
	for _, e := range g.sim.Journal(0) {
		if is(e) {
			if n++; n == 1 {
				first = e.Wall
			}
		}
	}
	return n, first
}

func anInit(e tiktoksim.Entry) bool { return e.Kind == "request" && e.Name == "content_init" }

func aFetch(e tiktoksim.Entry) bool {
	return e.Kind == "pull" && e.Name == "fetch" && e.Method == http.MethodGet && (e.Status == 200 || e.Status == 206)
}

// TestC16_AnyNodeServesPhotos publishes on one node and lets another answer the fetches: all that opens the gate is in
// the database.
func TestC16_AnyNodeServesPhotos(t *testing.T) {
	t.Parallel()
	eachGallery(t, nil, func(t *testing.T, g *gallery) {
		p, _, _ := g.node(t, "node_a")
		other := gate.New(gate.Options{DB: g.db, Files: g.library, Now: g.now, Log: g.log})
		g.serve(pull.New(other, g.log))
		post := g.queue(t, p, time.Second)
		done, attempts := g.until(t, post.ID, posted)
		g.checkOnce(t)
		inits, at := g.requests(anInit)
		_, fetched := g.requests(aFetch)
		a := attempts[0]
		if inits != 1 || len(attempts) != 1 || at.Before(post.Due.At) {
			t.Errorf("%d inits, the first at %s; due at %s", inits, at, post.Due.At)
		}
		if a.GuardedAt.Before(post.Due.At) || fetched.Before(a.GuardedAt) || done.CommittedAt.Before(post.Due.At) {
			t.Errorf("due %s, committing row %s, first fetch %s, committed %s", post.Due.At, a.GuardedAt, fetched, done.CommittedAt)
		}
	})
}

// TestC17_CutFetchesAreFetchedAgain cuts each photo's first fetch midway.
func TestC17_CutFetchesAreFetchedAgain(t *testing.T) {
	t.Parallel()
	knobs := func(k *tiktoksim.Knobs) { k.Pull.CutAfterBytes, k.Pull.CutTimes = 100, 1 }
	eachGallery(t, knobs, func(t *testing.T, g *gallery) {
		p, h, _ := g.node(t, "node_a")
		g.serve(h)
		post := g.queue(t, p, time.Second)
		_, attempts := g.until(t, post.ID, posted)
		g.checkOnce(t)
		if inits, _ := g.requests(anInit); inits != 1 || len(attempts) != 1 {
			t.Errorf("%d inits, %d attempts", inits, len(attempts))
		}
	})
}

// TestD03_LostInitAnswerOfPhotos loses the answer of the first init. TikTok knows the addresses then, and must never get a
// byte of them; the second attempt's are others.
func TestD03_LostInitAnswerOfPhotos(t *testing.T) {
	t.Parallel()
	knobs := func(k *tiktoksim.Knobs) {
		k.Pull.Tries = 1_000_000 // the first one must go on trying for as long as it likes
		k.Faults = []tiktoksim.Fault{{Endpoint: "content_init", At: "after_effect_before_reply", Do: "reset", Times: 1}}
	}
	eachGallery(t, knobs, func(t *testing.T, g *gallery) {
		p, h, _ := g.node(t, "node_a")
		g.serve(h)
		post := g.queue(t, p, time.Second)
		_, attempts := g.until(t, post.ID, posted)
		g.checkOnce(t)
		if inits, _ := g.requests(anInit); inits != 2 || len(attempts) != 2 || attempts[0].Death != "D3" || attempts[1].State != shippost.AttemptLive {
			t.Errorf("%d inits, attempts %+v", inits, attempts)
		}
		lost := g.sim.Publishes()
		i := slices.IndexFunc(lost, func(v tiktoksim.Post) bool { return v.PublishID != attempts[1].PublishID })
		if i < 0 || lost[i].Status != "PROCESSING_DOWNLOAD" || lost[i].PublishedAt != (time.Time{}) {
			t.Errorf("the init without an answer: %+v", lost)
		}
	})
}

// TestD07_PhotosThatAreNeverFetchedWhole lets one photo break off again and again. An hour later the gate is closed for
// good, which proves the attempt dead though TikTok never says so; the next one succeeds, and the old one never can.
func TestD07_PhotosThatAreNeverFetchedWhole(t *testing.T) {
	t.Parallel()
	knobs := func(k *tiktoksim.Knobs) {
		// TikTok neither gives up by itself nor takes the cancel.
		k.Pull.Window, k.Pull.Tries, k.Pull.CancelIneffective = tiktoksim.Duration(1000*time.Hour), 1_000_000, true
	}
	eachGallery(t, knobs, func(t *testing.T, g *gallery) {
		p, h, _ := g.node(t, "node_a")
		var first atomic.Pointer[string] // the photo that comes through
		var healed atomic.Bool
		g.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				first.CompareAndSwap(nil, &r.URL.Path)
				if *first.Load() != r.URL.Path && !healed.Load() {
					panic(http.ErrAbortHandler)
				}
			}
			h.ServeHTTP(w, r)
		}))
		post := g.queue(t, p, time.Second)
		g.until(t, post.ID, func(_ shippost.Post, list []shippost.Attempt) bool {
			return len(list) == 1 && list[0].Polls > 0 && g.fetched() > 0
		})
		g.ahead.Add(int64(71 * time.Minute))
		isCancel := func(e tiktoksim.Entry) bool { return e.Kind == "request" && e.Name == "cancel" }
		g.until(t, post.ID, func(shippost.Post, []shippost.Attempt) bool { n, _ := g.requests(isCancel); return n > 0 })
		g.ahead.Add(int64(time.Minute))
		_, attempts := g.until(t, post.ID, func(_ shippost.Post, list []shippost.Attempt) bool { return list[0].State == shippost.AttemptDead })
		var evidence struct {
			Photos  int  `json:"photos"`
			Missing int  `json:"photos_never_whole"`
			Closed  bool `json:"gate_closed"`
		}
		must(t, json.Unmarshal([]byte(attempts[0].Evidence), &evidence))
		if attempts[0].Death != "D7" || evidence.Photos != 3 || evidence.Missing != 2 || !evidence.Closed {
			t.Errorf("died of %s, evidence %s", attempts[0].Death, attempts[0].Evidence)
		}
		if n, _ := g.requests(isCancel); n != 1 {
			t.Errorf("%d cancels, want 1", n)
		}
		healed.Store(true)
		g.ahead.Add(int64(10 * time.Minute))
		_, attempts = g.until(t, post.ID, posted)
		g.checkOnce(t)
		if inits, _ := g.requests(anInit); inits != 2 || len(attempts) != 2 {
			t.Errorf("%d inits, %d attempts", inits, len(attempts))
		}
	})
}

// fetched counts the photos that TikTok has got whole.
func (g *gallery) fetched() int {
	n, _ := g.requests(aFetch)
	return n
}
