package tiktoksim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// avatarTTL is how long an avatar link lives (TikTok contract 4.3).
const avatarTTL = 2 * time.Hour

// avatarURL is a signed link that stops working after two hours, like the
// links of TikTok's image hosts.
func (s *Server) avatarURL(handle string, r *http.Request) string {
	expires := strconv.FormatInt(s.clock.Now().Add(avatarTTL).Unix(), 10)
	return s.baseURL(r) + "/avatar/" + url.PathEscape(handle) + ".png?" +
		url.Values{"x-expires": {expires}, "x-signature": {s.avatarSignature(handle, expires)}}.Encode()
}

func (s *Server) avatarSignature(handle, expires string) string {
	mac := hmac.New(sha256.New, s.avatarKey)
	fmt.Fprintf(mac, "%s %s", handle, expires)
	return hex.EncodeToString(mac.Sum(nil)[:12])
}

func (s *Server) avatarFile(w http.ResponseWriter, r *http.Request) {
	handle, ok := strings.CutSuffix(r.PathValue("file"), ".png")
	q := r.URL.Query()
	expires, err := strconv.ParseInt(q.Get("x-expires"), 10, 64)
	signed := hmac.Equal([]byte(q.Get("x-signature")), []byte(s.avatarSignature(handle, q.Get("x-expires"))))
	if !ok || err != nil || !signed || s.clock.Now().Unix() >= expires {
		http.Error(w, "This link has expired.", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Write(drawAvatar(handle))
}

var drawn sync.Map // handle → PNG bytes

// drawAvatar paints a head and shoulders in colours made from the handle.
func drawAvatar(handle string) []byte {
	if b, ok := drawn.Load(handle); ok {
		return b.([]byte)
	}
	const size = 200
	sum := sha256.Sum256([]byte("avatar " + handle))
	hue := float64(sum[0]) / 256 * 360
	back, body, skin := hsl(hue, .55, .80), hsl(hue+150, .45, .42), hsl(20+float64(sum[1])/256*18, .45, .35+float64(sum[2])/256*.45)
	hair := hsl(float64(sum[3])/256*50, .35, .12+float64(sum[4])/256*.35)
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			c := back
			switch fx, fy := float64(x)-100, float64(y); {
			case math.Hypot(fx, fy-92) < 36:
				c = skin
				if fy < 78+float64(sum[5]%10)-fx*fx/200 {
					c = hair
				}
			case math.Hypot(fx, fy-84) < 42 && fy < 92+float64(sum[6]%40):
				c = hair
			case math.Abs(fx) < 15 && fy >= 120 && fy < 148:
				c = skin
			case math.Hypot(fx/1.15, fy-205) < 66:
				c = body
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // writing to memory
	}
	drawn.Store(handle, b.Bytes())
	return b.Bytes()
}

// hsl converts hue (degrees), saturation and lightness to a colour.
func hsl(h, s, l float64) color.RGBA {
	channel := func(n float64) uint8 {
		k := math.Mod(n+h/30, 12)
		a := s * min(l, 1-l)
		return uint8(255 * (l - a*max(-1, min(k-3, 9-k, 1))))
	}
	return color.RGBA{channel(0), channel(8), channel(4), 255}
}

// favicon is the avatar of nobody in particular.
func (s *Server) favicon(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "max-age=86400")
	w.Write(drawAvatar("simulator"))
}
