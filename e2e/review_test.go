package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"ship-post.com/shippost/client"
)

// TestReview_Walk: whoever films the video for TikTok's reviewers is led through the real screens, from the first item to the last.
// Each ticks what it shows, and no more.
func TestReview_Walk(t *testing.T) {
	t.Parallel()
	w := prepare(t)
	w.extra = []string{"SHIPPOST_TIKTOK_DRAFTS=true"}
	must(t, w.start())
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/accounts")
	b.press("button", "Connect an account")
	b.consent("daily.dose")
	b.home()
	b.see("Daily Dose", "Mara Lindqvist")
	b.open("/settings")
	b.press("link", "Open the checklist")
	b.see("0 of 18 shown", "Point 5: Awareness and control")
	clean := func() {
		t.Helper()
		b.flawless()
	}
	clean()
	b.press("button", "Start the walk")
	b.at("/compose")
	const bar = `document.querySelector('[aria-label="TikTok\'s checklist"]')`
	at := func(id string) bool {
		return peek[bool](b, `(`+bar+`?.innerText ?? '').startsWith('`+id+`')`)
	}
	ticked := func() bool { return peek[bool](b, `Boolean(`+bar+`?.querySelector('.done'))`) }
	shows := func(id string) {
		t.Helper()
		b.until(id+" to be ticked", func() bool { return at(id) && ticked() })
	}
	next := func() {
		t.Helper()
		b.press("button", "Next")
	}
	// waits says that an item is not ticked by a screen that has not shown it.
	waits := func(id string) {
		t.Helper()
		next()
		b.until("the item "+id, func() bool { return at(id) })
		if ticked() {
			t.Errorf("%s is ticked before it was shown", id)
		}
	}
	shows("1.1")
	if !js[bool](b, `document.getElementById('tiktok-account').classList.contains('under-review')`) {
		t.Error("what is meant is not marked")
	}
	waits("1.2")
	b.tick("radio", "Daily Dose")
	shows("1.2")
	b.tick("radio", "Mara Lindqvist")
	b.audiences()
	waits("1.3")
	b.choose(shortClip(t, 1))
	shows("1.3")
	waits("2.1")
	b.write("Caption", "Low tide")
	shows("2.1")
	waits("2.2")
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
	shows("2.2")
	clean()
	waits("2.3")
	b.press("switch", "Allow comments")
	shows("2.3")
	next()
	shows("2.4")
	waits("3.1")
	b.press("switch", "Disclose post content")
	shows("3.1")
	next()
	shows("3.2")
	waits("3.3")
	b.press("checkbox", "Your brand")
	b.declares(musicDeclares)
	b.press("checkbox", "Branded content")
	b.declares(brandedDeclares)
	b.press("checkbox", "Your brand")
	shows("3.3")
	for _, id := range []string{"3.4", "4.1", "5.1", "5.2", "5.3", "5.4"} {
		next()
		shows(id)
	}
	b.size(phone)
	b.see("Told that it takes a few minutes")
	b.size(desk)

	stands := func(want map[string]string) {
		t.Helper()
		for id, state := range want {
			b.until(id+" to be "+state, func() bool {
				return peek[string](b, fmt.Sprintf(`[...document.querySelectorAll('section[aria-labelledby=usual-refusals] li')].find((l) => l.querySelector('p').textContent === %q)?.querySelector('.state').textContent ?? 'missing'`, id)) == state
			})
		}
	}
	b.open("/settings/review") // the walk is kept while the tab lives
	b.see("16 of 18 shown", "The usual refusals", "10 of 14 clear")
	stands(map[string]string{
		"The creator is not shown":                                        "clear",
		"A privacy setting is chosen beforehand":                          "clear",
		"The privacy list is the same for everybody":                      "clear",
		"The declaration is shown only with disclosure":                   "clear",
		"Own words instead of TikTok’s":                                   "clear",
		"Duet and Stitch are offered for photos":                          "not measured yet",
		"Comment, Duet or Stitch is on before the creator chose":          "clear",
		"The length of the video is not held against the creator’s limit": "clear",
		"Branded content can be private":                                  "clear",
		"Nobody says that it takes a few minutes":                         "clear",
		"The outcome of a post is not shown":                              "not measured yet",
		"A permission is asked for and never shown in use":                "not measured yet",
		"Privacy policy or terms cannot be read without signing in":       "clear",
		"Privacy policy or terms name nobody":                             "found", // this server's operator has no name
	})
	clean()

	b.press("button", "Go on")
	b.at("/compose")
	b.until("the item 5.5", func() bool { return at("5.5") })
	b.choose(shortClip(t, 2))
	b.audiences()
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
	b.tick("radio", "Now")
	b.press("button", "Post now")
	b.at("/posts/post_")
	shows("5.5")
	waits("5.6")
	b.press("link", "New post")
	b.at("/compose")
	b.press("radio", "Send to your TikTok inbox as a draft")
	shows("5.6")
	b.press("link", "Finish")
	b.see("18 of 18 shown", "12 of 14 clear")
	stands(map[string]string{
		"The outcome of a post is not shown":               "clear",
		"A permission is asked for and never shown in use": "clear",
	})
	b.until("the walk to end", func() bool { return len(b.all("region", "TikTok's checklist")) == 0 })
}

// TestCompose_MadeToFit: a video that TikTok does not take is made anew from the composer, shown in place of the original, and
// arrives as it was shown.
func TestCompose_MadeToFit(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/compose")
	b.see("Drop a video here", "Posting as")
	slow := filepath.Join(t.TempDir(), "slow.mov")
	must(t, clip(slow, "4", "360x640", "-r", "15", "-b:v", "300k"))
	b.choose(slow)
	b.see("TikTok does not take this video as it is", "15 frames per second", "The original stays in your library")
	b.find("button", "Make the video fit") // the one button leads to it
	b.flawless()
	b.press("button", "Make it fit")
	b.see("Made to fit", "slow (converted).mp4")
	b.press("button", "Use the original instead")
	b.press("button", "Use the version that fits")
	b.see("Made to fit")
	b.audiences()
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
	b.tick("radio", "Now")
	b.press("button", "Post now")
	b.at("/posts/post_")
	b.see("Posted: TikTok confirmed it")
	posts, err := p.Posts(t.Context(), client.PostQuery{})
	must(t, err)
	m, err := p.Media(t.Context(), posts[0].MediaIDs[0])
	must(t, err)
	seen := w.sim.Posts()
	if len(seen) != 1 || seen[0].SHA256 != m.SHA256 || seen[0].Files[0].FrameRate < 23 || m.SHA256 == sumOf(t, slow) {
		t.Errorf("viewers see %+v, made of %+v", seen, m)
	}
}
