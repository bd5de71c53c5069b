package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// audiences waits for TikTok's answer and returns who may be chosen to see the post.
func (b *tab) audiences() string {
	b.t.Helper()
	const list = `[...document.querySelectorAll('#tiktok-privacy option:not([disabled])')].map((o) => o.textContent.trim()).join(', ')`
	b.until("the creator's own choices", func() bool { return js[string](b, list) != "" })
	return js[string](b, list)
}

// checked reports whether a switch, box or choice is on.
func (b *tab) checked(name string) bool {
	b.t.Helper()
	return js[bool](b, `(() => { const all = [...document.querySelectorAll('input[type=checkbox], input[type=radio]')]
		return all.find((i) => i.labels[0].innerText.startsWith('`+name+`')).checked })()`)
}

// declares waits for the words above the button.
func (b *tab) declares(want string) {
	b.t.Helper()
	b.until("the declaration "+want, func() bool {
		return js[string](b, `document.getElementById('declaration')?.innerText.trim() ?? ''`) == want
	})
}

// prompt is the label that the panel says TikTok will put on the post, "" for none.
func (b *tab) prompt() string {
	b.t.Helper()
	return js[string](b, `document.querySelector('#tiktok-disclosure .label')?.innerText.trim() ?? ''`)
}

// composing signs a creator in and opens a new post.
func (w *world) composing(t *testing.T, handle string) *tab {
	t.Helper()
	b := w.browse(t)
	b.signIn(handle)
	b.open("/compose")
	b.see("Posting as")
	return b
}

// TikTok's words.
const (
	musicDeclares   = "By posting, you agree to TikTok's Music Usage Confirmation"
	brandedDeclares = "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation."
	promotional     = "Your video will be labeled as 'Promotional content'"
	partnership     = "Your video will be labeled as 'Paid partnership'"
	undecided       = "You need to indicate if your content promotes yourself, a third party, or both."
	neverPrivate    = "Branded content visibility cannot be set to private."
)

