package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestRefusedAfterTheHandOver has TikTok end posts for each of its reasons, after it received every byte. The post says
// why in words and what to do; only TikTok's own faults lead to another try, three in all.
func TestRefusedAfterTheHandOver(t *testing.T) {
	t.Parallel()
	cases := []struct {
		reason, remedy string
		tries          int
		words          string // in the sentence for the creator
	}{
		{"file_format_check_failed", "replace_media", 1, "H.264"},
		{"duration_check_failed", "replace_media", 1, "too long or too short"},
		{"frame_rate_check_failed", "replace_media", 1, "23 to 60 frames"},
		{"picture_size_check_failed", "replace_media", 1, "360 to 4096 pixels"},
		{"internal", "retry", 3, "problem of its own"},
		{"video_pull_failed", "retry", 3, "could not fetch"},
		{"photo_pull_failed", "retry", 3, "could not fetch"},
		{"publish_cancelled", "", 1, "was stopped"},
		{"auth_removed", "reconnect", 1, "access was withdrawn"},
		{"spam_risk_too_many_posts", "reschedule", 1, "limit of posts in 24 hours"},
		{"spam_risk_user_banned_from_posting", "open_tiktok", 1, "does not let this account post"},
		{"spam_risk_text", "edit", 1, "caption for spam"},
		{"spam_risk", "open_tiktok", 1, "judged this post to be risky"},
	}
	w := begin(t, func(o *tiktoksim.Options) {
		for i, c := range cases {
			o.Creators = append(o.Creators, tiktoksim.Creator{Handle: fmt.Sprintf("creator%d", i), FailReason: c.reason})
		}
	})
	for i, c := range cases {
		p := w.creator(t, fmt.Sprintf("creator%d", i))
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			post := p.scheduled(t, shortClip(t, i), time.Second)
			failed, err := p.until(t.Context(), post.ID, "failed")
			must(t, err)
			wantFailure(t, failed.Failure, c.reason, c.remedy, c.words)
			attempts, err := p.Attempts(t.Context(), post.ID)
			must(t, err)
			if len(attempts) != c.tries {
				t.Errorf("%d attempts, want %d", len(attempts), c.tries)
			}
			for _, a := range attempts {
				if a.State != "dead" || a.Death != "D5" {
					t.Errorf("attempt %d is %s by %q, want dead by TikTok's word (D5)", a.Number, a.State, a.Death)
				}
			}
			w.wantOnProfile(t, p.handle, 0)
			if n := w.publishesOf(p.handle); n != c.tries {
				t.Errorf("TikTok took %d inits, want %d", n, c.tries)
			}
		})
	}
}

