package publish_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/quota"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// lane is the whole way of videos: a database, files, tokens, the client, and a simulated TikTok over HTTP. Both clocks
// run, and a test moves them together.
type lane struct {
	db        *store.DB
	library   *media.Library
	sim       *tiktoksim.Running
	platform  platform.Platform
	vault     *vault.Vault
	publisher *publish.Publisher
	composer  *compose.Composer
	connect   *connect.Desk
	actor     shippost.Actor
	video     shippost.Media
	ahead     atomic.Int64 // of the product's clock, in nanoseconds
	log       *slog.Logger
	sealer    *seal.Sealer

	mu    sync.Mutex
	posts []shippost.PostID
}

// queued returns the posts of the lane.
func (l *lane) queued() []shippost.PostID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.posts)
}

func (l *lane) now() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }

// move moves both clocks.
func (l *lane) move(d time.Duration) {
	l.sim.MoveClock(d)
	l.ahead.Add(int64(d))
}

// film is a video that TikTok takes, large enough to be held open.
var film = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "shippost-film-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "film.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=360x640:rate=30:duration=3", "-c:v", "libx264",
		"-preset", "ultrafast", "-pix_fmt", "yuv420p", path).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("these tests need ffmpeg (Debian: apt install ffmpeg): %w\n%s", err, out)
	}
	return os.ReadFile(path)
})

// laneSet changes how a lane is opened; both may be nil.
type laneSet struct {
	knobs func(*tiktoksim.Knobs)
	wrap  func(*lane, platform.Platform) platform.Platform
}

// eachLane runs a test on both engines, on a node that publishes.
func eachLane(t *testing.T, set laneSet, test func(*testing.T, *lane)) {
	t.Helper()
	open := map[string]func(*testing.T, ...storetest.Option) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres}
	for engine, database := range open {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			l := &lane{}
			l.open(t, database(t, storetest.At(l.now)), set)
			test(t, l)
		})
	}
}

func (l *lane) open(t *testing.T, db *store.DB, set laneSet) {
	t.Helper()
	l.db, l.library, l.log = db, mediatest.Open(t, db), slog.New(slog.NewTextHandler(t.Output(), nil))
	var err error
	l.sim, err = tiktoksim.Start(tiktoksim.Options{Dir: t.TempDir(), Knobs: func(k *tiktoksim.Knobs) {
		k.Processing.Delay, k.Processing.Moderation = tiktoksim.Duration(10*time.Millisecond), tiktoksim.Duration(10*time.Millisecond)
		if set.knobs != nil {
			set.knobs(k)
		}
	}})
	must(t, err)
	t.Cleanup(func() { must(t, l.sim.Close()) })
	sealer, err := seal.CreateOrLoad(t.Context(), t.TempDir())
	must(t, err)
	l.sealer = sealer
	clients, err := outbound.New(tiktok.Policy(l.sim.URL))
	must(t, err)
	t.Cleanup(clients.Close)
	l.platform, err = tiktok.New(tiktok.Options{APIURL: l.sim.URL, AuthorizeURL: l.sim.URL + "/v2/auth/authorize/", ClientKey: tiktoksim.DefaultClientKey,
		ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret), Clients: clients, Now: l.now, Log: l.log})
	must(t, err)
	if set.wrap != nil {
		l.platform = set.wrap(l, l.platform)
	}
	platforms := map[shippost.PlatformName]platform.Platform{shippost.TikTok: l.platform}
	l.vault = vault.New(vault.Options{DB: db, Sealer: sealer, Platforms: platforms, Node: "node_a", Now: l.now, Log: l.log})
	l.publisher = publish.New(publish.Options{DB: db, Node: "node_a", Platforms: platforms, Vault: l.vault, Files: l.library,
		Sealer: sealer, Quota: quota.New(db), Now: l.now, Log: l.log})
	l.publisher.LetTimePass()
	l.composer = compose.New(compose.Options{DB: db, Platforms: platforms, Publisher: l.publisher.Desk(),
		Creators: compose.NewAsker(platforms, l.vault.For, l.now), Log: l.log})
	l.connect = connect.New(connect.Options{DB: db, Auth: auth.New(auth.Options{DB: db, Now: l.now, Log: l.log}), Platforms: platforms, Sealer: sealer,
		Vault: l.vault, Posts: l.publisher.Desk(), PublicURL: "http://localhost:8080", Now: l.now, Log: l.log})
	l.actor = storetest.Workspace(t, db)
	content, err := film()
	must(t, err)
	if l.video = mediatest.Upload(t, l.library, l.actor, "film.mp4", content); !l.video.Usable() {
		t.Fatalf("the film: %+v", l.video.Problems)
	}
	run(t, l.publisher)
}

