package compose

import (
	"context"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/store"
)

// Change is what is to be different about a post. What is nil or zero stays.
type Change struct {
	Group      shippost.GroupID // of posts composed together; a post that has one keeps it
	Version    int64            // the version that was looked at; another one is a Conflict. 0: whatever it is
	Media      []shippost.MediaID
	Caption    *string
	TikTok     *TikTokChange
	When       When
	LateWindow *time.Duration
}

// TikTokChange answers some of TikTok's questions anew.
type TikTokChange struct {
	PrivacyLevel   *string
	AllowComment   *bool
	AllowDuet      *bool
	AllowStitch    *bool
	YourBrand      *bool
	BrandedContent *bool
	AIGenerated    *bool
	CoverMS        *int64
	ToInbox        *bool
	Title          *string
	PhotoCover     *int
	AutoMusic      *bool
	Consent        bool // to what the post will be after this change
}

// apply returns the draft that a post and a change make. Consent never outlives a change of content, and one that was
// ticked in a draft does not count.
func (c Change) apply(p shippost.Post) Draft {
	d := Draft{Account: p.Account, Group: p.Group, Media: p.Media, Caption: p.Caption, Options: p.Options, When: c.When, LateWindow: &p.LateWindow}
	if p.Group == "" {
		d.Group = c.Group
	}
	if c.Media != nil {
		d.Media = c.Media
	}
	if c.Caption != nil {
		d.Caption = *c.Caption
	}
	if c.LateWindow != nil {
		d.LateWindow = c.LateWindow
	}
	before := shippost.TikTokOptions{}
	if p.Options.TikTok != nil {
		before = *p.Options.TikTok
	}
	after := c.TikTok.apply(before)
	d.Options.TikTok = &after
	if p.Options.TikTok == nil && c.TikTok == nil {
		d.Options.TikTok = nil
		return d
	}
	if !sameContent(p, d) || p.Status == shippost.PostDraft {
		after.Consent = c.TikTok != nil && c.TikTok.Consent
	}
	return d
}

func (t *TikTokChange) apply(o shippost.TikTokOptions) shippost.TikTokOptions {
	if t == nil {
		return o
	}
	if t.PrivacyLevel != nil {
		o.PrivacyLevel = *t.PrivacyLevel
	}
	for _, f := range []struct {
		to   **bool
		from *bool
	}{
		{&o.AllowComment, t.AllowComment}, {&o.AllowDuet, t.AllowDuet}, {&o.AllowStitch, t.AllowStitch},
		{&o.YourBrand, t.YourBrand}, {&o.BrandedContent, t.BrandedContent},
	} {
		if f.from != nil {
			*f.to = f.from
		}
	}
	if t.AIGenerated != nil {
		o.AIGenerated = *t.AIGenerated
	}
	if t.CoverMS != nil {
		o.CoverMS = *t.CoverMS
	}
	if t.ToInbox != nil {
		o.ToInbox = *t.ToInbox
	}
	if t.Title != nil {
		o.Title = *t.Title
	}
	if t.PhotoCover != nil {
		o.PhotoCoverIndex = *t.PhotoCover
	}
	if t.AutoMusic != nil {
		o.AutoMusic = *t.AutoMusic
	}
	o.Consent = o.Consent || t.Consent
	return o
}

// sameContent reports whether a draft would send exactly what the post sends.
func sameContent(p shippost.Post, d Draft) bool {
	return slices.Equal(p.Media, d.Media) && p.Caption == d.Caption && sameTikTok(p.Options.TikTok, d.Options.TikTok)
}

func sameTikTok(a, b *shippost.TikTokOptions) bool {
	if a == nil || b == nil {
		return a == b
	}
	same := func(x, y *bool) bool { return x == y || x != nil && y != nil && *x == *y }
	return a.PrivacyLevel == b.PrivacyLevel && same(a.AllowComment, b.AllowComment) && same(a.AllowDuet, b.AllowDuet) &&
		same(a.AllowStitch, b.AllowStitch) && same(a.YourBrand, b.YourBrand) && same(a.BrandedContent, b.BrandedContent) &&
		a.AIGenerated == b.AIGenerated && a.CoverMS == b.CoverMS &&
		a.ToInbox == b.ToInbox && a.Title == b.Title && a.PhotoCoverIndex == b.PhotoCoverIndex && a.AutoMusic == b.AutoMusic
}

