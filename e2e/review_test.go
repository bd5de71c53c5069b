package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"ship-post.com/shippost/client"
)

// TestReview_Walk: whoever films the video for TikTok's reviewers is led through the real screens, which tick what they show.
func TestReview_Walk(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/settings")
	b.press("link", "Open the checklist")
	b.see("0 of 18 shown", "Point 5: Awareness and control")
	for _, v := range b.axe() {
		t.Error(v)
	}
	b.press("button", "Start the walk")
	b.at("/compose")
	shows := func(words string) {
		t.Helper()
		b.until(words+" to be ticked", func() bool {
			return js[bool](b, `Boolean(document.querySelector('[aria-label="TikTok\'s checklist"] .done')) && document.querySelector('[aria-label="TikTok\'s checklist"]').innerText.includes('`+words+`')`)
		})
	}
	shows("The creator is shown, asked anew")
	if !js[bool](b, `document.getElementById('tiktok-account').classList.contains('under-review')`) {
		t.Error("what is meant is not marked")
	}
	for range 3 {
		b.press("button", "Next")
	}
	b.see("The caption can be edited")
	if js[bool](b, `Boolean(document.querySelector('[aria-label="TikTok\'s checklist"] .done'))`) {
		t.Error("an empty caption counts as one that was edited")
	}
	b.write("Caption", "Low tide")
	shows("The caption can be edited")
	b.press("button", "Next")
	b.audiences()
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
	shows("own options, none chosen")
	for _, v := range b.axe() {
		t.Error(v)
	}
	b.size(390, 844)
	b.see("own options, none chosen")
	b.size(1440, 900)
	b.open("/settings/review") // the walk is kept while the tab lives
	b.see("3 of 18 shown")
	// What was on the screens was measured, and what was not is not claimed.
	b.see("The usual refusals", "7 of 11 clear")
	for id, want := range map[string]string{
		"A privacy setting is chosen beforehand":                          "clear",
		"The privacy list is the same for everybody":                      "clear",
		"The declaration is shown only with disclosure":                   "clear",
		"Own words instead of TikTok’s":                                   "not measured yet",
		"Duet and Stitch are offered for photos":                          "not measured yet",
		"Comment, Duet or Stitch is on before the creator chose":          "clear",
		"The outcome of a post is not shown":                              "not measured yet",
		"The length of the video is not held against the creator’s limit": "not measured yet",
		"Nobody says that it takes a few minutes":                         "clear",
		"A permission is asked for and never shown in use":                "clear",
		"Privacy policy or terms cannot be read without signing in":       "clear",
	} {
		got := js[string](b, fmt.Sprintf(`[...document.querySelectorAll('section[aria-labelledby=usual-refusals] li')].find((l) => l.querySelector('p').textContent === %q)?.querySelector('.state').textContent ?? 'missing'`, id))
		if got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	for _, v := range b.axe() {
		t.Error(v)
	}
	b.press("button", "Go on")
	b.see("A creator who cannot post is stopped")
	b.press("button", "End the walk")
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
	for _, v := range b.axe() {
		t.Error(v)
	}
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
