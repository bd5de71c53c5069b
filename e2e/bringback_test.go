package e2e

import (
	"testing"

	"ship-post.com/shippost/client"
)

// holdChanges makes the page's changes of posts wait for `letGo`, as on a line that is slow. Each counts in `held`.
const holdChanges = `(() => {
	const send = window.fetch
	let open
	const gate = new Promise((go) => { open = go })
	window.held = 0
	window.letGo = () => { window.fetch = send; open() }
	window.fetch = async (request, more) => {
		if (request.method !== 'PATCH') return send(request, more)
		window.held++
		await gate
		return send(request, more)
	}
	return true
})()`

// TestCompose_BroughtBackStays: whoever brings an earlier version back and leaves at once finds just that on return, also where what was
// written between was kept in this browser already, or was on its way to the server.
func TestCompose_BroughtBackStays(t *testing.T) {
	t.Parallel()
	p := plan(t)
	b := p.signedIn(t)
	bringBack := func(want string) {
		t.Helper()
		b.press("button", "What this post was")
		b.press("button", "Bring back")
		b.until("what it was", func() bool { return b.caption() == want })
	}
	leave := func() {
		t.Helper()
		b.press("link", "Library")
		b.at("/library")
	}
	finds := func(id, want string) {
		t.Helper()
		b.find("button", "What this post was")
		if got := b.caption(); got != want {
			t.Errorf("on return to %s the caption is %q; brought back was %q", id, got, want)
		}
	}

	b.open("/compose/" + p.queued.ID)
	b.write("Caption", "A second thought")
	b.see("Not saved yet")
	bringBack(p.queued.Caption)
	leave()
	js[bool](b, "history.back(), true")
	finds(p.queued.ID, p.queued.Caption)
	b.open("/compose/" + p.queued.ID)
	finds(p.queued.ID, p.queued.Caption)

	b.open("/compose/" + p.draft.ID)
	b.find("button", "What this post was")
	js[bool](b, holdChanges)
	b.set("textbox", "Caption", "A second thought")
	b.until("the second thought on its way", func() bool { return js[int](b, "window.held") == 1 })
	bringBack(p.draft.Caption)
	leave()
	js[bool](b, "history.back(), true")
	finds(p.draft.ID, p.draft.Caption)
	js[bool](b, "window.letGo(), true")
	b.see("Saved as a draft")
	_, err := p.when(t.Context(), p.draft.ID, func(post client.Post) bool {
		return post.Caption == p.draft.Caption && post.Version > p.draft.Version+1
	})
	must(t, err)
	finds(p.draft.ID, p.draft.Caption)
	b.open("/compose/" + p.draft.ID)
	finds(p.draft.ID, p.draft.Caption)
}
