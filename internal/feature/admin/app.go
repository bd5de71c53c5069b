package admin

import (
	"bytes"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"image"
	"net/url"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"ship-post.com/shippost"
)

// What authenticator apps agree on (RFC 6238): other values are ignored by some of them.
const (
	period   = 30 * time.Second
	digits   = 6
	seedSize = 20 // bytes
	skew     = 1  // steps that a clock may be off, either way
)

var seedText = base32.StdEncoding.WithPadding(base32.NoPadding)

// key returns what an authenticator app is told: a seed, and for which server. Without a seed it makes one.
func key(seed shippost.Secret, site string) (*otp.Key, error) {
	where := site
	if u, err := url.Parse(site); err == nil {
		where = u.Hostname()
	}
	o := totp.GenerateOpts{Issuer: "ShipPost admin", AccountName: where, SecretSize: seedSize}
	if !seed.IsZero() {
		raw, err := seedText.DecodeString(seed.Reveal())
		if err != nil {
			return nil, fmt.Errorf("read a seed: %w", err)
		}
		o.Secret = raw
	}
	return totp.Generate(o)
}

// stepOf returns the step of time that a code of the app belongs to, of those around now; 0 for a code of none. It takes the same
// time whichever it is.
func stepOf(seed shippost.Secret, code string, now time.Time) (step int64, err error) {
	code = strings.Join(strings.Fields(code), "")
	middle := now.Unix() / int64(period/time.Second)
	for n := middle - skew; n <= middle+skew; n++ {
		want, err := hotp.GenerateCodeCustom(seed.Reveal(), uint64(n), hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, fmt.Errorf("work out a code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step = n
		}
	}
	return step, nil
}

// quiet is the empty border that a reader of QR codes needs, in squares; side is how large a square is drawn. A whole number of dots:
// uneven squares are hard to read.
const (
	quiet = 4
	side  = 4
)

// draw returns a QR code as an SVG file: black on white whatever the colours around it are.
func draw(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	var b bytes.Buffer
	size := code.Bounds().Dx() + 2*quiet
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[2]d" height="%[2]d" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="`, size, size*side)
	for y := range code.Bounds().Dy() {
		for x := 0; x < code.Bounds().Dx(); x++ {
			from := x
			for x < code.Bounds().Dx() && dark(code, x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}

func dark(code image.Image, x, y int) bool {
	r, _, _, _ := code.At(x, y).RGBA()
	return r == 0
}
