package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"ship-post.com/shippost/internal/server/web"
)

// TestVerification serves the files at the exact prefixes, and nothing else in their place.
func TestVerification(t *testing.T) {
	t.Parallel()
	h := web.Verification(map[string]string{"tiktokAbC1.txt": "tiktok-developers-site-verification=xyz"},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for path, want := range map[string]int{"/tiktokAbC1.txt": 200, "/pull/tiktokAbC1.txt": 200, "/pull/pull/tiktokAbC1.txt": 418, "/tiktokabc1.txt": 418, "/": 418,
		"/pull/": 418, "/pull": 418, "/media/tiktokAbC1.txt": 418, "/pulltiktokAbC1.txt": 418} {
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
		if r.Code != want || want == 200 && r.Body.String() != "tiktok-developers-site-verification=xyz" {
			t.Errorf("%s: %d %q, want %d", path, r.Code, r.Body, want)
		}
	}
	r := httptest.NewRecorder()
	if h.ServeHTTP(r, httptest.NewRequest(http.MethodPost, "/tiktokAbC1.txt", nil)); r.Code != 418 {
		t.Errorf("POST: %d", r.Code)
	}
}