// TestAudit walks through what TikTok's audit looks at, point by point, on the real screens. The names of its parts are the
// items of the checklist in the app.
func TestAudit(t *testing.T) {
	t.Parallel()
	w := prepare(t)
	w.extra = []string{"SHIPPOST_TIKTOK_DRAFTS=true"}
	must(t, w.start())
	b := w.composing(t, "mara.moves")
	path := shortClip(t, 1)
	part := func(id string, test func(t *testing.T)) {
		t.Helper()
		t.Run(id, func(t *testing.T) {
			outer := b.t
			b.t = t
			defer func() { b.t = outer }()
			test(t)
		})
	}

	part("1.1 creator shown, asked anew", func(t *testing.T) {
		b.see("Mara Lindqvist", "@mara.moves")
		b.until("the creator's picture", func() bool {
			return js[bool](b, `(document.querySelector('#tiktok-account .name img')?.naturalWidth ?? 0) > 0`)
		})
		for _, c := range w.sim.Creators() {
			if c.Handle == "mara.moves" {
				c.Nickname = "Mara of the Tides"
				must(t, w.sim.PutCreator(c))
			}
		}
		// Who reloads within a second gets the answer of that second.
		b.until("the name that TikTok knows now", func() bool {
			b.open("/compose")
			b.audiences()
			return strings.Contains(js[string](b, `document.getElementById('tiktok-account').innerText`), "Mara of the Tides")
		})
	})

	part("1.2 creator who cannot post now", func(t *testing.T) {
		for handle, says := range map[string]string{"daily.dose": "There is room again when", "loud.party": "does not let this account post at present"} {
			other := w.composing(t, handle)
			other.see("cannot post now", says)
			if len(other.all("button", "Post now")) > 0 {
				t.Errorf("%s can post", handle)
			}
		}
		if n := w.count("request", "video_init"); n != 0 {
			t.Errorf("%d posts were begun", n)
		}
	})

	part("1.3 duration against this creator's limit", func(t *testing.T) {
		juno := w.composing(t, "juno.sketches")
		long := filepath.Join(t.TempDir(), "long.mp4")
		must(t, clip(long, "185", "90x160", "-r", "24", "-b:v", "20k"))
		juno.choose(long)
		juno.see("This video lasts 3:05; Juno may post up to 3:00.")
		if len(juno.all("button", "Post now")) > 0 || len(juno.all("button", "Schedule")) > 0 {
			t.Error("a video that is too long can be posted")
		}
	})

	part("2.1 caption can be edited", func(t *testing.T) {
		b.choose(path)
		b.see("Checked and ready")
		b.write("Caption", "First words")
		b.write("Caption", "Low tide at dawn 🌊 #nature")
		b.see("27 / 2200") // an emoji counts two
	})

	part("2.2 privacy from the creator's options, none chosen", func(t *testing.T) {
		if v := js[string](b, `document.querySelector('#tiktok-privacy select').value`); v != "" {
			t.Errorf("%s is chosen already", v)
		}
		for handle, want := range map[string]string{"mara.moves": "Everyone, Friends, Only you", "quiet.kiln": "Followers, Friends, Only you"} {
			at := b
			if handle != "mara.moves" {
				at = w.composing(t, handle)
			}
			if got := at.audiences(); got != want {
				t.Errorf("%s may choose %q, want %q", handle, got, want)
			}
		}
		b.press("button", "Choose who can see it") // the button leads there and posts nothing
		b.until("the focus on the question", func() bool { return js[string](b, "document.activeElement.tagName") == "SELECT" })
	})

	part("2.3 comment, duet and stitch off, grey with the reason", func(t *testing.T) {
		for _, name := range []string{"Allow comments", "Allow Duet", "Allow Stitch", "Disclose post content", "AI-generated content"} {
			if b.checked(name) {
				t.Errorf("%s is on already", name)
			}
		}
		juno := w.composing(t, "juno.sketches")
		for name, what := range map[string]string{"Allow comments": "Commenting", "Allow Duet": "Duet", "Allow Stitch": "Stitch"} {
			juno.see(what + " is switched off in the privacy settings of this TikTok account.")
			if !juno.find("switch", name).disabled {
				t.Errorf("%s can be switched on", name)
			}
		}
		juno.choose(picture(t, t.TempDir(), "drawing.jpg", "900x1200"))
		juno.see("Photos", "Allow comments", "no public https address") // said before anything is scheduled
		juno.until("duet and stitch to go for photos", func() bool {
			return len(juno.all("switch", "Allow Duet"))+len(juno.all("switch", "Allow Stitch")) == 0
		})
	})

	part("2.4 declaration directly above the button, always", func(t *testing.T) {
		b.declares(musicDeclares)
		if !js[bool](b, `document.getElementById('declaration').nextElementSibling.matches('button.btn-primary')`) {
			t.Error("something stands between the declaration and the button")
		}
	})

	part("3.1 disclosure off, then two boxes of which both can be chosen", func(t *testing.T) {
		if len(b.all("checkbox", "Your brand"))+len(b.all("checkbox", "Branded content")) != 0 {
			t.Error("the boxes are there before the switch is on")
		}
		b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
		b.press("radio", "Now")
		b.find("button", "Post now")
		b.press("switch", "Disclose post content")
		if b.find("checkbox", "Your brand").disabled || b.find("checkbox", "Branded content").disabled || b.checked("Your brand") || b.checked("Branded content") {
			t.Error("the boxes are not two open questions")
		}
	})

	part("3.2 nothing indicated, nothing posted", func(t *testing.T) {
		b.see(undecided)
		f := b.find("button", "Say what it promotes")
		if !f.disabled || js[string](b, `document.querySelector('.go button').title`) != undecided {
			t.Error("the button is not off with TikTok's words over it")
		}
		b.on(f, "function() { this.click() }")
		b.until("the focus on the boxes", func() bool {
			return js[bool](b, `document.getElementById('tiktok-disclosure').contains(document.activeElement)`)
		})
	})

	part("3.3 label and declaration of each combination", func(t *testing.T) {
		for _, c := range []struct{ press, label, declaration string }{
			{"Your brand", promotional, musicDeclares},        // your brand alone
			{"Branded content", partnership, brandedDeclares}, // both
			{"Your brand", partnership, brandedDeclares},      // branded alone
			{"Branded content", "", musicDeclares},            // none
		} {
			b.press("checkbox", c.press)
			b.until(fmt.Sprintf("the label %q", c.label), func() bool { return b.prompt() == c.label })
			b.declares(c.declaration)
		}
		b.flawless()
	})

	part("3.4 branded content never private", func(t *testing.T) {
		b.set("combobox", "Who can see this video", "SELF_ONLY")
		b.see(neverPrivate)
		if !b.find("checkbox", "Branded content").disabled {
			t.Error("a private post can be branded content")
		}
		b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
		b.press("checkbox", "Branded content")
		b.until("private to be impossible, and to say why", func() bool {
			return js[bool](b, `(() => { const o = document.querySelector('#tiktok-privacy option[value=SELF_ONLY]'); return o.disabled && o.title === '`+neverPrivate+`' })()`)
		})
	})

	part("4.1 both policies linked", func(t *testing.T) {
		const music = "https://www.tiktok.com/legal/page/global/music-usage-confirmation/en"
		links := func() string {
			return js[string](b, `[...document.querySelectorAll('#declaration a')].map((a) => a.href).join(' ')`)
		}
		b.until("both links", func() bool { return links() == "https://www.tiktok.com/legal/page/global/bc-policy/en "+music })
		b.press("checkbox", "Branded content")
		b.press("checkbox", "Your brand")
		b.declares(musicDeclares)
		if got := links(); got != music {
			t.Errorf("the declaration leads to %q", got)
		}
	})

	part("5.1 preview of exactly what is sent", func(t *testing.T) {
		b.set("slider", "Cover", "1000")
		b.at("/compose/post_")
		b.until("the draft to be saved with the last answers", func() bool {
			return js[bool](b, `fetch(location.pathname.replace('/compose/', '/api/v1/posts/')).then((r) => r.json())
				.then((post) => post.options?.tiktok?.cover_ms === 1000 && post.options.tiktok.your_brand === true)`)
		})
		b.open(b.path()) // what is shown now is what the server has
		b.until("the preview", func() bool {
			return strings.Contains(js[string](b, `document.querySelector('.phone video')?.src ?? ''`), "/media/")
		})
		shown := js[string](b, `fetch(document.querySelector('.phone video').src).then((r) => r.arrayBuffer()).then((bytes) => crypto.subtle.digest('SHA-256', bytes))
			.then((hash) => [...new Uint8Array(hash)].map((n) => n.toString(16).padStart(2, '0')).join(''))`)
		if shown != sumOf(t, path) {
			t.Errorf("the preview shows %s", shown)
		}
		b.until("all that TikTok lays over it", func() bool {
			over := js[string](b, `document.querySelector('.phone').innerText`)
			return strings.Contains(over, "@mara.moves") && strings.Contains(over, "Low tide at dawn 🌊 #nature") && strings.Contains(over, "Promotional content")
		})
	})

	part("5.3 nothing sent before the creator agrees", func(t *testing.T) {
		if n := w.count("request", "video_init") + w.count("request", "content_init"); n != 0 {
			t.Errorf("%d posts were begun before the button was pressed", n)
		}
	})

	part("5.4 told that it takes a few minutes", func(t *testing.T) {
		b.see("TikTok may take a few minutes until it is visible on the profile")
	})

	part("5.5 outcome shown", func(t *testing.T) {
		b.press("radio", "Now")
		b.press("button", "Post now")
		b.at("/posts/post_")
		b.see("Posted: TikTok confirmed it", "View on TikTok")
	})

	part("5.2 nothing added", func(t *testing.T) {
		seen := w.sim.Posts()
		if len(seen) != 1 {
			t.Fatalf("viewers see %+v", seen)
		}
		p := seen[0]
		if p.SHA256 != sumOf(t, path) || p.Caption != "Low tide at dawn 🌊 #nature" || p.CoverMS != 1000 || p.PrivacyLevel != "PUBLIC_TO_EVERYONE" ||
			!p.DisableComment || !p.DisableDuet || !p.DisableStitch || !p.BrandOrganic || p.BrandContent || p.IsAIGC {
			t.Errorf("viewers see %+v", p)
		}
	})

	part("5.6 drafts are finished in the TikTok inbox", func(t *testing.T) {
		b.open("/compose")
		b.press("radio", "Send to your TikTok inbox as a draft")
		b.see("Open the notification to finish it")
	})
}
