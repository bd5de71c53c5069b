package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// rules are those the accessibility checker applies; in another colour scheme all but those about colours find the same again.
const (
	allRules    = "{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }"
	colourRules = "{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }"
)

// checked and flaws count the looks of the checker in light and in dark, and what it found, for whoever reads a verbose run.
var checked, flaws atomic.Int64

// axe returns what the accessibility checker finds on the page as it is now, in light and in dark: in the dialog or menu that lies in front
// of everything, if one does, since nothing behind it can be reached. What it found before in this tab is not told again.
func (b *tab) axe() []string {
	b.t.Helper()
	var list []string
	for _, look := range []struct{ scheme, rules string }{{"light", allRules}, {"dark", colourRules}} {
		b.scheme(look.scheme)
		if js[bool](b, "!window.axe") {
			source, err := os.ReadFile("../ui/node_modules/axe-core/axe.min.js")
			if err != nil {
				b.t.Fatalf("axe-core is missing; run npm ci in ui: %v", err)
			}
			js[bool](b, string(source)+"; true")
		}
		type violation struct {
			ID    string `json:"id"`
			Help  string `json:"help"`
			Nodes []struct {
				HTML    string `json:"html"`
				Summary string `json:"failureSummary"`
			} `json:"nodes"`
		}
		// Colours in the middle of a transition are nobody's colours.
		found := js[[]violation](b, `Promise.all(document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => 0)))
			.then(() => axe.run(document.querySelector('dialog:modal, [role=menu]:popover-open') ?? document, { resultTypes: ['violations'], runOnly: `+look.rules+` })).then((r) => r.violations)`)
		checked.Add(1)
		flaws.Add(int64(len(found)))
		for _, v := range found {
			for _, n := range v.Nodes {
				if key := v.Help + n.HTML; !b.told[key] {
					b.told[key] = true
					list = append(list, fmt.Sprintf("%s, %s: %s: %.200s\n%s", b.path(), look.scheme, v.Help, n.HTML, n.Summary))
				}
			}
		}
	}
	b.scheme("light")
	return list
}

// window is how large a page is shown, in its own pixels.
type window struct{ width, height int64 }

// desk and phone are the windows that people look through most.
var desk, phone = window{1440, 900}, window{390, 844}

// flawless wants that the checker finds nothing on the page as it is now, and that nothing is wider than the window.
func (b *tab) flawless() {
	b.t.Helper()
	for _, v := range b.axe() {
		b.t.Error(v)
	}
	b.fits()
}

// fits wants that nothing is wider than the window.
func (b *tab) fits() {
	b.t.Helper()
	if size := js[[2]int](b, "[document.documentElement.scrollWidth, innerWidth]"); size[0] > size[1] {
		b.t.Errorf("%s is %d px wide in a window of %d px", b.path(), size[0], size[1])
	}
}

// accessible looks at a page on a desk and on a phone, in light and in dark.
func (b *tab) accessible(name string) {
	b.t.Helper()
	for _, size := range []window{phone, desk} {
		b.size(size)
		b.flawless()
		for _, scheme := range []string{"dark", "light"} {
			b.scheme(scheme)
			b.picture(fmt.Sprintf("%s-%s-%d", name, scheme, size.width))
		}
	}
}

// visible wants that whoever has the system choose all colours sees every word, icon, field and choice.
func (b *tab) visible() {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "forced-colors", Value: "active"}, {Name: "prefers-color-scheme", Value: scheme}}})
		must(b.t, err)
		if !js[bool](b, "matchMedia('(forced-colors: active)').matches") {
			b.t.Fatal("this browser forces no colours")
		}
		if lost := js[[]string](b, invisible); len(lost) > 0 {
			b.t.Errorf("%s in %s forced colours cannot be seen:\n%s", b.path(), scheme, strings.Join(lost, "\n"))
		}
	}
	b.scheme("light")
}

// invisible lists what has the colour of its ground, or controls without an edge.
const invisible = `(() => {
	const ground = (el) => { for (let e = el; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/^rgba\(.*, 0\)$|transparent/.test(c)) return c } return getComputedStyle(document.documentElement).backgroundColor }
	const name = (el) => el.outerHTML.slice(0, 120)
	const lost = []
	for (const el of document.body.querySelectorAll('*')) {
		if (!el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || el.getBoundingClientRect().width < 2) continue
		const style = getComputedStyle(el)
		const words = [...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim() !== '')
		if ((words || el.tagName === 'svg') && style.color === ground(el) && !el.closest('.sr-only, [disabled], [aria-busy=true]')) lost.push('same colour as its ground: ' + name(el))
		if (el.matches('input:not(.sr-only, [type=file], [type=range]), select, textarea') && !el.closest('.sr-only') && parseFloat(style.borderTopWidth) === 0 && style.outlineStyle === 'none' && el.type !== 'checkbox' && el.type !== 'radio') lost.push('a field without an edge: ' + name(el))
		if (el.matches('[aria-pressed=true], [aria-current=page]') && style.outlineStyle === 'none' && parseFloat(style.borderTopWidth) === 0 && style.backgroundColor === ground(el.parentElement) && !el.querySelector('svg') && style.fontWeight < 600) lost.push('a choice that looks like no choice: ' + name(el))
	}
	return [...new Set(lost)].slice(0, 12)
})()`

// calm wants that between a phone and the widest windows nothing overflows, no line of text is longer than eyes follow, and no button is
// stretched.
func (b *tab) calm() {
	b.t.Helper()
	for _, size := range []window{{600, 900}, {768, 1024}, {1024, 768}, {1920, 1080}, {2560, 1440}} {
		b.size(size)
		b.drawn()
		b.fits()
		if odd := js[[]string](b, stretched); len(odd) > 0 {
			b.t.Errorf("%s at %d px:\n%s", b.path(), size.width, strings.Join(odd, "\n"))
		}
	}
	b.size(desk)
	b.drawn()
}

// drawn waits until the page has followed a change of its window.
func (b *tab) drawn() {
	b.t.Helper()
	js[bool](b, "new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => next(true))))")
}

// stretched lists lines of more than 120 letters and controls that are wider than a hand expects.
const stretched = `(() => {
	const odd = []
	for (const el of document.body.querySelectorAll('p, li, dd, h1, h2, h3, small, span, label')) {
		if (!el.checkVisibility() || el.closest('.sr-only')) continue
		const text = [...el.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent).join('').trim()
		if (text.length <= 120) continue
		const range = document.createRange()
		range.selectNodeContents(el)
		const lines = new Set([...range.getClientRects()].map((r) => Math.round(r.top / 8))).size
		if (text.length / lines > 120) odd.push(Math.round(text.length / lines) + ' letters in a line: ' + text.slice(0, 80))
	}
	for (const el of document.body.querySelectorAll('main .btn, main input, main select, main textarea')) {
		const wide = el.getBoundingClientRect().width
		if (el.checkVisibility() && wide > 900 && !el.matches('[type=file]')) odd.push(Math.round(wide) + ' px wide: ' + el.outerHTML.slice(0, 100))
	}
	return odd
})()`
