package publish

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestLateTruth: the platform said nothing for three days and the post is unconfirmed. What it says after all ends the post, and
// nothing else does; nothing is ever sent again by itself.
func TestLateTruth(t *testing.T) {
	t.Parallel()
	refusal := platform.Failure{Class: platform.Transient, After: platform.Transient, Code: "internal", Message: "The platform had a problem of its own.", Remedy: shippost.RemedyRetry}
	tell := func(e platform.Event) func(b *bubble, id shippost.PostID) {
		return func(b *bubble, id shippost.PostID) { b.told(b.attempts(id)[0], e) }
	}
	release := func(b *bubble, id shippost.PostID) {
		b.t.Helper()
		storetest.Update(b.t, b.db, func(tx *store.Tx) error { return b.Desk().Release(b.t.Context(), tx, b.post(id), b.actor) })
	}
	// answers makes the platform tell, from now on, that the post is out.
	answers := func(b *bubble) {
		b.platform.mu.Lock()
		defer b.platform.mu.Unlock()
		b.platform.process = 0
	}
	published := platform.Event{Name: "post.publish.complete", State: platform.Published}
	hint := platform.Event{Name: "post.publish.other"}
	for name, c := range map[string]struct {
		then    func(b *bubble, id shippost.PostID)
		want    shippost.PostStatus
		attempt shippost.AttemptState
	}{
		"it stays silent": {func(b *bubble, _ shippost.PostID) { b.clock.step(30 * time.Hour) }, shippost.PostUnconfirmed, shippost.AttemptUnknown},
		"a later status":  {func(b *bubble, _ shippost.PostID) { answers(b); b.clock.step(askLate) }, shippost.PostPosted, shippost.AttemptLive},
		"a status that is too late": {func(b *bubble, _ shippost.PostID) {
			b.clock.step(lateTruth)
			b.pass(time.Minute)
			answers(b)
			b.clock.step(lateTruth)
		}, shippost.PostUnconfirmed, shippost.AttemptUnknown},
		"a message that it is out": {tell(published), shippost.PostPosted, shippost.AttemptLive},
		"the same message, twice":  {func(b *bubble, id shippost.PostID) { tell(published)(b, id); tell(published)(b, id) }, shippost.PostPosted, shippost.AttemptLive},
		"a message of its end":     {tell(platform.Event{Name: "post.publish.failed", State: platform.Refused, Reason: refusal}), shippost.PostFailed, shippost.AttemptDead},
		"a message that hints":     {tell(hint), shippost.PostUnconfirmed, shippost.AttemptUnknown},
		"a hint when it is out":    {func(b *bubble, id shippost.PostID) { answers(b); tell(hint)(b, id) }, shippost.PostPosted, shippost.AttemptLive},
		"a person decided first":   {func(b *bubble, id shippost.PostID) { release(b, id); tell(published)(b, id) }, shippost.PostUnconfirmed, shippost.AttemptDead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.halt()
				b.LetTimePass()
				b.platform.process = 1000 * time.Hour
				b.start()
				id := b.schedule(b.account(), "tide", 2*time.Minute, time.Hour)
				b.pass(5 * time.Minute)
				b.clock.step(73 * time.Hour)
				b.pass(15 * time.Minute)
				if p := b.post(id); p.Status != shippost.PostUnconfirmed {
					t.Fatalf("after three days of silence the post is %s", p.Status)
				}
				c.then(b, id)
				b.pass(15 * time.Minute)
				p, tries := b.post(id), b.attempts(id)
				if p.Status != c.want || len(tries) != 1 || tries[0].State != c.attempt {
					t.Errorf("the post is %s after %d attempts, the first %s; want %s and one %s", p.Status, len(tries), tries[0].State, c.want, c.attempt)
				}
				if posted := p.Status == shippost.PostPosted; posted != (p.Failure == nil) || posted != (b.count(id, shippost.EntryPostPosted) == 1) || posted && p.PostedAt.IsZero() {
					t.Errorf("failure %+v, told posted %d times, at %v", p.Failure, b.count(id, shippost.EntryPostPosted), p.PostedAt)
				}
			})
		})
	}
}

// TestLateTruth_ConnectedAnew: whoever lost sight of a post sees it again once the account is connected anew.
func TestLateTruth_ConnectedAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.halt()
		b.LetTimePass()
		b.start()
		account := b.account()
		id := b.schedule(account, "tide", 2*time.Minute, time.Hour)
		b.platform.refuse("status", "token")
		b.pass(10 * time.Minute)
		b.clock.step(73 * time.Hour)
		b.pass(15 * time.Minute)
		if p := b.post(id); p.Status != shippost.PostUnconfirmed {
			t.Fatalf("the post is %s", p.Status)
		}
		b.platform.failWith(nil)
		b.reconnect(account)
		b.pass(time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted || p.Failure != nil || len(b.attempts(id)) != 1 {
			t.Errorf("with the account connected anew the post is %s (%+v)", p.Status, p.Failure)
		}
	})
}

// Asking what became of a post needs no address to upload to: one that no key opens any more keeps nobody from the truth.
func TestConfirm_WithoutUploadAddress(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		id := b.schedule(b.account(), "one", time.Minute, time.Hour)
		b.platform.failWith(func(op string, _ shippost.AccountID) error {
			if op == "status" {
				return down(op)
			}
			return nil
		})
		b.pass(2 * time.Minute)
		if _, err := b.db.SQL().ExecContext(b.t.Context(), "UPDATE attempts SET upload_url = 'nobody opens this' WHERE upload_url <> ''"); err != nil {
			t.Fatal(err)
		}
		b.platform.failWith(nil)
		b.pass(30 * time.Minute)
		if p := b.post(id); p.Status != shippost.PostPosted {
			t.Errorf("the post is %s (%s)", p.Status, p.Phase)
		}
	})
}
