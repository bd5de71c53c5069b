package tus_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/server/tus"
	"ship-post.com/shippost/internal/store"
)

// peak reports the most memory that the heap took while do ran.
func peak(do func()) uint64 {
	stop, top := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		var m runtime.MemStats
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse+m.StackInuse)
			select {
			case <-stop:
				top <- most
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(stop)
	return <-top
}

// One gigabyte, client and server in one process, takes no more memory than a handful of pieces. Not parallel: other
// tests would be counted too.
func TestAGigabyteTakesNoMemory(t *testing.T) {
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	const size = 1 << 30
	at := b.create(t, "owner", size)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var res *http.Response
	top := peak(func() {
		res, _ = b.send(t, "owner", http.MethodPatch, at, sized{io.LimitReader(zeros{}, size)}, "Upload-Offset: 0")
	})
	wantStatus(t, res, http.StatusNoContent)
	if more := int64(top) - int64(before.HeapInuse+before.StackInuse); more > 32<<20 {
		t.Errorf("an upload of 1 GB took %d MiB of memory, want at most 32", more>>20)
	}
	m, err := b.library.Get(t.Context(), who["owner"], shippost.MediaID(res.Header.Get(tus.MediaID)))
	if want := "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"; err != nil || m.ReceivedSHA256 != want {
		t.Errorf("hash %s (%v), want that of 1 GiB of zeros", m.ReceivedSHA256, err)
	}
}

// sized keeps net/http from looking into the reader; the body is sent in chunks.
type sized struct{ io.Reader }

const weight = 256 << 20

// BenchmarkUpload sends a file of 256 MiB through the protocol: hashed, synced, with its rows.
func BenchmarkUpload(b *testing.B) {
	db := benchDB(b)
	who := people{"owner": benchActor(b, db)}
	s := open(b, db, b.TempDir(), who)
	s.library.Quota, s.library.Daily, s.library.Parallel = 1<<50, 1<<50, 1<<20
	b.SetBytes(weight)
	for b.Loop() {
		at := s.create(b, "owner", weight)
		res, text := s.send(b, "owner", http.MethodPatch, at, io.LimitReader(zeros{}, weight), "Upload-Offset: 0")
		if res.StatusCode != http.StatusNoContent {
			b.Fatalf("PATCH: %s %s", res.Status, text)
		}
		b.StopTimer()
		if err := s.library.Spool.Remove(res.Header.Get(tus.MediaID)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkPlainCopy is what BenchmarkUpload is measured against: the same request, copied to a file and synced.
func BenchmarkPlainCopy(b *testing.B) {
	file := filepath.Join(b.TempDir(), "copy")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Create(file)
		if err == nil {
			if _, err = io.Copy(f, r.Body); err == nil {
				err = f.Sync()
			}
			f.Close()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	b.Cleanup(s.Close)
	b.SetBytes(weight)
	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPatch, s.URL, io.LimitReader(zeros{}, weight))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Upload-Offset", strconv.Itoa(0))
		res, err := s.Client().Do(r)
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("PATCH: %v, %v", res, err)
		}
		res.Body.Close()
		b.StopTimer()
		if err := os.Remove(file); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func benchDB(b *testing.B) *store.DB {
	b.Helper()
	db, err := store.Open(b.Context(), store.Options{URL: "sqlite:" + filepath.Join(b.TempDir(), "shippost.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

func benchActor(b *testing.B, db *store.DB) shippost.Actor {
	b.Helper()
	now := db.Now()
	user := shippost.User{ID: shippost.NewUserID(now), CreatedAt: now}
	ws := shippost.Workspace{ID: shippost.NewWorkspaceID(now), CreatedAt: now}
	err := db.Update(b.Context(), func(tx *store.Tx) error {
		if err := tx.InsertUser(b.Context(), &user); err != nil {
			return err
		}
		return tx.InsertWorkspace(b.Context(), &ws)
	})
	if err != nil {
		b.Fatal(err)
	}
	return shippost.Actor{Kind: shippost.ActorUser, User: user.ID, Workspace: ws.ID, Role: shippost.Owner}
}
