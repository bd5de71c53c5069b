package tiktoksim_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// world is a running simulator with a frozen clock and the means to talk to it
// as an app does.
type world struct {
	*tiktoksim.Running
	t testing.TB
}

// begin starts a simulator whose clock stands still at a round time, so that
// windows end exactly when a test says so.
func begin(t testing.TB, change ...func(*tiktoksim.Options)) *world {
	t.Helper()
	var o tiktoksim.Options
	o.Dir = t.TempDir()
	for _, c := range change {
		c(&o)
	}
	sim, err := tiktoksim.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	sim.Clock().Freeze()
	sim.Clock().Set(time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC))
	return &world{sim, t}
}

func (w *world) knobs(change func(*tiktoksim.Knobs)) {
	w.t.Helper()
	if err := w.SetKnobs(change); err != nil {
		w.t.Fatal(err)
	}
}

// change sets fields of a creator by their JSON names.
func (w *world) creator(handle string, fields object) {
	w.t.Helper()
	body := object{"handle": handle}
	maps.Copy(body, fields)
	status, answer := w.control(http.MethodPost, "/_sim/creators", body)
	if status != http.StatusOK {
		w.t.Fatalf("creator: %d %s", status, answer)
	}
}

// connect gives an access token of a creator.
func (w *world) connect(handle string, scopes ...string) string {
	w.t.Helper()
	tokens, err := w.Connect(handle, scopes...)
	if err != nil {
		w.t.Fatal(err)
	}
	return tokens.AccessToken
}

type object = map[string]any

// reply is an answer of the API.
type reply struct {
	HTTP   int
	Header http.Header
	Raw    string
	Data   struct {
		PublishID  string          `json:"publish_id"`
		UploadURL  string          `json:"upload_url"`
		Status     string          `json:"status"`
		FailReason string          `json:"fail_reason"`
		PostIDs    json.RawMessage `json:"publicaly_available_post_id"`
		Uploaded   int64           `json:"uploaded_bytes"`
		Downloaded int64           `json:"downloaded_bytes"`
	} `json:"data"`
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		LogID   string `json:"log_id"`
	} `json:"error"`
}

func (w *world) do(r *http.Request) (*http.Response, string, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// api posts JSON with a token; a string body is sent as it is.
func (w *world) api(token, path string, body any) reply {
	w.t.Helper()
	return w.apiAs(token, path, "application/json; charset=UTF-8", body)
}

func (w *world) apiAs(token, path, contentType string, body any) reply {
	w.t.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		text = string(b)
	}
	r, _ := http.NewRequest(http.MethodPost, w.URL+path, strings.NewReader(text))
	r.Header.Set("Content-Type", contentType)
	return w.send(r, token)
}

func (w *world) get(token, path string) reply {
	w.t.Helper()
	r, _ := http.NewRequest(http.MethodGet, w.URL+path, nil)
	return w.send(r, token)
}

func (w *world) send(r *http.Request, token string) reply {
	w.t.Helper()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, text, err := w.do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	a := reply{HTTP: resp.StatusCode, Header: resp.Header, Raw: text}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		w.t.Fatalf("%s answered %d %q: %v", r.URL.Path, resp.StatusCode, text, err)
	}
	return a
}

