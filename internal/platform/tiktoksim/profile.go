package tiktoksim

import (
	"fmt"
	"html/template"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

var pageFuncs = template.FuncMap{
	"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") },
	"bytes": func(n int64) string {
		switch {
		case n >= 1<<30:
			return fmt.Sprintf("%.2f GB", float64(n)/(1<<30))
		case n >= 1<<20:
			return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
		}
		return fmt.Sprintf("%d bytes", n)
	},
	"count": func(n int64) string {
		switch {
		case n >= 1e6:
			return oneDigit(float64(n)/1e6) + "M"
		case n >= 1e4:
			return oneDigit(float64(n)/1e3) + "K"
		}
		return fmt.Sprint(n)
	},
	"privacy": func(level string) string {
		return map[string]string{everyone: "Everyone", friendsOnly: "Friends", followersOnly: "Followers", selfOnly: "Only you"}[level]
	},
	"next": func(n int) int { return n + 1 },
	"short": func(text string) string {
		if r := []rune(text); len(r) > 60 {
			return string(r[:60]) + "…"
		}
		return text
	},
}

// oneDigit writes a number with one digit after the point, unless that is 0.
func oneDigit(n float64) string { return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0") }

// shown is a creator with the address of their avatar.
type shown struct {
	Creator
	Avatar string
	Posts  int
}

// indexBody is what the first page tells.
type indexBody struct {
	Creators []shown
	Entries  []Entry
	Posts    []Post
	Total    int
}

const listedEntries = 40

func (s *Server) indexPage(w http.ResponseWriter, r *http.Request) {
	s.clock.runDue()
	counts := map[string]int{}
	posts := s.Posts()
	for _, p := range posts {
		counts[p.Creator]++
	}
	body := indexBody{Total: len(posts), Entries: s.latest(listedEntries)}
	for _, c := range s.Creators() {
		if len(body.Creators) == 4*listedCreators {
			break
		}
		body.Creators = append(body.Creators, shown{c, s.avatarURL(c.Handle, r), counts[c.Handle]})
	}
	slices.Reverse(posts)
	body.Posts = posts[:min(len(posts), listedCreators)]
	s.render(w, http.StatusOK, "index", "Simulated TikTok", "", body)
}

func (s *Server) journalPage(w http.ResponseWriter, _ *http.Request) {
	s.clock.runDue()
	s.render(w, http.StatusOK, "journal", "Journal", "", s.latest(500))
}

// latest returns the newest n journal entries, newest first.
func (s *Server) latest(n int) []Entry {
	all, _ := s.journal.since(0)
	all = slices.Clone(all[max(0, len(all)-n):])
	slices.Reverse(all)
	return all
}

// profileBody is a profile as its visitors see it, and as its owner does.
type profileBody struct {
	Creator shown
	Public  []Post
	Others  []Post // visible to fewer people, or not yet through moderation
	Drafts  []Post
}

func (s *Server) profilePage(w http.ResponseWriter, r *http.Request) {
	s.clock.runDue()
	handle, ok := strings.CutPrefix(r.PathValue("at"), "@")
	s.mu.Lock()
	a := s.accounts[handle]
	if !ok || a == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	body := profileBody{Creator: shown{Creator: a.Creator}}
	for _, p := range slices.Backward(a.publishes) {
		if p.status == statusInbox && !p.discarded {
			body.Drafts = append(body.Drafts, s.view(p, nil))
		}
		for _, made := range p.posts {
			if v := s.view(p, made); !made.publicAt.IsZero() && !made.hidden {
				body.Public = append(body.Public, v)
			} else {
				body.Others = append(body.Others, v)
			}
		}
	}
	s.mu.Unlock()
	body.Creator.Avatar = s.avatarURL(handle, r)
	body.Creator.Posts = len(body.Public)
	s.render(w, http.StatusOK, "profile", body.Creator.Nickname+" (@"+handle+")", "", body)
}

// postBody is one post, with the numbers of its files.
type postBody struct {
	Post
	Avatar, Nickname string
	Numbers          []int
}

func (s *Server) postPage(w http.ResponseWriter, r *http.Request) {
	s.clock.runDue()
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	kind := "video"
	if strings.Contains(r.URL.Path, "/photo/") {
		kind = "photo"
	}
	s.mu.Lock()
	made := s.postIDs[id]
	if made == nil || "@"+made.publish.account.Handle != r.PathValue("at") || made.publish.kind != kind {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	body := postBody{Post: s.view(made.publish, made), Nickname: made.publish.account.Nickname}
	s.mu.Unlock()
	body.Avatar = s.avatarURL(body.Creator, r)
	for i := range body.Files {
		body.Numbers = append(body.Numbers, i)
	}
	s.render(w, http.StatusOK, "post", "Post by @"+body.Creator, "", body)
}

// mediaFile serves a stored file with ranges, so that a browser can seek.
func (s *Server) mediaFile(w http.ResponseWriter, r *http.Request) {
	first, last, _ := strings.Cut(r.PathValue("file"), "-")
	id, _ := strconv.ParseInt(first, 10, 64)
	n, err := strconv.Atoi(last)
	s.mu.Lock()
	made := s.postIDs[id]
	if made == nil || err != nil || n < 0 || n >= len(made.publish.files) {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	f := made.publish.files[n]
	s.mu.Unlock()
	in, err := os.Open(f.path)
	if err != nil {
		http.NotFound(w, r) // discarded after inspection
		return
	}
	defer in.Close()
	kind := f.kind
	if !strings.HasPrefix(kind, "video/") && !strings.HasPrefix(kind, "image/") {
		kind = "application/octet-stream" // only with the media_format rule off
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(w, r, "", f.lastByte, in)
}
