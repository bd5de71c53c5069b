package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// planned is a world with a creator, one video, and posts in the states that screens show.
type planned struct {
	*world
	*person
	media  string
	posted client.Post // went out and was confirmed
	queued client.Post // due in three days, at noon UTC
	draft  client.Post
}

func plan(t *testing.T) *planned { t.Helper(); return planIn(t, begin(t)) }

// planIn is plan in a world that is there already.
func planIn(t *testing.T, w *world) *planned {
	t.Helper()
	p := settle(t, w)
	p.fill(t)
	return p
}

// settle signs the creator in and uploads the video.
func settle(t *testing.T, w *world) *planned {
	t.Helper()
	p := &planned{world: w, person: w.creator(t, "mara.moves")}
	path := filepath.Join(t.TempDir(), "low-tide.mp4")
	must(t, clip(path, "4", "360x640"))
	m, err := p.upload(t.Context(), path)
	must(t, err)
	p.media = m.ID
	return p
}

// fill writes the posts, and waits until the first one is out.
func (p *planned) fill(t *testing.T) {
	t.Helper()
	var err error
	p.posted, err = p.CreatePost(t.Context(), p.person.draft(p.media, time.Second), "")
	must(t, err)
	later := p.person.draft(p.media, 0)
	later.DueAt = p.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 3).Add(12 * time.Hour)
	later.Caption = "Dunes at noon"
	p.queued, err = p.CreatePost(t.Context(), later, "")
	must(t, err)
	p.draft, err = p.CreatePost(t.Context(), client.NewPost{AccountID: p.account, Caption: "Ideas for the market day"}, "")
	must(t, err)
	p.posted, err = p.until(t.Context(), p.posted.ID, "posted")
	must(t, err)
}

// signedIn opens a tab in which the creator is signed in.
func (p *planned) signedIn(t *testing.T) *tab {
	t.Helper()
	b := p.browse(t)
	b.signIn(p.handle)
	return b
}

// TestScreens_Weight: pages are light. The figures are of the design and measured over the wire, compressed, with an empty cache.
func TestScreens_Weight(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	weigh := func(path, says string, requests int, bytes int64) {
		t.Helper()
		b.do(chromedp.Navigate("about:blank")) // the page before asks for nothing more
		_, err := chromedp.Call(b.ctx, network.ClearBrowserCache, cdp.Empty{})
		must(t, err)
		b.weight()
		b.open(path)
		b.see(says)
		b.until("the last of it", func() bool { return peek[string](b, "document.readyState") == "complete" && b.loaded() })
		n, sum := b.weight()
		t.Logf("%s: %d requests, %d bytes", path, n, sum)
		if n > requests || sum > bytes {
			t.Errorf("%s takes %d requests and %d bytes; %d and %d are the limit", path, n, sum, requests, bytes)
		}
	}
	weigh("/sign-in", "Continue with TikTok", 6, 30_000)
	b.signIn("mara.moves")
	b.see("Times are in")
	weigh("/", "Times are in", 12, 150_000)
}

// TestCalendar_MoveByKeyboard: whoever cannot drag moves a post with M; it can be taken back. What was not changed stays, to the second.
func TestCalendar_MoveByKeyboard(t *testing.T) {
	t.Parallel()
	p := plan(t)
	odd, err := p.EditPost(t.Context(), p.queued.ID, client.Change{DueAt: p.queued.DueAt.Add(34*time.Minute + 56*time.Second)})
	must(t, err)
	b := p.signedIn(t)
	b.open("/?date=" + odd.DueAt.Format("2006-01-02"))
	card := b.find("link", "Dunes at noon")
	b.on(card, "function() { this.focus() }")
	b.keys("m")
	b.find("dialog", "Move to…")
	day := odd.DueAt.AddDate(0, 0, 1)
	b.set("Date", "Day", day.Format("2006-01-02"))
	b.press("button", "Move the post")
	b.see("Moved to")
	b.due(p, odd.ID, "queued", day)
	b.press("button", "Undo") // while it is offered
	if back, err := p.when(t.Context(), odd.ID, func(post client.Post) bool { return post.Version == odd.Version+2 }); err != nil || !back.DueAt.Equal(odd.DueAt) {
		t.Errorf("a move and the way back left %+v: %v", back, err)
	}
}

