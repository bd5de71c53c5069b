package probe

import (
	"bytes"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"

	"ship-post.com/shippost"
)

// Limits of a person's picture.
const (
	avatarSide   = 200     // pixels of what is kept
	avatarPixels = 4 << 20 // of what is decoded
)

// RecodeAvatar decodes a JPEG, PNG or WebP from outside and returns it as a small JPEG without metadata. Anything else, and
// what is too large, is an error of kind Invalid.
func RecodeAvatar(data []byte) ([]byte, error) {
	bad := shippost.Errorf(shippost.Invalid, "bad_avatar", "This is no picture of a usual kind and size.")
	decode, config := jpeg.Decode, jpeg.DecodeConfig
	switch {
	case startsJPEG(data):
	case startsPNG(data):
		decode, config = png.Decode, png.DecodeConfig
	case startsWebP(data):
		decode, config = webp.Decode, webp.DecodeConfig
	default:
		return nil, bad
	}
	head, err := config(bytes.NewReader(data))
	if err != nil || head.Width < 1 || head.Height < 1 || head.Width*head.Height > avatarPixels {
		return nil, bad.Because(err)
	}
	picture, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, bad.Because(err)
	}
	return encode(shrink(picture, Fit{avatarSide, avatarSide}.within(picture.Bounds().Size())), posterQuality, nil)
}
