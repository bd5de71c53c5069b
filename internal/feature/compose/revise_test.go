package compose_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var (
	agreed = &compose.TikTokChange{Consent: true}
	later  = compose.When{At: noon.Add(5 * time.Hour)}
)

func text(s string) *string { return &s }

func TestEdit_NewVersionGoesOut(t *testing.T) {
	t.Parallel()
	for _, state := range []shippost.AttemptState{"", shippost.AttemptPlanned, shippost.AttemptInitSent, shippost.AttemptOpen} {
		t.Run("attempt "+string(state), func(t *testing.T) {
			t.Parallel()
			d := setUp(t, storetest.SQLite)
			p := d.queued()
			if state != "" {
				d.attempt(p, state)
			}
			second := d.file(d.actor, shippost.MediaReady)
			w, err := d.Edit(t.Context(), d.actor, p.ID, compose.Change{Version: 1, Caption: text("New words"), Media: []shippost.MediaID{second},
				TikTok: &compose.TikTokChange{PrivacyLevel: text(shippost.PrivacyPublic), Consent: true}, When: later})
			if err != nil {
				t.Fatal(err)
			}
			got := d.get(p.ID)
			if diff := cmp.Diff(w.Post, got); diff != "" {
				t.Errorf("what was told is not what is stored:\n%s", diff)
			}
			if got.Version != 2 || got.Status != shippost.PostQueued || got.Caption != "New words" || got.Media[0] != second ||
				got.Options.TikTok.PrivacyLevel != shippost.PrivacyPublic || !got.Due.At.Equal(later.At) || *got.Options.TikTok.AllowComment != true {
				t.Errorf("got %+v", got)
			}
			attempts, err := d.Attempts(t.Context(), d.actor, p.ID)
			for _, a := range attempts {
				if a.State != shippost.AttemptDead || a.Death == "" {
					t.Errorf("the attempt with the old content lives: %+v", a)
				}
			}
			storetest.View(t, d.db, func(tx *store.Tx) error {
				consents, err := tx.Consents(t.Context(), p.ID)
				if len(consents) != 2 || consents[1].PostVersion != 2 || consents[1].Caption != "New words" {
					t.Errorf("consents %+v", consents)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEdit_ConsentBelongsToContent(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	p := d.queued()
	_, err := d.Edit(t.Context(), d.actor, p.ID, compose.Change{Caption: text("Other words")})
	if !shippost.IsCode(err, "consent_required") {
		t.Errorf("content without consent: got %v", err)
	}
	if diff := cmp.Diff(p, d.get(p.ID)); diff != "" {
		t.Errorf("the refused edit was saved:\n%s", diff)
	}
	if _, err := d.Reschedule(t.Context(), d.actor, p.ID, 1, later); err != nil {
		t.Errorf("time alone: %v", err)
	}
	if got := d.trace(); got.Consents != 1 {
		t.Errorf("%d consents; a new time needs no new one", got.Consents)
	}
	if _, err := d.Edit(t.Context(), d.actor, p.ID, compose.Change{Caption: text("Other words"), TikTok: agreed}); err != nil {
		t.Errorf("content with consent: %v", err)
	}
}

func TestEdit_NothingNewDisturbsNothing(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	p := d.queued()
	d.attempt(p, shippost.AttemptOpen)
	before := d.trace()
	w, err := d.Edit(t.Context(), d.actor, p.ID, compose.Change{Caption: &p.Caption, Media: p.Media, TikTok: agreed, When: compose.When{At: p.Due.At}})
	if err != nil || w.Post.Version != 1 || w.Post.Status != shippost.PostPublishing {
		t.Errorf("got %+v, %v; want the post as it is", w.Post, err)
	}
	if a, _ := d.Attempts(t.Context(), d.actor, p.ID); a[0].State != shippost.AttemptOpen {
		t.Errorf("the upload was ended: %s", a[0].State)
	}
	if diff := cmp.Diff(before, d.trace()); diff != "" {
		t.Errorf("something was written:\n%s", diff)
	}
}

func TestEdit_Draft(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	w, err := d.Create(t.Context(), d.actor, compose.Draft{Account: d.account.ID, Options: shippost.Options{TikTok: answers()}}, compose.Once{})
	if err != nil {
		t.Fatal(err)
	}
	id := w.Post.ID
	if w, err = d.Edit(t.Context(), d.actor, id, compose.Change{Caption: text("odd"), TikTok: agreed}); err != nil || w.Post.Status != shippost.PostDraft || w.Post.Version != 2 {
		t.Fatalf("edit a draft: %+v, %v", w.Post, err)
	}
	if d.get(id).Options.TikTok.Consent {
		t.Error("a draft keeps consent")
	}
	if _, err := d.Reschedule(t.Context(), d.actor, id, 0, later); !shippost.IsCode(err, "media_required") {
		t.Errorf("queue an unfinished draft: got %v", err)
	}
	if _, err := d.Edit(t.Context(), d.actor, id, compose.Change{Media: []shippost.MediaID{d.video}, When: later}); !shippost.IsCode(err, "consent_required") {
		t.Errorf("queue without consent: got %v", err)
	}
	if _, err := d.Edit(t.Context(), d.actor, id, compose.Change{Media: []shippost.MediaID{"med_x"}}); !shippost.IsCode(err, "media_not_found") {
		t.Errorf("a draft with an unknown file: got %v", err)
	}
	w, err = d.Edit(t.Context(), d.actor, id, compose.Change{Media: []shippost.MediaID{d.video}, When: later, TikTok: agreed})
	if err != nil || w.Post.Status != shippost.PostQueued {
		t.Fatalf("queue a draft: %+v, %v", w.Post, err)
	}
	journal := d.trace().Journal
	if journal[len(journal)-1] != shippost.EntryPostScheduled {
		t.Errorf("journal %v", journal)
	}
}

func TestEdit_KeepsTheZone(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	p := d.queued(func(g *compose.Draft) { g.When = compose.When{Local: "2026-05-02T09:00", Zone: "Asia/Kathmandu"} })
	w, err := d.Reschedule(t.Context(), d.actor, p.ID, 0, later)
	if err != nil || w.Post.Due.Zone != "Asia/Kathmandu" || w.Post.Due.Local != "2026-05-01T22:45:00" {
		t.Errorf("got %+v, %v", w.Post.Due, err)
	}
	if _, err := d.Reschedule(t.Context(), d.actor, p.ID, 0, compose.When{}); !shippost.IsCode(err, "time_required") {
		t.Errorf("no time: got %v", err)
	}
	if _, err := d.Reschedule(t.Context(), d.actor, p.ID, 0, compose.When{At: noon.Add(-time.Hour)}); !shippost.IsCode(err, "time_in_past") {
		t.Errorf("a past time: got %v", err)
	}
}

// TestChanges_ByState tries each change on a post in each state: it works, or it is refused and nothing is different.
func TestChanges_ByState(t *testing.T) {
	t.Parallel()
	const handed, ended, cancelled, not = "already_handed_over", "post_ended", "post_cancelled", "not_retryable"
	for _, c := range []struct {
		name                string
		status              shippost.PostStatus   // set by hand, when not by the attempt
		attempt             shippost.AttemptState // "" for none
		edit, cancel, retry string                // the refusal's code; "" lets it
	}{
		{"queued", shippost.PostQueued, "", "", "", not},
		{"queued with an open attempt", shippost.PostQueued, shippost.AttemptOpen, "", "", not},
		{"planned", "", shippost.AttemptPlanned, "", "", not},
		{"C24 init sent", "", shippost.AttemptInitSent, "", "", not},
		{"C24 open", "", shippost.AttemptOpen, "", "", not},
		{"C25 C26 committing", "", shippost.AttemptCommitting, handed, handed, not},
		{"C25 C26 handed over", "", shippost.AttemptHandedOver, handed, handed, not},
		{"posted", "", shippost.AttemptLive, handed, handed, handed},
		{"in the inbox", shippost.PostInInbox, shippost.AttemptLive, handed, handed, handed},
		{"unconfirmed", "", shippost.AttemptUnknown, handed, handed, handed},
		{"failed", "", shippost.AttemptDead, ended, ended, ""},
		{"failed, attempt not proven dead", shippost.PostFailed, shippost.AttemptHandedOver, ended, ended, handed},
		{"missed", shippost.PostMissed, "", ended, ended, ""},
		{"cancelled", shippost.PostCancelled, "", cancelled, "", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := setUp(t, storetest.SQLite)
			for name, change := range map[string]struct {
				code string
				call func(shippost.PostID) error
				want shippost.PostStatus
			}{
				"edit": {c.edit, func(id shippost.PostID) error {
					_, err := d.Edit(t.Context(), d.actor, id, compose.Change{Caption: text("Changed"), TikTok: agreed})
					return err
				}, shippost.PostQueued},
				"reschedule": {c.edit, func(id shippost.PostID) error { _, err := d.Reschedule(t.Context(), d.actor, id, 0, later); return err }, shippost.PostQueued},
				"cancel":     {c.cancel, func(id shippost.PostID) error { _, err := d.Cancel(t.Context(), d.actor, id, 0); return err }, shippost.PostCancelled},
				"retry": {c.retry, func(id shippost.PostID) error {
					_, err := d.Retry(t.Context(), d.actor, id, compose.Change{When: later})
					return err
				}, shippost.PostQueued},
			} {
				p := d.queued()
				if c.attempt != "" {
					d.attempt(p, c.attempt)
				}
				if c.status != "" {
					storetest.Update(t, d.db, func(tx *store.Tx) error { return d.setStatus(tx, p, c.status) })
				}
				before, left := d.get(p.ID), d.trace()
				tries, _ := d.Attempts(t.Context(), d.actor, p.ID)
				err := change.call(p.ID)
				after := d.get(p.ID)
				if change.code == "" {
					if err != nil || after.Status != change.want || after.Failure != nil || after.Hold != nil {
						t.Errorf("%s: got %v and %+v, want %s", name, err, after, change.want)
					}
					now, _ := d.Attempts(t.Context(), d.actor, p.ID)
					if slices.ContainsFunc(now, func(a shippost.Attempt) bool { return a.State != shippost.AttemptDead }) {
						t.Errorf("%s: an attempt of the old post lives: %+v", name, now)
					}
					continue
				}
				if !shippost.IsKind(err, shippost.Conflict) || !shippost.IsCode(err, change.code) || shippost.AsError(err).Message == "" {
					t.Errorf("%s: got %v, want %s", name, err, change.code)
				}
				same, _ := d.Attempts(t.Context(), d.actor, p.ID)
				if diff := cmp.Diff(before, after) + cmp.Diff(left, d.trace()) + cmp.Diff(tries, same); diff != "" {
					t.Errorf("%s was refused and changed something:\n%s", name, diff)
				}
			}
		})
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	p := d.queued()
	d.attempt(p, shippost.AttemptDead)
	if _, err := d.Retry(t.Context(), d.actor, p.ID, compose.Change{}); !shippost.IsCode(err, "time_required") {
		t.Errorf("without a time: %v", err)
	}
	w, err := d.Retry(t.Context(), d.actor, p.ID, compose.Change{Caption: text("Better words"), TikTok: agreed, When: later})
	if err != nil || w.Post.Version != 2 || w.Post.Status != shippost.PostQueued || w.Post.Caption != "Better words" {
		t.Errorf("got %+v, %v", w.Post, err)
	}
	if _, err := d.Retry(t.Context(), d.actor, p.ID, compose.Change{When: later}); !shippost.IsCode(err, "not_retryable") {
		t.Errorf("pressed twice: %v", err)
	}
	journal := d.trace().Journal
	if journal[len(journal)-1] != shippost.EntryPostRetried {
		t.Errorf("journal %v", journal)
	}
}

func TestEdit_TwoAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := setUp(t, func(*testing.T, ...storetest.Option) *store.DB { return db })
		p := d.queued()
		const n = 8
		errs, captions := make([]error, n), make([]string, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				captions[i] = fmt.Sprintf("from tab %d", i)
				_, errs[i] = d.Edit(t.Context(), d.actor, p.ID, compose.Change{Version: 1, Caption: &captions[i], TikTok: agreed})
			})
		}
		all.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won >= 0:
				t.Errorf("tabs %d and %d both saved", won, i)
			case err == nil:
				won = i
			case !shippost.IsCode(err, "version_conflict"):
				t.Errorf("tab %d: got %v", i, err)
			}
		}
		if got := d.get(p.ID); won < 0 || got.Caption != captions[won] || got.Version != 2 {
			t.Errorf("tab %d was told that it saved; stored is %q, version %d", won, got.Caption, got.Version)
		}
	}, storetest.At(func() time.Time { return noon }))
}

