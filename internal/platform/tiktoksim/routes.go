package tiktoksim

import (
	"net/http"
	"strings"
)

// routes lists every path. API paths keep their trailing slash (TikTok
// contract, hosts and constants).
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/auth/authorize/{$}", s.authorizePage)
	mux.HandleFunc("POST /v2/auth/authorize/{$}", s.decide)
	mux.HandleFunc("POST /v2/oauth/token/{$}", s.oauthEndpoint("token", (*oauthCall).token))
	mux.HandleFunc("POST /v2/oauth/revoke/{$}", s.oauthEndpoint("revoke", (*oauthCall).revoke))
	for pattern, e := range endpoints() {
		mux.HandleFunc(pattern, s.api(e))
	}
	mux.HandleFunc("PUT /video/{$}", s.put)
	s.controlRoutes(mux)
	s.pageRoutes(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/") && !strings.HasSuffix(r.URL.Path, "/") {
			// The mux would redirect to the path with a slash; TikTok does not.
			s.unknownPath(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) unknownPath(w http.ResponseWriter, r *http.Request) {
	s.journal.add(Entry{Kind: "request", Name: "unknown", Method: r.Method, Path: r.URL.Path, Status: http.StatusNotFound})
	http.Error(w, "Unsupported path(Janus)", http.StatusNotFound)
}

// endpoints are the API paths with their limits and scopes (TikTok contract 4.2).
func endpoints() map[string]endpoint {
	initLimit := func(k *Knobs) int { return k.Limits.Init }
	publish, upload := "video.publish", "video.upload"
	return map[string]endpoint{
		"GET /v2/user/info/{$}": {
			name: "user_info", limit: func(k *Knobs) int { return k.Limits.UserInfo },
			scopes: fixedScopes(), handle: (*call).userInfo,
		},
		"POST /v2/post/publish/creator_info/query/{$}": {
			name: "creator_info", limit: func(k *Knobs) int { return k.Limits.CreatorInfo },
			scopes: fixedScopes(publish), handle: (*call).creatorInfo,
		},
		"POST /v2/post/publish/video/init/{$}": {
			name: "video_init", limit: initLimit, scopes: fixedScopes(publish), input: true, handle: (*call).videoInit,
		},
		"POST /v2/post/publish/content/init/{$}": {
			name: "content_init", limit: initLimit, scopes: photoScopes, input: true, handle: (*call).photoInit,
		},
		"POST /v2/post/publish/inbox/video/init/{$}": {
			name: "inbox_init", limit: initLimit, scopes: fixedScopes(upload), input: true, handle: (*call).inboxInit,
		},
		"POST /v2/post/publish/status/fetch/{$}": {
			name: "status", limit: func(k *Knobs) int { return k.Limits.Status },
			scopes: fixedScopes(publish, upload), input: true, handle: (*call).status,
		},
		"POST /v2/post/publish/cancel/{$}": {
			name: "cancel", limit: func(k *Knobs) int { return k.Limits.Cancel },
			scopes: fixedScopes(publish, upload), input: true, handle: (*call).cancel,
		},
	}
}
