package tus_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/server/tus"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// bench is a server over a folder and a database, which both outlive it.
type bench struct {
	*httptest.Server
	library *media.Library
	asked   chan int64 // how many bytes of a body were taken, whenever more is asked for
}

type people map[string]shippost.Actor

func open(t testing.TB, db *store.DB, dir string, who people, change ...func(*media.Options)) *bench {
	t.Helper()
	b := &bench{library: mediatest.OpenIn(t, db, dir, change...), asked: make(chan int64, 1<<16)}
	h, err := tus.New(tus.Options{Library: b.library, Patience: 30 * time.Second, Authenticate: func(r *http.Request) (shippost.Actor, error) {
		return who[r.Header.Get("Authorization")], nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		r.Body = &watched{ReadCloser: r.Body, asked: b.asked}
		h.ServeHTTP(w, r)
		if r.URL.Path != path {
			t.Errorf("the handler changed the path of its caller's request to %s", r.URL.Path)
		}
	}))
	t.Cleanup(b.Server.Close)
	return b
}

// watched tells when more of a body is asked for: then all before is written.
type watched struct {
	io.ReadCloser
	asked chan int64
	taken int64
}

func (w *watched) Read(p []byte) (int, error) {
	select {
	case w.asked <- w.taken:
	default:
	}
	n, err := w.ReadCloser.Read(p)
	w.taken += int64(n)
	return n, err
}

// waitFor waits until the server has written n bytes of a body.
func (b *bench) waitFor(t testing.TB, n int64) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case got := <-b.asked:
			if got >= n {
				return
			}
		case <-late:
			t.Fatalf("the server did not take %d bytes within 30 s", n)
		}
	}
}

// send sends a request; header is "Name: value" lines.
func (b *bench) send(t testing.TB, who, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, b.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", who)
	r.Header.Set("Tus-Resumable", "1.0.0")
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	res, err := b.Client().Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, string(text)
}

// create begins an upload and returns its path.
func (b *bench) create(t testing.TB, who string, size int64) string {
	t.Helper()
	res, text := b.send(t, who, http.MethodPost, tus.Prefix, nil, "Upload-Length: "+strconv.FormatInt(size, 10),
		"Upload-Metadata: filename "+base64.StdEncoding.EncodeToString([]byte("Urlaub.mov")))
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("POST: %s %s", res.Status, text)
	}
	return res.Header.Get("Location")
}

func (b *bench) patch(t testing.TB, who, at string, offset int64, p []byte) *http.Response {
	t.Helper()
	res, _ := b.send(t, who, http.MethodPatch, at, bytes.NewReader(p), "Upload-Offset: "+strconv.FormatInt(offset, 10))
	return res
}

// offset asks where an upload stands.
func (b *bench) offset(t testing.TB, who, at string) int64 {
	t.Helper()
	res, _ := b.send(t, who, http.MethodHead, at, nil)
	n, err := strconv.ParseInt(res.Header.Get("Upload-Offset"), 10, 64)
	if res.StatusCode != http.StatusOK || err != nil {
		t.Fatalf("HEAD: %s with offset %q", res.Status, res.Header.Get("Upload-Offset"))
	}
	return n
}

func wantStatus(t *testing.T, res *http.Response, status int) {
	t.Helper()
	if res.StatusCode != status {
		t.Errorf("%s %s: %s, want %d", res.Request.Method, res.Request.URL.Path, res.Status, status)
	}
}

// wantReceived makes sure that the media of an upload has arrived with exactly these bytes.
func (b *bench) wantReceived(t *testing.T, actor shippost.Actor, id string, content []byte) {
	t.Helper()
	sum := sha256.Sum256(content)
	m, err := b.library.Get(t.Context(), actor, shippost.MediaID(id))
	if err != nil || m.Status != shippost.MediaChecking || m.ReceivedSHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("media %q is %s with hash %s (%v), want checking with %x", id, m.Status, m.ReceivedSHA256, err, sum)
	}
}

func noise(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	return p
}

