package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/server/tus"
	"ship-post.com/shippost/internal/store/storetest"
)

// line is a connection to the real upload server that breaks: each number is how many bytes of a PATCH arrive before
// it is cut. Afterwards it holds.
type line struct {
	http.Handler
	mu      sync.Mutex
	cuts    []int64
	patches int
	lost    int // answers to thrown away after the server worked
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	cut := int64(-1)
	if r.Method == http.MethodPatch {
		l.patches++
		if len(l.cuts) > 0 {
			cut, l.cuts = l.cuts[0], l.cuts[1:]
		}
	}
	drop := r.Method == http.MethodPost && l.lost > 0
	if drop {
		l.lost--
	}
	l.mu.Unlock()
	if cut >= 0 {
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, cut), broken{}))
	}
	if drop {
		l.Handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	l.Handler.ServeHTTP(w, r)
	if cut >= 0 {
		panic(http.ErrAbortHandler)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// shore is a real upload server with its library, behind a line.
type shore struct {
	line    *line
	client  *client.Client
	library *media.Library
	owner   shippost.Actor
}

func land(t *testing.T, cuts ...int64) *shore {
	t.Helper()
	db := storetest.SQLite(t)
	s := &shore{library: mediatest.Open(t, db), owner: storetest.Workspace(t, db)}
	uploads, err := tus.New(tus.Options{Library: s.library, Authenticate: func(r *http.Request) (shippost.Actor, error) {
		if r.Header.Get("Authorization") != "Bearer sp_test" {
			return shippost.Actor{}, shippost.Errorf(shippost.Unauthenticated, "key_refused", "No.")
		}
		return s.owner, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/uploads/", uploads)
	mux.HandleFunc("GET /api/v1/media/{id}", func(w http.ResponseWriter, r *http.Request) {
		m, err := s.library.Get(r.Context(), s.owner, shippost.MediaID(r.PathValue("id")))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(object{"id": m.ID, "status": m.Status, "file_name": m.FileName, "size": m.Size})
	})
	s.line = &line{Handler: mux, cuts: cuts}
	server := httptest.NewServer(s.line)
	t.Cleanup(server.Close)
	if s.client, err = client.New(server.URL, client.Options{Key: "sp_test", Poll: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	return s
}

// cargo writes a file of random bytes.
func cargo(t *testing.T, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(content)
	path = filepath.Join(t.TempDir(), "tide pools.mp4")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func TestUpload_SurvivesCuts(t *testing.T) {
	t.Parallel()
	const size = 3<<20 + 17
	for _, c := range []struct {
		name string
		cuts []int64
		lost int
	}{
		{"a good line", nil, 0},
		{"cut before the first byte", []int64{0}, 0},
		{"cut again and again", []int64{100_000, 0, 1 << 20, 1, 500_000}, 0},
		{"cut after the last byte", []int64{size}, 0},
		{"more cuts than tries, with progress between", []int64{300_000, 0, 0, 300_000, 0, 0, 300_000, 0, 0, 300_000}, 0},
		{"answer to the creation lost", nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := land(t, c.cuts...)
			s.line.lost = c.lost
			path, content := cargo(t, size)
			var last int64
			m, err := s.client.UploadFile(t.Context(), path, func(done, total int64) {
				if total != size || done < 0 || done > total {
					t.Errorf("progress %d of %d", done, total)
				}
				last = done
			})
			if err != nil {
				t.Fatal(err)
			}
			if last != size || m.FileName != "tide pools.mp4" || m.Size != size || m.Status != "checking" {
				t.Errorf("progress ended at %d of %d with %+v", last, size, m)
			}
			got, err := s.library.Get(t.Context(), s.owner, shippost.MediaID(m.ID))
			if sum := sha256.Sum256(content); err != nil || got.ReceivedSHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("other bytes arrived: %s, %v", got.ReceivedSHA256, err)
			}
			if len(c.cuts) > 0 && s.line.patches < 2 && c.cuts[0] != size {
				t.Errorf("%d transfers; the line was never cut", s.line.patches)
			}
		})
	}
}

func TestUpload_Refused(t *testing.T) {
	t.Parallel()
	s := land(t)
	empty, _ := cargo(t, 0)
	if _, err := s.client.UploadFile(t.Context(), empty, nil); err == nil || strings.HasPrefix(err.Error(), "the server answered") {
		t.Errorf("an empty file: %v, want a sentence", err)
	}
	if _, err := s.client.UploadFile(t.Context(), filepath.Join(t.TempDir(), "none.mp4"), nil); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
	s.owner.Role = shippost.Viewer
	path, _ := cargo(t, 100)
	if _, err := s.client.UploadFile(t.Context(), path, nil); !client.HasCode(err, "not_allowed") {
		t.Errorf("a viewer's key: %v", err)
	}
}

func TestUpload_CalledOff(t *testing.T) {
	t.Parallel()
	s := land(t)
	ctx, stop := context.WithCancel(t.Context())
	path, _ := cargo(t, 2<<20)
	_, err := s.client.UploadFile(ctx, path, func(done, _ int64) {
		if done > 0 {
			stop()
		}
	})
	if err == nil {
		t.Error("an upload that was called off succeeded")
	}
}
