package publish_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestConsent_WhatChangedSince has creators change their minds between scheduling and sending. What they forbid by now is left
// out and noted; what no longer fits is held and asked, and nothing is ever chosen in its place; content that nobody agreed to
// is not sent.
func TestConsent_WhatChangedSince(t *testing.T) {
	t.Parallel()
	eachLane(t, laneSet{}, func(t *testing.T, l *lane) {
		due := l.now().Add(50 * time.Second)
		write := func(handle string, o shippost.Options) shippost.Post {
			w, err := l.composer.Create(t.Context(), l.actor, compose.Draft{Account: l.account(t, handle).ID, Media: []shippost.MediaID{l.video.ID}, Caption: handle,
				Options: o, When: compose.When{At: due}}, compose.Once{})
			must(t, err)
			return w.Post
		}
		talk := options()
		yes := true
		talk.TikTok.AllowComment = &yes
		private, quiet, forged := write("turns.private", options()), write("turns.quiet", talk), write("is.forged", options())
		must(t, l.sim.PutCreator(tiktoksim.Creator{Handle: "turns.private", Nickname: "turns.private", Private: true}))
		must(t, l.sim.PutCreator(tiktoksim.Creator{Handle: "turns.quiet", Nickname: "turns.quiet", CommentDisabled: true}))
		storetest.Update(t, l.db, func(tx *store.Tx) error {
			_, err := tx.SQL().ExecContext(t.Context(), "UPDATE posts SET caption = 'nobody agreed to this' WHERE id = $1", string(forged.ID))
			return err
		})
		l.move(15 * time.Second) // into the time in which posts are looked at before they are sent
		for id, code := range map[shippost.PostID]string{private.ID: "privacy_unavailable", forged.ID: "consent_missing"} {
			p, _ := l.until(t, id, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Hold != nil })
			if p.Status != shippost.PostQueued || p.Hold.Code != code || p.Hold.Remedy != shippost.RemedyEdit {
				t.Errorf("%s: the post is %s, held for %+v", code, p.Status, p.Hold)
			}
		}
		// The creator answers: only then it goes out, to whom they chose.
		mine := shippost.PrivacySelf
		_, err := l.composer.Edit(t.Context(), l.actor, private.ID, compose.Change{TikTok: &compose.TikTokChange{PrivacyLevel: &mine, Consent: true}})
		must(t, err)
		l.until(t, quiet.ID, func(p shippost.Post, _ []shippost.Attempt) bool { return p.Phase == shippost.PhaseStaged })
		l.move(due.Sub(l.now()) - 5*time.Second)
		for _, id := range []shippost.PostID{private.ID, quiet.ID} {
			if p, _ := l.until(t, id, ended); p.Status != shippost.PostPosted {
				t.Errorf("%s ended as %s: %+v", p.Caption, p.Status, p.Failure)
			}
		}
		if n := len(l.live("nobody agreed to this")) + l.inits("is.forged"); n != 0 {
			t.Error("content that nobody agreed to was sent")
		}
		storetest.View(t, l.db, func(tx *store.Tx) error {
			entries, err := tx.Journal(t.Context(), store.JournalQuery{Post: quiet.ID, Limit: 100})
			noted := 0
			for _, e := range entries {
				if e.Kind == shippost.EntryPostAdjusted {
					noted++
				}
			}
			if noted == 0 {
				t.Error("nobody was told that comments were left out")
			}
			given, err2 := tx.Consents(t.Context(), private.ID)
			if err2 != nil || len(given) != 2 || given[0].Options.TikTok.PrivacyLevel != shippost.PrivacyPublic || given[1].Options.TikTok.PrivacyLevel != mine {
				t.Errorf("the ledger has %+v, %v", given, err2)
			}
			return err
		})
	})
}