// TestRefusedBeforeTheHandOver has TikTok change its mind between scheduling and sending: while a request is on its way,
// the creator is banned, capped or goes private. Nothing is sent; the post fails or waits, and says why.
func TestRefusedBeforeTheHandOver(t *testing.T) {
	t.Parallel()
	ban := func(c *tiktoksim.Creator) { c.Banned = true }
	capIt := func(c *tiktoksim.Creator) { c.Capped = true }
	appCap := func(c *tiktoksim.Creator) { c.AppCapped = true }
	hide := func(c *tiktoksim.Creator) { c.Private = true }
	cases := []struct {
		name, at string
		change   func(*tiktoksim.Creator)
		status   string // "failed", or "queued" for a post that waits
		code     string
		remedy   string
		words    string
	}{
		{"banned, told by creator info", "creator_info", ban, "failed", "spam_risk_user_banned_from_posting", "open_tiktok", "does not let this account post"},
		{"banned, told by the init", "video_init", ban, "failed", "spam_risk_user_banned_from_posting", "open_tiktok", "does not let this account post"},
		{"too many posts, told by creator info", "creator_info", capIt, "queued", "spam_risk_too_many_posts", "reschedule", "limit of posts in 24 hours"},
		{"too many posts, told by the init", "video_init", capIt, "queued", "spam_risk_too_many_posts", "reschedule", "limit of posts in 24 hours"},
		{"too many creators", "video_init", appCap, "queued", "reached_active_user_cap", "reschedule", "More creators post through this server"},
		{"gone private, told by creator info", "creator_info", hide, "queued", "privacy_unavailable", "edit", "does not offer"},
		{"gone private, told by the init", "video_init", hide, "queued", "privacy_level_option_mismatch", "edit", "no longer offers"},
	}
	w := begin(t, func(o *tiktoksim.Options) {
		for i := range cases {
			o.Creators = append(o.Creators, tiktoksim.Creator{Handle: fmt.Sprintf("creator%d", i)})
		}
	})
	var people []*person
	for i := range cases {
		people = append(people, w.creator(t, fmt.Sprintf("creator%d", i)))
	}
	must(t, w.sim.SetKnobs(func(k *tiktoksim.Knobs) {
		for i, c := range cases {
			f := tiktoksim.Fault{Name: people[i].handle, Endpoint: c.at, Creator: people[i].handle, At: "before_effect", Do: "stall"}
			if c.at == "creator_info" {
				f.Skip = 1 // the first one asks when the post is written
			}
			k.Faults = append(k.Faults, f)
		}
	}))
	for i, c := range cases {
		p := people[i]
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			post := p.scheduled(t, shortClip(t, i), 3*time.Second)
			must(t, eventually(t.Context(), func() (bool, error) { return w.stalled(p.handle), nil }))
			for _, creator := range w.sim.Creators() {
				if creator.Handle == p.handle {
					c.change(&creator)
					must(t, w.sim.PutCreator(creator))
				}
			}
			w.sim.Release(p.handle)
			got, err := p.when(t.Context(), post.ID, func(p client.Post) bool { return p.Hold != nil || p.Failure != nil })
			must(t, err)
			reason := got.Failure
			if c.status == "queued" {
				reason = got.Hold
			}
			if got.Status != c.status {
				t.Errorf("the post is %s, want %s", got.Status, c.status)
			}
			wantFailure(t, reason, c.code, c.remedy, c.words)
			w.wantOnProfile(t, p.handle, 0)
			if n := w.publishesOf(p.handle); n != 0 {
				t.Errorf("TikTok took %d inits, want none", n)
			}
		})
	}
}

// TestUnauditedApp posts with an app that TikTok has not reviewed: a public account is refused, a private one is not.
func TestUnauditedApp(t *testing.T) {
	t.Parallel()
	w := begin(t, func(o *tiktoksim.Options) { o.Knobs = func(k *tiktoksim.Knobs) { k.App.Audited = false } })
	mara, kiln := w.creator(t, "mara.moves"), w.creator(t, "quiet.kiln")
	open := mara.scheduled(t, shortClip(t, 1), time.Second)
	closed := kiln.scheduled(t, shortClip(t, 2), time.Second)
	failed, err := mara.until(t.Context(), open.ID, "failed")
	must(t, err)
	wantFailure(t, failed.Failure, "unaudited_client_can_only_post_to_private_accounts", "ask_operator", "has not yet reviewed")
	_, err = kiln.until(t.Context(), closed.ID, "posted")
	must(t, err)
	w.wantOnProfile(t, "mara.moves", 0)
	w.wantOnProfile(t, "quiet.kiln", 1)
}

func wantFailure(t *testing.T, got *client.Reason, code, remedy, words string) {
	t.Helper()
	if got == nil || got.Code != code || got.Remedy != remedy || !strings.Contains(got.Message, words) {
		t.Errorf("the post says %+v; want %s with remedy %s and %q", got, code, remedy, words)
	}
}

func (w *world) wantOnProfile(t *testing.T, handle string, want int) {
	t.Helper()
	n := 0
	for _, p := range w.sim.Posts() {
		if p.Creator == handle {
			n++
		}
	}
	if n != want {
		t.Errorf("%d posts of %s are public, want %d", n, handle, want)
	}
}

// publishesOf is how many inits of a creator TikTok accepted.
func (w *world) publishesOf(handle string) int {
	n := 0
	for _, p := range w.sim.Publishes() {
		if p.Creator == handle {
			n++
		}
	}
	return n
}

// stalled reports whether the fault of that name has struck.
func (w *world) stalled(name string) bool {
	for _, e := range w.sim.Journal(0) {
		if e.Kind == "fault" && e.Detail["fault"] == name {
			return true
		}
	}
	return false
}