// Edit changes content, time or late window of a draft, or of a post that has not been handed over. A draft that gets
// a time is queued. What it returns is what will be posted, or the edit is refused (I7): Conflict with code
// version_conflict when somebody was faster, already_handed_over past the point of no return.
func (c *Composer) Edit(ctx context.Context, actor shippost.Actor, id shippost.PostID, ch Change) (Written, error) {
	return c.revise(ctx, actor, id, ch, revision{allowed: editable, kind: shippost.EntryPostEdited})
}

// Reschedule is Edit for the time alone; it needs one.
func (c *Composer) Reschedule(ctx context.Context, actor shippost.Actor, id shippost.PostID, version int64, when When) (Written, error) {
	return c.revise(ctx, actor, id, Change{Version: version, When: when},
		revision{allowed: editable, kind: shippost.EntryPostRescheduled, needsTime: true})
}

// Retry queues a failed or missed post again for a new time, changed if need be. The platform must have nothing of it:
// an attempt that may still publish makes it a Conflict.
func (c *Composer) Retry(ctx context.Context, actor shippost.Actor, id shippost.PostID, ch Change) (Written, error) {
	return c.revise(ctx, actor, id, ch, revision{allowed: retryable, kind: shippost.EntryPostRetried, needsTime: true})
}

// Restore takes a cancellation back: the post is queued again as it was agreed to, at its own time unless another one is
// given. A time that has passed is refused like any other.
func (c *Composer) Restore(ctx context.Context, actor shippost.Actor, id shippost.PostID, version int64, when When) (Written, error) {
	if when.IsZero() {
		p, err := c.Get(ctx, actor, id)
		if err != nil {
			return Written{}, err
		}
		when = When{Local: p.Due.Local, Zone: p.Due.Zone, Fold: p.Due.Fold}
	}
	return c.revise(ctx, actor, id, Change{Version: version, When: when},
		revision{allowed: restorable, kind: shippost.EntryPostRestored, needsTime: true})
}

// revision is a way to change a post.
type revision struct {
	allowed   func(shippost.Post) error
	kind      shippost.EntryKind
	needsTime bool
}

func (c *Composer) revise(ctx context.Context, actor shippost.Actor, id shippost.PostID, ch Change, r revision) (Written, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return Written{}, err
	}
	if r.needsTime && ch.When.IsZero() {
		return Written{}, shippost.Errorf(shippost.Invalid, "time_required", "Choose when the post is to go out.").
			At("due_at").With(shippost.RemedyReschedule)
	}
	before, err := c.read(ctx, actor, id)
	if err != nil {
		return Written{}, err
	}
	if err := mayRevise(before, ch, r); err != nil {
		return Written{}, err
	}
	m, err := c.gather(ctx, actor, ch.apply(before))
	if err != nil {
		return Written{}, err
	}
	var w Written
	err = c.db.Update(ctx, func(tx *store.Tx) (err error) {
		w, err = c.rewrite(ctx, tx, actor, id, ch, r, m.creatorAnswer)
		return err
	})
	chaos.Point("compose.revised")
	return w, err
}

func mayRevise(p shippost.Post, ch Change, r revision) error {
	if ch.Version != 0 && ch.Version != p.Version {
		return shippost.Errorf(shippost.Conflict, "version_conflict",
			"Somebody changed this post in the meantime. Look at it again before you change it.").At("version").With(shippost.RemedyEdit)
	}
	return r.allowed(p)
}

