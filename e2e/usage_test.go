package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"ship-post.com/shippost/internal/store"
)

// TestPromise_P10_ScreensOfTheAppAreCounted goes through the app in a browser. What was seen in the last second before a stop is counted
// too; and a browser that asks not to be tracked is not.
func TestPromise_P10_ScreensOfTheAppAreCounted(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	b.press("link", "Posts")
	b.at("/posts")
	b.press("link", "Library")
	b.at("/library")
	b.until("the server has heard of it", func() bool { return strings.Count(w.logs(), "route=/page-view status=204") == 2 })
	_, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Sec-GPC": "1"}})
	must(t, err)
	b.open("/terms")
	b.see("Terms")
	must(t, w.end(syscall.SIGTERM))

	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + w.dir + "/shippost.db"})
	must(t, err)
	defer db.Close()
	var pages []string
	must(t, db.View(t.Context(), func(tx *store.Tx) error {
		groups, err := tx.ViewGroups(t.Context(), store.ByPage, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		for _, g := range groups {
			pages = append(pages, g.Name)
		}
		return err
	}))
	slices.Sort(pages)
	if want := []string{"/", "/library", "/posts", "/sign-in"}; !slices.Equal(pages, want) {
		t.Errorf("counted %v, want %v", pages, want)
	}
}