// TestI7_WhatWasToldHolds lets people edit, move and cancel a post in every order while a publisher plans, opens and
// commits attempts by its guard: what commits is always what was last saved, and never something cancelled.
func TestI7_WhatWasToldHolds(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	rapid.Check(t, func(r *rapid.T) {
		p := d.queued()
		told, stopped := p.Caption, false
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch step := rapid.SampledFrom([]string{"edit", "move", "cancel", "plan", "open", "commit"}).Draw(r, "step"); step {
			case "edit":
				caption := rapid.StringMatching(`[a-c]{1,3}`).Draw(r, "caption")
				if _, err := d.Edit(t.Context(), d.actor, p.ID, compose.Change{Caption: &caption, TikTok: agreed}); err == nil {
					told = caption
				}
			case "move":
				at := noon.Add(time.Duration(rapid.IntRange(1, 9).Draw(r, "hours")) * time.Hour)
				_, _ = d.Reschedule(t.Context(), d.actor, p.ID, 0, compose.When{At: at})
			case "cancel":
				if _, err := d.Cancel(t.Context(), d.actor, p.ID, 0); err == nil {
					stopped = true
				}
			default:
				sent, ok := d.publish(p.ID, step)
				if !ok {
					continue
				}
				if stopped {
					r.Fatalf("a post that was called cancelled went out")
				}
				if sent != told {
					r.Fatalf("%q went out; told was %q", sent, told)
				}
			}
		}
		if got := d.get(p.ID); stopped != (got.Status == shippost.PostCancelled) {
			r.Fatalf("told cancelled: %v; the post is %s", stopped, got.Status)
		}
		storetest.Update(t, d.db, func(tx *store.Tx) error { return d.setStatus(tx, p, shippost.PostFailed) }) // makes room in the account
	})
}

