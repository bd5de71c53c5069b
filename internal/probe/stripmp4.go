package probe

import (
	"bytes"
	"errors"
	"strings"
)

// userData are boxes below udta, and items below ilst, that tell a place or a device.
var userData = map[string]string{
	"\xa9xyz": wordLocation, "@xyz": wordLocation, "loci": wordLocation, "\xa9gps": wordLocation,
	"\xa9mak": wordDevice, "\xa9mod": wordDevice, "@mak": wordDevice, "@mod": wordDevice, "manu": wordDevice, "modl": wordDevice,
	"mdln": wordDevice, "MUID": wordDevice, "CAME": wordDevice, "FIRM": wordDevice, "LENS": wordDevice, "CNMN": wordDevice, "CNFV": wordDevice,
	"XMP_": wordCamera, "Exif": wordCamera, "EXIF": wordCamera, "smta": wordCamera, "svss": wordCamera, "CNTH": wordCamera, "CNCV": wordCamera,
	"NCDT": wordCamera, "MVTG": wordCamera, "FFMV": wordCamera, "TAGS": wordCamera, "QVMI": wordCamera, "PENT": wordCamera, "PXTH": wordCamera,
	"thmb": wordCamera, "GPMF": wordTelemetry, "HMMT": wordTelemetry, "SETT": wordCamera,
}

// privateUUIDs are uuid boxes of cameras and editors.
var privateUUIDs = map[string]string{
	"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac": wordCamera, // XMP
	"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48": wordCamera, // Canon: EXIF with GPS
	"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16": wordCamera, // Canon: preview
	"USMT!\xd2O\xce\xbb\x88i\\\xfa\xc9\xc7@":                           wordCamera, // Sony
	"\xaf\xe3\x0d\xde\xb8\x6e\x4d\x35\x9e\x5a\x73\xa9\xf7\xe6\xd6\x4b": wordCamera, // Parrot
}

// telemetry are the sample entries of tracks that record movement and place.
var telemetry = map[string]bool{"gpmd": true, "camm": true, "rtmd": true, "djmd": true, "dbgi": true, "CTMD": true}

// mp4 walks the boxes that can hold traces.
func (t *Traces) mp4(s *source) error {
	err := s.boxes(0, s.size, func(b box) error {
		if b.end > s.size {
			return nil // bytes after a whole file; Probe has judged them
		}
		switch b.kind {
		case "moov":
			return t.walk(s, b, 0)
		case "sefd": // Samsung's notes
			t.free(b, 0, wordCamera)
			return nil
		}
		return t.one(s, b, 0)
	})
	if errors.Is(err, errTooLong) {
		return nil
	}
	return err
}

// walk looks at the children of moov and trak.
func (t *Traces) walk(s *source, in box, depth int) error {
	return s.children(in.body, in.end, func(b box) error { return t.one(s, b, depth) })
}

func (t *Traces) one(s *source, b box, depth int) error {
	switch b.kind {
	case "trak":
		if err := t.track(s, b); err != nil {
			return err
		}
		return t.walk(s, b, depth+1)
	case "uuid":
		return t.uuid(s, b)
	case "udta":
		return t.orFree(t.udta(s, b), b)
	case "meta":
		return t.orFree(t.meta(s, b), b)
	}
	return nil
}

// orFree erases the whole of user data that cannot be read: nobody knows what is in it.
func (t *Traces) orFree(err error, b box) error {
	if !errors.Is(err, damaged) {
		return err
	}
	t.free(b, 0, wordCamera)
	return nil
}

func (t *Traces) uuid(s *source, b box) error {
	if b.size() < 16 {
		return nil
	}
	id, err := s.part(b.body, 16)
	if err != nil {
		return err
	}
	if word := privateUUIDs[string(id)]; word != "" {
		t.free(b, 16, word)
	}
	return nil
}

func (t *Traces) udta(s *source, udta box) error {
	return s.children(udta.body, udta.end, func(b box) error {
		if b.kind == "meta" {
			return t.meta(s, b)
		}
		if b.kind == "uuid" {
			return t.uuid(s, b)
		}
		if word := userData[b.kind]; word != "" {
			t.free(b, 0, word)
		}
		return nil
	})
}

