package e2e

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"ship-post.com/shippost/client"
)

// scene is a landscape in a few colours: what the creator of the README films.
type scene struct {
	caption    string
	top, low   color.RGBA // of the sky
	sun        color.RGBA
	x, y       float64 // of the sun, of the picture's sides
	near, away color.RGBA
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

var scenes = []scene{
	{"Low tide at the old pier #nature", rgb(0xffd9a0), rgb(0xff8f6b), rgb(0xfff1cf), 0.32, 0.33, rgb(0x1b2a44), rgb(0x42618f)},
	{"Opening the kiln #ceramics", rgb(0xffe2c4), rgb(0xff8a5c), rgb(0xffcf5e), 0.7, 0.26, rgb(0x3a1410), rgb(0xb1482c)},
	{"Night market, three bowls #food", rgb(0x1a1040), rgb(0x6a2c91), rgb(0xffd56b), 0.45, 0.3, rgb(0x24103c), rgb(0xd84a97)},
	{"Morning run, first fog", rgb(0xdff3f0), rgb(0x9fd6cc), rgb(0xffffff), 0.52, 0.3, rgb(0x17483f), rgb(0x4f9d8a)},
	{"First snow on the roofs", rgb(0xe8f0fa), rgb(0xc3d2ea), rgb(0xffffff), 0.6, 0.26, rgb(0x33496b), rgb(0x91a9cd)},
	{"Dunes at noon", rgb(0xbfe0fb), rgb(0xfaecc9), rgb(0xfff6d8), 0.25, 0.18, rgb(0xb5651d), rgb(0xefb04c)},
	{"Studio tour", rgb(0xf9cfdb), rgb(0xf29fb6), rgb(0xffffff), 0.68, 0.34, rgb(0x561c36), rgb(0xb8476f)},
	{"Old pier, new paint", rgb(0xd6efc9), rgb(0x8cc9a0), rgb(0xfdf6d6), 0.78, 0.4, rgb(0x123f3c), rgb(0x3c8f7c)},
}

// film makes a short video of the scene and returns where it is.
func (s scene) film(dir string, n int) (string, error) {
	const w, h = 540, 960
	mix := func(a, b color.RGBA, t float64) color.RGBA {
		one := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*min(max(t, 0), 1)) }
		return color.RGBA{one(a.R, b.R), one(a.G, b.G), one(a.B, b.B), 255}
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	const hills = 4
	for x := range w {
		var ridge [hills]float64
		for i := range ridge {
			k := float64(x) / w * 2 * math.Pi
			ridge[i] = h * (0.56 + 0.1*float64(i) + 0.02*math.Sin(k*(1.1+0.5*float64(i))+float64(n+i)*1.7) + 0.009*math.Sin(k*(3+float64(i))+float64(n)))
		}
		for y := range h {
			at := mix(s.top, s.low, float64(y)/(h*0.62))
			far := math.Hypot(float64(x)-s.x*w, float64(y)-s.y*h)
			at = mix(at, s.sun, 0.55*math.Exp(-far/90))
			at = mix(at, s.sun, 56.5-far) // a round edge, a pixel soft
			for i, top := range ridge {
				at = mix(at, mix(s.away, s.near, float64(i)/(hills-1)), float64(y)-top)
			}
			img.SetRGBA(x, y, at)
		}
	}
	still, path := filepath.Join(dir, fmt.Sprintf("scene-%d.png", n)), filepath.Join(dir, strings.ToLower(strings.Fields(strings.ReplaceAll(s.caption, ",", ""))[0])+fmt.Sprintf("-%d.mp4", n+1))
	f, err := os.Create(still)
	if err != nil {
		return "", err
	}
	if err := png.Encode(f, img); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return path, ffmpeg("-v", "error", "-y", "-loop", "1", "-i", still, "-f", "lavfi", "-i", "sine=frequency=330", "-t", "5", "-r", "24",
		"-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "aac", path)
}

// TestReadmePictures goes to what the README and the operator's page about TikTok show, with the data they show, so that their pictures can
// be made anew:
//
//	TEST_PICTURES=$PWD/docs/screens go test ./e2e -run TestReadmePictures
//
// Those there are have the sizes that are counted on.
func TestReadmePictures(t *testing.T) {
	t.Parallel()
	w := begin(t)
	p := w.creator(t, "mara.moves")
	dir := t.TempDir()
	var media []string
	for i, s := range scenes {
		path, err := s.film(dir, i)
		must(t, err)
		m, err := p.upload(t.Context(), path)
		must(t, err)
		media = append(media, m.ID)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	post := func(n int, at time.Time) client.Post {
		t.Helper()
		d := p.draft(media[n], 0)
		d.Caption, d.DueAt = scenes[n].caption, time.Time{}
		d.Due = &client.Due{Local: at.In(berlin).Format("2006-01-02T15:04:05"), Zone: berlin.String()}
		yes := true
		d.Options.TikTok.AllowComment = &yes
		made, err := p.CreatePost(t.Context(), d, "")
		must(t, err)
		return made
	}
	now := time.Now().In(berlin)
	first := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, berlin)
	for i, at := range []string{
		"1 12:00", "1 17:45", "1 21:00", "3 10:00", "4 18:30", "5 20:00", "7 09:30", "8 19:15", "10 18:00", "11 08:45", "13 11:00", "14 20:15", "15 19:00",
		"15 21:30", "17 12:30", "18 18:00", "20 10:00", "22 19:00", "24 16:00",
	} {
		var day, hour, minute int
		_, err := fmt.Sscanf(at, "%d %d:%d", &day, &hour, &minute)
		must(t, err)
		post((i*3+4)%len(scenes), first.AddDate(0, 0, day-1).Add(time.Duration(hour*60+minute)*time.Minute))
	}
	out := post(0, time.Now().Add(2*time.Second))

	b := w.browse(t)
	_, err = chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	must(t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en-GB"})
	must(t, err)
	b.signIn(p.handle)
	month := "/?date=" + first.Format("2006-01-02")
	drawn := func() {
		t.Helper()
		b.until("its pictures", func() bool {
			return peek[bool](b, `[...document.images].every((i) => i.complete || !i.checkVisibility() || i.getBoundingClientRect().top > innerHeight)`)
		})
	}
	picture := func(name string) {
		t.Helper()
		drawn()
		b.picture(name)
	}

	b.open(month)
	b.see(first.Format("January 2006"), "Opening the kiln")
	picture("calendar")
	b.size(phone)
	b.open(month)
	b.see(scenes[4].caption)
	picture("phone")
	b.size(desk)

	b.open("/posts/" + out.ID)
	b.see("Posted: TikTok confirmed it", "View on TikTok")
	picture("post")

	b.open("/compose")
	b.see("Drop a video here", "Posting as")
	fresh, err := scenes[1].film(dir, len(scenes)) // other hills: a file that is here already would be recognised
	must(t, err)
	b.choose(fresh)
	b.see("Checked and ready")
	b.write("Caption", "Opening the kiln after three days #ceramics #slow")
	b.answer()
	b.tick("switch", "Allow comments")
	b.press("button", "Tomorrow")
	b.see("Schedule for", "Saved as a draft")
	b.do(chromedp.Evaluate[chromedp.Void]("document.activeElement.blur()"))
	picture("composer")

	b.size(window{900, 640})
	b.open("/accounts")
	b.see("Mara Lindqvist", "Connected")
	picture("accounts")
	b.open("/settings/review")
	b.see("Start the walk", "0 of 17 shown")
	picture("checklist")

	for name, size := range map[string]image.Point{"calendar": {1440, 900}, "composer": {1440, 900}, "post": {1440, 900}, "phone": {390, 844},
		"accounts": {900, 640}, "checklist": {900, 640}} {
		kept(t, name, size)
	}
}

// kept wants that a picture is there in its size.
func kept(t *testing.T, name string, size image.Point) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "docs", "screens", name+".png"))
	must(t, err)
	c, err := png.DecodeConfig(f)
	_ = f.Close()
	must(t, err)
	if got := image.Pt(c.Width, c.Height); got != size {
		t.Errorf("%s.png is of %s, not of %s", name, got, size)
	}
}

