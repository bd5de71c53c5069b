package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
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

// looksRight looks at pages on a phone and on a desk.
func (b *tab) looksRight(paths ...string) {
	b.t.Helper()
	for _, path := range paths {
		for _, size := range []window{phone, desk} {
			b.size(size)
			b.open(path)
			b.fits()
		}
		b.flawless()
	}
}

// adminCode is what the command line prints to make an administrator with.
func (w *world) adminCode(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("shippost", "admin", "code")
	cmd.Env = w.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, _, _ := strings.Cut(string(out), "\n")
	return code
}

// TestAdmin makes the first administrator with a code of the command line and a passkey, and answers a request.
func TestAdmin(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.withDevice()
	look := func(paths ...string) {
		t.Helper()
		b.looksRight(paths...)
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
	code := w.adminCode(t)
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

// TestAdmin_WithoutAPasskey sets up what stands in for a passkey, and comes in with a code of the app and with a recovery code.
func TestAdmin_WithoutAPasskey(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.withDevice()
	b.open("/admin/enrol")
	b.write("Code", w.adminCode(t))
	b.write("Your name", "Olga Operator")
	b.press("button", "Make a passkey")
	b.see("Overview")
	b.looksRight("/admin/factors")
	b.see("Sign in to ShipPost with this browser")
	b.signIn("mara.moves")
	b.open("/admin/factors")
	b.press("button", "That is me")
	b.see("To end this also ends the app")
	b.press("button", "Set up")
	b.at("/admin/factors/app")
	b.looksRight("/admin/factors/app")
	if width := peek[int](b, "document.querySelector('img.qr').naturalWidth"); width < 200 {
		t.Errorf("the QR code is %d dots wide", width)
	}
	secret := strings.ReplaceAll(peek[string](b, "document.querySelector('dd code').textContent"), " ", "")
	shows := func(later time.Duration) string {
		t.Helper()
		code, err := totp.GenerateCode(secret, time.Now().Add(later))
		must(t, err)
		return code
	}
	b.write("The code that it shows now", shows(-time.Hour))
	b.press("button", "Done")
	b.see("That is not the code")
	b.write("The code that it shows now", shows(0))
	b.press("button", "Done")
	b.see("Set up another")
	b.press("button", "Make ten codes")
	b.see("They are shown this once")
	b.flawless()
	recovery := peek[string](b, "document.querySelector('.codes code').textContent")
	b.press("link", "I have them")
	b.see("10 of 10 are left")
	b.press("button", "Sign out")
	b.press("link", "Passkey not at hand?")
	b.looksRight("/admin/sign-in/code")
	const field = "Code of your authenticator app, or a recovery code"
	b.write(field, "000000")
	b.press("button", "Sign in")
	b.see("This code does not let you in")
	b.write(field, shows(30*time.Second))
	b.press("button", "Sign in")
	b.see("Overview", "Olga Operator")
	b.press("button", "Sign out")
	b.open("/admin/sign-in/code")
	b.write(field, strings.ToUpper(recovery))
	b.press("button", "Sign in")
	b.see("You came in with a recovery code", "9 of 10 are left")
	b.looksRight("/admin", "/admin/factors")
	b.see("You came in without your passkey")
}
