package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/client"
)

// TestBadInput gives the product what it cannot use. Each is refused with a stable code and a sentence; nothing is saved,
// and nothing is sent to TikTok.
func TestBadInput(t *testing.T) {
	t.Parallel()
	w := begin(t)
	mara, kiln := w.creator(t, "mara.moves"), w.creator(t, "quiet.kiln")
	good, err := mara.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	kilns, err := kiln.upload(t.Context(), shortClip(t, 2))
	must(t, err)
	foreign, err := kiln.CreatePost(t.Context(), kiln.draft(kilns.ID, 24*time.Hour), "")
	must(t, err)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	uploading := func(path string) func() error {
		return func() error { _, err := mara.upload(t.Context(), path); return err }
	}
	posting := func(change func(*client.NewPost)) func() error {
		return func() error {
			draft := mara.draft(good.ID, time.Hour)
			change(&draft)
			_, err := mara.CreatePost(t.Context(), draft, "")
			return err
		}
	}
	cut := shortClip(t, 3)
	must(t, os.Truncate(cut, 40_000))
	huge := write("huge.mp4", "")
	must(t, os.Truncate(huge, 4<<30+1))

	for _, c := range []struct {
		name     string
		do       func() error
		code     string
		sentence string
	}{
		{"a page with the name of a video", uploading(write("clip.mp4", "<!doctype html><html><script>alert(1)</script></html>")),
			"file_not_media", "This is not a video or photo; it looks like text/html. ShipPost takes videos as MP4, MOV or WebM and photos as JPEG, PNG or WebP."},
		{"no bytes", uploading(write("empty.mp4", "")), "upload_empty", "This file is empty. Choose another one."},
		{"a video that was cut off", uploading(cut), "file_incomplete", "This file is incomplete: it ends after 40.0 kB, but 189.3 kB belong to it. Export or copy it again, then upload it."},
		{"4 GB and a byte", uploading(huge), "upload_too_large", "This file is a little larger than the 4.3 GB that are possible. Export it smaller, then upload it."},
		{"a post of a file that cannot be used", func() error {
			m, err := mara.UploadFile(t.Context(), cut, nil)
			must(t, err)
			if _, err := mara.WaitMedia(t.Context(), m.ID); err == nil {
				t.Error("half a video is sound")
			}
			return posting(func(p *client.NewPost) { p.MediaIDs = []string{m.ID} })()
		}, "file_incomplete", "This file is incomplete: it ends after 40.0 kB, but 189.3 kB belong to it. Export or copy it again, then upload it."},
		{"a caption one UTF-16 unit too long", posting(func(p *client.NewPost) { p.Caption = strings.Repeat("x", 2199) + "🌊" }),
			"caption_too_long", "The caption has 2201 characters; TikTok takes 2200. Most emoji count as two."},
		{"a time in the past", posting(func(p *client.NewPost) { p.DueAt = time.Now().Add(-time.Hour) }), "time_in_past", "This time has already passed. Choose a later one."},
		{"a time that is skipped", posting(func(p *client.NewPost) {
			p.DueAt, p.Due = time.Time{}, &client.Due{Local: "2027-03-28T02:30:00", Zone: "Europe/Zurich"}
		}), "nonexistent_local_time", "28 March 2027, 02:30:00 does not exist in Europe/Zurich: clocks are put forward then. Choose 01:59:59 or 03:00:00."},
		{"a visibility that the creator does not have", posting(func(p *client.NewPost) { p.Options.TikTok.PrivacyLevel = "FOLLOWER_OF_CREATOR" }),
			"privacy_unavailable", "This account does not offer \"Followers\". Choose again who may see this post."},
		{"an unknown post", func() error { _, err := mara.Post(t.Context(), "post_00000000000000000000000000"); return err },
			"post_not_found", "This post does not exist, or is not yours."},
		{"a foreign post", func() error { _, err := mara.Post(t.Context(), foreign.ID); return err }, "post_not_found", "This post does not exist, or is not yours."},
		{"a foreign post, to be changed", func() error {
			mine := "mine"
			_, err := mara.EditPost(t.Context(), foreign.ID, client.Change{Caption: &mine})
			return err
		}, "post_not_found", "This post does not exist, or is not yours."},
		{"a foreign post, to be cancelled", func() error { _, err := mara.CancelPost(t.Context(), foreign.ID); return err },
			"post_not_found", "This post does not exist, or is not yours."},
		{"a foreign file", posting(func(p *client.NewPost) { p.MediaIDs = []string{kilns.ID} }), "media_not_found", "This file does not exist, or is not yours."},
		{"a foreign account", posting(func(p *client.NewPost) { p.AccountID = kiln.account }), "account_not_found", "This account does not exist, or is not yours."},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.state(t, mara, kiln)
			err := c.do()
			var refused *client.Error
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want the refusal %s", err, c.code)
			}
			if refused.Code != c.code && !(len(refused.Problems) > 0 && refused.Problems[0].Code == c.code) {
				t.Errorf("code %s %+v, want %s", refused.Code, refused.Problems, c.code)
			}
			if refused.Message != c.sentence {
				t.Errorf("it says %q, want %q", refused.Message, c.sentence)
			}
			if after := w.state(t, mara, kiln); after != before {
				t.Errorf("something was saved or sent:\nbefore %s\nafter  %s", before, after)
			}
		})
	}
}

