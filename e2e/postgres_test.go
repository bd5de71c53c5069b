package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost/internal/store/storetest"
)

// TestOnPostgres does the main job on PostgreSQL, and ends the server while the post is staged: in order, which hands the
// post over at once, and by a crash, after which the next server first waits until the old one is surely gone.
func TestOnPostgres(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"crash": syscall.SIGKILL, "in order": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t)
			w.extra = []string{"SHIPPOST_DATABASE_URL=" + storetest.PostgresURL(t)}
			must(t, w.start())
			p := w.creator(t, "mara.moves")
			post := endWhileStaged(t, w, p, sig)
			w.checkOnePost(t, p, post)
			if n := w.count("request", "video_init"); n != 1 {
				t.Errorf("%d init requests, want 1", n)
			}
		})
	}
}

// TestKeysRotateBesideAServer rotates the keys while a server runs and a post is staged: the server seals with the new key, the post, whose upload
// address the old one sealed, goes out, and the old key stays until no server can have anything of it. Without a keyset that all servers read it refuses.
func TestKeysRotateBesideAServer(t *testing.T) {
	t.Parallel()
	w := prepare(t)
	master := make([]byte, 32)
	_, _ = rand.Read(master) // it never fails
	database := "SHIPPOST_DATABASE_URL=" + storetest.PostgresURL(t)
	w.extra = []string{database, "SHIPPOST_MASTER_KEY=" + hex.EncodeToString(master)}
	must(t, w.start())
	p := w.creator(t, "mara.moves")
	post := p.scheduled(t, shortClip(t, 2), 8*time.Second)
	_, err := p.until(t.Context(), post.ID, "publishing/staged")
	must(t, err)
	rotate := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), "shippost", "keys", "rotate")
		cmd.Env = w.environment()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := rotate(); err == nil || !strings.Contains(out, "The new key is in use, but the old ones have to stay for now.") || strings.Contains(out, "has not taken") {
		t.Errorf("%v\n%s", err, out)
	}
	_, err = p.until(t.Context(), post.ID, "posted")
	must(t, err)
	w.checkOnePost(t, p, post)
	must(t, w.end(syscall.SIGTERM))
	if out, err := rotate(); err != nil || !strings.Contains(out, "The keys were rotated; the old ones are gone.") {
		t.Errorf("%v\n%s", err, out)
	}
	must(t, w.start())
	// The server goes on with the new key alone.
	next := p.scheduled(t, shortClip(t, 3), 2*time.Second)
	_, err = p.until(t.Context(), next.ID, "posted")
	must(t, err)

	w.extra = []string{database}
	if out, err := rotate(); err == nil || !strings.Contains(out, "do not open this database") {
		t.Errorf("with other keys: %v\n%s", err, out)
	}
	w.extra = []string{database, "SHIPPOST_MASTER_KEY=" + hex.EncodeToString(master)} // for the end
}
