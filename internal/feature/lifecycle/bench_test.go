package lifecycle_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/blob/spool"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// bench is a server's side of data: database, files, queue, and everything that ends something.
type bench struct {
	t      *testing.T
	db     *store.DB
	clock  *storetest.Clock
	dir    string // files and spool
	bucket *diskblob.Bucket
	spool  *spool.Spool
	keeper *lifecycle.Keeper
	chain  *journal.Chain
	sealer *seal.Sealer
	desk   *connect.Desk
	auth   *auth.Keeper
	jobs   *jobs.Client
	done   <-chan *river.Event
	log    *lines
	unsure atomic.Bool // whether the clock may be wrong
}

// lines is a log that many write to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func open(t *testing.T, db *store.DB, clock *storetest.Clock, dir string) *bench {
	t.Helper()
	b := &bench{t: t, db: db, clock: clock, dir: dir, log: &lines{}}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	sure := func(context.Context) bool { return !b.unsure.Load() }
	var err error
	if b.bucket, err = diskblob.Open(filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.bucket.Close() })
	if b.spool, err = spool.Open(filepath.Join(dir, "spool")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.spool.Close() })
	registry := jobs.NewRegistry()
	if b.jobs, err = jobs.Open(t.Context(), db, jobs.Options{Registry: registry, Poll: 20 * time.Millisecond, Now: clock.Now, Log: log,
		Timed: lifecycle.Timed(), Sure: sure}); err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.CreateOrLoad(t.Context(), filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	library := media.New(media.Options{DB: db, Bucket: b.bucket, Spool: b.spool, Jobs: b.jobs, Now: clock.Now, Log: log})
	posts := publish.New(publish.Options{DB: db, Node: "node_bench", Now: clock.Now, Log: log}).Desk()
	tokens := vault.New(vault.Options{DB: db, Sealer: sealer, Node: "node_bench", Now: clock.Now, Log: log})
	b.auth = auth.New(auth.Options{DB: db, Now: clock.Now, Log: log})
	b.desk = connect.New(connect.Options{DB: db, Auth: b.auth, Sealer: sealer, Vault: tokens, Posts: posts, PublicURL: "http://localhost:8080",
		Bucket: b.bucket, Now: clock.Now, Log: log})
	b.sealer, b.chain = sealer, journal.NewChain(journal.ChainOptions{DB: db, Sealer: sealer, Bucket: b.bucket, Now: clock.Now, Log: log})
	b.keeper = lifecycle.New(lifecycle.Options{DB: db, Bucket: b.bucket, Chain: b.chain, Library: library, Accounts: b.desk, Posts: posts, Jobs: b.jobs, Now: clock.Now, Log: log, Sure: sure})
	b.keeper.Work(registry)
	return b
}

// work runs the queue until the test ends.
func (b *bench) work() {
	b.t.Helper()
	var end func()
	b.done, end = b.jobs.Subscribe(river.EventKindJobCompleted)
	if err := b.jobs.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		end()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := b.jobs.Stop(ctx); err != nil {
			b.t.Error(err)
		}
	})
}

// until waits until a job was done after which ok holds.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for !ok() {
		select {
		case <-b.done:
		case <-time.After(time.Minute):
			b.t.Fatalf("still waiting: %s\n%s", what, b.log.all())
		}
	}
}

func (b *bench) update(fn func(*store.Tx) error) { b.t.Helper(); storetest.Update(b.t, b.db, fn) }

func (b *bench) put(key, content string) {
	b.t.Helper()
	if _, err := b.bucket.Put(b.t.Context(), key, strings.NewReader(content)); err != nil {
		b.t.Fatal(err)
	}
}

// files returns every stored file with its content.
func (b *bench) files() map[string]string {
	b.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, b.dir+"/")] = string(data)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// file adds a ready file of a workspace, with its bytes.