// state is what people have in ShipPost, but for files that were refused, and what TikTok was asked to publish.
func (w *world) state(t *testing.T, people ...*person) string {
	t.Helper()
	var list []string
	for _, p := range people {
		posts, err := p.Posts(t.Context(), client.PostQuery{})
		must(t, err)
		for _, post := range posts {
			list = append(list, fmt.Sprintf("%s %s %d %q", post.ID, post.Status, post.Version, post.Caption))
		}
		page, err := p.browser.Get(w.url + "/api/v1/media?status=ready")
		must(t, err)
		text, err := io.ReadAll(page.Body)
		_ = page.Body.Close()
		must(t, err)
		list = append(list, string(text))
	}
	sent := w.count("request", "video_init") + w.count("request", "upload")
	return fmt.Sprintf("%s, %d requests to TikTok, %d posts there", strings.Join(list, "; "), sent, len(w.sim.Posts()))
}

// TestBadSignIns comes back from TikTok with what ShipPost must not believe. Each ends on a page that says so in a sentence;
// nobody is signed in, and no token is asked for.
func TestBadSignIns(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for _, c := range []struct {
		name     string
		back     func(v *visitor) string // the address that the browser comes back to
		code     string
		sentence string
	}{
		{"consent is denied", func(v *visitor) string { return v.consent("mara.moves", "deny") }, "access_denied",
			"You did not allow it at TikTok, so nothing was connected. Start again if you change your mind."},
		{"the return is used twice", func(v *visitor) string {
			at := v.consent("mara.moves", "allow")
			v.open(at)
			v.forget()
			return at
		}, "sign_in_used", "This sign-in was used already. If you are not signed in, start again."},
		{"the return belongs to another browser", func(v *visitor) string {
			at := v.consent("mara.moves", "allow")
			v.forget()
			return at
		}, "sign_in_elsewhere", "This sign-in was started in another browser. Start again in this one."},
		{"the state is made up", func(v *visitor) string {
			at, err := url.Parse(v.consent("mara.moves", "allow"))
			must(t, err)
			q := at.Query()
			q.Set("state", "made-up")
			at.RawQuery = q.Encode()
			return at.String()
		}, "sign_in_unknown", "This sign-in did not start here, or was too long ago. Start again."},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVisitor(t, w)
			at := c.back(v)
			tokens := w.count("request", "token")
			status, text := v.open(at)
			if status != http.StatusForbidden || !strings.Contains(text, "<code>"+c.code+"</code>") || !strings.Contains(text, "<p>"+c.sentence+"</p>") {
				t.Errorf("the return is answered with %d, want %s %q:\n%s", status, c.code, c.sentence, text)
			}
			if n := w.count("request", "token"); n != tokens {
				t.Error("the code was exchanged")
			}
			if status, _ := v.open(w.url + "/api/v1/me"); status != http.StatusUnauthorized {
				t.Errorf("somebody is signed in: %d", status)
			}
		})
	}
}

// visitor is a browser of somebody who is not signed in.
type visitor struct {
	*http.Client
	t *testing.T
	w *world
}

func newVisitor(t *testing.T, w *world) *visitor {
	t.Helper()
	v := &visitor{t: t, w: w}
	v.forget()
	return v
}

// forget is a new browser.
func (v *visitor) forget() {
	v.Client = emptyBrowser()
}

// consent goes to the consent page and answers it. It returns where TikTok sends the browser.
func (v *visitor) consent(handle, decision string) string {
	v.t.Helper()
	page, err := v.PostForm(v.w.url+"/sign-in/tiktok", nil)
	must(v.t, err)
	_ = page.Body.Close()
	at := page.Request.URL
	stay := *v.Client
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := stay.PostForm(at.String(), url.Values{"creator": {handle}, "decision": {decision}, "scope": strings.Split(at.Query().Get("scope"), ",")})
	must(v.t, err)
	_ = answer.Body.Close()
	back, err := answer.Location()
	must(v.t, err)
	return back.String()
}

// open opens a page as a browser does.
func (v *visitor) open(at string) (status int, text string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, at, nil)
	must(v.t, err)
	if !strings.Contains(at, "/api/") {
		req.Header.Set("Accept", "text/html")
	}
	resp, err := v.Do(req)
	must(v.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(v.t, err)
	return resp.StatusCode, string(body)
}
