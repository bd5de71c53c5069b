package e2e

import (
	"syscall"
	"testing"

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