// control calls a control path and returns status and text.
func (w *world) control(method, path string, body any) (int, string) {
	w.t.Helper()
	text, ok := body.(string)
	if !ok && body != nil {
		b, _ := json.Marshal(body)
		text = string(b)
	}
	r, _ := http.NewRequest(method, w.URL+path, strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	resp, answer, err := w.do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func (w *world) want(a reply, status int, code string) {
	w.t.Helper()
	if a.HTTP != status || a.Error.Code != code {
		w.t.Errorf("answered %d %q (%s), want %d %q", a.HTTP, a.Error.Code, a.Error.Message, status, code)
	}
}

const (
	videoInit   = "/v2/post/publish/video/init/"
	inboxInit   = "/v2/post/publish/inbox/video/init/"
	contentInit = "/v2/post/publish/content/init/"
	creatorInfo = "/v2/post/publish/creator_info/query/"
	statusFetch = "/v2/post/publish/status/fetch/"
	cancelPath  = "/v2/post/publish/cancel/"
)

// video is a request body for video/init of one small file.
func videoBody(size int64, change ...func(post, source object)) object {
	post := object{"title": "Tide pools at dawn #nature", "privacy_level": "PUBLIC_TO_EVERYONE", "disable_comment": true,
		"disable_duet": true, "disable_stitch": true, "brand_content_toggle": false, "brand_organic_toggle": false}
	source := object{"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}
	for _, c := range change {
		c(post, source)
	}
	return object{"post_info": post, "source_info": source}
}

func setPost(name string, value any) func(post, source object) {
	return func(post, _ object) {
		if value == nil {
			delete(post, name)
			return
		}
		post[name] = value
	}
}

func setSource(name string, value any) func(post, source object) {
	return func(_, source object) {
		if value == nil {
			delete(source, name)
			return
		}
		source[name] = value
	}
}

func plan(size, chunk, count int64) func(post, source object) {
	return func(_, source object) {
		source["video_size"], source["chunk_size"], source["total_chunk_count"] = size, chunk, count
	}
}

// chunk sends bytes first..last of a file of the given total.
type chunk struct {
	url         string
	body        []byte
	first       int64
	total       int64
	contentType string
	rangeHeader string // "-" for none
	header      http.Header
}

func (w *world) put(c chunk) *http.Response {
	w.t.Helper()
	resp, err := w.tryPut(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp
}

func (w *world) tryPut(c chunk) (*http.Response, error) {
	r, _ := http.NewRequest(http.MethodPut, c.url, bytes.NewReader(c.body))
	r.Header.Set("Content-Type", "video/mp4")
	if c.contentType != "" {
		r.Header.Set("Content-Type", c.contentType)
	}
	switch c.rangeHeader {
	case "":
		r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", c.first, c.first+int64(len(c.body))-1, c.total))
	case "-":
	default:
		r.Header.Set("Content-Range", c.rangeHeader)
	}
	maps.Copy(r.Header, c.header)
	resp, _, err := w.do(r)
	return resp, err
}

// file reads a sample video of the inspect package.
func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("inspect", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pad makes a sample video exactly n bytes long by a free box at its end.
func pad(t testing.TB, video []byte, n int) []byte {
	t.Helper()
	box := make([]byte, n-len(video))
	binary.BigEndian.PutUint32(box, uint32(len(box)))
	copy(box[4:], "free")
	return append(bytes.Clone(video), box...)
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// upload starts a direct post of a file in one piece and sends it.
func (w *world) upload(token string, b []byte, change ...func(post, source object)) string {
	w.t.Helper()
	a := w.api(token, videoInit, videoBody(int64(len(b)), change...))
	w.want(a, 200, "ok")
	resp := w.put(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))})
	if resp.StatusCode != http.StatusCreated {
		w.t.Fatalf("PUT answered %d, want 201", resp.StatusCode)
	}
	return a.Data.PublishID
}

func (w *world) status(token, publishID string) reply {
	w.t.Helper()
	a := w.api(token, statusFetch, object{"publish_id": publishID})
	w.want(a, 200, "ok")
	return a
}

func (w *world) wantStatus(token, publishID, status, reason string) reply {
	w.t.Helper()
	a := w.status(token, publishID)
	if a.Data.Status != status || a.Data.FailReason != reason {
		w.t.Errorf("status is %q %q, want %q %q", a.Data.Status, a.Data.FailReason, status, reason)
	}
	return a
}

// processing is long enough for a post to end and pass moderation.
const processing = time.Minute

// waiting reports whether something is planned within the next minute.
func (w *world) waiting() bool {
	at, planned := w.Clock().Next()
	return planned && at.Sub(w.Clock().Now()) <= time.Minute
}
