package probe_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/probe"
)

func TestRecodeAvatar(t *testing.T) {
	t.Parallel()
	var p bytes.Buffer
	if err := png.Encode(&p, image.NewRGBA(image.Rect(0, 0, 640, 480))); err != nil {
		t.Fatal(err)
	}
	picture, err := probe.RecodeAvatar(p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if config, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || config.Width != 200 || config.Height != 150 {
		t.Errorf("kept as %+v, %v", config, err)
	}
	// A header that promises a picture of many gigabytes.
	bomb := bytes.Clone(p.Bytes())
	binary.BigEndian.PutUint32(bomb[16:], 60_000)
	binary.BigEndian.PutUint32(bomb[20:], 60_000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("<svg onload=alert(1)>"), "half": p.Bytes()[:p.Len()/2], "bomb": bomb,
		"GIF": []byte("GIF89a\x01\x00\x01\x00"), "JPEG head": {0xFF, 0xD8, 0xFF, 0xE0}} {
		if got, err := probe.RecodeAvatar(data); !shippost.IsCode(err, "bad_avatar") || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