// rewrite changes a post in one transaction: the living attempt ends, the new version is stored, and the publisher
// knows of it, or nothing happened at all.
func (c *Composer) rewrite(ctx context.Context, tx *store.Tx, actor shippost.Actor, id shippost.PostID, ch Change, r revision, answer creatorAnswer) (Written, error) {
	before, err := tx.LockPost(ctx, actor.Workspace, id)
	if err != nil {
		return Written{}, err
	}
	if err := mayRevise(before, ch, r); err != nil {
		return Written{}, err
	}
	d := ch.apply(before)
	m, err := load(ctx, tx, actor.Workspace, d, answer)
	if err != nil {
		return Written{}, err
	}
	p, wrong := before, lateWindow(ch.LateWindow)
	p.Group = d.Group
	p.Media, p.Caption, p.Options, p.LateWindow, p.UpdatedAt = d.Media, d.Caption, d.Options, *d.LateWindow, tx.Now()
	if !ch.When.IsZero() {
		var late []shippost.Problem
		p.Due, late = ch.When.resolve(tx.Now(), before.Due)
		wrong = append(wrong, late...)
	}
	if before.Status != shippost.PostDraft || !ch.When.IsZero() {
		p.Status, p.Phase, p.Hold, p.Failure, p.CommittedAt = shippost.PostQueued, shippost.PhaseNone, nil, nil, time.Time{}
	}
	w := Written{Problems: slices.Concat(wrong, c.judge(d, m))}
	if o := p.Options.TikTok; o != nil && p.Status == shippost.PostDraft {
		o.Consent = false
	}
	if err := c.admit(p, &before, wrong, w.Problems, m); err != nil {
		return Written{}, err
	}
	if unchanged(before, p, d) {
		w.Post = before
		return w, nil
	}
	if err := roomInInbox(ctx, tx, p); err != nil {
		return Written{}, err
	}
	if err := c.publisher.Withdraw(ctx, tx, before, string(r.kind)); err != nil {
		return Written{}, err
	}
	ok, err := tx.UpdatePost(ctx, &p, before.Status, ch.Media != nil)
	if err == nil && !ok {
		err = shippost.Errorf(shippost.Internal, "lost_lock", "post %s changed under its lock", id)
	}
	if err != nil {
		return Written{}, err
	}
	w.Post = p
	if err := keepVersions(ctx, tx, actor, before, p); err != nil {
		return Written{}, err
	}
	same, err := twins(ctx, tx, actor.Workspace, m, p.Caption, p.Due, p.ID)
	if err != nil {
		return Written{}, err
	}
	full, err := c.crowded(ctx, tx, p, m.account.Platform)
	if err != nil {
		return Written{}, err
	}
	w.Problems = slices.Concat(w.Problems, same, full)
	return w, c.tell(ctx, tx, actor, before, p, d, m, r)
}

// unchanged reports whether saving p would change nothing that anybody could see. Then no upload is interrupted.
func unchanged(before, p shippost.Post, d Draft) bool {
	return (before.Status == shippost.PostQueued || before.Status == shippost.PostPublishing || p.Status == shippost.PostDraft) &&
		sameContent(before, d) && before.Group == p.Group && before.Due.Same(p.Due) && before.LateWindow == p.LateWindow
}

// tell writes consent and journal of a new version and hands a queued one to the publisher.
func (c *Composer) tell(ctx context.Context, tx *store.Tx, actor shippost.Actor, before, p shippost.Post, d Draft, m material, r revision) error {
	kind := r.kind
	if before.Status == shippost.PostDraft && p.Status == shippost.PostQueued {
		kind = shippost.EntryPostScheduled
	}
	if err := record(ctx, tx, actor, p, kind); err != nil {
		return err
	}
	if p.Status == shippost.PostDraft {
		return nil
	}
	if before.Status == shippost.PostDraft || !sameContent(before, d) {
		if err := recordConsent(ctx, tx, actor, p, m); err != nil {
			return err
		}
	}
	return c.publisher.Queued(ctx, tx, &p)
}

