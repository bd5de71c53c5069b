package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// withDevice gives the tab a device that keeps passkeys and always recognises its person.
func (b *tab) withDevice() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true}})
	must(b.t, err)
}

// TestPasskey_People adds a passkey, signs in with it instead of TikTok, and removes it.
func TestPasskey_People(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.withDevice()
	b.signIn("mara.moves")
	b.open("/settings")
	b.press("link", "Passkeys")
	b.at("/passkeys")
	b.see("You have none yet")
	b.write("What you call it", "My phone")
	b.press("button", "Add a passkey")
	b.see("My phone", "never used")
	b.press("DisclosureTriangle", "Rename My phone")
	b.write("New name of My phone", "Blue phone")
	b.accessible("passkeys")
	b.press("button", "Save")
	b.see("Blue phone", "never used")
	b.press("button", "Sign out")
	b.at("/sign-in")
	b.press("button", "Use a passkey")
	b.until("the app", func() bool { return b.path() == "/" })
	b.open("/passkeys")
	b.press("button", "Remove Blue phone")
	b.see("You have none yet")
	b.press("button", "Sign out")
	b.at("/sign-in")
	b.press("button", "Use a passkey")
	b.see("That passkey did not work here")
}

// TestAdmin makes the first administrator with a code of the command line and a passkey, and answers a request.
func TestAdmin(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.withDevice()
	look := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			for _, size := range []window{phone, desk} {
				b.size(size)
				b.open(path)
				b.fits()
			}
			b.flawless()
		}
	}
	look("/contact", "/admin/sign-in", "/admin/enrol")
	b.open("/contact")
	b.set("combobox", "What is it about?", "question")
	b.write("Your mail address", "ada@example.com")
	b.write("Your message", "Where are my posts kept?")
	b.press("button", "Send")
	b.at("/contact/")
	b.see("Received", "Where are my posts kept?")
	receipt := b.path()
	look(receipt)

	b.open("/admin")
	b.at("/admin/sign-in")
	b.press("link", "becomes an administrator with it")
	b.at("/admin/enrol")
	cmd := exec.Command("shippost", "admin", "code")
	cmd.Env = w.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, _, _ := strings.Cut(string(out), "\n")
	b.write("Code", "wrong-wrong-wrong-wrong")
	b.write("Your name", "Olga Operator")
	b.press("button", "Make a passkey")
	b.see("This code does not count")
	b.write("Code", code)
	b.press("button", "Make a passkey")
	b.see("Overview", "1 waits for an answer", "Olga Operator")
	look("/admin", "/admin/users", "/admin/accounts", "/admin/inquiries", "/admin/mail", "/admin/usage", "/admin/audit")
	b.open("/admin/inquiries")
	b.press("link", "question")
	b.see("Where are my posts kept?")
	look(b.path())
	b.write("Your answer", "On this server alone.")
	b.press("button", "Answer")
	b.see("answered")
	b.press("button", "Sign out")
	b.at("/admin/sign-in")
	b.press("button", "Continue with a passkey")
	b.see("Nobody waits for an answer")
	b.open(receipt)
	b.see("Answered", "On this server alone.")
}
