package app_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/mail/mailtest"
)

// Whoever writes through the form gets a receipt, and whoever runs the server a notice, from a mail server that the privacy policy
// names. Neither repeats what was written, and the log knows neither address nor password nor the code in the receipt.
func TestMailGoesOut(t *testing.T) {
	t.Parallel()
	there := mailtest.Start(t, mailtest.Options{})
	c := config.Config{
		Address:  config.Address{Listen: "127.0.0.1:0", PublicURL: "http://localhost:8080"},
		Data:     config.Data{DataDir: t.TempDir(), StorageQuota: 1 << 30},
		TikTok:   config.TikTok{APIURL: "https://open.tiktokapis.com", AuthorizeURL: "https://www.tiktok.com/v2/auth/authorize/"},
		People:   config.People{Signup: "invite", OperatorContact: "privacy@posts.example"},
		Mail:     config.Mail{SMTPURL: shippost.NewSecret("smtp://" + mailtest.User + ":correct%20horse@" + there.Addr())},
		Watching: config.Watching{LogLevel: "debug", LogFormat: "text"},
	}
	if err := c.CompleteAlone(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	a, err := app.Open(t.Context(), c, app.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), Mail: there.Roots})
	if err != nil {
		t.Fatal(err)
	}
	at, end := serve(t, a)
	defer func() {
		end()
		for _, secret := range []string{"correct horse", "correct%20horse", "ada@example.com", "canary", "contact-confirm/"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log knows %q:\n%s", secret, log.String())
			}
		}
	}()
	site := "http://" + at
	client := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, path string, form url.Values) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, site+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "localhost:8080"
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", c.PublicURL)
		req.Header.Set("Accept", "text/html")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 400 {
			t.Fatalf("%s %s: %s %v\n%s", method, path, resp.Status, err, body)
		}
		return string(body)
	}
	if policy := ask("GET", "/privacy-policy", nil); !strings.Contains(policy, there.Addr()) {
		t.Error("the privacy policy does not name the mail server")
	}
	ask("POST", "/contact", url.Values{"kind": {"access"}, "name": {"canary name"}, "mail": {"ada@example.com"}, "message": {"canary message"}})
	got := map[string]string{}
	for _, m := range there.Wait(t, 2) {
		if !m.Secure || m.From != "privacy@posts.example" || strings.Contains(m.Raw, "canary") {
			t.Errorf("%+v", m)
		}
		got[m.To] = m.Raw
	}
	if !strings.Contains(got["ada@example.com"], "/contact-confirm/") || !strings.Contains(got["ada@example.com"], "auto-replied") || !strings.Contains(got["privacy@posts.example"], "/admin/inquiries/inq_") ||
		strings.Contains(got["privacy@posts.example"], "ada@") {
		t.Errorf("%v", got)
	}
}