// TestPost_Hidden: when TikTok takes a post out of sight after it was posted, its page says so while somebody looks, and what helps.
func TestPost_Hidden(t *testing.T) {
	t.Parallel()
	p := plan(t)
	p.control(t, http.MethodPut, "/_sim/knobs", fmt.Sprintf(`{"webhook":{"url":"%s/hooks/tiktok"}}`, p.url))
	b := p.signedIn(t)
	b.open("/posts/" + p.posted.ID)
	b.see("View on TikTok")
	out, err := p.Post(t.Context(), p.posted.ID)
	must(t, err)
	if len(out.PlatformIDs) != 1 {
		t.Fatalf("TikTok calls the post %q", out.PlatformIDs)
	}
	p.control(t, http.MethodPost, "/_sim/posts/"+out.PlatformIDs[0]+"/hide", "{}")
	b.see("Viewers can no longer see this post", "The TikTok app tells the creator why", "Viewers can no longer see it on TikTok")
	b.find("link", "Open TikTok")
	b.flawless()
	b.size(phone)
	b.flawless()
}

// TestPromise_P09_ThePostTellsWithoutReload: the page of a post tells its story while it happens, in two tabs.
func TestPromise_P09_ThePostTellsWithoutReload(t *testing.T) {
	t.Parallel()
	p := plan(t)
	one, two := p.signedIn(t), p.signedIn(t)
	two.open("/posts?view=upcoming")
	two.see("Dunes at noon")
	post, err := p.CreatePost(t.Context(), p.person.draft(p.media, time.Hour), "")
	must(t, err)
	one.open("/posts/" + post.ID)
	one.see("Goes out")
	two.see("Low tide")
	_, err = p.EditPost(t.Context(), post.ID, client.Change{DueAt: time.Now().Add(3 * time.Second)})
	must(t, err)
	one.see("Uploading to TikTok", "Posted: TikTok confirmed it", "View on TikTok")
	two.until("the post to leave the list", func() bool { return len(two.all("link", "Low tide")) == 0 })
	if loads := js[int](one, "performance.getEntriesByType('navigation').length"); loads != 1 {
		t.Errorf("the page was loaded %d times", loads)
	}
}

// TestPost_CancelInTwoTabs: both are told the truth, whoever was first.
func TestPost_CancelInTwoTabs(t *testing.T) {
	t.Parallel()
	p := plan(t)
	one, two := p.signedIn(t), p.signedIn(t)
	for _, b := range []*tab{one, two} {
		b.open("/posts/" + p.queued.ID)
		b.press("button", "Cancel the post")
		b.find("dialog", "Cancel this post?")
	}
	one.press("button", "Cancel the post") // of the dialog; the page behind it cannot be reached
	one.see("Cancelled")
	two.see("Cancelled") // it learnt it by itself
	if _, err := p.until(t.Context(), p.queued.ID, "cancelled"); err != nil {
		t.Fatal(err)
	}
}

// TestAccounts_Disconnect: what it means is said before, and it is so afterwards.
func TestAccounts_Disconnect(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.open("/accounts")
	b.press("button", "Disconnect…")
	b.see("Its scheduled posts will not go out.")
	b.press("button", "Disconnect")
	b.see("TikTok confirmed that ShipPost has no access any more", "Connect again")
	if _, err := p.until(t.Context(), p.queued.ID, "failed"); err != nil {
		t.Error(err)
	}
	b.open("/posts/" + p.queued.ID)
	b.see("disconnected before this post went out")
	b.open("/accounts")
	b.press("button", "Connect again")
	b.consent(p.handle)
	b.see("is connected")
}

// TestSettings_Key: a key is shown once, works, and works no more once it is revoked.
func TestSettings_Key(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	b.open("/settings")
	b.press("button", "New key")
	b.write("What uses it?", "Night shift")
	b.press("button", "Make the key")
	b.see("It is shown only this once")
	key := js[string](b, "document.querySelector('dialog[open] code').innerText")
	c, err := client.New(p.world.url, client.Options{Key: key})
	must(t, err)
	if _, err := c.Accounts(t.Context()); err != nil {
		t.Errorf("the new key does not work: %v", err)
	}
	b.press("button", "I have copied it")
	b.see("Night shift")
	revoke := b.all("button", "Revoke…")
	if len(revoke) == 0 {
		t.Fatal("there is no way to revoke a key")
	}
	b.on(revoke[0], "function() { this.click() }")
	b.find("dialog", "Night shift")
	b.press("button", "Revoke the key")
	b.see("no longer works")
	if _, err := c.Accounts(t.Context()); err == nil {
		t.Error("a revoked key still works")
	}
}

