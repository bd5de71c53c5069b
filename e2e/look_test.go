package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "keep how screens and components look now")

// looks is where it is kept how each screen and each group of components looks, by width and scheme: half as large, and in few colours,
// which is enough to see what changed and keeps the files small.
const looks = "testdata/look"

// noon is the time that pictures are taken at, on a Tuesday.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// stillPage makes a page look the same each time: its clock stands, and chance is none.
const stillPage = `(() => {
	const now = %d
	const Real = Date
	window.Date = class extends Real { constructor(...a) { a.length ? super(...a) : super(now) } static now() { return now } }
	let seed = 1
	Math.random = () => (seed = (seed * 16807) %% 2147483647) / 2147483647
})()`

// still has what the tab opens look the same each time and everywhere.
func (b *tab) still() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: fmt.Sprintf(stillPage, noon.UnixMilli())})
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en-GB"})
	must(b.t, err)
}

// settled waits until fonts and pictures are there and two frames were drawn, and ends what moves.
const settled = `document.fonts.ready.then(() => Promise.all([...document.images].map((i) => i.decode().catch(() => 0)))).then(() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))).then(() => {
	document.querySelectorAll('*').forEach((el) => el.getAnimations().forEach((a) => a.cancel()))
	return true
})`

// keepsItsLook compares every group of components of the gallery with how it is known to look, on a desk and on a phone, in light and
// dark. A few edges may be drawn otherwise; what a person would see may not. The picture of what differs, red over grey, is left where
// TEST_PICTURES says. After a change that is meant: go test ./e2e -run TestGallery -update, and look at the pictures.
func (b *tab) keepsItsLook() {
	b.t.Helper()
	b.still()
	for _, width := range []int64{1440, 390} {
		b.size(window{width, tall})
		for _, scheme := range []string{"light", "dark"} {
			_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-reduced-motion", Value: "reduce"}, {Name: "prefers-color-scheme", Value: scheme}}})
			must(b.t, err)
			b.open("/_ui")
			b.see("Components", "Consents", "It becomes:", "Not planned yet", "17/15")
			b.compareGroups(fmt.Sprintf("%d-%s", width, scheme))
		}
	}
}

// tall is how high the window is for pictures: higher than any group.
const tall = 4000

// group is where a group of components lies on the page.
type group struct {
	Name       string
	X, Y, W, H float64
}

func (b *tab) compareGroups(variant string) {
	b.t.Helper()
	groups := js[[]group](b, settled+`.then(() => {
		return [...document.querySelectorAll('section.card-plain[aria-label]')].filter((s) => !s.parentElement.closest('section')).map((s) => { const r = s.getBoundingClientRect(); return { Name: s.ariaLabel, X: r.x + scrollX, Y: r.y + scrollY, W: r.width, H: r.height } })
	})`)
	if len(groups) < 20 {
		b.t.Fatalf("the gallery has only %d groups", len(groups))
	}
	// What floats over the page hides none of it.
	js[bool](b, "([...document.querySelectorAll('body *')].filter((e) => e.matches('nav') || getComputedStyle(e).position === 'fixed').forEach((e) => { e.style.visibility = 'hidden' }), true)")
	var whole image.Image
	var top, bottom float64
	slices.SortStableFunc(groups, func(x, y group) int { return int(x.Y - y.Y) })
	for _, g := range groups {
		if whole == nil || g.Y+g.H > bottom {
			// One picture of much of the page costs less than one of each group.
			top = js[float64](b, fmt.Sprintf("new Promise((go) => { scrollTo({ top: %f, behavior: 'instant' }); requestAnimationFrame(() => requestAnimationFrame(() => go(scrollY))) })", g.Y))
			bottom = top + tall
			whole = b.window()
		}
		part := image.Rect(int(g.X), int(g.Y-top), int(g.X+g.W), int(g.Y+g.H-top))
		b.compareLook(filepath.Join(looks, variant, slug(g.Name)+".png"), reduced(whole, part))
	}
}

// window is a picture of what the window shows.
func (b *tab) window() image.Image {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{OptimizeForSpeed: new(true)})
	must(b.t, err)
	whole, err := png.Decode(bytes.NewReader(got.Data))
	must(b.t, err)
	return whole
}

