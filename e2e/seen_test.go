package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestBadInput_Seen is what a person sees of what cannot be: each has a sentence where they look, and a way on.
func TestBadInput_Seen(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browse(t)
	b.open("/callback/tiktok?code=of-last-week&state=nobody-knows-it")
	b.see("did not start here, or was too long ago. Start again.")
	b.flawless()
	b.press("link", "Start again")
	b.at("/sign-in")

	b.press("button", "Continue with TikTok")
	b.press("radio", "mara.moves")
	b.press("button", "Deny")
	b.home()
	b.see("You did not allow it at TikTok, so nothing was connected. Start again if you change your mind.")
	b.flawless()
	b.open("/")
	b.at("/sign-in")

	b = w.browse(t)
	b.signIn("mara.moves")
	b.open("/compose")
	b.audiences()
	b.choose(shortClip(t, 1))
	b.set("combobox", "Who can see this video", "PUBLIC_TO_EVERYONE")
	b.see("Checked and ready")
	tomorrow := time.Now().AddDate(0, 0, 1)
	b.set("Date", "Date", tomorrow.Format("2006-01-02"))
	b.set("InputTime", "Time", "09:00")
	b.find("button", "Schedule for")

	b.set("textbox", "Caption", strings.Repeat("x", 2199)+"🌊")
	b.see("The caption has 2201 characters; TikTok takes 2200. Most emoji count as two.")
	b.flawless()
	b.press("button", "Look at the caption")
	b.until("the focus on the caption", func() bool { return peek[string](b, "document.activeElement.tagName") == "TEXTAREA" })
	b.set("textbox", "Caption", strings.Repeat("x", 2198)+"🌊")
	b.find("button", "Schedule for")

	b.set("Date", "Date", time.Now().AddDate(0, 0, -1).Format("2006-01-02"))
	b.see("This time has already passed. Choose a later one.")
	b.flawless()
	b.press("button", "Choose another time")
	b.set("Date", "Date", tomorrow.Format("2006-01-02"))
	b.find("button", "Schedule for")

	capped := w.browse(t)
	capped.signIn("daily.dose")
	capped.open("/compose")
	capped.see("limit of posts in 24 hours")
	capped.flawless()
	if n := len(w.sim.Publishes()); n != 0 {
		t.Errorf("%d posts went to TikTok", n)
	}
}
