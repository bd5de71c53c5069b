package admin

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"

	"ship-post.com/shippost"
)

// rfcSeed is the seed of the examples in RFC 6238, appendix B.
const rfcSeed = "12345678901234567890"

func TestCodesAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	seed := shippost.NewSecret(seedText.EncodeToString([]byte(rfcSeed)))
	for at, code := range map[int64]string{1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		now := time.Unix(at, 0)
		for _, tc := range []struct {
			name, code string
			now        time.Time
			ok         bool
		}{
			{"now", code, now, true},
			{"written in two parts", code[:3] + " " + code[3:] + "\n", now, true},
			{"a step early", code, now.Add(-period), true},
			{"a step late", code, now.Add(period), true},
			{"two steps early", code, now.Add(-2 * period), false},
			{"two steps late", code, now.Add(2 * period), false},
			{"one digit too many", code + "0", now, false},
			{"one digit less", code[:5], now, false},
			{"digits of another script", strings.Map(func(r rune) rune { return r - '0' + '٠' }, code), now, false},
			{"nothing", "", now, false},
		} {
			step, err := stepOf(seed, tc.code, tc.now)
			if err != nil || (step == at/30) != tc.ok || !tc.ok && step != 0 {
				t.Errorf("at %d, %s: step %d, %v", at, tc.name, step, err)
			}
		}
	}
	if _, err := stepOf(shippost.NewSecret("no seed!"), "000000", time.Unix(59, 0)); err == nil {
		t.Error("a seed that is none gives codes")
	}
}

// What an app reads says all that it needs, and the same seed gives the same.
func TestWhatAnAppIsTold(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for site, where := range map[string]string{"https://posts.example:8443": "posts.example", "http://localhost:8080": "localhost", "https://xn--zo-jka.example": "xn--zo-jka.example"} {
		made, err := key(shippost.Secret{}, site)
		if err != nil {
			t.Fatal(err)
		}
		seed := made.Secret()
		if raw, err := seedText.DecodeString(seed); err != nil || len(raw) != seedSize || seen[seed] {
			t.Errorf("the seed %q: %v", seed, err)
		}
		seen[seed] = true
		again, err := key(shippost.NewSecret(seed), site)
		if err != nil || again.URL() != made.URL() {
			t.Errorf("%v, %v", again, err)
		}
		u, err := url.Parse(again.URL())
		q := u.Query()
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/ShipPost admin:"+where || q.Get("secret") != seed || q.Get("issuer") != "ShipPost admin" || q.Get("digits") != "6" || q.Get("period") != "30" || q.Get("algorithm") != "SHA1" {
			t.Errorf("%s: %v", u, err)
		}
	}
	if _, err := key(shippost.NewSecret("0189"), "https://posts.example"); err == nil {
		t.Error("a seed that is none is taken")
	}
}

var (
	square = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)
	sized  = regexp.MustCompile(`viewBox="0 0 (\d+) (\d+)"`)
)

// The picture has each square of the code, no other, and an empty border.
func TestThePictureIsTheCode(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", "otpauth://totp/a:b?secret=" + strings.Repeat("A", 32), strings.Repeat("long ", 60)} {
		picture, err := draw(text)
		if err != nil {
			t.Fatal(err)
		}
		code, err := qr.Encode(text, qr.M, qr.Auto)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, m := range square.FindAllStringSubmatch(string(picture), -1) {
			var n [4]int
			for i := range n {
				n[i], _ = strconv.Atoi(m[i+1])
			}
			for x := n[0]; x < n[0]+n[2]; x++ {
				got[fmt.Sprint(x-4, " ", n[1]-4)] = true
			}
		}
		size := code.Bounds().Dx()
		if m := sized.FindStringSubmatch(string(picture)); m == nil || m[1] != strconv.Itoa(size+8) || m[2] != m[1] {
			t.Errorf("the picture is sized %v around %d squares", m, size)
		}
		black := 0
		for y := range size {
			for x := range size {
				if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
					if black++; !got[fmt.Sprint(x, " ", y)] {
						t.Fatalf("no square at %d, %d", x, y)
					}
				}
			}
		}
		if black != len(got) || black == 0 {
			t.Errorf("%d squares, want %d", len(got), black)
		}
	}
	if _, err := draw(strings.Repeat("too long ", 1000)); err == nil {
		t.Error("what fits into no code is drawn")
	}
}
