package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// turnTo shows the post of another account in the composer.
func (b *tab) turnTo(account string) {
	b.t.Helper()
	b.until("the words for "+account, func() bool {
		for _, f := range b.all("button", account) {
			if strings.Contains(f.name, "to do") || strings.Contains(f.name, "complete") {
				b.on(f, "function() { this.click() }")
				return true
			}
		}
		return false
	})
}

// TestCompose_EachAccountItsOwn: the preview is there before anything is. For two accounts each has its count of what is to do, one list
// leads to all of it, a choice for one is none for the other, and a caption is the same for both until one has its own.
func TestCompose_EachAccountItsOwn(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	p.connect(t, "quiet.kiln")
	media, err := p.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	b := w.browse(t)
	b.signIn(p.handle)
	preview := func() string {
		return js[string](b, `document.querySelector('[aria-label="Preview of the post"]')?.innerText ?? ''`)
	}
	b.open("/compose")
	b.find("group", "Preview of the post")
	if got := preview(); !strings.Contains(got, "Your video shows here.") {
		t.Errorf("the preview begins with %q", got)
	}
	b.open("/compose?account=" + p.account + "&media=" + media.ID)
	b.see("Checked and ready")
	b.write("Caption", "One tide for two")
	b.until("the caption on the phone", func() bool { return strings.Contains(preview(), "One tide for two") })
	b.press("button", "Post to another account too")
	b.press("menuitem", "Quiet Kiln")
	b.see("Quiet Kiln has its own")

	count := regexp.MustCompile(`(\d+) ?to do`)
	todo := func(account string) int {
		for _, f := range b.all("button", account) {
			if m := count.FindStringSubmatch(f.name); m != nil {
				n, _ := strconv.Atoi(m[1])
				return n
			}
			if strings.Contains(f.name, "complete") {
				return 0
			}
		}
		return -1
	}
	counts := func(mara, kiln int) {
		t.Helper()
		b.until(strconv.Itoa(mara)+" and "+strconv.Itoa(kiln)+" to do", func() bool { return todo("Mara Lindqvist") == mara && todo("Quiet Kiln") == kiln })
	}
	b.audiences()
	counts(2, 2) // who can see it, and when
	b.see("4 things to do")
	b.set("combobox", "Who can see this video", "SELF_ONLY")
	counts(2, 1)
	b.see("3 things to do")
	js[bool](b, `(document.querySelector('[aria-label=Together] details').open = true)`)
	b.flawless()
	b.press("button", "Mara Lindqvist: Choose who can see it")
	b.see("Mara Lindqvist has its own")
	b.until("the focus on the question", func() bool {
		return peek[bool](b, "document.activeElement === document.querySelector('#tiktok-privacy select') && document.activeElement.value === ''")
	})
	b.audiences()
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
	counts(1, 1)
	b.press("button", "Tomorrow")
	counts(0, 0)
	b.find("button", "Look over 2 posts")

	says := func(account, want string) {
		t.Helper()
		b.turnTo(account)
		b.see(account + " has its own")
		b.until(account+" to say "+want, func() bool { return b.caption() == want && strings.Contains(preview(), want) })
	}
	b.write("Caption", "Two tides") // not kept apart yet
	says("Quiet Kiln", "Two tides")
	if got := js[string](b, "document.querySelector('#tiktok-privacy select').value"); got != "SELF_ONLY" {
		t.Errorf("the second account answers %q", got)
	}
	b.tick("checkbox", "Caption")
	b.write("Caption", "A tide of its own")
	says("Mara Lindqvist", "Two tides")
	says("Quiet Kiln", "A tide of its own")
	b.tick("checkbox", "Caption")
	b.until("the caption of both", func() bool { return b.caption() == "Two tides" })
}
