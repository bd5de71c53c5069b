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

// P18, P19: the page of a request leads to what carries it out: to the erasure, where it can be taken back and which is the receipt at the
// end, or to the copies, for those who cannot sign in here.
func TestPromise_P18_ThePageOfARequestLeadsToItsErasure(t *testing.T) {
	s := serve(t, false, operated)
	admin := shippost.Actor{Kind: shippost.ActorAdmin, Admin: shippost.NewAdminID(s.Clock.Now()), Fresh: true}
	mara1 := s.open(t)
	mara1.signIn(mara)
	carry := func(b *browser, kind string) string {
		t.Helper()
		at := b.leaves(b.post("/contact", url.Values{"kind": {kind}, "mail": {"mara@example.com"}, "message": {"Please."}}))
		open, _, err := s.inquiries.Open(t.Context(), admin)
		if err != nil || len(open) == 0 {
			t.Fatalf("%+v, %v", open, err)
		}
		i := open[len(open)-1]
		user := i.User
		if user == "" {
			user = open[0].User
			if err := s.inquiries.ProveByHand(t.Context(), admin, i.ID, "Showed a passport"); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.inquiries.CarryOut(t.Context(), admin, i.ID, user); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(time.Second) // the next is due later
		return at
	}
	at := carry(mara1, "export")
	if p := mara1.get(at); len(p.find("a", "href", "/settings")) == 0 || strings.Contains(p.text, "/copy/") || strings.Contains(p.text, "/withdraw") {
		t.Errorf("copies of somebody who can sign in:\n%s", p.text)
	}
	stranger := s.open(t)
	at = carry(stranger, "access")
	p := stranger.get(at)
	var link string
	for _, a := range p.find("a", "", "") {
		if href := attr(a, "href"); strings.HasPrefix(href, at+"/copy/exp_") {
			link = href
		}
	}
	if link == "" {
		t.Fatalf("no copy on the page:\n%s", p.text)
	}
	if p := stranger.get(link); p.StatusCode != 409 { // it is not made yet
		t.Errorf("the copy: %s", p.Status)
	}
	if p := stranger.get(at + "/copy/exp_none"); p.StatusCode != 404 {
		t.Errorf("no copy: %s", p.Status)
	}
	at = carry(mara1, "erasure")
	token := strings.TrimPrefix(at, "/contact/")
	if p := stranger.get(at); len(p.find("a", "href", "/erasure/"+token)) != 1 || strings.Contains(p.text, "/withdraw") {
		t.Errorf("the page of the request:\n%s", p.text)
	}
	if p := stranger.get("/erasure/" + token); p.says("h1") != "Waiting to be deleted" || len(p.find("form", "action", "/erasure/"+token+"/undo")) != 1 {
		t.Errorf("the page of the erasure:\n%s", p.text)
	}
	s.Clock.Advance(7 * 24 * time.Hour)
	if err := s.data.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	p = stranger.get(at)
	if got := stranger.leaves(p); got != "/erasure/"+token {
		t.Fatalf("afterwards: %s to %s", p.Status, got)
	}
	if p := stranger.get("/erasure/" + token); p.says("h1") != "Deleted" {
		t.Errorf("the receipt:\n%s", p.text)
	}
}
