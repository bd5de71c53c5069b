package app_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"ship-post.com/shippost/internal/app"
)

// P11: with certificates of its own the server asks the authority at the start, sends plain HTTP to https, refuses what could hold a
// key, and names the authority in the privacy policy.
func TestPromise_P11_PlainHTTPLeadsToHTTPS(t *testing.T) {
	t.Parallel()
	authority, c := app.WithAuthority(t)
	if err := c.CompleteAlone(); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), c, app.Options{Log: slog.New(slog.DiscardHandler), ACME: authority.Roots})
	if err != nil {
		t.Fatal(err)
	}
	secure, end := serve(t, a)
	defer end()
	select {
	case path := <-authority.Asked:
		if path != "/directory" {
			t.Errorf("the authority is asked for %s", path)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the authority is not asked")
	}
	client := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tc := range []struct {
		method, path, header string
		status               int
		location             string
	}{
		{"GET", "/privacy-policy?x=1", "", 308, "https://posts.example.com/privacy-policy?x=1"},
		{"HEAD", "/", "", 308, "https://posts.example.com/"},
		{"GET", "//evil.example/x", "", 308, "https://posts.example.com//evil.example/x"},
		{"GET", "/api/v1/posts", "", 421, ""},
		{"GET", "/metrics", "Bearer secret", 421, ""},
		{"POST", "/contact", "", 421, ""},
		{"GET", "/.well-known/acme-challenge/x", "", 404, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, "http://"+c.ListenHTTP+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "posts.example.com"
		if tc.header != "" {
			req.Header.Set("Authorization", tc.header)
		}
		resp, err := client.Do(req)
		for ends := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(ends); {
			resp, err = client.Do(req) // it is about to listen
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tc.status || resp.Header.Get("Location") != tc.location {
			t.Errorf("%s %s: %d %q, want %d %q\n%s", tc.method, tc.path, resp.StatusCode, resp.Header.Get("Location"), tc.status, tc.location, body)
		}
	}
	// Nothing is answered in plain text where HTTPS is expected, and without a certificate nothing at all.
	if resp, err := client.Get("http://" + secure + "/"); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("plain text on the port for HTTPS: %s", resp.Status)
		}
	}
	conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: "posts.example.com"}}).DialContext(t.Context(), "tcp", secure)
	if err == nil {
		_ = conn.Close()
		t.Error("there is a certificate from nowhere")
	}
}
