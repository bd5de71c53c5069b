package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestPost_TellsWhatFailed: the page of a post that was refused says what happened and what helps; code and log are behind details. Its
// tries tell each step with its time and code, and a time tells its zone to whoever rests on it.
func TestPost_TellsWhatFailed(t *testing.T) {
	t.Parallel()
	w := begin(t, func(o *tiktoksim.Options) {
		o.Creators = append(o.Creators, tiktoksim.Creator{Handle: "odd.codec", Nickname: "Odd Codec", FailReason: "file_format_check_failed"})
	})
	p := w.creator(t, "odd.codec")
	post, err := p.until(t.Context(), p.scheduled(t, shortClip(t, 1), time.Second).ID, "failed")
	must(t, err)
	attempts, err := p.Attempts(t.Context(), post.ID)
	must(t, err)
	if len(attempts) != 1 || attempts[0].Failure == nil || attempts[0].Failure.LogID == "" {
		t.Fatalf("the attempts are %+v", attempts)
	}
	log := attempts[0].Failure.LogID
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/posts/" + post.ID)
	b.see("Failed", "H.264", "Uploading to TikTok", "One attempt")
	b.find("link", "Choose another file")
	if text := b.text(); strings.Contains(text, "file_format_check_failed") || strings.Contains(text, log) {
		t.Error("a code is told to whoever did not ask for it")
	}
	open := func(summary string) {
		t.Helper()
		js[bool](b, `(() => { [...document.querySelectorAll('summary')].find((s) => s.textContent.includes('`+summary+`')).click(); return true })()`)
	}
	open("Details for support")
	b.see("file_format_check_failed · TikTok log " + log)
	open("One attempt")
	b.see("Ended without a post (D5)", "log "+log)
	row := js[string](b, "document.querySelector('table tbody tr').innerText")
	for _, want := range []string{`^1\t`, `\d kB of \d+ kB`, `:\d\d\.\d{3}( ?.M)?\t\d+:\d\d:\d\d\.\d{3}.*\tfile_format_check_failed`, attempts[0].PublishID} {
		if !regexp.MustCompile(want).MatchString(row) {
			t.Errorf("the try tells %q, without %s", row, want)
		}
	}
	if title := js[string](b, "document.querySelector('.when time').title"); !regexp.MustCompile(`:\d\d.* · .+ \(.+, (UTC|GMT).*\) · (now|.+ ago)$`).MatchString(title) {
		t.Errorf("the time is explained as %q", title)
	}
	b.flawless()
	b.size(phone)
	b.flawless()
}