func setUp(t *testing.T) (*store.DB, *storetest.Clock, people) {
	t.Helper()
	clock := storetest.NewClock(time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC))
	db := storetest.SQLite(t, storetest.At(clock.Now))
	owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
	viewer := owner
	viewer.Role = shippost.Viewer
	return db, clock, people{"owner": owner, "stranger": stranger, "viewer": viewer}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	content := noise(300_000)
	res, _ := b.send(t, "owner", http.MethodPost, tus.Prefix, nil, "Upload-Length: 300000", "Upload-Metadata: filename VXJsYXViLm1vdg==,note Zm9yZWlnbg==")
	wantStatus(t, res, http.StatusCreated)
	at, id := res.Header.Get("Location"), res.Header.Get(tus.MediaID)
	if !strings.HasPrefix(at, tus.Prefix+"upl_") || !strings.HasPrefix(id, "med_") || res.Header.Get("Upload-Expires") != "Tue, 03 Nov 2026 10:00:00 GMT" {
		t.Errorf("created at %q as %q, expires %q", at, id, res.Header.Get("Upload-Expires"))
	}
	res, _ = b.send(t, "owner", http.MethodHead, at, nil)
	if res.Header.Get("Upload-Offset") != "0" || res.Header.Get("Upload-Length") != "300000" || res.Header.Get("Cache-Control") != "no-store" ||
		res.Header.Get("Upload-Metadata") != "filename VXJsYXViLm1vdg==" { // notes of a client's own are not kept for it
		t.Errorf("HEAD says %v", res.Header)
	}
	res = b.patch(t, "owner", at, 0, content[:100_000])
	wantStatus(t, res, http.StatusNoContent)
	if res.Header.Get("Upload-Offset") != "100000" || res.Header.Get("Upload-Expires") == "" {
		t.Errorf("after the first piece: offset %q, expires %q", res.Header.Get("Upload-Offset"), res.Header.Get("Upload-Expires"))
	}
	res = b.patch(t, "owner", at, 100_000, content[100_000:])
	wantStatus(t, res, http.StatusNoContent)
	if res.Header.Get("Upload-Offset") != "300000" || res.Header.Get(tus.MediaID) != id || res.Header.Get("Upload-Expires") != "" {
		t.Errorf("at the end: %v", res.Header)
	}
	b.wantReceived(t, who["owner"], id, content)
	// A client whose last answer was lost asks again, and completion stays single.
	if got := b.offset(t, "owner", at); got != 300_000 {
		t.Errorf("after the end the offset is %d", got)
	}
	wantStatus(t, b.patch(t, "owner", at, 300_000, nil), http.StatusNoContent)
	storetest.View(t, db, func(tx *store.Tx) error {
		entries, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: who["owner"].Workspace, Kinds: []shippost.EntryKind{shippost.EntryMediaReceived}})
		if len(entries) != 1 {
			t.Errorf("the journal tells %d times that the file arrived", len(entries))
		}
		return err
	})
}

func TestCreationWithUpload(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	content := noise(5000)
	res, _ := b.send(t, "owner", http.MethodPost, tus.Prefix, bytes.NewReader(content[:2000]), "Upload-Length: 5000", "Content-Type: application/offset+octet-stream")
	wantStatus(t, res, http.StatusCreated)
	at := res.Header.Get("Location")
	if res.Header.Get("Upload-Offset") != "2000" {
		t.Errorf("offset %q, want 2000", res.Header.Get("Upload-Offset"))
	}
	wantStatus(t, b.patch(t, "owner", at, 2000, content[2000:]), http.StatusNoContent)
	b.wantReceived(t, who["owner"], res.Header.Get(tus.MediaID), content)
	res, _ = b.send(t, "owner", http.MethodPost, tus.Prefix, bytes.NewReader(content), "Upload-Length: 5000", "Content-Type: application/offset+octet-stream")
	b.wantReceived(t, who["owner"], res.Header.Get(tus.MediaID), content)
}

// half begins a PATCH by hand, sends some of its body and leaves the connection open.
func (b *bench) half(t *testing.T, at string, offset int64, declared int, p []byte) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_, err = fmt.Fprintf(c, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: owner\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"+
		"Upload-Offset: %d\r\nContent-Length: %d\r\n\r\n%s", at, offset, declared, p)
	if err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, int64(len(p)))
	return c
}

