package app

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/gate"
)

// outside is what answers at a server's public address, with one thing that a test breaks.
type outside struct {
	n       int
	breaks  string
	content string
}

func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	broken := o.breaks != "" && strings.HasPrefix(path, o.breaks)
	switch {
	case broken && o.content == "redirect":
		http.Redirect(w, r, "https://www.posts.example"+path, http.StatusMovedPermanently)
	case broken && o.content == "cut":
		panic(http.ErrAbortHandler)
	case broken && o.content != "":
		_, _ = io.WriteString(w, o.content)
	case broken:
		w.WriteHeader(http.StatusBadGateway)
	case path == "/healthz":
		_, _ = io.WriteString(w, "ok\n")
	case path == "/tiktokAb.txt", path == "/pull/tiktokAb.txt":
		_, _ = io.WriteString(w, "tiktok-developers-site-verification=Ab")
	case path == "/hooks/tiktok" && r.Method == http.MethodPost:
		w.WriteHeader(http.StatusForbidden)
	case strings.HasPrefix(path, gate.Path):
		o.n++
		w.Header().Set(gate.Mark, strconv.Itoa(o.n))
		w.WriteHeader(http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestDoctor_Addresses asks a public address in which one thing at a time is wrong, over TLS as others would.
func TestDoctor_Addresses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		breaks, content string
		apart           bool // photos have an address of their own
		noFiles         bool
		left            time.Duration // of the certificate; 0 for long
		check, state    string
		says            string
	}{
		"all is well":              {check: "address", state: FindingOK, says: "answers over https without a redirect"},
		"its certificate":          {check: "certificate", state: FindingOK, says: "holds until"},
		"an old certificate":       {left: 13 * 24 * time.Hour, check: "certificate", state: FindingWarning, says: "have it renewed"},
		"a redirect":               {breaks: "/", content: "redirect", check: "address", state: FindingFailure, says: "redirects to https://www.posts.example/healthz"},
		"a wrong status":           {breaks: "/healthz", check: "address", state: FindingFailure, says: "answers with status 502"},
		"nobody":                   {breaks: "/", content: "cut", check: "address", state: FindingWarning, says: "does not answer from here"},
		"the webhooks":             {check: "webhooks", state: FindingOK, says: "Enter https://posts.example/hooks/tiktok as the callback URL"},
		"webhooks that redirect":   {breaks: "/hooks/", content: "redirect", check: "webhooks", state: FindingFailure, says: "do not follow"},
		"webhooks of a sign-in":    {breaks: "/hooks/", content: "<title>Sign in</title>", check: "webhooks", state: FindingFailure, says: "status 200"},
		"no webhooks":              {breaks: "/hooks/", content: "cut", check: "webhooks", state: FindingWarning, says: "nobody knows"},
		"the file of TikTok":       {check: "ownership", state: FindingOK, says: "TikTok finds its file at https://posts.example/pull/tiktokAb.txt"},
		"no file":                  {noFiles: true, check: "ownership", state: FindingWarning, says: "SHIPPOST_TIKTOK_VERIFICATION"},
		"another file":             {breaks: "/tiktokAb.txt", content: "404 but nice", check: "ownership", state: FindingFailure, says: "https://posts.example/tiktokAb.txt is another file"},
		"a file that is not there": {breaks: "/pull/tiktok", check: "ownership", state: FindingFailure, says: "status 502 instead of TikTok's file"},
		"a file nobody gives":      {breaks: "/pull/tiktok", content: "cut", check: "ownership", state: FindingWarning, says: "nobody knows"},
		"the files of photos' own": {apart: true, check: "ownership", state: FindingOK, says: "https://photos.example/pull/tiktokAb.txt"},
		"the root of photos' own":  {apart: true, breaks: "/tiktokAb.txt", check: "ownership", state: FindingFailure, says: "https://photos.example/tiktokAb.txt answers with status 502"},
		"the photos":               {check: "photos", state: FindingOK, says: "TikTok can fetch photos from https://posts.example/pull/"},
		"photos that redirect":     {breaks: "/pull/", content: "redirect", check: "photos", state: FindingFailure, says: "redirects"},
		"photos of somebody else":  {breaks: "/pull/", content: "hello", check: "photos", state: FindingFailure, says: "something else answers"},
		"photos nobody gives":      {breaks: "/pull/", content: "cut", check: "photos", state: FindingWarning, says: "does not answer from here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, roots, err := Certify("posts.example", now)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(&outside{breaks: c.breaks, content: c.content})
			server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
			server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
			server.StartTLS()
			t.Cleanup(server.Close)
			var set config.Config
			set.PublicURL, set.PullURL, set.Verification = "https://posts.example", "https://posts.example", []string{"tiktokAb.txt=tiktok-developers-site-verification=Ab"}
			if c.apart {
				set.PullURL = "https://photos.example"
			}
			if c.noFiles {
				set.Verification = nil
			}
			d := doctor{config: set, through: PullAddress{CheckURL: server.URL, Roots: roots}, now: time.Now}
			if c.left > 0 {
				d.now = func() time.Time { return cert.Leaf.NotAfter.Add(-c.left) }
			}
			d.addresses(t.Context())
			wants(t, d.found, c.check, c.state, c.says)
			for _, f := range d.found {
				if c.breaks == "" && c.left == 0 && !c.noFiles && f.State != FindingOK {
					t.Errorf("nothing is wrong: %+v", f)
				}
			}
		})
	}
	for address, want := range map[string]Finding{
		"http://localhost:8080":     {State: FindingWarning, Message: "this machine only"},
		"http://127.0.0.1:8080":     {State: FindingWarning, Message: "this machine only"},
		"https://198.51.100.7:8443": {State: FindingFailure, Message: "no address that TikTok would fetch from"},
	} {
		d := doctor{config: config.Config{Address: config.Address{PublicURL: address}}, now: time.Now}
		d.addresses(t.Context())
		wants(t, d.found, "address", want.State, want.Message)
	}
}

