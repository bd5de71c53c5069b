package web

import (
	"net/http"
	"strings"
)

// Verification serves the files by which a platform verifies that an address is ours: each at the root and below /pull/, which are
// the prefixes that can be registered. Everything else goes to next. files are contents by name.
func Verification(files map[string]string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/pull"), "/")
		content, ok := files[name]
		if !ok || r.URL.Path != "/"+name && r.URL.Path != "/pull/"+name || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		// If the reader is gone there is nobody left to tell.
		_, _ = w.Write([]byte(content))
	})
}
