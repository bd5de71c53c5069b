package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// control tells the simulator something over its control paths.
func (w *world) control(t *testing.T, method, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.sim.URL+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// TestCompose_Inbox: where the operator allows it a video goes to the creator's inbox as a draft, its page says what to do
// there, and follows until the creator has posted it. Who did not allow drafts is told how to.
func TestCompose_Inbox(t *testing.T) {
	t.Parallel()
	w := prepare(t)
	w.extra = []string{"SHIPPOST_TIKTOK_DRAFTS=true"}
	must(t, w.start())
	w.control(t, "PUT", "/_sim/knobs", fmt.Sprintf(`{"webhook":{"url":"%s/hooks/tiktok"}}`, w.url))
	p := w.creator(t, "mara.moves")
	b := w.browse(t)
	b.signIn(p.handle)
	b.open("/compose")
	b.see("How it goes out", "Post to profile")
	if !b.checked("Post to profile") {
		t.Error("a draft is chosen beforehand")
	}
	path := shortClip(t, 1)
	b.choose(path)
	b.see("Checked and ready")
	b.press("radio", "Send to your TikTok inbox as a draft")
	b.see("Open it in the inbox of the TikTok app", "No draft waits in the inbox; TikTok takes 5 within 24 hours", "Open the notification to finish it")
	b.until("the questions to go that are asked in the app", func() bool {
		return len(b.all("combobox", "Who can see this video")) == 0 && len(b.all("switch", "Allow comments")) == 0 && len(b.all("slider", "Cover")) == 0
	})
	b.write("Caption", "To be finished")
	b.see("TikTok takes no caption along with a video draft")
	b.flawless()
	b.tick("radio", "Now")
	b.press("button", "Send to the inbox now")
	b.at("/posts/post_")
	b.see("Finish it in the TikTok app", "In your TikTok inbox")
	b.flawless()
	posts, err := p.Posts(t.Context(), client.PostQuery{})
	must(t, err)
	attempts, err := p.Attempts(t.Context(), posts[0].ID)
	must(t, err)
	if seen := w.sim.Posts(); len(seen) != 0 || len(attempts) != 1 {
		t.Errorf("viewers see %+v after %+v", seen, attempts)
	}
	creator, err := p.Creator(t.Context(), p.account)
	must(t, err)
	if creator.Inbox == nil || creator.Inbox.Waiting != 1 {
		t.Errorf("the inbox is %+v", creator.Inbox)
	}
	w.control(t, "POST", "/_sim/drafts/"+attempts[0].PublishID+"/post", `{"privacy_level":"PUBLIC_TO_EVERYONE","caption":"Finished by hand"}`)
	b.see("Posted: TikTok confirmed it", "View on TikTok")
	if seen := w.sim.Posts(); len(seen) != 1 || seen[0].SHA256 != sumOf(t, path) || seen[0].Caption != "Finished by hand" {
		t.Errorf("viewers see %+v", seen)
	}

	// Five wait at most: a sixth is offered the nearest time with room, and takes it with one press.
	later := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Minute)
	for range 5 {
		_, err := p.CreatePost(t.Context(), client.NewPost{AccountID: p.account, MediaIDs: posts[0].MediaIDs, DueAt: later,
			Options: client.Choices{TikTok: &client.TikTok{ToInbox: true, Consent: true}}}, "")
		must(t, err)
	}
	b.open("/compose")
	b.choose(shortClip(t, 2))
	b.see("Checked and ready")
	b.press("radio", "Send to your TikTok inbox as a draft")
	b.set("Date", "Date", later.Format("2006-01-02"))
	b.set("InputTime", "Time", later.Format("15:04"))
	b.see("TikTok lets 5 drafts wait in an inbox within 24 hours", "Choose another time")
	b.picture("inbox-full")
	b.press("button", "Use ")
	b.until("a time with room", func() bool { return !strings.Contains(b.text(), "TikTok lets 5 drafts wait") })
	b.open("/calendar")
	b.see("5/5")

	other := w.browse(t)
	other.open("/sign-in")
	other.press("button", "Continue with TikTok")
	other.press("radio", "quiet.kiln")
	other.press("checkbox", "Send drafts to your inbox")
	other.press("button", "Allow")
	other.until("the way back from TikTok", func() bool { return strings.HasPrefix(js[string](other, "location.href"), w.url) })
	other.open("/compose")
	other.see("@quiet.kiln has not allowed ShipPost to send drafts.")
	if !other.find("radio", "Send to your TikTok inbox as a draft").disabled {
		t.Error("a draft can be sent without the creator's leave")
	}
	other.find("link", "Connect again to allow drafts")
}

// TestInbox_Photos: photos go to the creator's inbox over the API. TikTok fetches each as ShipPost made it, in their order; nobody sees them
// until the creator has finished them in the app, and then the post is posted.
func TestInbox_Photos(t *testing.T) {
	t.Parallel()
	p := play(t)
	mara := &person{Client: p.Client, world: p.world, handle: "mara.moves"}
	ctx, dir := t.Context(), t.TempDir()
	var photos []client.Media
	draft := client.NewPost{Caption: "Saturday stalls #food", DueAt: time.Now().Add(2 * time.Second),
		Options: client.Choices{TikTok: &client.TikTok{ToInbox: true, Title: "Market day 🥕", PhotoCover: 1, Consent: true}}}
	for name, size := range map[string]string{"beach.jpg": "1080x1350", "poster.png": "2000x1500", "late.webp": "800x600"} {
		m, err := mara.upload(ctx, picture(t, dir, name, size))
		must(t, err)
		if m.Type != "image/jpeg" && m.Type != "image/webp" {
			t.Errorf("%s is kept as %s", name, m.Type)
		}
		photos, draft.MediaIDs = append(photos, m), append(draft.MediaIDs, m.ID)
	}
	accounts, err := p.Accounts(ctx)
	must(t, err)
	draft.AccountID = accounts[0].ID
	post, err := p.CreatePost(ctx, draft, "")
	must(t, err)
	post, err = mara.until(ctx, post.ID, "in_inbox")
	must(t, err)
	seen, sent := p.posts(t), p.known(t, "publishes")
	if len(seen) != 0 || len(sent) != 1 {
		t.Fatalf("viewers see %+v of %+v", seen, sent)
	}
	if d := sent[0]; !d.Draft || !d.Pulled || d.Kind != "photo" || d.Title != "Market day 🥕" || d.Caption != draft.Caption || d.PhotoCover != 1 || len(d.Files) != len(photos) {
		t.Fatalf("in the inbox is %+v", d)
	}
	asMade := func(got []tiktoksim.PostFile) {
		t.Helper()
		for i, m := range photos {
			if f := got[i]; f.SHA256 != m.SHA256 || f.Size != m.Size || f.Type != m.Type {
				t.Errorf("photo %d, made as %s (%s, %d bytes), arrived as %+v", i+1, m.SHA256, m.Type, m.Size, f)
			}
		}
	}
	asMade(sent[0].Files)

	p.control(t, "POST", "/_sim/drafts/"+sent[0].PublishID+"/post", tiktoksim.Posted{Privacy: "PUBLIC_TO_EVERYONE", Caption: "Finished by hand"})
	post, err = mara.until(ctx, post.ID, "posted")
	must(t, err)
	seen = p.posts(t)
	if len(seen) != 1 || seen[0].Caption != "Finished by hand" || seen[0].PublishID != sent[0].PublishID || len(seen[0].Files) != len(photos) {
		t.Fatalf("viewers see %+v of %+v", seen, post)
	}
	asMade(seen[0].Files)
}