// TestReadmePictures_Privacy goes to what the operator's page about data shows, as TestReadmePictures does: the policy and what changed
// in it, the requests of people, a copy of everything, and the receipt of a deletion.
func TestReadmePictures_Privacy(t *testing.T) {
	t.Parallel()
	w := prepare(t)
	w.extra = []string{"SHIPPOST_OPERATOR_NAME=Studio Nord", "SHIPPOST_OPERATOR_CONTACT=privacy@posts.example"}
	must(t, w.start())
	p := planIn(t, w)
	small, wide := window{900, 640}, window{1100, 560}
	picture := func(b *tab, name string) {
		t.Helper()
		b.until("its pictures", func() bool { return peek[bool](b, "[...document.images].every((i) => i.complete)") })
		b.do(chromedp.Evaluate[chromedp.Void]("document.activeElement.blur()"))
		b.picture(name)
	}
	b := p.signedIn(t)
	b.size(small)
	b.open("/privacy-policy")
	b.see("Studio Nord")
	picture(b, "policy")
	b.press("link", "What changed on 26 November 2026")
	b.see("24 November 2026")
	picture(b, "changes")

	b.open("/settings/data")
	b.press("button", "Make a copy")
	b.find("link", "Download")
	js[bool](b, "document.querySelector('#data').closest('section').scrollIntoView({ behavior: 'instant' }), scrollBy({ top: -24, behavior: 'instant' }), true")
	picture(b, "export")

	ask := func(b *tab, kind, mail, text string) {
		b.open("/contact")
		b.set("combobox", "What is it about?", kind)
		if mail != "" {
			b.write("Your mail address", mail)
		}
		b.write("Your message", text)
		b.press("button", "Send")
		b.see("Received")
	}
	operator := w.browse(t)
	operator.withDevice()
	operator.size(wide)
	ask(b, "export", "", "Please send me what I uploaded this year.")
	ask(operator, "question", "jonas@example.com", "Where are my videos kept?")
	ask(operator, "erasure", "lena@example.com", "I do not use ShipPost any more. Please delete me.")
	ask(operator, "correction", "studio@example.com", "My display name is out of date.")
	cmd := exec.Command("shippost", "admin", "code")
	cmd.Env = w.environment()
	out, err := cmd.Output()
	must(t, err)
	code, _, _ := strings.Cut(string(out), "\n")
	operator.open("/admin/enrol")
	operator.write("Code", code)
	operator.write("Your name", "Olga Operator")
	operator.press("button", "Make a passkey")
	operator.see("Overview")
	operator.open("/admin/inquiries")
	operator.see("jonas@example.com")
	picture(operator, "requests")

	b.open("/settings/data")
	b.press("button", "Delete me…")
	b.tick("checkbox", "I have read this")
	b.press("button", "Delete")
	b.at("/erasure/")
	page := b.path()
	must(t, w.end(syscall.SIGTERM))
	w.change(t, "UPDATE erasures SET due_at = $1", time.Now().Add(-time.Minute).UnixMicro()) // seven days later
	must(t, w.start())
	b.until("the receipt", func() bool {
		b.open(page)
		return strings.Contains(b.text(), "This is the receipt")
	})
	picture(b, "receipt")

	for name, size := range map[string]window{"policy": small, "changes": small, "export": small, "requests": wide, "receipt": small} {
		kept(t, name, image.Pt(int(size.width), int(size.height)))
	}
}
