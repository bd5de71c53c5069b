package tiktok

import (
	"strings"
	"testing"
)

func TestCheckRedirect(t *testing.T) {
	t.Parallel()
	for address, words := range map[string]string{
		"https://posts.example.com/callback/tiktok":             "",
		"https://posts.example.com:8443/callback/tiktok":        "",
		"http://localhost:8080/callback/tiktok":                 "",
		"http://127.0.0.1:8080/callback/tiktok":                 "",
		"http://localhost/callback/tiktok":                      "a port",
		"http://posts.example.com/callback/tiktok":              "https",
		"https://192.0.2.7/callback/tiktok":                     "domain",
		"https://[2001:db8::7]/callback/tiktok":                 "domain",
		"https://posts.example.com/callback/tiktok?x=1":         "query",
		"https://posts.example.com/callback/tiktok?":            "query",
		"https://posts.example.com/callback/tiktok#there":       "fragment",
		"/callback/tiktok":                                      "absolute",
		"https://me@posts.example.com/callback/tiktok":          "absolute",
		"https://posts.example.com/" + strings.Repeat("x", 500): "longer",
	} {
		err := CheckRedirect(address)
		if (words == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%.60s: %v, want %q", address, err, words)
		}
	}
}
