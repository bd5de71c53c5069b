package loopback_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/loopback"
	"ship-post.com/shippost/internal/platform/platformtest"
)

func TestContract(t *testing.T) { platformtest.Run(t, open) }

// folder is the platform and its far end: a folder.
type folder struct {
	adapter *loopback.Platform
	t       *testing.T
	dir     string
}

func open(t *testing.T) platformtest.Harness {
	dir := t.TempDir()
	p, err := loopback.New(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return folder{p, t, dir}
}

func (f folder) Platform() platform.Platform { return f.adapter }
func (f folder) Tokens() platform.Tokens     { return nil } // nobody asks who writes into a folder
func (f folder) Settle()                     {}

func (f folder) Draft() (platform.Draft, shippost.Creator) {
	return platform.Draft{Caption: "Hello.", Media: []shippost.Media{{Kind: shippost.Video, Status: shippost.MediaReady, Size: 1}}}, shippost.Creator{}
}

// Break breaks nothing: a file system does a thing or says that it did not.
func (f folder) Break(platformtest.Fault) bool { return false }

func (f folder) Effects() int {
	n := 0
	for _, place := range []string{"staging", "posts"} {
		entries, err := os.ReadDir(filepath.Join(f.dir, place))
		if err != nil {
			f.t.Fatal(err)
		}
		n += len(entries)
	}
	return n
}

func (f folder) Published() (posts []platformtest.Post) {
	entries, err := os.ReadDir(filepath.Join(f.dir, "posts"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		read := func(name string) []byte {
			text, err := os.ReadFile(filepath.Join(f.dir, "posts", e.Name(), name))
			if err != nil {
				f.t.Fatal(err)
			}
			return text
		}
		var about struct{ Caption string }
		if err := json.Unmarshal(read("about.json"), &about); err != nil {
			f.t.Fatal(err)
		}
		sum := sha256.Sum256(read("media-0"))
		posts = append(posts, platformtest.Post{Caption: about.Caption, SHA256: hex.EncodeToString(sum[:])})
	}
	return posts
}

// Somebody removes what is staged: the attempt can never be out, and the platform says so.
func TestRemovedAttemptIsRefused(t *testing.T) {
	f := open(t).(folder)
	s, err := f.adapter.Stage(t.Context(), platform.Payload{}, &platformtest.Ledger{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(f.dir, "staging")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.adapter.Commit(context.Background(), s); err == nil {
		t.Error("committed what is gone")
	}
	v, err := f.adapter.Confirm(t.Context(), platform.Payload{Receipt: s.Receipt()})
	if err != nil || v.State != platform.Refused || v.Reason.Message == "" || v.Reason.After != platform.Declined {
		t.Errorf("%+v, %v", v, err)
	}
}