// TestSessionEnds: a page whose session is over says so by itself, stays as it is, and lives on once somebody signed in beside it.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	p := plan(t)
	one, two := p.signedIn(t), p.signedIn(t)
	one.open("/settings")
	two.open("/posts/" + p.queued.ID)
	two.see("Dunes at noon")
	one.press("button", "Sign out everywhere else")
	one.see("signed out everywhere else")
	two.see("Your session ended. Everything on this page is still here.", "Dunes at noon")
	two.find("link", "Sign in again")
	two.flawless()
	two.beside().signInAgain()
	two.press("button", "I am back")
	two.until("the dialog to close", func() bool { return len(two.all("dialog", "You are signed out")) == 0 })
	_, err := p.EditPost(t.Context(), p.queued.ID, client.Change{DueAt: p.queued.DueAt.Add(time.Hour)})
	must(t, err)
	two.see("Changed")
	_, err = p.CancelPost(t.Context(), p.queued.ID)
	must(t, err)
	two.see("Cancelled. Nothing went out") // only events can have told it twice
}

// TestPost_Unconfirmed: when nobody can tell whether a post is out, a person decides, after a warning.
func TestPost_Unconfirmed(t *testing.T) {
	t.Parallel()
	p := plan(t)
	must(t, p.sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Processing.Delay = tiktoksim.Duration(20 * time.Hour) }))
	post, err := p.CreatePost(t.Context(), p.person.draft(p.media, time.Second), "")
	must(t, err)
	_, err = p.until(t.Context(), post.ID, "publishing/processing")
	must(t, err)
	b := p.signedIn(t)
	b.open("/accounts")
	b.press("button", "Disconnect…")
	b.see("Its scheduled posts will not go out.")
	b.press("button", "Disconnect")
	b.see("Connect again")
	b.open("/posts/" + post.ID)
	b.see("Unconfirmed", "after this post was handed to the platform")
	b.press("button", "It is not on TikTok…")
	b.see("viewers see it twice")
	b.press("button", "I have looked: it is not there")
	b.see("Failed", "somebody looked and found that it is not out", "Choose a new time")
}

// TestScreens_ReducedMotion: for somebody who asked for it nothing moves, however much is under way: a post that TikTok processes,
// one that goes up, a file on its way, dialogs that open.
func TestScreens_ReducedMotion(t *testing.T) {
	t.Parallel()
	w, l := wired(t)
	p := planIn(t, w)
	must(t, p.sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Processing.Delay = tiktoksim.Duration(20 * time.Hour) }))
	post, err := p.CreatePost(t.Context(), p.person.draft(p.media, time.Second), "")
	must(t, err)
	_, err = p.until(t.Context(), post.ID, "publishing/processing")
	must(t, err)
	b := p.signedIn(t)
	// An animation that is over before a frame is drawn is none. What runs for ever is one, however short a turn is.
	const moving = `document.getAnimations().filter((a) => {
		const t = a.effect.getComputedTiming()
		return t.iterations === Infinity || t.duration * t.iterations > 1
	}).map((a) => (a.animationName ?? a.transitionProperty ?? 'a script') + ' of ' + a.effect.target.className + (a.effect.pseudoElement ?? '')).join('; ')`
	b.open("/posts/" + post.ID)
	b.see("TikTok is processing")
	if js[string](b, moving) == "" {
		t.Fatal("nothing moves even for whoever has nothing against it: this test sees nothing")
	}
	_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}})
	must(t, err)
	still := func(where string) {
		t.Helper()
		if what := js[string](b, "new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => next("+moving+"))))"); what != "" {
			t.Errorf("%s: there moves %s", where, what)
		}
	}
	still("the page of a post that was open already")
	// What moves on these, if anything does; the others hold nothing that is under way.
	for _, s := range [][2]string{{"/", "Times are in"}, {"/posts", "Low tide"}, {"/posts/" + post.ID, "TikTok is processing"}, {"/library", "low-tide.mp4"}} {
		b.open(s[0])
		b.see(s[1])
		still(s[0])
	}
	b.size(phone)
	b.open("/posts/" + post.ID)
	b.see("TikTok is processing")
	still("the page of a post on a phone")
	b.size(desk)
	b.open("/accounts")
	b.see("Connected")
	b.press("button", "Disconnect…")
	still("a dialog that opens")
	b.keys(kb.Escape)
	b.open("/compose")
	b.see("Drop a video here", "Posting as")
	mark := l.passed() + 40_000
	l.stopAt(mark)
	path := filepath.Join(t.TempDir(), "on-its-way.mp4")
	must(t, clip(path, "3", "720x1280"))
	b.choose(path)
	b.until("the file to travel", func() bool { return l.passed() >= mark })
	still("a file that is on its way")
}
