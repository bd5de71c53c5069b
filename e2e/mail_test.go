package e2e

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost/internal/mail/mailtest"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// sendsMail has the server of a world send mail from its next start on.
func (w *world) sendsMail(t *testing.T) *mailtest.Server {
	there := mailtest.Start(t, mailtest.Options{NoTLS: true})
	w.extra = append(w.extra, fmt.Sprintf("SHIPPOST_SMTP_URL=smtp://%s:%s@%s", mailtest.User, url.PathEscape(mailtest.Password), there.Addr()), "SHIPPOST_MAIL_FROM=posts@posts.example")
	return there
}

// said is the text of a mail.
func said(t *testing.T, m mailtest.Received) string {
	t.Helper()
	raw, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(m.Raw)))
	must(t, err)
	return string(raw)
}

// pathIn returns the first address of the server in a text that begins with a path, without the server.
func (w *world) pathIn(t *testing.T, text, begins string) string {
	t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(w.url) + "(" + begins + `[A-Za-z0-9_-]+)`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no link to %s in\n%s", begins, text)
	}
	return found[1]
}

// TestPromise_P09_Mail: somebody gives an address, confirms it by the link that comes, is told once what became of posts, and
// ends it by the link in a mail, without a sign-in and by the request that mail programs make.
func TestPromise_P09_Mail(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/settings/mail")
	b.see("This server sends no mail")
	there := w.sendsMail(t)
	w.again(t, syscall.SIGTERM)
	b.open("/settings/mail")
	b.write("Your mail address", "mara@nowhere")
	b.press("button", "Mail me a link")
	b.see("This is no mail address")
	b.accessible("mail-wrong")
	b.write("Your mail address", "mara@example.com")
	b.press("button", "Mail me a link")
	b.see("Open the link that was mailed there")
	confirm := w.pathIn(t, said(t, there.Wait(t, 1)[0]), "/mail-confirm/")

	reader := w.browse(t) // a browser in which nobody is signed in
	reader.open(confirm)
	reader.see("Is this your address?")
	reader.accessible("mail-confirm")
	reader.press("button", "Yes, write to me here")
	reader.see("Your address is confirmed")
	reader.open(confirm)
	reader.press("button", "Yes, write to me here")
	reader.see("This link was used already")

	b.open("/settings/mail")
	b.see("Confirmed")
	b.press("switch", "When a post is posted")
	b.until("the choice to be kept", func() bool {
		return js[bool](b, "fetch('/api/v1/mail').then(r => r.json()).then(m => m.posted && m.trouble)")
	})
	b.accessible("mail")
	b.open("/settings/mail")
	b.find("switch", "When a post is posted")
	b.picture("mail-top")

	p := w.creator(t, "mara.moves")
	clip, err := p.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	out, err := p.CreatePost(t.Context(), p.draft(clip.ID, time.Second), "")
	must(t, err)
	_, err = p.until(t.Context(), out.ID, "posted")
	must(t, err)
	text := said(t, there.Wait(t, 2)[1])
	if !strings.Contains(text, w.url+"/posts/"+out.ID) || !strings.Contains(text, "Subject: Posted to @mara.moves") || strings.Contains(text, "Low tide") {
		t.Errorf("of the post that went out:\n%s", text)
	}
	must(t, w.sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Processing.FailReason = "file_format_check_failed" }))
	failed, err := p.CreatePost(t.Context(), p.draft(clip.ID, time.Second), "")
	must(t, err)
	_, err = p.until(t.Context(), failed.ID, "failed")
	must(t, err)
	text = said(t, there.Wait(t, 3)[2])
	if !strings.Contains(text, w.url+"/posts/"+failed.ID) || !strings.Contains(text, "Subject: A post to @mara.moves failed") {
		t.Errorf("of the post that failed:\n%s", text)
	}
	if n := strings.Count(text, out.ID); n != 0 {
		t.Errorf("the post that went out is told again:\n%s", text)
	}

	// As mail programs do (RFC 8058): no cookie, no origin, only the address in the header.
	off := w.pathIn(t, text, "/mail-off/")
	if !strings.Contains(text, "List-Unsubscribe: <"+w.url+off+">\r\n") && !strings.Contains(text, "List-Unsubscribe-Post: List-Unsubscribe=One-Click") {
		t.Errorf("the mail does not say how it ends:\n%s", text)
	}
	reader.open(off)
	reader.see("m•••@example.com", "No more mail about posts")
	reader.accessible("mail-off")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+off, strings.NewReader("List-Unsubscribe=One-Click"))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the request of a mail program: %s", resp.Status)
	}
	b.open("/settings/mail")
	b.find("switch", "When a post needs you")
	b.until("both to be off", func() bool {
		return js[int](b, "document.querySelectorAll('section[aria-labelledby=mail] [role=switch]:not(:checked)').length") == 2
	})
	reader.open(off)
	reader.press("button", "Forget the address")
	reader.see("The address is forgotten")
	reader.accessible("mail-ended")
	b.open("/settings/mail")
	b.find("textbox", "Your mail address")
	if logs := w.logs(); strings.Contains(logs, "mara@example.com") || strings.Contains(logs, strings.TrimPrefix(off, "/mail-off/")) {
		t.Error("the log knows the address, or the link")
	}
}