// run runs a node until the test ends.
func run(t *testing.T, p *publish.Publisher) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
}

// account connects a creator of the simulated TikTok.
func (l *lane) account(t *testing.T, handle string) shippost.Account {
	t.Helper()
	must(t, l.sim.PutCreator(tiktoksim.Creator{Handle: handle, Nickname: handle}))
	account := storetest.Account(t, l.db, l.actor)
	l.grant(t, account, handle)
	return account
}

// grant gives an account the tokens of a creator who allows some scopes, none meaning all.
func (l *lane) grant(t *testing.T, account shippost.Account, handle string, scopes ...string) {
	t.Helper()
	granted, err := l.sim.Connect(handle, scopes...)
	must(t, err)
	storetest.Update(t, l.db, func(tx *store.Tx) error {
		return l.vault.Store(t.Context(), tx, account.ID, platform.Grant{Subject: granted.OpenID, Access: shippost.NewSecret(granted.AccessToken),
			Refresh: shippost.NewSecret(granted.RefreshToken), AccessExpiresIn: time.Duration(granted.ExpiresIn) * time.Second,
			Scopes: strings.Split(granted.Scope, ",")})
	})
}

// options are answers to TikTok's questions that every creator may give.
func options() shippost.Options {
	no := false
	return shippost.Options{TikTok: &shippost.TikTokOptions{PrivacyLevel: shippost.PrivacyPublic, AllowComment: &no, AllowDuet: &no, AllowStitch: &no,
		YourBrand: &no, BrandedContent: &no, Consent: true}}
}

// queue schedules a post. Its caption names it at TikTok, too.
func (l *lane) queue(t *testing.T, account shippost.Account, caption string, due time.Time) shippost.Post {
	t.Helper()
	w, err := l.composer.Create(t.Context(), l.actor, compose.Draft{Account: account.ID, Media: []shippost.MediaID{l.video.ID}, Caption: caption,
		Options: options(), When: compose.When{At: due}}, compose.Once{})
	must(t, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posts = append(l.posts, w.Post.ID)
	return w.Post
}

// read returns what the database knows of a post.
func (l *lane) read(t *testing.T, id shippost.PostID) (shippost.Post, []shippost.Attempt) {
	t.Helper()
	return readPost(t, l.db, id)
}

func readPost(t *testing.T, db *store.DB, id shippost.PostID) (post shippost.Post, attempts []shippost.Attempt) {
	t.Helper()
	storetest.View(t, db, func(tx *store.Tx) (err error) {
		if post, err = tx.AnyPost(t.Context(), id); err != nil {
			return err
		}
		attempts, err = tx.Attempts(t.Context(), id)
		return err
	})
	return post, attempts
}

// until waits for something the database knows about a post.
func (l *lane) until(t *testing.T, id shippost.PostID, is func(shippost.Post, []shippost.Attempt) bool) (shippost.Post, []shippost.Attempt) {
	t.Helper()
	return untilPost(t, l.db, id, is)
}

func untilPost(t *testing.T, db *store.DB, id shippost.PostID, is func(shippost.Post, []shippost.Attempt) bool) (shippost.Post, []shippost.Attempt) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		post, attempts := readPost(t, db, id)
		if is(post, attempts) {
			return post, attempts
		}
		if post.Status.Ended() {
			t.Fatalf("it ended as %s: %+v", post.Status, post.Failure)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("still %s %s", post.Status, post.Phase)
		}
	}
}

func ended(p shippost.Post, _ []shippost.Attempt) bool { return p.Status.Ended() }

// live returns what viewers see of a caption.
func (l *lane) live(caption string) (list []tiktoksim.Post) {
	for _, p := range l.sim.Posts() {
		if p.Caption == caption {
			list = append(list, p)
		}
	}
	return list
}

// inits counts the init requests of a creator.
func (l *lane) inits(handle string) (n int) {
	for _, e := range l.sim.Journal(0) {
		if e.Kind == "request" && e.Name == "video_init" && e.Creator == handle {
			n++
		}
	}
	return n
}