// slug is a name that a file can have.
func slug(name string) string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// otherwise writes for what differs each time what stands there in the kept pictures: seconds and what is less, ports, keys and their like.
// Films are not looked at: how far one is loaded, the browser draws as it likes.
const otherwise = `(() => {
	document.querySelectorAll('video').forEach((v) => { v.style.visibility = 'hidden' })
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	for (let n; (n = walk.nextNode()); ) {
		const text = n.data.replace(/(\d\d:\d\d):\d\d(\.\d+)?/g, '$1:00').replace(/\d+(\.\d+)? ms\b/g, '1 ms').replace(/localhost:\d+/g, 'localhost:8080')
			.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:9090').replace(/\bsp_\w+/g, 'sp_key').replace(/\b(post|att|med|acc|key|usr|ws|ses|req)_\w+/g, '$1_id').replace(/\bv_pub_\S+/g, 'v_pub_id')
		if (text !== n.data) n.data = text
	}
	return true
})()`

// looksAsKnown compares what the window shows, in light and dark, with how the screen is known to look.
func (b *tab) looksAsKnown(name string, in window) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		js[bool](b, "(document.activeElement?.blur(), scrollTo({ top: 0, behavior: 'instant' }), true)")
		js[bool](b, otherwise)
		js[bool](b, settled)
		whole := b.window()
		b.compareLook(filepath.Join(looks, fmt.Sprintf("%d-%s", in.width, scheme), "screen-"+slug(name)+".png"), reduced(whole, whole.Bounds()))
	}
	b.scheme("light")
}

// reduced is a part of a picture, half as large and in few colours.
func reduced(whole image.Image, part image.Rectangle) *image.NRGBA {
	from := image.NewNRGBA(image.Rect(0, 0, part.Dx(), part.Dy()))
	draw.Draw(from, from.Bounds(), whole, part.Min, draw.Src)
	small := image.NewNRGBA(image.Rect(0, 0, part.Dx()/2, part.Dy()/2))
	for y := range small.Bounds().Dy() {
		for x := range small.Bounds().Dx() {
			var sum [3]int
			for _, at := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
				i := from.PixOffset(2*x+at[0], 2*y+at[1])
				for c := range sum {
					sum[c] += int(from.Pix[i+c])
				}
			}
			i := small.PixOffset(x, y)
			for c := range sum {
				small.Pix[i+c] = uint8(min(255, (sum[c]/4+4)/8*8))
			}
			small.Pix[i+3] = 255
		}
	}
	return small
}

// compareLook compares a group with the file that keeps its look, or writes it.
func (b *tab) compareLook(file string, now *image.NRGBA) {
	b.t.Helper()
	if *update {
		must(b.t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(b.t, writePicture(file, now))
		return
	}
	f, err := os.Open(file)
	if err != nil {
		b.t.Errorf("%s: nobody said how this looks; write it with -update: %v", file, err)
		return
	}
	defer f.Close()
	known, err := png.Decode(f)
	must(b.t, err)
	differs, what := differences(known, now)
	if what == "" {
		return
	}
	b.t.Errorf("%s looks otherwise: %s", file, what)
	if dir := os.Getenv("TEST_PICTURES"); dir != "" {
		must(b.t, writePicture(filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(file, looks+"/"), "/", "-")), differs))
	}
}

func writePicture(file string, picture image.Image) error {
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, picture); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

const (
	strong = 12 // how far a colour may be from the known one, of 255: more than one step of the kept colours, less than one soft ground from another
	tile   = 12 // pixels of a part that a person sees as one thing
	much   = 30 // how many hundredths of it may differ
	slack  = 2  // by so many pixels a group may be larger or smaller
)

