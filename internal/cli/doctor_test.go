package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/mail/mailtest"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// report runs the doctor and returns its findings by check, the last of each, and the exit status.
func report(t *testing.T, args ...string) (map[string]app.Finding, int) {
	t.Helper()
	var out, errOut bytes.Buffer
	exit := Main(append([]string{"doctor", "--json"}, args...), &out, &errOut)
	var body struct {
		OK       bool
		Findings []app.Finding
	}
	if err := json.Unmarshal(out.Bytes(), &body); err != nil {
		t.Fatalf("%v: %s %s", err, out.String(), errOut.String())
	}
	if body.OK != (exit == 0) {
		t.Errorf("ok is %v with exit status %d", body.OK, exit)
	}
	found := map[string]app.Finding{}
	for _, f := range body.Findings {
		if f.Message == "" {
			t.Errorf("%s says nothing", f.Check)
		}
		if before, ok := found[f.Check]; !ok || before.State != app.FindingFailure {
			found[f.Check] = f
		}
	}
	return found, exit
}

func TestDoctor_GoodSetUp(t *testing.T) {
	sim, err := tiktoksim.Start(tiktoksim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	t.Setenv("SHIPPOST_TIKTOK_CLIENT_SECRET", tiktoksim.DefaultClientSecret)
	found, exit := report(t, "--tiktok-client-key", tiktoksim.DefaultClientKey, "--tiktok-api-url", sim.URL, "--tiktok-authorize-url", sim.URL+"/v2/auth/authorize/",
		"--data-dir", t.TempDir()+"/data", "--listen", "127.0.0.1:8099", "--admin-networks", "10.1.0.0/16,2001:db8::/48")
	if exit != 0 {
		t.Errorf("exit status %d: %+v", exit, found)
	}
	for check, want := range map[string]string{"settings": app.FindingOK, "database": app.FindingWarning, "granted": app.FindingOK, "keys": app.FindingOK, "redirect": app.FindingOK, "clock": app.FindingOK, "ffmpeg": app.FindingOK,
		"heif": app.FindingOK, "storage": app.FindingWarning, "address": app.FindingWarning} {
		if found[check].State != want {
			t.Errorf("%s is %+v, want %s", check, found[check], want)
		}
	}
	if f := found["admin"]; f.State != app.FindingOK || !strings.Contains(f.Message, "from 10.1.0.0/16, 2001:db8::/48 alone") {
		t.Errorf("where the administration is: %+v", f)
	}
	if m := found["redirect"].Message; !strings.Contains(m, "http://localhost:8099/callback/tiktok") {
		t.Errorf("the redirect URI is not named: %s", m)
	}
}

// TestDoctor_OfARunningSetUp looks beside a server's database at accounts that lack something, and at keys that TikTok does not know.
func TestDoctor_OfARunningSetUp(t *testing.T) {
	sim, err := tiktoksim.Start(tiktoksim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	dir := t.TempDir()
	t.Setenv("SHIPPOST_TIKTOK_CLIENT_SECRET", "not-the-secret-of-this-app")
	args := []string{"--tiktok-client-key", tiktoksim.DefaultClientKey, "--tiktok-api-url", sim.URL, "--tiktok-authorize-url", sim.URL + "/v2/auth/authorize/",
		"--data-dir", dir, "--listen", "127.0.0.1:8099"}
	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(dir, "shippost.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	lacking := storetest.Account(t, db, storetest.Workspace(t, db))
	lacking.Scopes = []string{"user.info.basic"}
	storetest.Update(t, db, func(tx *store.Tx) error {
		_, err := tx.SetAccountStatus(t.Context(), lacking, lacking.Epoch)
		return err
	})
	found, exit := report(t, args...)
	if m := found["granted"]; m.State != app.FindingWarning || !strings.Contains(m.Message, "video.publish") {
		t.Errorf("what was granted: %+v", m)
	}
	if exit != 1 || found["keys"].State != app.FindingFailure || !strings.Contains(found["keys"].Message, "does not accept the client key with this secret") {
		t.Errorf("a wrong secret: %d %+v", exit, found["keys"])
	}
	if found["database"].State != app.FindingOK || !strings.Contains(found["database"].Message, "synchronous = full") {
		t.Errorf("the database: %+v", found["database"])
	}
	for _, f := range found {
		if strings.Contains(f.Message, "not-the-secret-of-this-app") {
			t.Errorf("the secret is told: %s", f.Message)
		}
	}
}

// TestDoctor_IsReadable: for people each finding has a mark and its own lines, and the end says how many there are of each.
func TestDoctor_IsReadable(t *testing.T) {
	var out, errOut bytes.Buffer
	Main([]string{"doctor", "--public-url", "http://posts.example.com", "--data-dir", t.TempDir()}, &out, &errOut)
	text := out.String()
	if !strings.Contains(text, "✗ settings     SHIPPOST_PUBLIC_URL") || !strings.Contains(text, " broken.\n") {
		t.Errorf("it reads\n%s", text)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(line); n > 103 && strings.Count(line, " ") > 16 {
			t.Errorf("a line has %d characters: %s", n, line)
		}
	}
	if got := wrapped("one two three", 7); got != "one two\nthree" {
		t.Errorf("%q", got)
	}
}

func TestDoctor_BadSetUp(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // a machine without ffmpeg and libheif
	found, exit := report(t, "--public-url", "http://posts.example.com", "--data-dir", t.TempDir(), "--admin-networks", "office.lan")
	if exit != 1 {
		t.Errorf("exit status %d", exit)
	}
	for check, want := range map[string]string{"settings": app.FindingFailure, "keys": app.FindingFailure, "ffmpeg": app.FindingWarning, "heif": app.FindingWarning} {
		if found[check].State != want {
			t.Errorf("%s is %+v, want %s", check, found[check], want)
		}
	}
	for check, words := range map[string]string{"settings": "SHIPPOST_PUBLIC_URL", "keys": "SHIPPOST_TIKTOK_CLIENT_KEY", "ffmpeg": "apt install ffmpeg"} {
		if !strings.Contains(found[check].Message, words) {
			t.Errorf("%s does not say %q: %s", check, words, found[check].Message)
		}
	}
	if f, ok := found["admin"]; ok {
		t.Errorf("networks that are none are told: %+v", f)
	}
}

// The mail server is greeted and signed in to, and gets nothing to send.
func TestDoctor_Mail(t *testing.T) {
	there := mailtest.Start(t, mailtest.Options{NoTLS: true})
	dir := t.TempDir()
	found, _ := report(t, "--data-dir", dir)
	if f := found["mail"]; f.State != app.FindingWarning || !strings.Contains(f.Message, "SHIPPOST_SMTP_URL") {
		t.Errorf("without a mail server: %+v", f)
	}
	for name, c := range map[string]struct{ url, state, says string }{
		"good":     {"smtp://" + mailtest.User + ":correct%20horse@" + there.Addr(), app.FindingOK, "lets this server in"},
		"password": {"smtp://" + mailtest.User + ":battery-staple@" + there.Addr(), app.FindingFailure, "password"},
		"TLS":      {"smtps://" + mailtest.User + ":battery-staple@" + there.Addr(), app.FindingFailure, "certificate"},
		"private":  {"smtp://10.1.2.3:25", app.FindingFailure, "SHIPPOST_SMTP_NETWORKS"},
		"spelling": {"smtp://0x7f000001:25", app.FindingFailure, "usual spelling"},
	} {
		t.Setenv("SHIPPOST_SMTP_URL", c.url)
		found, _ := report(t, "--data-dir", dir, "--mail-from", "ShipPost <posts@posts.example>")
		if f := found["mail"]; f.State != c.state || !strings.Contains(f.Message, c.says) || strings.Contains(f.Message, "battery") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if there.Tries() != 0 {
		t.Errorf("%d messages were begun", there.Tries())
	}
}
