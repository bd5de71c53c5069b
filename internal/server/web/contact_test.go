package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
)

// The form works without script, signed out and in; its page is the receipt.
func TestPromise_P21_WriteToWhoeverRunsTheServer(t *testing.T) {
	s := serve(t, false, operated)
	stranger := s.open(t)
	for _, path := range []string{"/sign-in", "/privacy-policy", "/terms", "/contact"} {
		if p := stranger.get(path); len(p.find("a", "href", "/contact")) == 0 {
			t.Errorf("%s does not lead to the form", path)
		}
	}
	form := stranger.get("/contact?about=erasure")
	if option := form.find("option", "value", "erasure"); len(option) != 1 || len(form.find("option", "selected", "")) == 0 && !strings.Contains(form.text, `value="erasure" selected`) {
		t.Errorf("the form:\n%s", form.text)
	}
	hostile := `<script>alert(1)</script> {{.}} "' =cmd|' /C calc'!A0`
	sent := url.Values{"kind": {"access"}, "name": {hostile}, "mail": {"ada@example.com"}, "message": {hostile + "\r\nsecond line"}}
	at := stranger.leaves(stranger.post("/contact", sent))
	if !strings.HasPrefix(at, "/contact/") || len(at) != len("/contact/")+43 {
		t.Fatalf("receipt at %s", at)
	}
	p := stranger.get(at)
	if p.StatusCode != 200 || len(p.find("script", "", "")) != 0 || !strings.Contains(p.text, "&lt;script&gt;") || p.says("h1") != "Received" ||
		p.says("time") != s.Clock.Now().Add(30*24*time.Hour).Format("2 January 2006") || p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("receipt: %s\n%s", p.Status, p.text)
	}
	// Somebody else's page cannot be guessed, and its form cannot be sent from elsewhere.
	for _, wrong := range []string{"/contact/" + strings.Repeat("A", 43), "/contact/x", at + "x"} {
		if p := stranger.get(wrong); p.StatusCode != 404 {
			t.Errorf("%s: %s", wrong, p.Status)
		}
	}
	if p := stranger.send("POST", "/contact", sent, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); p.StatusCode != 403 {
		t.Errorf("from another site: %s", p.Status)
	}
	// What was wrong is said, and nothing that was written is lost.
	bad := url.Values{"kind": {"correction"}, "mail": {"ada at example"}, "message": {"My name is wrong & old"}}
	p = stranger.post("/contact", bad)
	if p.StatusCode != 422 || !strings.Contains(p.text, "This is no mail address") || !strings.Contains(p.text, "My name is wrong &amp; old") ||
		!strings.Contains(p.text, `value="correction" selected`) || len(p.find("input", "aria-invalid", "true")) != 1 {
		t.Errorf("bad address: %s\n%s", p.Status, p.text)
	}
	// Signing in later shows who asked.
	if p := stranger.post(at+"/prove", nil); !strings.HasPrefix(stranger.leaves(p), "/sign-in") {
		t.Errorf("proved without a sign-in: %s", p.Status)
	}
	stranger.signIn(mara)
	p = stranger.get(at)
	if got := stranger.leaves(stranger.submit(p, at+"/prove")); got != at {
		t.Errorf("proved: to %s", got)
	}
	if p = stranger.get(at); !strings.Contains(p.text, "Nothing more is needed") {
		t.Errorf("after the proof:\n%s", p.text)
	}
	// Signed in from the start no address is asked for.
	p = stranger.get("/contact")
	if len(p.find("input", "name", "name")) != 0 || len(p.find("input", "required", "")) != 0 && strings.Contains(p.text, `type="email" value="" maxlength="254" autocomplete="email" required`) {
		t.Errorf("signed in:\n%s", p.text)
	}
	second := stranger.leaves(stranger.post("/contact", url.Values{"kind": {"question"}, "message": {"Why?"}}))
	if got := stranger.leaves(stranger.submit(stranger.get(second), second+"/withdraw")); got != second {
		t.Errorf("withdrawn: to %s", got)
	}
	if p := stranger.get(second); p.says("h1") != "Withdrawn" {
		t.Errorf("withdrawn: %s", p.says("h1"))
	}
	// An administrator's answer stands on the page.
	i, err := s.inquiries.Read(t.Context(), shippost.NewSecret(strings.TrimPrefix(at, "/contact/")))
	if err != nil {
		t.Fatal(err)
	}
	admin := shippost.Actor{Kind: shippost.ActorAdmin, Admin: "adm_x", Fresh: true}
	if err := s.inquiries.Answer(t.Context(), admin, i.ID, "All of it is in <your> copy.", false); err != nil {
		t.Fatal(err)
	}
	if p := s.open(t).get(at); p.says("h1") != "Answered" || !strings.Contains(p.text, "All of it is in &lt;your&gt; copy.") {
		t.Errorf("answered:\n%s", p.text)
	}
	// Nobody fills the inbox from one place.
	for range 5 {
		p = stranger.post("/contact", url.Values{"kind": {"question"}, "message": {"Again?"}})
	}
	if p.StatusCode != 429 || p.Header.Get("Retry-After") == "" || !strings.Contains(p.text, "Again?") {
		t.Errorf("the sixth: %s", p.Status)
	}
}
