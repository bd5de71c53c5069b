package app

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// wiretap stands between the product and the simulated TikTok and notes every secret that passes: codes, verifiers,
// tokens, upload addresses.
type wiretap struct {
	*httptest.Server
	mu      sync.Mutex
	secrets map[string]string // secret → what it is
}

var upload = regexp.MustCompile(`upload_token=([^"&\\]+)`)

func tap(t *testing.T, target *url.URL) *wiretap {
	t.Helper()
	w := &wiretap{secrets: map[string]string{tiktoksim.DefaultClientSecret: "client secret"}}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = nil
	proxy.ModifyResponse = func(resp *http.Response) error {
		if !strings.HasPrefix(resp.Request.URL.Path, "/v2/") {
			return nil
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		resp.Body = io.NopCloser(bytes.NewReader(text))
		var answer struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if json.Unmarshal(text, &answer) == nil {
			w.note("access token", answer.Access)
			w.note("refresh token", answer.Refresh)
		}
		for _, m := range upload.FindAllSubmatch(text, -1) {
			w.note("upload token", string(m[1]))
		}
		return nil
	}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/oauth/token/" {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(text))
			if form, err := url.ParseQuery(string(text)); err == nil {
				w.note("authorization code", form.Get("code"))
				w.note("verifier", form.Get("code_verifier"))
			}
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *wiretap) note(what, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if secret != "" {
		w.secrets[secret] = what
	}
}

// kinds counts the secrets of each kind.
func (w *wiretap) kinds() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[string]int{}
	for _, what := range w.secrets {
		n[what]++
	}
	return n
}

// found returns which secrets stand in a text, as they are or in a usual coding.
func (w *wiretap) found(text []byte) (kinds []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for secret, what := range w.secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)), strings.ReplaceAll(secret, "!", `\u0021`)} {
			if bytes.Contains(text, []byte(form)) {
				kinds = append(kinds, what)
				break
			}
		}
	}
	return kinds
}

// lines is a log that many write to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.text.Bytes())
}

