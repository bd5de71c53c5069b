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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store/storetest"
)

// wiretap stands between the product and the simulated TikTok and notes every secret that passes: codes, verifiers,
// tokens, upload addresses.
type wiretap struct {
	*httptest.Server
	mu      sync.Mutex
	secrets map[string]string  // secret → what it is
	forms   map[[4]byte][]form // what is looked for, by how it begins
	begins  [1 << 16]bool      // the first two bytes of all of them: a database's log has hundreds of megabytes
}

// form is a secret as it would stand in a text.
type form struct{ text, what string }

var upload = regexp.MustCompile(`upload_token=([^"&\\]+)`)

func tap(t *testing.T, target *url.URL) *wiretap {
	t.Helper()
	w := &wiretap{secrets: map[string]string{}, forms: map[[4]byte][]form{}}
	w.note("client secret", tiktoksim.DefaultClientSecret)
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

// note has a secret looked for, as it is and in every usual coding.
func (w *wiretap) note(what, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if secret == "" || w.secrets[secret] != "" {
		return
	}
	w.secrets[secret] = what
	for _, text := range []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret)), strings.ReplaceAll(secret, "!", `\u0021`)} {
		start := [4]byte([]byte(text))
		w.forms[start] = append(w.forms[start], form{text, what})
		w.begins[int(start[0])<<8|int(start[1])] = true
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

// found returns which kinds of secrets stand in a text.
func (w *wiretap) found(text []byte) (kinds []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := 0; i+4 <= len(text); i++ {
		if !w.begins[int(text[i])<<8|int(text[i+1])] {
			continue
		}
		for _, f := range w.forms[[4]byte(text[i:])] {
			if bytes.HasPrefix(text[i:], []byte(f.text)) && !slices.Contains(kinds, f.what) {
				kinds = append(kinds, f.what)
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

// canary is the whole product with debug logging, and all around it that could give a secret away.
type canary struct {
	*App
	wire     *wiretap
	sim      *tiktoksim.Running
	url      string
	dir      string
	log      *lines
	database string // on PostgreSQL
}

// release starts the product on a database; "" is SQLite in its data folder.
func release(t *testing.T, database string) *canary {
	t.Helper()
	target := &url.URL{Scheme: "http"}
	wire := tap(t, target)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	c := &canary{wire: wire, url: "http://localhost:" + port, dir: t.TempDir(), log: &lines{}, database: database}
	c.sim, err = tiktoksim.Start(tiktoksim.Options{Dir: t.TempDir(), PublicURL: wire.URL, Redirects: []tiktoksim.Redirect{{URI: c.url + "/callback/tiktok", Desktop: true}},
		Knobs: func(k *tiktoksim.Knobs) { k.Webhook.URL = c.url + "/hooks/tiktok" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.sim.Close() })
	target.Host = strings.TrimPrefix(c.sim.URL, "http://")

	settings := config.Config{
		Address: config.Address{Listen: ln.Addr().String(), PublicURL: c.url},
		Data:    config.Data{DataDir: c.dir, StorageQuota: 1 << 30, DatabaseURL: shippost.NewSecret(database)},
		TikTok: config.TikTok{ClientKey: tiktoksim.DefaultClientKey, ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret),
			APIURL: wire.URL, AuthorizeURL: wire.URL + "/v2/auth/authorize/"},
		People: config.People{Signup: "open"}, Watching: config.Watching{LogLevel: "debug", LogFormat: "json"},
	}
	if err := settings.CompleteAlone(); err != nil {
		t.Fatal(err)
	}
	c.App, err = Open(t.Context(), settings, Options{Log: slog.New(slog.NewJSONHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- c.Serve(t.Context(), ln) }()
	t.Cleanup(func() {
		if err := <-served; err != nil { // the test's context has ended
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// creator is somebody who signed in.
type creator struct {
	*client.Client
	handle  string
	key     shippost.Secret
	account shippost.AccountID
}

func (c *canary) signIn(t *testing.T, handle string) creator {
	t.Helper()
	key, err := SignInForKey(t.Context(), nil, c.url, handle)
	if err != nil {
		t.Fatal(err)
	}
	c.wire.note("API key", key.Reveal())
	api, err := client.New(c.url, client.Options{Key: key.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := api.Accounts(t.Context())
	if err != nil || len(accounts) != 1 {
		t.Fatalf("accounts of @%s: %+v, %v", handle, accounts, err)
	}
	return creator{api, handle, key, shippost.AccountID(accounts[0].ID)}
}

// P4: the whole product runs with debug logging, through successes and failures, and afterwards no token, code, verifier,
// upload address or client secret stands anywhere but sealed: not in the rows of the database, its jobs among them, nor in its
// pages and its write-ahead log on disk, the data folder, the log, the error texts, nor in any answer of the API.
func TestPromise_P04_NoTokenOutsideItsSeal(t *testing.T) {
	t.Parallel()
	for engine, database := range map[string]func(*testing.T) string{"sqlite": func(*testing.T) string { return "" }, "postgres": storetest.PostgresURL} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			c := release(t, database(t))
			mara, kiln, coffee := c.signIn(t, demoCreator), c.signIn(t, "quiet.kiln"), c.signIn(t, "northwind.coffee")
			c.publish(t, mara)
			c.renew(t, mara)
			if found := c.wire.found([]byte("act: " + c.token(t, mara))); len(found) != 1 || found[0] != "access token" {
				t.Fatalf("the search finds %v in a text with an access token", found)
			}
			c.search(t, mara, kiln, coffee) // while grants live …
			c.part(t, mara, kiln, coffee)
			c.search(t, mara, kiln, coffee) // … and after their ends

			kinds := c.wire.kinds()
			for what, least := range map[string]int{"access token": 5, "refresh token": 5, "authorization code": 3, "verifier": 3, "upload token": 2, "client secret": 1} {
				if kinds[what] < least {
					t.Errorf("only %d of kind %q passed the wire: %v; the search proves little", kinds[what], what, kinds)
				}
			}
			c.searchFindsWhatIsThere(t)
		})
	}
}

// search looks for secrets everywhere.
func (c *canary) search(t *testing.T, people ...creator) {
	t.Helper()
	for _, p := range people {
		paths := []string{"/accounts", "/accounts/" + string(p.account), "/accounts/" + string(p.account) + "/creator", "/journal", "/keys", "/me", "/media", "/posts", "/posts?limit=100"}
		for _, id := range regexp.MustCompile(`"id":\s*"(post_[a-z0-9]+)"`).FindAllStringSubmatch(string(c.answer(t, p, "/posts")), -1) {
			paths = append(paths, "/posts/"+id[1], "/posts/"+id[1]+"/attempts", "/posts/"+id[1]+"/journal")
		}
		if p.handle == demoCreator && len(paths) != 9+2*3 {
			t.Errorf("only %v are asked", paths)
		}
		for _, path := range paths {
			if found := c.wire.found(c.answer(t, p, path)); found != nil {
				t.Errorf("GET %s tells %v", path, found)
			}
		}
	}
	if found := c.wire.found(c.log.all()); found != nil {
		t.Errorf("the log has %v", found)
	}
	if !bytes.Contains(c.log.all(), []byte(`"level":"DEBUG"`)) && !bytes.Contains(c.log.all(), []byte("an attempt did not get through")) {
		t.Error("the log is no debug log")
	}
	rows := storetest.Dump(t, c.db)
	for _, part := range []string{"accounts: " + string(people[0].account), "grants: ", "river_job: ", "journal: "} {
		if !strings.Contains(rows, part) {
			t.Errorf("the rows that are searched have no %q", part)
		}
	}
	for line := range strings.Lines(rows) {
		if found := c.wire.found([]byte(line)); found != nil {
			table, _, _ := strings.Cut(line, ":")
			t.Errorf("a row of %s holds %v", table, found)
		}
	}
	c.searchFiles(t, people[0])
}

// searchFiles looks through the data folder, which on SQLite has the database and its log, and through what a PostgreSQL server keeps of them.
func (c *canary) searchFiles(t *testing.T, somebody creator) {
	t.Helper()
	var names []string
	seen := false
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		names = append(names, filepath.Base(path))
		seen = seen || bytes.Contains(text, []byte(somebody.account))
		if found := c.wire.found(text); found != nil {
			t.Errorf("%s holds %v", filepath.Base(path), found)
		}
		return nil
	})
	embedded := slices.Contains(names, "shippost.db")
	if err != nil || len(names) < 3 || embedded && (!seen || !slices.Contains(names, "shippost.db-wal")) {
		t.Errorf("%q searched, %v; the account itself was seen: %v", names, err, seen)
	}
	if c.database == "" {
		return
	}
	pages := storetest.Pages(t, c.database)
	if found := c.wire.found(pages); found != nil || !bytes.Contains(pages, []byte(somebody.account)) {
		t.Errorf("the pages of the database hold %v", found)
	}
	seen = false
	storetest.WriteAhead(t, c.database, func(part []byte) {
		seen = seen || bytes.Contains(part, []byte(somebody.account))
		if found := c.wire.found(part); found != nil {
			t.Errorf("the write-ahead log holds %v", found)
		}
	})
	if !seen {
		t.Error("the account itself is not in the write-ahead log that was searched")
	}
}

// searchFindsWhatIsThere writes a token where none may be and expects each search to find it.
func (c *canary) searchFindsWhatIsThere(t *testing.T) {
	t.Helper()
	tokens, err := c.sim.Connect(demoCreator)
	if err != nil {
		t.Fatal(err)
	}
	c.wire.note("planted token", tokens.AccessToken)
	if _, err := c.db.SQL().ExecContext(t.Context(), "UPDATE accounts SET status_reason = $1", tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	if found := c.wire.found([]byte(storetest.Dump(t, c.db))); !slices.Contains(found, "planted token") {
		t.Errorf("the search does not find a token that stands in a row, but %v", found)
	}
	if c.database == "" {
		return
	}
	if found := c.wire.found(storetest.Pages(t, c.database)); !slices.Contains(found, "planted token") {
		t.Errorf("the search does not find a token that stands on a page, but %v", found)
	}
	var logged []string
	storetest.WriteAhead(t, c.database, func(part []byte) { logged = append(logged, c.wire.found(part)...) })
	if !slices.Contains(logged, "planted token") {
		t.Errorf("the search does not find a token that stands in the write-ahead log, but %v", logged)
	}
}

// publish publishes a video, and another one whose answers are lost in several ways, so that secrets go every way they can.
func (c *canary) publish(t *testing.T, p creator) {
	t.Helper()
	media, err := p.UploadFile(t.Context(), "../platform/tiktoksim/inspect/testdata/h264.mp4", func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	if media, err = p.WaitMedia(t.Context(), media.ID); err != nil {
		t.Fatal(err)
	}
	no := false
	post := func(caption string) {
		made, err := p.CreatePost(t.Context(), client.NewPost{AccountID: string(p.account), MediaIDs: []string{media.ID}, Caption: caption, DueAt: time.Now().Add(time.Second),
			Options: client.Choices{TikTok: &client.TikTok{PrivacyLevel: shippost.PrivacyPublic, AllowComment: &no, AllowDuet: &no, AllowStitch: &no,
				YourBrand: &no, BrandedContent: &no, Consent: true}}}, "")
		if err != nil {
			t.Fatal(err)
		}
		ended, err := p.WatchPost(t.Context(), made.ID, func(client.Post) {})
		if err != nil || ended.Status != "posted" {
			t.Fatalf("%q ended as %+v, %v", caption, ended, err)
		}
		if _, err := p.Attempts(t.Context(), made.ID); err != nil {
			t.Fatal(err)
		}
	}
	post("all goes well")
	c.knobs(t, func(k *tiktoksim.Knobs) {
		k.Faults = []tiktoksim.Fault{{Endpoint: "video_init", At: "mid_reply", Do: "reset"}, {Endpoint: "upload", At: "after_effect_before_reply", Do: "reset"},
			{Endpoint: "status", At: "before_effect", Do: "status", Status: 500}}
	})
	post("answers are lost")
}

// renew refreshes the tokens: once as it should be, once with a lost answer.
func (c *canary) renew(t *testing.T, p creator) {
	t.Helper()
	for _, faults := range [][]tiktoksim.Fault{nil, {{Endpoint: "token", At: "before_effect", Do: "reset"}}} {
		c.knobs(t, func(k *tiktoksim.Knobs) { k.Faults = faults })
		if _, err := c.tokens.For(p.account).Renew(t.Context(), shippost.NewSecret(c.token(t, p))); err != nil {
			t.Fatal(err)
		}
	}
}

// part ends three accounts in the three ways there are: one by its people, who have the access revoked; one by its creator in
// TikTok, which tells so; one by a refresh that TikTok refuses.
func (c *canary) part(t *testing.T, disconnected, removed, refused creator) {
	t.Helper()
	parting, status := c.call(t, http.MethodPost, disconnected, "/accounts/"+string(disconnected.account)+"/disconnect")
	if status != http.StatusOK || !bytes.Contains(parting, []byte(`"revoked":true`)) {
		t.Fatalf("disconnecting answers %d %s", status, parting)
	}
	if err := c.sim.RemoveApp(removed.handle, 1); err != nil {
		t.Fatal(err)
	}
	c.told(t, "authorization.removed", removed)
	token := c.token(t, refused)
	c.knobs(t, func(k *tiktoksim.Knobs) { k.Webhook.Drop = []string{"authorization.removed"} })
	if err := c.sim.RemoveApp(refused.handle, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := c.tokens.For(refused.account).Renew(t.Context(), shippost.NewSecret(token)); !shippost.IsKind(err, shippost.Reconnect) {
		t.Fatalf("renewing with tokens that are dead: %v", err)
	}
	for _, want := range []struct {
		creator
		status string
	}{{disconnected, "disconnected"}, {removed, "disconnected"}, {refused, "needs_reconnect"}} {
		accounts, err := want.Accounts(t.Context())
		if err != nil || len(accounts) != 1 || accounts[0].Status != want.status {
			t.Errorf("the account of @%s is %+v, %v; want it %s", want.handle, accounts, err, want.status)
		}
	}
}

// told waits until the product has taken in what TikTok tells about a creator.
func (c *canary) told(t *testing.T, event string, p creator) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.sim.URL+"/_sim/journal?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for journal := json.NewDecoder(resp.Body); ; {
		var e tiktoksim.Entry
		if err := journal.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Kind == "webhook" && e.Name == event && e.Creator == p.handle {
			if e.Status != http.StatusOK {
				t.Fatalf("%s was answered %d", event, e.Status)
			}
			return
		}
	}
}

func (c *canary) knobs(t *testing.T, change func(*tiktoksim.Knobs)) {
	t.Helper()
	if err := c.sim.SetKnobs(change); err != nil {
		t.Fatal(err)
	}
}

func (c *canary) token(t *testing.T, p creator) string {
	t.Helper()
	token, err := c.tokens.For(p.account).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

func (c *canary) answer(t *testing.T, p creator, path string) []byte {
	t.Helper()
	text, status := c.call(t, http.MethodGet, p, path)
	// Who was disconnected has no creator to be told about.
	if status != http.StatusOK && status != http.StatusNotFound && !strings.HasSuffix(path, "/creator") {
		t.Fatalf("GET %s: %d\n%s", path, status, text)
	}
	return text
}

func (c *canary) call(t *testing.T, method string, p creator, path string) ([]byte, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text, resp.StatusCode
}