func TestCutAndResumed(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	dir := t.TempDir()
	b := open(t, db, dir, who)
	content := noise(2_000_000)
	at := b.create(t, "owner", 2_000_000)
	c := b.half(t, at, 0, 2_000_000, content[:700_001])
	// The cable is pulled. Once the server is through, the offset is exact.
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	b.CloseClientConnections()
	b.Server.Close()
	b = open(t, db, dir, who) // and the server is started anew
	if got := b.offset(t, "owner", at); got != 700_001 {
		t.Errorf("after the cut the upload stands at %d, want 700001", got)
	}
	res := b.patch(t, "owner", at, 700_001, content[700_001:])
	wantStatus(t, res, http.StatusNoContent)
	b.wantReceived(t, who["owner"], res.Header.Get(tus.MediaID), content)
}

// The client's network is gone but nobody told the server: the connection stays open and silent.
func TestStalledWriterGivesWay(t *testing.T) {
	t.Parallel()
	db, clock, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	content := noise(1_000_000)
	at := b.create(t, "owner", 1_000_000)
	silent := b.half(t, at, 0, 1_000_000, content[:400_000])
	res, text := b.send(t, "owner", http.MethodPatch, at, bytes.NewReader(content), "Upload-Offset: 0")
	wantStatus(t, res, http.StatusLocked)
	wantProblem(t, res, text, "upload_busy")
	clock.Advance(6 * time.Second)
	if got := b.offset(t, "owner", at); got != 400_000 {
		t.Errorf("the upload stands at %d, want 400000", got)
	}
	res = b.patch(t, "owner", at, 400_000, content[400_000:])
	wantStatus(t, res, http.StatusNoContent)
	b.wantReceived(t, who["owner"], res.Header.Get(tus.MediaID), content)
	// The silent one is told, should it ever come back.
	old, err := http.ReadResponse(bufio.NewReader(silent), nil)
	if err != nil {
		t.Fatalf("the silent writer gets no answer: %v", err)
	}
	defer old.Body.Close()
	if old.StatusCode < 400 {
		t.Errorf("the silent writer is told %s", old.Status)
	}
}

func TestRestartsInTheMiddle(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	dir := t.TempDir()
	content := noise(1_000_003)
	b := open(t, db, dir, who)
	at := b.create(t, "owner", int64(len(content)))
	var res *http.Response
	for from := 0; from < len(content); from += 200_001 {
		b.Server.Close()
		b = open(t, db, dir, who)
		if got := b.offset(t, "owner", at); got != int64(from) {
			t.Fatalf("after a restart the upload stands at %d, want %d", got, from)
		}
		res = b.patch(t, "owner", at, int64(from), content[from:min(from+200_001, len(content))])
		wantStatus(t, res, http.StatusNoContent)
	}
	b.wantReceived(t, who["owner"], res.Header.Get(tus.MediaID), content)
}