// P4: the whole product runs with debug logging, through successes and failures, and afterwards no token, code, verifier,
// upload address or client secret stands anywhere but sealed: not in the database and its log, the data folder, the jobs,
// the log, the error texts, nor in any answer of the API.
func TestPromise_P04_NoTokenOutsideItsSeal(t *testing.T) {
	t.Parallel()
	target := &url.URL{Scheme: "http"}
	wire := tap(t, target)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	product := "http://localhost:" + port
	sim, err := tiktoksim.Start(tiktoksim.Options{Dir: t.TempDir(), PublicURL: wire.URL, Redirects: []tiktoksim.Redirect{{URI: product + "/callback/tiktok", Desktop: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	target.Host = strings.TrimPrefix(sim.URL, "http://")

	dir, log := t.TempDir(), &lines{}
	c := config.Config{
		Address: config.Address{Listen: ln.Addr().String(), PublicURL: product},
		Data:    config.Data{DataDir: dir, StorageQuota: 1 << 30},
		TikTok: config.TikTok{ClientKey: tiktoksim.DefaultClientKey, ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret),
			APIURL: wire.URL, AuthorizeURL: wire.URL + "/v2/auth/authorize/"},
		People: config.People{Signup: "open"}, Watching: config.Watching{LogLevel: "debug", LogFormat: "json"},
	}
	if err := c.CompleteAlone(); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), c, Options{Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve(t.Context(), ln) }()
	t.Cleanup(func() {
		if err := <-served; err != nil { // the test's context has ended
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := SignInForKey(t.Context(), nil, product, demoCreator)
	if err != nil {
		t.Fatal(err)
	}
	wire.note("API key", key.Reveal())
	account := canaryPosts(t, a, sim, product, key)

	kinds := wire.kinds()
	for what, least := range map[string]int{"access token": 2, "refresh token": 2, "authorization code": 1, "verifier": 1, "upload token": 2, "client secret": 1} {
		if kinds[what] < least {
			t.Fatalf("only %d of kind %q passed the wire: %v; the search below would prove little", kinds[what], what, kinds)
		}
	}
	if found := wire.found([]byte("act: " + token(t, a, account))); len(found) != 1 || found[0] != "access token" {
		t.Fatalf("the search finds %v in a text with an access token", found)
	}
	paths := []string{"/accounts", "/accounts/" + account.ID, "/accounts/" + account.ID + "/creator", "/journal", "/keys", "/me", "/media", "/posts", "/posts?limit=100"}
	for _, id := range regexp.MustCompile(`"id":\s*"(post_[a-z0-9]+)"`).FindAllStringSubmatch(string(answer(t, product+"/api/v1/posts", key)), -1) {
		paths = append(paths, "/posts/"+id[1], "/posts/"+id[1]+"/attempts", "/posts/"+id[1]+"/journal")
	}
	if len(paths) != 9+2*3 {
		t.Errorf("only %v are asked", paths)
	}
	for _, path := range paths {
		if found := wire.found(answer(t, product+"/api/v1"+path, key)); found != nil {
			t.Errorf("GET %s tells %v", path, found)
		}
	}
	if found := wire.found(log.all()); found != nil {
		t.Errorf("the log has %v", found)
	}
	if !bytes.Contains(log.all(), []byte(`"level":"DEBUG"`)) && !bytes.Contains(log.all(), []byte("an attempt did not get through")) {
		t.Error("the log is no debug log")
	}
	searched, seen := 0, false
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		searched++
		seen = seen || bytes.Contains(text, []byte(account.ID))
		if found := wire.found(text); found != nil {
			t.Errorf("%s holds %v", filepath.Base(path), found)
		}
		return nil
	})
	if err != nil || searched < 4 || !seen {
		t.Errorf("%d files searched, %v; the account itself was seen: %v", searched, err, seen)
	}
}

// canaryPosts publishes a video, and another one whose answers are lost in several ways, and renews the tokens with and
// without trouble, so that secrets go every way they can.
func canaryPosts(t *testing.T, a *App, sim *tiktoksim.Running, product string, key shippost.Secret) client.Account {
	t.Helper()
	c, err := client.New(product, client.Options{Key: key.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := c.Accounts(t.Context())
	if err != nil || len(accounts) != 1 {
		t.Fatalf("accounts %+v, %v", accounts, err)
	}
	media, err := c.UploadFile(t.Context(), "../platform/tiktoksim/inspect/testdata/h264.mp4", func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	if media, err = c.WaitMedia(t.Context(), media.ID); err != nil {
		t.Fatal(err)
	}
	id := shippost.AccountID(accounts[0].ID)
	token, err := a.tokens.For(id).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.tokens.For(id).Renew(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	knobs := func(faults ...tiktoksim.Fault) {
		if err := sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Faults = faults }); err != nil {
			t.Fatal(err)
		}
	}
	no := false
	post := func(caption string) {
		made, err := c.CreatePost(t.Context(), client.NewPost{AccountID: accounts[0].ID, MediaIDs: []string{media.ID}, Caption: caption, DueAt: time.Now().Add(time.Second),
			Options: client.Choices{TikTok: &client.TikTok{PrivacyLevel: shippost.PrivacyPublic, AllowComment: &no, AllowDuet: &no, AllowStitch: &no,
				YourBrand: &no, BrandedContent: &no, Consent: true}}}, "")
		if err != nil {
			t.Fatal(err)
		}
		ended, err := c.WatchPost(t.Context(), made.ID, func(client.Post) {})
		if err != nil || ended.Status != "posted" {
			t.Fatalf("%q ended as %+v, %v", caption, ended, err)
		}
		if _, err := c.Attempts(t.Context(), made.ID); err != nil {
			t.Fatal(err)
		}
	}
	post("all goes well")
	knobs(tiktoksim.Fault{Endpoint: "video_init", At: "mid_reply", Do: "reset"}, tiktoksim.Fault{Endpoint: "upload", At: "after_effect_before_reply", Do: "reset"},
		tiktoksim.Fault{Endpoint: "status", At: "before_effect", Do: "status", Status: 500})
	post("answers are lost")
	knobs(tiktoksim.Fault{Endpoint: "token", At: "before_effect", Do: "reset"})
	if token, err = a.tokens.For(id).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.tokens.For(id).Renew(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return accounts[0]
}

func token(t *testing.T, a *App, account client.Account) string {
	t.Helper()
	token, err := a.tokens.For(shippost.AccountID(account.ID)).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

func answer(t *testing.T, address string, key shippost.Secret) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		t.Fatalf("GET %s: %s, %v\n%s", address, resp.Status, err, text)
	}
	return text
}