// wants looks for a finding of a check.
func wants(t *testing.T, found []Finding, check, state, says string) {
	t.Helper()
	for _, f := range found {
		if f.Check == check && f.State == state && strings.Contains(f.Message, says) {
			return
		}
	}
	t.Errorf("no finding %s %s that says %q in %+v", check, state, says, found)
}

// TestDoctor_App asks a TikTok whose clock, or whose app, is as it should not be.
func TestDoctor_App(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key    string
		date   func() string // what time TikTok says it is
		refuse string        // what it says to the keys
		down   bool
		check  string
		state  string
		says   string
	}{
		"a production key":  {key: "aw123", check: "keys", state: FindingOK, says: "TikTok knows the client key"},
		"a sandbox key":     {key: "sbaw123", check: "keys", state: FindingWarning, says: "those of a sandbox"},
		"a wrong secret":    {key: "aw123", refuse: "invalid_client", check: "keys", state: FindingFailure, says: "does not accept the client key"},
		"nobody answers":    {key: "aw123", down: true, check: "keys", state: FindingWarning, says: "did not answer whether they are right"},
		"no time either":    {key: "aw123", down: true, check: "clock", state: FindingWarning, says: "does not answer from here"},
		"the clock":         {key: "aw123", check: "clock", state: FindingOK, says: "agrees with TikTok's"},
		"the clock is off":  {key: "aw123", date: func() string { return time.Now().Add(-10 * time.Minute).UTC().Format(http.TimeFormat) }, check: "clock", state: FindingFailure, says: "off by TikTok's"},
		"an unreadable one": {key: "aw123", date: func() string { return "soon" }, check: "clock", state: FindingWarning, says: "does not say what time it is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.down {
					panic(http.ErrAbortHandler)
				}
				if c.date != nil {
					w.Header().Set("Date", c.date())
				}
				w.Header().Set("Content-Type", "application/json")
				switch {
				case c.refuse != "":
					w.WriteHeader(http.StatusBadRequest)
					_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":"no","log_id":"L1"}`, c.refuse)
				case r.URL.Path == "/v2/oauth/token/":
					_, _ = io.WriteString(w, `{"access_token":"clt.x","expires_in":7200,"token_type":"Bearer"}`)
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
			t.Cleanup(server.Close)
			d := doctor{config: config.Config{Address: config.Address{PublicURL: "http://localhost:8080"},
				TikTok: config.TikTok{ClientKey: c.key, ClientSecret: shippost.NewSecret("secret"), APIURL: server.URL, AuthorizeURL: server.URL + "/v2/auth/authorize/"}}, now: time.Now}
			d.app(t.Context())
			wants(t, d.found, c.check, c.state, c.says)
		})
	}
}

// TestDoctor_Storage looks at folders that cannot be used and disks that are full.
func TestDoctor_Storage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data, media string
		state, says string
	}{
		"good":             {t.TempDir(), t.TempDir(), FindingOK, "can be written to"},
		"not there yet":    {filepath.Join(t.TempDir(), "data"), t.TempDir(), FindingWarning, "the first start makes it"},
		"not to be used":   {file, t.TempDir(), FindingFailure, "cannot be written to: check its owner"},
		"media not usable": {t.TempDir(), file, FindingFailure, "cannot be written to: check its owner"},
	} {
		d := doctor{config: config.Config{Data: config.Data{DataDir: c.data, StorageURL: "file://" + c.media}}, now: time.Now}
		d.storage()
		if len(d.found) != 1 {
			t.Errorf("%s: %+v", name, d.found)
		}
		wants(t, d.found, "storage", c.state, c.says)
	}
	for _, c := range []struct {
		free, total int64
		state       string
	}{{2 << 30, 10 << 30, FindingOK}, {2<<30 - 1, 10 << 30, FindingFailure}, {10 << 30, 400 << 30, FindingFailure}, {20 << 30, 400 << 30, FindingOK}} {
		d := doctor{}
		d.space(c.free, c.total)
		wants(t, d.found, "storage", c.state, "free")
	}
}