func (b *bench) file(actor shippost.Actor, content string) shippost.Media {
	b.t.Helper()
	now := b.db.Now()
	id := shippost.NewMediaID(now)
	m := shippost.Media{ID: id, Workspace: actor.Workspace, UploadedBy: actor.User, Status: shippost.MediaReady, Kind: shippost.Video, FileName: "clip.mp4",
		Type: "video/mp4", Size: int64(len(content)), ReceivedSize: int64(len(content)), SHA256: hash(content), ReceivedSHA256: hash(content),
		BlobKey: "media/" + string(id), PosterKey: "poster/" + string(id), CreatedAt: now}
	b.update(func(tx *store.Tx) error { return tx.InsertMedia(b.t.Context(), &m) })
	b.put(m.BlobKey, content)
	b.put(m.PosterKey, "poster of "+content)
	return m
}

// post adds a post in a state. Posted ones were posted at the present time.
func (b *bench) post(actor shippost.Actor, account shippost.Account, status shippost.PostStatus, files ...shippost.Media) shippost.Post {
	b.t.Helper()
	now := b.db.Now()
	p := shippost.Post{ID: shippost.NewPostID(now), Workspace: actor.Workspace, Account: account.ID, Status: status, Caption: "Morning light",
		Due:        shippost.Due{Local: "2026-11-24T13:00:00", Zone: "Europe/Berlin", At: now.Add(time.Hour), Offset: time.Hour},
		LateWindow: time.Hour, Version: 1, CreatedBy: actor.User, CreatedAt: now, UpdatedAt: now}
	if status == shippost.PostPosted {
		p.PostedAt, p.CommittedAt = now, now
		p.PlatformIDs, p.Permalink = []string{"7300000000000000001"}, "https://www.tiktok.com/@ada/video/7300000000000000001"
	}
	for _, m := range files {
		p.Media = append(p.Media, m.ID)
	}
	b.update(func(tx *store.Tx) error { return tx.InsertPost(b.t.Context(), &p) })
	return p
}

func (b *bench) status(p shippost.Post) shippost.PostStatus {
	b.t.Helper()
	var now shippost.Post
	storetest.View(b.t, b.db, func(tx *store.Tx) (err error) {
		now, err = tx.Post(b.t.Context(), p.Workspace, p.ID)
		return err
	})
	return now.Status
}

// member adds a person to a workspace.
func (b *bench) member(ws shippost.WorkspaceID, role shippost.Role) shippost.Actor {
	b.t.Helper()
	now := b.db.Now()
	user := shippost.User{ID: shippost.NewUserID(now), Name: "Ben", CreatedAt: now}
	b.update(func(tx *store.Tx) error {
		if err := tx.InsertUser(b.t.Context(), &user); err != nil {
			return err
		}
		return tx.InsertMember(b.t.Context(), &shippost.Member{Workspace: ws, User: user.ID, Role: role, CreatedAt: now})
	})
	return shippost.Actor{Kind: shippost.ActorUser, User: user.ID, Workspace: ws, Role: role, Session: shippost.NewSessionID(now), Fresh: true}
}

func (b *bench) sweep() {
	b.t.Helper()
	if err := b.keeper.Sweep(b.t.Context()); err != nil {
		b.t.Fatalf("sweep: %v", err)
	}
}

// canaries makes strings that stand nowhere else.
type canaries struct {
	kind string
	all  []string
}

func (c *canaries) next(what string) string {
	text := fmt.Sprintf("%scanary-%s-%d-7f3a9c", c.kind, what, len(c.all))
	c.all = append(c.all, text)
	return text
}

// in returns the canaries that a text holds.
func (c *canaries) in(text string) (found []string) {
	for _, canary := range c.all {
		if strings.Contains(text, canary) {
			found = append(found, canary)
		}
	}
	return found
}

// authCookie signs somebody in and returns what their browser sends.
func authCookie(b *bench, actor shippost.Actor) auth.Credentials {
	b.t.Helper()
	return auth.Credentials{Cookie: b.enter(actor)}
}
