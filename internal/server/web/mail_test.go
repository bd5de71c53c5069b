package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/feature/address"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
)

// writes has a site ask people about their addresses; what it writes is handed to letters.
func writes(t *testing.T, letters *[]notify.Letter) (*site, *address.Book) {
	t.Helper()
	sealer, err := seal.CreateOrLoad(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var book *address.Book
	var s *site
	post := func(_ context.Context, _ *store.Tx, l notify.Letter) error {
		*letters = append(*letters, l)
		return nil
	}
	s = serve(t, false, func(o *web.Options) { o.Addresses = address.New(address.Options{}); book = o.Addresses })
	book.Options = address.Options{DB: s.DB, Sealer: sealer, Post: post, PublicURL: s.public, Now: s.Clock.Now, Log: slog.New(slog.DiscardHandler)}
	return s, book
}

var mailed = regexp.MustCompile(`/mail-(?:confirm|off)/[A-Za-z0-9_-]{43}`)

// A link that somebody else wrote cannot have its page's button do something else: what is no code has no page, and no form of a page
// leads away from it.
func TestNobodyElseSaysWhereAButtonLeads(t *testing.T) {
	var letters []notify.Letter
	s, book := writes(t, &letters)
	b := s.open(t)
	b.signIn(mara)
	up := "x%2F..%2F..%2Fapi%2Fv1%2Faccounts%2Facc_1%2Fdisconnect"
	for _, path := range []string{"mail-confirm", "mail-off", "contact-confirm", "contact", "erasure"} {
		for _, code := range []string{up, "..%2F" + up, "x", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 42) + "%2F", strings.Repeat("A", 42) + "=", "%0A" + strings.Repeat("A", 42)} {
			p := b.get("/" + path + "/" + code)
			if p.StatusCode != 404 || len(p.find("form", "", "")) != 0 {
				t.Errorf("/%s/%s: %s\n%s", path, code, p.Status, p.text)
			}
			if p := b.post("/"+path+"/"+code, url.Values{}); p.StatusCode != 404 && p.StatusCode != 405 {
				t.Errorf("POST /%s/%s: %s", path, code, p.Status)
			}
		}
	}
	// The forms of real pages post to the page they are on.
	actor := s.owner(t)
	actor.Fresh = true
	if _, err := book.Ask(t.Context(), actor, "mara@example.com"); err != nil {
		t.Fatal(err)
	}
	confirm := mailed.FindString(letters[0].Facts["Confirm"].(string))
	stays := func(path string, buttons int) page {
		t.Helper()
		p := b.get(path)
		forms := p.find("form", "", "")
		for _, f := range forms {
			if attr(f, "action") != "" {
				t.Errorf("a form of %s leads to %s", path, attr(f, "action"))
			}
		}
		if p.StatusCode != 200 || len(p.find("button", "", "")) != buttons || len(forms) == 0 {
			t.Errorf("%s: %s\n%s", path, p.Status, p.text)
		}
		return p
	}
	stays(confirm, 2)
	stays("/contact-confirm/"+strings.Repeat("A", 43), 1)
	if p := b.post(confirm, url.Values{}); p.StatusCode != 200 || p.says("h1") != "Thank you" {
		t.Errorf("confirmed: %s\n%s", p.Status, p.text)
	}
	// Of another address somebody says that it is not theirs.
	if _, err := book.Ask(t.Context(), actor, "eve@example.com"); err != nil {
		t.Fatal(err)
	}
	confirm = mailed.FindString(letters[len(letters)-1].Facts["Confirm"].(string))
	off := mailed.FindString(letters[len(letters)-1].Leave)
	if p := stays(off, 1); strings.Contains(p.text, "eve@") {
		t.Errorf("whoever has a link reads the whole address:\n%s", p.text)
	}
	refuse := b.get(confirm).find("button", "name", "what")
	if len(refuse) != 1 || attr(refuse[0], "value") != "forget" {
		t.Fatalf("no button that refuses:\n%s", b.get(confirm).text)
	}
	if p := b.post(confirm, url.Values{"what": {"forget"}}); p.StatusCode != 200 || p.says("h1") != "The address is forgotten" {
		t.Errorf("refused: %s\n%s", p.Status, p.text)
	}
	if state, err := book.State(t.Context(), actor); err != nil || state.Mail != "mara@example.com" || state.Pending != "" {
		t.Errorf("%+v, %v", state, err)
	}
}

// Strangers who try addresses hold up nobody: what leads nowhere asks for no write, and a network presses only so many buttons.
func TestStrangersHoldUpNobody(t *testing.T) {
	s, _ := writes(t, new([]notify.Letter))
	b := s.open(t)
	nowhere := strings.Repeat("A", 43)
	writing, done := make(chan struct{}), make(chan struct{})
	held := make(chan error, 1)
	go func() {
		held <- s.DB.Update(context.Background(), func(tx *store.Tx) error {
			err := tx.SetMeta(context.Background(), "held", "yes") // on SQLite nobody else writes now
			close(writing)
			<-done
			return err
		})
	}()
	<-writing
	for path, want := range map[string]int{"/mail-off/" + nowhere: 200, "/mail-confirm/" + nowhere: 404, "/contact-confirm/" + nowhere: 404, "/contact/" + nowhere + "/withdraw": 404, "/passkey": 403} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.public+path, strings.NewReader(url.Values{"token": {nowhere}, "answer": {"{}"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "text/html")
		res, err := http.DefaultClient.Do(req)
		cancel()
		if err != nil {
			t.Errorf("POST %s waits for somebody who writes: %v", path, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("POST %s: %s", path, res.Status)
		}
	}
	close(done)
	if err := <-held; err != nil {
		t.Fatal(err)
	}
	var last page
	for range 60 {
		last = b.post("/mail-off/"+nowhere, nil)
	}
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" {
		t.Errorf("after more than 60 in a minute: %s", last.Status)
	}
	if p := b.get("/mail-off/" + nowhere); p.StatusCode != 200 {
		t.Errorf("looking: %s", p.Status)
	}
}