// differences says what a person would see that differs, or nothing, with a picture: the new look in grey, and what differs in red.
// A pixel is as known when it, or one beside it, is: letters are drawn a fraction to the side on another machine.
func differences(known image.Image, now *image.NRGBA) (*image.NRGBA, string) {
	size := now.Bounds()
	marked := image.NewNRGBA(size)
	draw.Draw(marked, size, now, image.Point{}, draw.Src)
	if dx, dy := known.Bounds().Dx()-size.Dx(), known.Bounds().Dy()-size.Dy(); max(dx, -dx) > slack || max(dy, -dy) > slack {
		return marked, fmt.Sprintf("it is %d × %d, and was %d × %d", size.Dx(), size.Dy(), known.Bounds().Dx(), known.Bounds().Dy())
	}
	before := image.NewNRGBA(size)
	draw.Draw(before, size, known, image.Point{}, draw.Src)
	far := func(x, y int, in, of *image.NRGBA) bool {
		p := in.NRGBAAt(x, y)
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if (image.Point{X: x + dx, Y: y + dy}).In(size) && distance(p, of.NRGBAAt(x+dx, y+dy)) <= strong {
					return false
				}
			}
		}
		return true
	}
	tiles := map[image.Point]int{}
	for y := range size.Dy() {
		for x := range size.Dx() {
			if p := now.NRGBAAt(x, y); p == before.NRGBAAt(x, y) || !far(x, y, now, before) && !far(x, y, before, now) {
				grey := uint8(128 + int(p.G)/2)
				marked.SetNRGBA(x, y, color.NRGBA{grey, grey, grey, 255})
				continue
			}
			marked.SetNRGBA(x, y, color.NRGBA{220, 20, 40, 255})
			tiles[image.Pt(x/tile, y/tile)]++
		}
	}
	bad := 0
	for _, n := range tiles {
		if n*100 > tile*tile*much {
			bad++
		}
	}
	if bad == 0 {
		return marked, ""
	}
	return marked, fmt.Sprintf("%d parts of it", bad)
}

// distance is how far two colours are apart, in the channel that differs most.
func distance(a, b color.NRGBA) int {
	most := 0
	for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
		most = max(most, d, -d)
	}
	return most
}

// TestLook_SeesWhatAPersonSees: the comparison forgives an edge drawn otherwise, and nothing that a person would see.
func TestLook_SeesWhatAPersonSees(t *testing.T) {
	t.Parallel()
	paint := func(w, h int, ground color.NRGBA, boxes ...image.Rectangle) *image.NRGBA {
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		draw.Draw(m, m.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
		for _, box := range boxes {
			draw.Draw(m, box, image.NewUniform(color.NRGBA{30, 30, 30, 255}), image.Point{}, draw.Src)
		}
		return m
	}
	white := color.NRGBA{255, 255, 255, 255}
	known := paint(100, 60, white, image.Rect(10, 10, 60, 20))
	for name, c := range map[string]struct {
		now  *image.NRGBA
		same bool
	}{
		"the same":            {paint(100, 60, white, image.Rect(10, 10, 60, 20)), true},
		"a pixel aside":       {paint(100, 60, white, image.Rect(11, 10, 61, 20)), true},
		"a shade":             {paint(100, 60, color.NRGBA{247, 255, 255, 255}, image.Rect(10, 10, 60, 20)), true},
		"a soft ground":       {paint(100, 60, color.NRGBA{232, 246, 235, 255}, image.Rect(10, 10, 60, 20)), false},
		"two pixels higher":   {paint(100, 62, white, image.Rect(10, 10, 60, 20)), true},
		"much higher":         {paint(100, 70, white, image.Rect(10, 10, 60, 20)), false},
		"somewhere else":      {paint(100, 60, white, image.Rect(10, 30, 60, 40)), false},
		"gone":                {paint(100, 60, white), false},
		"more":                {paint(100, 60, white, image.Rect(10, 10, 60, 20), image.Rect(70, 40, 84, 52)), false},
		"another ground":      {paint(100, 60, color.NRGBA{40, 40, 60, 255}, image.Rect(10, 10, 60, 20)), false},
		"two buttons for one": {paint(100, 60, white, image.Rect(10, 10, 28, 20), image.Rect(44, 10, 60, 20)), false},
	} {
		if _, what := differences(known, c.now); (what == "") != c.same {
			t.Errorf("%s: %q", name, what)
		}
	}
}