// mailed makes a world that sends mail, and opens a tab of somebody who confirmed an address.
func mailed(t *testing.T) (*world, *mailtest.Server, *tab) {
	t.Helper()
	w := prepare(t)
	there := w.sendsMail(t)
	must(t, w.start())
	b := w.browse(t)
	b.signIn("mara.moves")
	b.open("/settings/mail")
	b.write("Your mail address", "mara@example.com")
	b.press("button", "Mail me a link")
	b.open(w.pathIn(t, said(t, there.Wait(t, 1)[0]), "/mail-confirm/"))
	b.press("button", "Yes, write to me here")
	b.see("Your address is confirmed")
	return w, there, b
}

// TestMail_ChangeNeedsAFreshSignIn: in a browser that somebody left open a mail address is neither changed nor forgotten. Its person
// signs in again, comes back to where they were, and can.
func TestMail_ChangeNeedsAFreshSignIn(t *testing.T) {
	t.Parallel()
	w, there, b := mailed(t)
	must(t, w.end(syscall.SIGTERM))
	w.change(t, "UPDATE sessions SET proved_at = proved_at - $1", (11 * time.Minute).Microseconds()) // they went for a coffee
	must(t, w.start())

	change := func() {
		t.Helper()
		b.press("button", "Change")
		b.write("New mail address", "eve@example.com")
		b.press("button", "Mail me a link")
	}
	b.open("/settings/mail")
	change()
	b.find("link", "Sign in again")
	b.accessible("mail-step-up")
	b.open("/settings/mail")
	b.see("mara@example.com")
	b.press("button", "Remove")
	b.find("link", "Sign in again")
	b.see("mara@example.com", "Confirmed")
	if n := len(there.Box()); n != 1 {
		t.Errorf("%d mails were sent", n)
	}

	b.press("link", "Sign in again")
	b.press("button", "Continue with TikTok")
	b.consent("mara.moves") // TikTok asks who it is, instead of trusting the same browser
	b.at("/settings/mail")
	change()
	b.see("Open the link that was mailed there", "eve@example.com")
	for _, m := range there.Wait(t, 2)[1:] {
		w.pathIn(t, said(t, m), "/mail-confirm/")
	}
}

// TestPromise_P20_ChangesComeAnnounced: a server with people that begins with a program whose policy is new to it says in the app from
// when that is in force, writes so to who confirmed an address, and shows the present text until then.
func TestPromise_P20_ChangesComeAnnounced(t *testing.T) {
	t.Parallel()
	w, there, b := mailed(t)
	must(t, w.end(syscall.SIGTERM))
	w.change(t, "DELETE FROM meta WHERE key LIKE 'announced:%'; DELETE FROM acknowledgements") // as before the program was upgraded
	must(t, w.start())
	day := time.Now().UTC().AddDate(0, 0, 14).Format("2 January 2006")
	text := said(t, there.Wait(t, 2)[1])
	if !strings.Contains(text, "Subject: The privacy policy of localhost") || !strings.Contains(text, "changes on "+day) || !strings.Contains(text, "/mail-off/") {
		t.Errorf("the mail says\n%s", text)
	}
	b.open("/calendar")
	b.see("The privacy policy changes on")
	b.accessible("policy-banner")
	b.open("/privacy-policy")
	b.see("until "+day, "24 November 2026")
	b.accessible("policy-until")
	b.press("link", "the new one")
	b.see("from " + day)
	b.accessible("policy-from")
	b.open("/calendar")
	b.press("button", "I have read it")
	b.until("the banner to go", func() bool { return !strings.Contains(b.text(), "The privacy policy changes on") })
	w.again(t, syscall.SIGTERM)
	b.open("/calendar")
	b.find("link", "New post")
	if len(there.Box()) != 2 || strings.Contains(b.text(), "The privacy policy changes on") {
		t.Errorf("%d mails; it is told again", len(there.Box()))
	}
}
