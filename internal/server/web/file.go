package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"ship-post.com/shippost"
)

// static is a file that is the same for everybody.
type static struct {
	kind string
	body func() []byte
	tag  func() string // ETag
	zip  func() []byte // body under gzip; nil where that does not make it smaller
}

// kinds are the types of the files there may be. The system's own table differs from machine to machine.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff2": "font/woff2",
}

// newStatic returns a file of which there may be a compressed form. It is read when somebody asks for it: all of the
// app takes more than ten milliseconds, which a start should not wait for.
func newStatic(from fs.FS, name string) (static, error) {
	return makeStatic(name, func() []byte {
		body, err := fs.ReadFile(from, name)
		if err != nil {
			panic(err) // it is embedded, and was there when its folder was read
		}
		return body
	})
}

func makeStatic(name string, read func() []byte) (static, error) {
	kind := kinds[path.Ext(name)]
	if kind == "" {
		return static{}, fmt.Errorf("file %s has a type that is not known", name)
	}
	body := sync.OnceValue(read)
	return static{
		kind: kind,
		body: body,
		tag: sync.OnceValue(func() string {
			sum := sha256.Sum256(body())
			return strconv.Quote(hex.EncodeToString(sum[:8]))
		}),
		zip: sync.OnceValue(func() []byte { return compress(body()) }),
	}, nil
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	// The level is a constant that exists, and a buffer takes everything.
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(body)
	_ = w.Close()
	if out.Len() > len(body)*9/10 {
		return nil // pictures and fonts are compressed already
	}
	return out.Bytes()
}

// How long browsers keep files.
const (
	forEver  = "public, max-age=31536000, immutable" // the name changes with the content
	askAgain = "no-cache"
)

// send answers with a file.
func (f static) send(w http.ResponseWriter, r *http.Request, keep string) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	if keep != "" {
		h.Set("Cache-Control", keep)
		h.Set("ETag", f.tag())
		if r.Header.Get("If-None-Match") == f.tag() {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := f.body()
	if acceptsGzip(r) {
		if zip := f.zip(); zip != nil {
			body = zip
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	// If the browser is gone there is nobody left to tell; to HEAD the server sends no body.
	_, _ = w.Write(body)
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.TrimSpace(weight) != "q=0"
		}
	}
	return false
}

// hashed registers a file of the pages under a name that changes with its content, so that browsers may keep it for ever.
// Style sheets get the app's font, which browsers then have when the app asks for it.
func (p *Pages) hashed(name string) (string, error) {
	body, err := fs.ReadFile(files, "static/"+name)
	if err != nil {
		return "", err
	}
	if path.Ext(name) == ".css" {
		body = append(fontFace(p.opt.App), body...)
	}
	f, err := makeStatic(name, func() []byte { return body })
	if err != nil {
		return "", err
	}
	stem, ext, _ := strings.Cut(name, ".")
	at := "/static/" + stem + "-" + strings.Trim(f.tag(), `"`)[:12] + "." + ext
	p.kept[at] = f
	return at, nil
}

// fontFace returns the rule that names the app's font for Latin letters; nothing when the app has none.
func fontFace(app fs.FS) []byte {
	found, err := fs.Glob(app, "assets/figtree-latin-wght-normal-*.woff2")
	if err != nil || len(found) == 0 {
		return nil
	}
	return fmt.Appendf(nil, "@font-face { font-family: Figtree; src: url(/%s) format(\"woff2\"); font-weight: 300 900; font-display: swap; }\n", found[0])
}

// file answers with a file whose name changes with its content.
func (p *Pages) file(w http.ResponseWriter, r *http.Request) {
	f, ok := p.kept[r.URL.Path]
	if !ok {
		p.fail(w, r, shippost.Errorf(shippost.NotFound, "page_not_found", "There is no file at this address."))
		return
	}
	f.send(w, r, forEver)
}
