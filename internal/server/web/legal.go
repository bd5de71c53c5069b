package web

import (
	"html/template"
	"net/http"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/legal"
)

// legalPage is a version of a legal text.
type legalPage struct {
	Document string
	Title    string
	Version  legal.Version
	Versions []legalVersion
	Current  bool   // in force
	From     string // when it will be, "" when it is or was
	Until    string // when that in force ends, "" for no end that is known
	Next     string // day of the one that follows then
	Blocks   []legal.Block
}

// changesPage shows how a version differs from the one before it.
type changesPage struct {
	Document     string
	Title        string
	Older, Newer legal.Version
	Changes      []legal.Change
}

// legalVersion is a line of the list of versions.
type legalVersion struct {
	legal.Version
	From string // when it will be in force, "" when it is or was
}

var legalTitles = map[string]string{legal.Policy: "Privacy policy", legal.Terms: "Terms of use"}

// legal shows the version in force, or that of the day in the address.
func (p *Pages) legal(document string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, blocks, err := p.opt.Legal.Read(document, r.PathValue("day"))
		if err != nil {
			p.fail(w, r, err)
			return
		}
		page := legalPage{Document: document, Title: legalTitles[document], Version: v, Current: v == p.opt.Legal.InForce(document), Blocks: blocks}
		for _, other := range p.opt.Legal.Versions(document) {
			line := legalVersion{Version: other}
			if from := p.opt.Legal.From(document, other); from.After(p.opt.Now()) {
				line.From = legal.DateOf(from)
				page.Until, page.Next = line.From, other.Day
			}
			if other == v {
				page.From = line.From
			}
			page.Versions = append(page.Versions, line)
		}
		p.show(w, r, http.StatusOK, "legal", legalTitles[document], "", page)
	}
}

func (p *Pages) legalChanges(document string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		older, newer, changes, err := p.opt.Legal.Compare(document, r.PathValue("day"))
		if err != nil {
			p.fail(w, r, err)
			return
		}
		p.show(w, r, http.StatusOK, "legal-changes", "Changes of "+newer.Date(), "", changesPage{document, legalTitles[document], older, newer, changes})
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
	"day":    day,
	"moment": moment,
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