// Cancel stops a post. When it returns without error the post does not go out unless somebody restores it; past the
// point of no return it is a Conflict with code already_handed_over. Photos that their platform still fetches are kept
// from it even then as far as that goes: the error says so, and the post ends as cancelled or posted by what came of
// it. Cancelling a cancelled post changes nothing. version is as in Change.
func (c *Composer) Cancel(ctx context.Context, actor shippost.Actor, id shippost.PostID, version int64) (shippost.Post, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return shippost.Post{}, err
	}
	var p shippost.Post
	stopping := false
	err := c.db.Update(ctx, func(tx *store.Tx) (err error) {
		stopping = false
		if p, err = tx.LockPost(ctx, actor.Workspace, id); err != nil || p.Status == shippost.PostCancelled {
			return err
		}
		if err := mayRevise(p, Change{Version: version}, revision{allowed: cancellable}); err != nil {
			return err
		}
		if err := c.publisher.Withdraw(ctx, tx, p, "cancelled"); shippost.IsCode(err, "already_handed_over") {
			stopping, err = c.stop(ctx, tx, actor, &p, err)
			return err
		} else if err != nil {
			return err
		}
		was := p.Status
		p.Status, p.Phase, p.Hold, p.UpdatedAt = shippost.PostCancelled, shippost.PhaseNone, nil, tx.Now()
		ok, err := tx.SavePublishing(ctx, &p, was, time.Time{})
		if err == nil && !ok {
			err = shippost.Errorf(shippost.Internal, "lost_lock", "post %s changed under its lock", id)
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, actor, p, shippost.EntryPostCancelled)
	})
	chaos.Point("compose.cancelled")
	if err == nil && stopping {
		err = shippost.Errorf(shippost.Conflict, "already_handed_over", "These photos have been handed to the platform already, so it may be too late. "+
			"ShipPost gives out no more of them and tells the platform to stop; the post will show what came of it.").With(shippost.RemedyWait)
	}
	return p, err
}

// stop has the publisher do what it still can about a post that was handed over; refused is the error if that is nothing.
func (c *Composer) stop(ctx context.Context, tx *store.Tx, actor shippost.Actor, p *shippost.Post, refused error) (bool, error) {
	before := p.Phase
	stopping, err := c.publisher.Stop(ctx, tx, p)
	if err != nil {
		return false, err
	}
	if !stopping {
		return false, refused
	}
	if before == shippost.PhaseStopping {
		return true, nil
	}
	return true, record(ctx, tx, actor, *p, shippost.EntryPostStopping)
}

// editable, retryable and cancellable say why a post in a state may not be changed in a way; nil lets it.

func editable(p shippost.Post) error {
	switch p.Status {
	case shippost.PostDraft, shippost.PostQueued, shippost.PostPublishing:
		return nil // whether a publishing post is past the point of no return only its attempt knows
	case shippost.PostFailed, shippost.PostMissed:
		return shippost.Errorf(shippost.Conflict, "post_ended", "This post did not go out. Schedule it again to change it.").With(shippost.RemedyRetry)
	case shippost.PostCancelled:
		return shippost.Errorf(shippost.Conflict, "post_cancelled", "This post was cancelled. Make a new one instead.")
	default:
		return handedOver()
	}
}

func cancellable(p shippost.Post) error {
	if p.Status == shippost.PostFailed || p.Status == shippost.PostMissed {
		return shippost.Errorf(shippost.Conflict, "post_ended", "This post did not go out, so there is nothing to cancel.")
	}
	return editable(p)
}

func retryable(p shippost.Post) error {
	switch p.Status {
	case shippost.PostFailed, shippost.PostMissed:
		return nil
	case shippost.PostDraft, shippost.PostQueued:
		return shippost.Errorf(shippost.Conflict, "not_retryable", "This post has not been tried yet. Change its time instead.").With(shippost.RemedyReschedule)
	case shippost.PostPublishing:
		return shippost.Errorf(shippost.Conflict, "not_retryable", "This post is on its way.").With(shippost.RemedyWait)
	case shippost.PostCancelled:
		return shippost.Errorf(shippost.Conflict, "post_cancelled", "This post was cancelled. Make a new one instead.")
	default:
		return handedOver()
	}
}

func restorable(p shippost.Post) error {
	if p.Status != shippost.PostCancelled {
		return shippost.Errorf(shippost.Conflict, "not_cancelled", "This post is not cancelled, so there is nothing to take back.")
	}
	return nil
}

func handedOver() error {
	return shippost.Errorf(shippost.Conflict, "already_handed_over",
		"This post has been handed to the platform already; it can no longer be changed or stopped here.")
}