// publish does one step of a publisher for a post, and returns the caption it sent when it was the commit.
func (d *desk) publish(id shippost.PostID, step string) (sent string, committed bool) {
	d.t.Helper()
	ctx := d.t.Context()
	storetest.Update(d.t, d.db, func(tx *store.Tx) error {
		p, err := tx.LockPost(ctx, d.actor.Workspace, id)
		if err != nil {
			return err
		}
		a, alive, err := tx.LivingAttempt(ctx, id)
		if err != nil {
			return err
		}
		was := a.State
		switch {
		case step == "plan" && !alive && p.Status == shippost.PostQueued:
			a = shippost.Attempt{ID: shippost.NewAttemptID(noon), Post: id, Workspace: p.Workspace, Account: p.Account, PostVersion: p.Version, Epoch: 1,
				State: shippost.AttemptPlanned, Owner: "node_test", Fence: 1, PlannedAt: noon, Evidence: p.Caption}
			if err := tx.InsertAttempt(ctx, &a); err != nil {
				return err
			}
			return d.setStatus(tx, p, shippost.PostPublishing)
		case step == "open" && alive && was == shippost.AttemptPlanned:
			a.State = shippost.AttemptOpen
		case step == "commit" && alive && was == shippost.AttemptOpen:
			rows, err := tx.LockForCommit(ctx, a.ID)
			g := rows[a.ID]
			if err != nil || g.State != shippost.AttemptOpen || g.PostStatus != shippost.PostPublishing || g.PostVersion != a.PostVersion {
				return err
			}
			a.State, sent, committed = shippost.AttemptCommitting, a.Evidence, true
		default:
			return nil
		}
		_, err = tx.SaveAttempt(ctx, &a, was)
		return err
	})
	return sent, committed
}
