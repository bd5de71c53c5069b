package tiktoksim_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestPages walks every screen: each is well formed, needs nothing from
// elsewhere, and forbids script.
func TestPages(t *testing.T) {
	w := begin(t, registered)
	token := w.connect("mara.moves")
	w.upload(token, file(t, "h264.mp4"), setPost("title", `<script>alert("x")</script>`), setPost("brand_content_toggle", true))
	w.upload(token, file(t, "narrow.mp4"))
	w.MoveClock(processing)
	id := w.Posts()[0].PostID
	for _, c := range []struct {
		path   string
		status int
		text   string
	}{
		{"/", 200, "Nothing here reaches the real TikTok"},
		{"/journal", 200, "upload_complete"},
		{"/@mara.moves", 200, "48.2K"},
		{"/@mara.moves", 200, "<strong>912K</strong>"},
		{"/", 200, "1 post<"},
		{"/", 200, "posts refused"},
		{"/@loud.party", 200, "banned from posting"},
		{"/@mara.moves/video/" + id, 200, "Paid partnership"},
		{"/v2/auth/authorize/?" + authorizeQuery().Encode(), 200, "simulated TikTok account"},
		{"/v2/auth/authorize/?client_key=x", 400, "client_key"},
	} {
		t.Run(c.path, func(t *testing.T) {
			resp, text := w.page(c.path)
			if resp.StatusCode != c.status || !strings.Contains(text, c.text) {
				t.Errorf("answered %d without %q: %s", resp.StatusCode, c.text, text)
			}
			policy := resp.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'") || strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") {
				t.Errorf("the policy is %q", policy)
			}
			if strings.Contains(text, "<script") || strings.Contains(text, "style=") {
				t.Error("the page has script or inline style")
			}
			wellFormed(t, text)
			for _, m := range foreign.FindAllStringSubmatch(text, -1) {
				if !strings.HasPrefix(m[1], w.URL+"/") {
					t.Errorf("the page refers to %s", m[1])
				}
			}
		})
	}
	for _, path := range []string{"/@nobody", "/nonsense", "/@mara.moves/video/1", "/@quiet.kiln/video/" + id, "/media/" + id + "-1", "/media/x", "/avatar/x"} {
		if resp, _ := w.page(path); resp.StatusCode != 404 && resp.StatusCode != 403 {
			t.Errorf("%s answered %d", path, resp.StatusCode)
		}
	}
	if resp, text := w.page("/style.css"); resp.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(text, "prefers-color-scheme") {
		t.Errorf("the style sheet answered %d", resp.StatusCode)
	}
	if resp, _ := w.page("/favicon.ico"); resp.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the icon answered %d", resp.StatusCode)
	}
}

// foreign finds absolute addresses in attributes.
var foreign = regexp.MustCompile(`(?:src|href|action)="((?:[a-z]+:)?//[^"]*)"`)

// wellFormed checks that elements nest, images have a text, and the page has
// its landmarks.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Errorf("not well formed: %v", err)
			return
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "img" {
			hasAlt := false
			for _, a := range e.Attr {
				hasAlt = hasAlt || a.Name.Local == "alt"
			}
			if !hasAlt {
				t.Error("an image has no alt text")
			}
		}
	}
	for _, want := range []string{`<html lang="en">`, `<meta name="viewport"`, "<title>", "<main", "<h1"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// TestConsentFormMayLeadToTheApp: form-action names the redirect's origin, or
// the browser would refuse to follow the form's answer there.
func TestConsentFormMayLeadToTheApp(t *testing.T) {
	w := begin(t, registered)
	resp, _ := w.page("/v2/auth/authorize/?" + authorizeQuery("redirect_uri", desktopRedirect, "code_challenge", challenge, "code_challenge_method", "S256").Encode())
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://localhost:4711;") {
		t.Errorf("the policy is %q", policy)
	}
}

// TestConsentListsManyCreators: with a herd of accounts the page stays short.
func TestConsentListsManyCreators(t *testing.T) {
	w := begin(t, registered, func(o *tiktoksim.Options) {
		for i := range 500 {
			o.Creators = append(o.Creators, tiktoksim.Creator{Handle: "herd" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))})
		}
	})
	_, text := w.page("/v2/auth/authorize/?" + authorizeQuery().Encode())
	if n := strings.Count(text, `name="creator"`); n != 12 {
		t.Errorf("%d creators are listed, want 12", n)
	}
	if !strings.Contains(text, "488 other creators") {
		t.Error("the page does not say that there are more")
	}
	q := w.decide(authorizeQuery(), map[string][]string{"other": {"@herdzaa"}, "decision": {"allow"}})
	if q.Get("code") == "" {
		t.Errorf("a creator chosen by handle came to %v", q)
	}
}

// TestProfileShowsWhoMaySee: private posts and drafts are kept apart.
func TestProfileShowsWhoMaySee(t *testing.T) {
	w := begin(t)
	token, b := w.connect("mara.moves"), file(t, "h264.mp4")
	w.upload(token, b, setPost("privacy_level", "SELF_ONLY"), setPost("title", "Only mine"))
	w.upload(token, b, setPost("title", "For all"))
	a := w.api(token, inboxInit, videoBody(int64(len(b))))
	w.put(chunk{url: a.Data.UploadURL, body: b, total: int64(len(b))})
	w.MoveClock(processing)
	_, text := w.page("/@mara.moves")
	all, mine, draft := strings.Index(text, "For all"), strings.Index(text, "Only mine"), strings.Index(text, "Drafts in the inbox")
	if all < 0 || mine < all || draft < mine {
		t.Errorf("the sections come at %d, %d, %d", all, mine, draft)
	}
}

var _ http.Handler = (*tiktoksim.Server)(nil)
