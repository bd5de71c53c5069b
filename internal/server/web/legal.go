package web

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"ship-post.com/shippost"
)

// PolicyVersion is the day of the privacy policy and terms that this server shows. A first sign-in accepts them.
const PolicyVersion = "2026-11-24"

// legalPage is the part of a legal text that changes.
type legalPage struct {
	Updated string // for people
	Version string // for machines
}

func (p *Pages) legal(name string) http.HandlerFunc {
	titles := map[string]string{"privacy-policy": "Privacy policy", "terms": "Terms of use"}
	page := legalPage{Version: PolicyVersion}
	if day, err := time.Parse(time.DateOnly, PolicyVersion); err == nil {
		page.Updated = day.Format("2 January 2006")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		p.show(w, r, http.StatusOK, name, titles[name], "", page)
	}
}

// words are what the templates say about accounts.
var words = template.FuncMap{
	"initial": func(a shippost.Account) string {
		for _, r := range strings.TrimSpace(a.Name + a.Handle) {
			return strings.ToUpper(string(r))
		}
		return "?"
	},
	"spoken": func(a shippost.Account) string {
		if a.Handle != "" {
			return "@" + a.Handle
		}
		return a.Name
	},
	"scope": func(name string) string {
		if text, ok := scopeWords[name]; ok {
			return text
		}
		return name
	},
}

// scopeWords says what a creator did not allow (TikTok contract 1.3).
var scopeWords = map[string]string{
	"user.info.basic":   "see your name and picture",
	"user.info.profile": "see your @name",
	"video.publish":     "post to your profile",
	"video.upload":      "send drafts to your inbox",
}