func wantProblem(t *testing.T, res *http.Response, text, code string) {
	t.Helper()
	var p struct {
		Status       int
		Code, Detail string
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("no problem document but %s: %q (%v)", res.Header.Get("Content-Type"), text, err)
		return
	}
	if p.Code != code || p.Status != res.StatusCode || !strings.HasSuffix(p.Detail, ".") {
		t.Errorf("problem %+v with status %d, want code %s and a sentence", p, res.StatusCode, code)
	}
	if strings.Contains(text, "ERR_") {
		t.Errorf("the answer speaks of the inside: %s", text)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	at := b.create(t, "owner", 1000)
	unknown := tus.Prefix + string(shippost.NewUploadID(time.Now()))
	for _, c := range []struct {
		name, who, method, path string
		body                    string
		header                  []string
		status                  int
		code                    string
	}{
		{"nobody", "", "POST", tus.Prefix, "", []string{"Upload-Length: 5"}, 401, "sign_in_required"},
		{"viewer", "viewer", "POST", tus.Prefix, "", []string{"Upload-Length: 5"}, 403, "not_allowed"},
		{"empty file", "owner", "POST", tus.Prefix, "", []string{"Upload-Length: 0"}, 422, "upload_empty"},
		{"negative length", "owner", "POST", tus.Prefix, "", []string{"Upload-Length: -5"}, 400, "invalid_upload_length"},
		{"no length", "owner", "POST", tus.Prefix, "", nil, 400, "invalid_upload_length"},
		{"length comes later", "owner", "POST", tus.Prefix, "", []string{"Upload-Defer-Length: 1"}, 400, "invalid_upload_length"},
		{"too large", "owner", "POST", tus.Prefix, "", []string{"Upload-Length: 4294967297"}, 413, "upload_too_large"},
		{"far too large", "owner", "POST", tus.Prefix, "", []string{"Upload-Length: 99999999999999999999"}, 400, "invalid_upload_length"},
		{"first bytes too many", "owner", "POST", tus.Prefix, "123456", []string{"Upload-Length: 5", "Content-Type: application/offset+octet-stream"}, 413, "upload_too_long"},
		{"no version", "owner", "POST", tus.Prefix, "", []string{"Upload-Length: 5", "Tus-Resumable: "}, 412, "unsupported_tus_version"},
		{"other version", "owner", "PATCH", at, "x", []string{"Upload-Offset: 0", "Tus-Resumable: 0.2.2"}, 412, "unsupported_tus_version"},
		{"GET", "owner", "GET", at, "", nil, 405, "method_not_allowed"},
		{"GET of all", "owner", "GET", tus.Prefix, "", nil, 405, "method_not_allowed"},
		{"PUT", "owner", "PUT", at, "x", nil, 405, "method_not_allowed"},
		{"wrong type", "owner", "PATCH", at, "x", []string{"Upload-Offset: 0", "Content-Type: video/mp4"}, 415, "unsupported_media_type"},
		{"no offset", "owner", "PATCH", at, "x", nil, 400, "invalid_offset"},
		{"negative offset", "owner", "PATCH", at, "x", []string{"Upload-Offset: -1"}, 400, "invalid_offset"},
		{"wrong offset", "owner", "PATCH", at, "x", []string{"Upload-Offset: 7"}, 409, "wrong_offset"},
		{"too many bytes", "owner", "PATCH", at, strings.Repeat("x", 1001), []string{"Upload-Offset: 0"}, 413, "upload_too_long"},
		{"other length", "owner", "PATCH", at, "x", []string{"Upload-Offset: 0", "Upload-Length: 5"}, 400, "invalid_upload_length"},
		{"stranger writes", "stranger", "PATCH", at, "x", []string{"Upload-Offset: 0"}, 404, "upload_not_found"},
		{"stranger ends it", "stranger", "DELETE", at, "", nil, 404, "upload_not_found"},
		{"unknown upload", "owner", "PATCH", unknown, "x", []string{"Upload-Offset: 0"}, 404, "upload_not_found"},
		{"traversal", "owner", "PATCH", tus.Prefix + "..%2f..%2fetc%2fpasswd", "x", []string{"Upload-Offset: 0"}, 404, "upload_not_found"},
		{"not text", "owner", "POST", tus.Prefix, "", []string{"Upload-Length: 5", "Upload-Metadata: filename " + base64.StdEncoding.EncodeToString([]byte("\xff\x00"))}, 422, "upload_metadata"},
	} {
		var body io.Reader
		if c.body != "" {
			body = strings.NewReader(c.body)
		}
		res, text := b.send(t, c.who, c.method, c.path, body, c.header...)
		t.Run(c.name, func(t *testing.T) {
			wantStatus(t, res, c.status)
			wantProblem(t, res, text, c.code)
		})
	}
	for name, path := range map[string]string{"stranger": at, "owner": unknown} {
		res, text := b.send(t, name, http.MethodHead, path, nil)
		if res.StatusCode != 404 || text != "" || res.Header.Get("Upload-Offset") != "" {
			t.Errorf("HEAD by %s: %s with offset %q", name, res.Status, res.Header.Get("Upload-Offset"))
		}
	}
	if got := b.offset(t, "owner", at); got != 0 {
		t.Errorf("after all that the upload stands at %d", got)
	}
}

// A chunked body says no length, so only the end of the room stops it.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	at := b.create(t, "owner", 1000)
	res, text := b.send(t, "owner", http.MethodPatch, at, io.LimitReader(zeros{}, 100_000), "Upload-Offset: 0")
	// What fits is taken; the file is complete then, and whatever follows is refused.
	if res.StatusCode == http.StatusRequestEntityTooLarge {
		wantProblem(t, res, text, "upload_too_long")
	} else {
		wantStatus(t, res, http.StatusNoContent)
	}
	b.wantReceived(t, who["owner"], res.Header.Get(tus.MediaID), make([]byte, 1000))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestMethodOverrideIsIgnored(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	at := b.create(t, "owner", 1000)
	res, _ := b.send(t, "owner", http.MethodPost, at, nil, "X-HTTP-Method-Override: DELETE")
	wantStatus(t, res, http.StatusMethodNotAllowed)
	b.offset(t, "owner", at)
}

func TestTermination(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	at := b.create(t, "owner", 1_000_000)
	silent := b.half(t, at, 0, 1_000_000, noise(300_000)) // even while somebody writes
	res, _ := b.send(t, "owner", http.MethodDelete, at, nil)
	wantStatus(t, res, http.StatusNoContent)
	if err := silent.Close(); err != nil {
		t.Error(err)
	}
	res, _ = b.send(t, "owner", http.MethodHead, at, nil)
	wantStatus(t, res, http.StatusNotFound)
	if files, err := b.library.Spool.List(); err != nil || len(files) != 0 {
		t.Errorf("%d files still take space (%v)", len(files), err)
	}
	at = b.create(t, "owner", 3)
	wantStatus(t, b.patch(t, "owner", at, 0, []byte("abc")), http.StatusNoContent)
	res, text := b.send(t, "owner", http.MethodDelete, at, nil)
	wantStatus(t, res, http.StatusConflict)
	wantProblem(t, res, text, "upload_finished")
}

func TestExpiration(t *testing.T) {
	t.Parallel()
	db, clock, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	at := b.create(t, "owner", 1000)
	clock.Advance(23 * time.Hour)
	res := b.patch(t, "owner", at, 0, []byte("abc"))
	if got := res.Header.Get("Upload-Expires"); got != "Wed, 04 Nov 2026 09:00:00 GMT" {
		t.Errorf("a piece moves the end to %q", got)
	}
	for _, c := range []struct {
		after  time.Duration
		status int
	}{{23 * time.Hour, 200}, {2 * time.Hour, 404}} {
		clock.Advance(c.after)
		if err := b.library.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		res, _ := b.send(t, "owner", http.MethodHead, at, nil)
		wantStatus(t, res, c.status)
	}
}

func TestLimitsAreTold(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	full := false
	b := open(t, db, t.TempDir(), who, func(o *media.Options) {
		o.Parallel = 1
		o.Space = func() (int64, int64, error) {
			if full {
				return 0, 1 << 40, nil
			}
			return 1 << 39, 1 << 40, nil
		}
	})
	b.create(t, "owner", 10)
	res, text := b.send(t, "owner", http.MethodPost, tus.Prefix, nil, "Upload-Length: 10")
	wantStatus(t, res, http.StatusTooManyRequests)
	wantProblem(t, res, text, "too_many_uploads")
	if res.Header.Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q, want 10", res.Header.Get("Retry-After"))
	}
	full = true
	res, text = b.send(t, "stranger", http.MethodPost, tus.Prefix, nil, "Upload-Length: 10")
	wantStatus(t, res, http.StatusServiceUnavailable)
	wantProblem(t, res, text, "disk_full")
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	db, _, who := setUp(t)
	b := open(t, db, t.TempDir(), who)
	res, _ := b.send(t, "", http.MethodOptions, tus.Prefix, nil, "Tus-Resumable: ")
	wantStatus(t, res, http.StatusNoContent)
	for name, want := range map[string]string{"Tus-Version": "1.0.0", "Tus-Resumable": "1.0.0", "Tus-Max-Size": "4294967296",
		"Tus-Extension": "creation,creation-with-upload,termination,expiration"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