// meta looks at named items. Apple's form has the children at once, the ISO form after four bytes.
func (t *Traces) meta(s *source, meta box) error {
	if meta.size() < 12 {
		return nil
	}
	p, err := s.part(meta.body, 8)
	if err != nil {
		return err
	}
	from := meta.body
	if string(p[4:8]) != "hdlr" {
		from += 4
	}
	var names []string
	return s.children(from, meta.end, func(b box) error {
		switch b.kind {
		case "keys":
			names, err = s.keyNames(b)
			return err
		case "ilst":
			return t.items(s, b, names)
		case "xml ", "bxml":
			t.free(b, 0, wordCamera)
		}
		return nil
	})
}

// keyNames reads the names that number the items of an ilst.
func (s *source) keyNames(keys box) ([]string, error) {
	p, err := s.payload(keys, 1<<20)
	if err != nil {
		return nil, err
	}
	if len(p) < 8 {
		return nil, damaged
	}
	var names []string
	for p = p[8:]; len(p) >= 8; {
		size := int64(be32(p))
		if size < 8 || size > int64(len(p)) {
			return nil, damaged
		}
		names = append(names, string(p[8:size]))
		p = p[size:]
	}
	return names, nil
}

func (t *Traces) items(s *source, ilst box, names []string) error {
	return s.children(ilst.body, ilst.end, func(b box) error {
		word := userData[b.kind]
		if n := be32([]byte(b.kind)); word == "" && n >= 1 && int64(n) <= int64(len(names)) {
			word = betrays(names[n-1])
		}
		if b.kind == "----" {
			name, err := s.freeName(b)
			if err != nil {
				return err
			}
			word = betrays(name)
			if word != "" {
				// The name stays for the case of an interruption.
				t.freeform(s, b, word)
				return nil
			}
		}
		if word != "" {
			t.free(b, 0, word)
		}
		return nil
	})
}

// freeName returns the name of an item that carries its own.
func (s *source) freeName(item box) (string, error) {
	name, ok, err := s.find(item, "name")
	if err != nil || !ok || name.size() < 4 {
		return "", err
	}
	p, err := s.part(name.body+4, min(name.size()-4, 256))
	return string(p), err
}

// freeform erases the values of an item that carries its own name.
func (t *Traces) freeform(s *source, item box, word string) {
	t.note(word)
	// The children were read a moment ago, so the walk cannot fail.
	_ = s.children(item.body, item.end, func(b box) error {
		if b.kind == "data" {
			t.zero(b.body, b.end)
		}
		return nil
	})
	t.headers = append(t.headers, patch{item.at + 4, []byte("free")})
}

// track erases a track of telemetry: its samples, then the track itself.
func (t *Traces) track(s *source, trak box) error {
	stbl, ok, err := s.find(trak, "mdia", "minf", "stbl")
	if err != nil || !ok {
		return err
	}
	tables, err := s.tables(stbl)
	if err != nil {
		return err
	}
	tells, err := s.tells(tables)
	if err != nil || !tells {
		return err
	}
	t.note(wordTelemetry)
	err = s.eachChunk(tables, func(at int64, size uint64) error {
		if len(t.zeroes) > maxSpans {
			return tooComplex
		}
		t.zero(min(at, s.size), min(saturate(at, size), s.size))
		return nil
	})
	t.headers = append(t.headers, patch{trak.at + 4, []byte("free")})
	return err
}

// tells reports whether a track records place or movement: by its kind, or by the names or texts in it.
func (s *source) tells(tables map[string]box) (bool, error) {
	stsd, ok := tables["stsd"]
	if !ok || stsd.size() < 16 {
		return false, nil
	}
	p, err := s.part(stsd.body, min(stsd.size(), 1<<16))
	if err != nil {
		return false, err
	}
	switch kind := string(p[12:16]); {
	case telemetry[kind]:
		return true, nil
	case kind == "mebx": // Apple's timed metadata names its keys here
		return bytes.Contains(bytes.ToLower(p), []byte("location")), nil
	case kind == "text" || kind == "tx3g" || kind == "sbtl": // drones write their position as subtitles
		return s.textTells(tables)
	}
	return false, nil
}

func (s *source) textTells(tables map[string]box) (bool, error) {
	tells := false
	seen := 0
	err := s.eachChunk(tables, func(at int64, size uint64) error {
		if seen++; tells || seen > 16 || at >= s.size {
			return nil
		}
		p, err := s.part(at, int64(min(size, 4096, uint64(s.size-at))))
		text := strings.ToLower(string(p))
		for _, word := range []string{"gps", "latitude", "longitude", "[lat"} {
			tells = tells || strings.Contains(text, word)
		}
		return err
	})
	return tells, err
}
